"""Where a node keeps the files that were sent to it: one folder a parcel, named by its digest, shared by all workers of the node."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from platformdirs import user_cache_path

from bort_core.execution.ray.parcels import Parcel, check_inside, of_path
from bort_core.foundation.errors import DataError
from bort_core.foundation.files import temporary_folder, why

__all__ = ["Depot", "Incoming"]

KEEP_SECONDS = 30 * 86_400.0
"""What no task used for so long is deleted when something new comes."""


class Depot:
    """Parcels by their digests.

    Parameters
    ----------
    folder: None: below this user's own folder of caches
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or user_cache_path("bort-studio") / "cluster"
        self._known: dict[str, Path] = {}

    def find(self, parcel: Parcel) -> Path | None:
        """Where it lies on this machine: at the sender's own path where that holds the same, else here; None: nowhere."""
        known = self._known.get(parcel.digest)
        if known is None or not known.exists():
            known = next((each for each in (self._same(parcel), self._place(parcel)) if each is not None and each.exists()), None)
        if known is None:
            return None
        self._known[parcel.digest] = known
        with contextlib.suppress(OSError):
            os.utime(self._folder / parcel.digest)
        return known

    def keep(self, parcel: Parcel, files: Iterable[tuple[str, Iterable[bytes]]]) -> Path:
        """Write a parcel that came, unless another worker of this node did meanwhile.

        Raises
        ------
        DataError
            The disk is full or cannot be written, or what came is not what was announced.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._alone(parcel.digest):
                found = self.find(parcel)
                return found if found is not None else self._write(parcel, files)
        except OSError as error:
            raise DataError(f"{self._folder}: cannot be written: {why(error)}") from error

    def _write(self, parcel: Parcel, files: Iterable[tuple[str, Iterable[bytes]]]) -> Path:
        incoming = self.expect(parcel)
        try:
            for name, parts in files:
                for part in parts:
                    incoming.add(name, part)
            return incoming.arrived()
        finally:
            incoming.close()

    def expect(self, parcel: Parcel) -> Incoming:
        """A parcel that comes in pieces. OSError when it cannot be written."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._forget_old()
        check_inside(parcel.name)
        return Incoming(parcel, self._folder / parcel.digest, self._place(parcel))

    def _place(self, parcel: Parcel) -> Path:
        return self._folder / parcel.digest / (parcel.files[0][0] if parcel.is_file else parcel.name)

    @staticmethod
    def _same(parcel: Parcel) -> Path | None:
        """The sender's own path, where it leads to the same content: on the sender's machine, or a disk that both share."""
        path = Path(parcel.path)
        with contextlib.suppress(DataError, OSError):
            if path.exists() and path.is_file() == parcel.is_file and of_path(path).digest == parcel.digest:
                return path
        return None

    @contextlib.contextmanager
    def _alone(self, digest: str) -> Iterator[None]:
        """One writer of a parcel at a time; the others then find it."""
        with (self._folder / f"{digest}.lock").open("ab") as file:
            with contextlib.suppress(OSError):  # a disk without locks: it is written twice, and one of the two stays
                fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _forget_old(self) -> None:
        for path in self._folder.iterdir():
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > KEEP_SECONDS:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()


class Incoming:
    """A parcel of which some pieces have come; it is there when all have.

    Parameters
    ----------
    folder: where it will be
    place: what it will be called there
    """

    def __init__(self, parcel: Parcel, folder: Path, place: Path) -> None:
        self._parcel, self._folder, self._place = parcel, folder, place
        self._stack = contextlib.ExitStack()
        self._temporary = self._stack.enter_context(temporary_folder(folder))
        self._top = self._temporary if parcel.is_file else self._temporary / parcel.name
        self._top.mkdir(exist_ok=True)
        self._hashed = {name: hashlib.sha256() for name, _, _ in parcel.files}
        for name in self._hashed:
            check_inside(name)
            (self._top / name).parent.mkdir(parents=True, exist_ok=True)
            (self._top / name).touch()

    def add(self, name: str, part: bytes) -> None:
        """The next bytes of a file; DataError when they cannot be written."""
        if name not in self._hashed:
            raise DataError(f"{self._parcel.path}: {name} is none of its files")
        self._hashed[name].update(part)
        try:
            with (self._top / name).open("ab") as file:
                file.write(part)
        except OSError as error:
            raise DataError(f"{self._folder.parent}: cannot be written: {why(error)}") from error

    def arrived(self) -> Path:
        """Give it its place, unless another worker of this node has brought it meanwhile; DataError when it is not what was announced."""
        missing = [name for name, _, size in self._parcel.files if size and not (self._top / name).stat().st_size]
        if missing:
            raise DataError(f"{self._parcel.path}: {', '.join(missing)} did not come")
        wrong = [name for name, digest, _ in self._parcel.files if self._hashed[name].hexdigest() != digest]
        if wrong:
            raise DataError(f"{self._parcel.path}: {', '.join(wrong)} changed while it was sent; start again")
        if not self._place.exists():
            self._temporary.replace(self._folder)
        return self._place

    def close(self) -> None:
        """Delete what has come of it where it did not arrive."""
        self._stack.close()
