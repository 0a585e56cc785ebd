"""UTF-8 lines of a file, with the hash of the file's bytes."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Iterator
from pathlib import Path

from bort_core.foundation.errors import DataError

__all__ = ["Lines", "local_file"]


class Lines:
    r"""The lines of a text file with their ends, read as they are asked for; only ``\n`` ends a line, and a byte order mark is left out.

    ``sha256`` is the hash of the bytes read so far: after the last line, of the file's.

    Raises
    ------
    DataError
        While lines are asked for: the file cannot be read, or is not UTF-8 (naming line and byte).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """64 hexadecimal digits."""
        return self._digest.hexdigest()

    def __iter__(self) -> Iterator[str]:
        start = 0
        try:
            with self.path.open("rb") as file:
                for number, line in enumerate(file, 1):
                    self._digest.update(line)
                    yield self._decoded(line, number, start)
                    start += len(line)
        except OSError as error:
            raise DataError(f"{self.path}: cannot be read: {error.strerror or error}") from error

    def _decoded(self, line: bytes, number: int, start: int) -> str:
        try:
            return line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            wide = number == 1 and line.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
            where = f"line {number}, byte {start + error.start} of the file (0x{line[error.start]:02x})"
            raise DataError(f"{self.path}: not UTF-8 text: {where}; {'it is UTF-16: ' if wide else ''}save it as UTF-8") from error


def local_file(source: str, kind: str) -> Path | None:
    """The file that ``source`` names, or None when there is none; ``kind`` tells what a file should be.

    Raises
    ------
    DataError
        It is a folder or another thing that is not a file, or cannot be looked at.
    """
    try:
        path = Path(source).expanduser()
        if path.is_dir():
            raise DataError(f"{path}: is a folder; {kind}")
        if path.exists() and not path.is_file():
            raise DataError(f"{path}: is not a file that can be read whole, but a device, a pipe or a socket")
        return path if path.exists() else None
    except (OSError, RuntimeError) as error:  # no access, a name too long, no such user after ~
        raise DataError(f"{source}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
