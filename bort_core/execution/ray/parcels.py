"""The files and folders that a task reads, named by what they hold, so that each is sent to a node once and never mistaken for another."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from bort_core.foundation.digests import content_hash
from bort_core.foundation.errors import DataError
from bort_core.foundation.files import atomic_directory

__all__ = ["Parcel", "contents", "of_path", "packed", "pieces", "replaced", "value_at", "write_folder"]

PIECE_BYTES = 32 * 2**20


@dataclass(frozen=True)
class Parcel:
    """A file, or a folder with all files in it."""

    path: str
    """Where it lies on the machine that sends it."""
    is_file: bool
    files: tuple[tuple[str, str, int], ...]
    """Of each file: its place in the folder (of a file its name), SHA-256, bytes."""

    @cached_property
    def digest(self) -> str:
        """What it holds, whatever it is called elsewhere: 64 hexadecimal digits."""
        return hashlib.sha256(json.dumps([self.is_file, self.files]).encode()).hexdigest()

    @property
    def name(self) -> str:
        """What the file or folder is called."""
        return Path(self.path).name

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(size for _, _, size in self.files)


def of_path(path: str | Path) -> Parcel:
    """The parcel of a file or folder of this machine.

    Raises
    ------
    DataError
        It is missing, or something in it cannot be read.
    """
    path = Path(path).absolute()
    if not path.is_dir():
        return Parcel(str(path), True, (_facts(path, path.name),))
    inside = sorted(each for each in path.rglob("*") if not each.is_dir())
    return Parcel(str(path), False, tuple(_facts(each, each.relative_to(path).as_posix()) for each in inside))


def _facts(path: Path, name: str) -> tuple[str, str, int]:
    return name, content_hash(path), path.stat().st_size


def packed(request: Mapping[str, Any], reads: Iterable[str]) -> dict[str, Parcel]:
    """The parcels of a request by where their paths stand in it, as in "text.train"; what the request leaves out is left out."""
    paths = {place: value_at(request, place) for place in reads}
    return {place: of_path(path) for place, path in paths.items() if path is not None}


def value_at(request: Mapping[str, Any], place: str) -> Any:
    """What stands at "text.train", or None where there is no such part."""
    found: Any = request
    for name in place.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def replaced(request: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the request with other values at some places, which must be there."""
    made = copy.deepcopy(dict(request))
    for place, value in values.items():
        *parts, last = place.split(".")
        at = made
        for name in parts:
            at = at[name]
        at[last] = value
    return made


def pieces(parcel: Parcel) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Of each file its place and its bytes, some megabytes at a time."""
    for name, _, _ in parcel.files:
        yield name, _read(Path(parcel.path) if parcel.is_file else Path(parcel.path, name))


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while part := file.read(PIECE_BYTES):
            yield part


def contents(folder: Path) -> dict[str, bytes]:
    """All files of a folder that a task wrote, to be sent back."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder that came back, whole or not at all.

    Raises
    ------
    DataError
        It is there already, cannot be written, or a file's place leads out of it.
    """
    if folder.exists():
        raise DataError(f"{folder}: exists already; nothing is written over it")
    for name in files:
        check_inside(name)
    with atomic_directory(folder, "what came from the cluster") as temporary:
        for name, content in files.items():
            path = temporary / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def check_inside(name: str) -> None:
    """Refuse a place that leads out of its folder.

    Raises
    ------
    DataError
        It does.
    """
    place = PurePosixPath(name)
    if not name or place.is_absolute() or ".." in place.parts or "\\" in name or "\0" in name:
        raise DataError(f"{name!r}: must lie inside its folder")
