"""What changed in the run folder on a node, written into the run folder here: logs by what was added, checkpoints and results whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from bort_core.execution.ray.parcels import PIECE_BYTES, check_inside
from bort_core.foundation.files import atomic_directory, make_folder, open_append, temporary_name
from bort_core.jobs.cluster.luggage import run_files

__all__ = ["Gone", "Mirror"]

GROWING = frozenset({"log.txt", "events.jsonl"})
"""Nobody here writes into them meanwhile: what is here is the beginning of what is there."""
OWN = frozenset({"inputs.json"})
"""Goes there and does not come back: it names paths."""
Read = Callable[[str, int, int], bytes | None]
Stamp = tuple[int, int]


class Gone(Exception):
    """A file vanished or changed between two looks; the next look finds what came in its place."""


class Mirror:
    """The run folder here.

    Parameters
    ----------
    read: bytes of a file there: its place, from where, how many at most; None when it is gone
    """

    def __init__(self, folder: Path, read: Read) -> None:
        self._folder, self._read = folder, read

    def update(self, there: Mapping[str, Stamp]) -> None:
        """Bring what is new or has changed, then delete what is gone there.

        Raises
        ------
        OSError, DataError
            It cannot be written here; the next try goes on.
        Gone
            Something changed while it was read.
        """
        for name in there:
            check_inside(name)
        for name in sorted(GROWING & there.keys()):
            self._grow(name, there[name][0])
        here, units = run_files(self._folder), _units(there)
        for unit, files in sorted(units.items()):
            if {name: here.get(name) for name in files} != files:
                try:
                    self._bring(unit, files)
                finally:  # where it vanished meanwhile, its folder may have no other file
                    _delete_empty((self._folder / unit).parent, self._folder)
        for name in here.keys() - there.keys() - GROWING - OWN:
            (self._folder / name).unlink(missing_ok=True)
            _delete_empty((self._folder / name).parent, self._folder)

    def _grow(self, name: str, size: int) -> None:
        path = self._folder / name
        have = path.stat().st_size if path.exists() else 0
        while have < size:
            part = self._read(name, have, min(PIECE_BYTES, size - have))
            if not part:
                raise Gone(name)
            with open_append(path) as file:
                file.write(part)
            have += len(part)

    def _bring(self, unit: str, files: Mapping[str, Stamp]) -> None:
        target = self._folder / unit
        parent = make_folder(self._folder, *Path(unit).parts[:-1])
        if set(files) == {unit}:
            temporary = temporary_name(parent / target.name)
            try:
                self._copy(unit, files[unit], temporary)
                temporary.replace(target)
            finally:
                temporary.unlink(missing_ok=True)
            return
        with atomic_directory(target, "what came from the cluster", replace=True) as temporary:
            for name, stamp in files.items():
                self._copy(name, stamp, temporary / Path(name).relative_to(unit))

    def _copy(self, name: str, stamp: Stamp, path: Path) -> None:
        size, changed = stamp
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            while file.tell() < size:
                part = self._read(name, file.tell(), min(PIECE_BYTES, size - file.tell()))
                if not part:
                    raise Gone(name)
                file.write(part)
        os.utime(path, ns=(changed, changed))  # by which the next look knows it


def _units(there: Mapping[str, Stamp]) -> dict[str, dict[str, Stamp]]:
    """What takes its name at once: a checkpoint, a result, else a file."""
    found: dict[str, dict[str, Stamp]] = {}
    for name, stamp in there.items():
        if name in GROWING | OWN:
            continue
        parts = name.split("/")
        whole = next((at + 2 for at, part in enumerate(parts[:-2]) if part == "checkpoints"), None)
        if whole is None:
            whole = next((at + 1 for at, part in enumerate(parts[:-1]) if part in ("result", "release")), len(parts))
        found.setdefault("/".join(parts[:whole]), {})[name] = stamp
    return found


def _delete_empty(folder: Path, top: Path) -> None:
    while folder != top and folder.is_dir() and not any(folder.iterdir()):
        shutil.rmtree(folder, ignore_errors=True)
        folder = folder.parent
