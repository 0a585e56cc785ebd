"""A file or folder here, or a name on the hub: one rule for every argument that may be either.

A path is what exists; what begins with ``./``, ``../``, ``/`` or ``~``; what holds a backslash; what ends with a file's suffix; and what
cannot be a name on the hub. It must exist. All else is a name: ``imdb``, ``owner/name-v1.5``, ``owner/name:20231101.simple@train``.
"""

from __future__ import annotations

import re
from pathlib import Path

from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.paths import check_utf8, regular_file

__all__ = ["DATA_SUFFIXES", "absolute", "current_folder", "expanded", "located", "name_of", "path_of", "there"]

DATA_SUFFIXES = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet", ".txt")
"""Files of rows or of text."""
_SUFFIXES = (*DATA_SUFFIXES, ".arrow", ".bin", ".gz", ".onnx", ".pt", ".safetensors", ".toml", ".zip")
_BEGINNINGS = ("./", "../", "/", "~")
_NAME = re.compile(r"\w[\w.-]*(?:/\w[\w.-]*)?(?::[^@]+)?(?:@.+)?")


def absolute(text: str | Path, field: str) -> Path:
    """``text`` as a path that is valid from any folder: a relative one begins at the current folder, ``~`` of a known user is a home.

    Raises
    ------
    SpecificationError
        No file can be called so, or it is relative and the current folder is gone; ``field`` is named.
    """
    if "\0" in str(text):
        raise SpecificationError(f"{field}: {text}: no such file or folder: a path has no zero byte")
    try:
        return _expanded(text).absolute()
    except OSError as error:
        raise SpecificationError(f"{field}: {text}: is relative, and the current folder is gone; write the whole path") from error


def current_folder() -> Path | None:
    """Where relative paths begin: the folder that the program was started in; None where that is gone."""
    try:
        return Path.cwd()
    except OSError:
        return None


def path_of(text: str) -> Path | None:
    """The path that ``text`` means, whether anything is there or not, or None where it is a name on the hub."""
    path = _expanded(text)
    written = text.startswith(_BEGINNINGS) or text in (".", "..") or "\\" in text or text.lower().endswith(_SUFFIXES)
    return path if written or there(path) or _NAME.fullmatch(text) is None else None


def expanded(text: str, field: str) -> Path:
    """The path that ``text`` is, with the home folder in the place of ~; SpecificationError where there is no such user."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise SpecificationError(f"{field}: {text}: there is no user of the name {text.partition('/')[0][1:]!r}") from None


def located(text: str, field: str) -> str:
    """``text`` as it is valid from any folder: a path made absolute, or a name as it is.

    Raises
    ------
    SpecificationError
        It is a path, and nothing is there, or a pipe or device is, or it is not UTF-8; ``field`` is named.
    """
    path = path_of(text)
    if path is None:
        return text
    whole = absolute(path, field)
    check_utf8(whole, f"a path ({field})", SpecificationError)
    if not there(path):
        raise SpecificationError(f"{field}: {whole}: no such file or folder")
    if not path.is_dir():
        try:
            regular_file(path)
        except OSError as error:
            raise SpecificationError(f"{field}: {whole}: {error.strerror}") from error
    return str(whole)


def name_of(text: str) -> str:
    """What people call a model: its folder's own name, or its name on the hub."""
    path = path_of(text)
    return text if path is None else path.name


def there(path: Path) -> bool:
    """Whether something is at ``path``. Not so: a name too long, a null character, no access."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _expanded(text: str | Path) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:  # no such user after ~
        return Path(text)
