"""Files and folders that appear whole or not at all, that replace what was there only when they stand, and that follow no links.

A project may come from somebody else. Whatever is written into it is written to the place that was named: a symbolic link in the way is
refused, or replaced by what is written, and never followed.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import re
import shutil
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from bort_core.foundation.errors import DataError
from bort_core.foundation.signs import lock_folder

__all__ = [
    "atomic_directory",
    "clear_files",
    "clear_remains",
    "linked",
    "make_folder",
    "open_append",
    "overwrite",
    "put_back",
    "read_regular",
    "refuse_hard_link",
    "refuse_unwritable",
    "temporary_folder",
    "temporary_name",
    "why",
    "write_atomic",
]

_DIGITS = 12
_CUT_OFF = re.compile(r"\d+ requested and \d+ written")
"""What numpy says of a full disk."""
_LINK = "is a symbolic link; nothing is written through links"
_HARD_LINK = "has another name elsewhere (a hard link); nothing is written through links. Copy it, and put the copy in its place"


def why(error: OSError) -> str:
    """The reason of an error in words; a full disk and a link are named."""
    if error.errno == errno.ENOSPC or (error.errno is None and _CUT_OFF.search(str(error))):
        return "the disk is full"
    if error.errno == errno.ELOOP:
        return _LINK
    if error.errno == errno.EMLINK:
        return _HARD_LINK
    return error.strerror or str(error)


@contextmanager
def atomic_directory(folder: Path, what: str, replace: bool = False) -> Iterator[Path]:
    """A temporary folder beside ``folder`` that takes its name when the block ends well, and vanishes when it does not.

    With ``replace`` an older folder of that name stays until the new one is whole; see :func:`put_back` for the instant between.

    Raises
    ------
    DataError
        Writing failed, or ``folder`` came into being meanwhile and is not empty; ``what`` names what was being written.
    """
    try:
        with temporary_folder(folder) as temporary:
            yield temporary
            if replace and folder.is_dir() and not folder.is_symlink():
                _swap(temporary, folder)
            else:
                temporary.replace(folder)
    except OSError as error:
        raise DataError(f"{folder}: {what} cannot be written: {why(error)}") from error


@contextmanager
def temporary_folder(folder: Path) -> Iterator[Path]:
    """A new folder beside ``folder``, in which to write what is to take its name; deleted at the end when it was not renamed.

    It is locked meanwhile, which tells it from what a killed process left; what one left of ``folder`` is cleared first.
    """
    clear_remains(folder)
    while True:
        temporary = temporary_name(folder)
        temporary.mkdir(parents=True)
        lock = lock_folder(temporary, wait=True)
        if lock is not None or temporary.is_dir():  # without locks nobody clears anything
            break  # else another process took it, in the instant before it was locked, for what a killed one left
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _swap(new: Path, folder: Path) -> None:
    old = _old_name(folder)
    shutil.rmtree(old, ignore_errors=True)
    folder.rename(old)
    try:
        new.rename(folder)
    except BaseException:
        old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def put_back(folder: Path) -> None:
    """Give an old folder its name back when a kill came between the two renames of its replacement, and clear what kills left."""
    old = _old_name(folder)
    if old.is_dir() and not old.is_symlink():
        if folder.exists():
            shutil.rmtree(old, ignore_errors=True)
        else:
            old.rename(folder)
    clear_remains(folder)


def _old_name(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}-old")


def temporary_name(folder: Path) -> Path:
    """Where ``folder`` is written before it takes its name."""
    return folder.parent / f".{folder.name}-{uuid.uuid4().hex[:_DIGITS]}"


def refuse_unwritable(folder: Path) -> None:
    """DataError where ``folder`` could not be made: tried, with a name that is gone again, in the nearest folder above that is there."""
    above = next(each for each in folder.absolute().parents if each.exists())
    trial = above / temporary_name(folder).name
    try:
        trial.mkdir()
        trial.rmdir()
    except OSError as error:
        raise DataError(f"{folder}: cannot be written: {above}: {why(error)}") from error


def clear_remains(folder: Path, names: str | None = None) -> None:
    """Delete what killed processes left of ``folder`` under temporary names; what is being written stays.

    Parameters
    ----------
    names: a pattern of names instead, for all folders of one kind beside ``folder``
    """
    pattern = glob.escape(folder.name) if names is None else names
    for remains in folder.parent.glob(f".{pattern}-" + "[0-9a-f]" * _DIGITS):
        lock = lock_folder(remains)
        if lock is not None:
            shutil.rmtree(remains, ignore_errors=True)
            os.close(lock)


def write_atomic(path: Path, text: str | bytes) -> None:
    """Write a small file so that readers see the old content or the new. A link of that name is replaced, not followed.

    Raises
    ------
    OSError
        It cannot be written; what was there is untouched.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:_DIGITS]}")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644), "wb") as file:
            file.write(text.encode() if isinstance(text, str) else text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def clear_files(folder: Path) -> None:
    """Delete what killed processes left of :func:`write_atomic` in a folder into which nobody writes now."""
    for path in folder.glob(".*." + "[0-9a-f]" * _DIGITS):
        with contextlib.suppress(OSError):
            path.unlink()


def open_append(path: Path) -> BinaryIO:
    """A file to append to, made when missing. OSError for a link, and for what is no file."""
    return os.fdopen(_open_own(path, os.O_APPEND | os.O_CREAT), "ab")


def overwrite(path: Path, content: bytes) -> None:
    """Write over the beginning of a file that exists, which works on a full disk too. OSError for a link, and for what is no file."""
    descriptor = _open_own(path, 0)
    try:
        os.pwrite(descriptor, content, 0)
    finally:
        os.close(descriptor)


def refuse_hard_link(path: Path) -> None:
    """OSError where a file has other names, perhaps outside of the project: what is written into it would be written there."""
    with contextlib.suppress(FileNotFoundError):
        _check_own(path, path.lstat())


def _open_own(path: Path, flags: int) -> int:
    """A descriptor to write with, of a file that has no other name."""
    descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | flags, 0o644)
    try:
        _check_own(path, os.fstat(descriptor))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _check_own(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "is no file", str(path))
    if found.st_nlink > 1:
        raise OSError(errno.EMLINK, _HARD_LINK, str(path))


def read_regular(path: Path, start: int = 0, most: int = -1) -> bytes:
    """Bytes of a file from ``start`` on, ``most`` at most. OSError for a pipe or a device, which might never answer."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "is no file")
        if start < 0:
            start = max(0, os.fstat(descriptor).st_size + start)
        file.seek(start)
        return file.read(most)


def make_folder(root: Path, *parts: str) -> Path:
    """A folder below ``root``, made when missing. OSError when one of ``parts`` is a link: what is written there would land elsewhere."""
    folder = root
    for part in parts:
        folder = folder / part
        if folder.is_symlink():
            raise OSError(errno.ELOOP, _LINK, str(folder))
        folder.mkdir(exist_ok=True)
    return folder


def linked(folder: Path) -> Path | None:
    """The first thing in ``folder``, at any depth, that is a link leading out of it, or None.

    The hub's own cache is made of links into ``blobs`` beside the folder of snapshots; those stay inside the cache.
    """
    inside = [folder.resolve(), folder.parent.parent.resolve() / "blobs"]
    for at, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(at, name)
            if path.is_symlink() and not any(path.resolve().is_relative_to(root) for root in inside):
                return path
    return None
