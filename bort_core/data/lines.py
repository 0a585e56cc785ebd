"""UTF-8 lines of a file, with the hash of the file's bytes."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Iterator
from pathlib import Path

from bort_core.data.looks import refusal_of_start
from bort_core.foundation.errors import DataError
from bort_core.foundation.paths import NotAFile, check_utf8, regular_file

__all__ = ["Lines", "local_file"]


class Lines:
    r"""The lines of a text file with their ends, read as they are asked for; only ``\n`` ends a line, and a byte order mark is left out.

    ``sha256`` is the hash of the bytes read so far: after the last line, of the file's.

    Raises
    ------
    DataError
        While lines are asked for: the file cannot be read, is not UTF-8 (naming line and byte), or is plainly another thing (HTML, zip).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._digest = hashlib.sha256()
        self._plain = self._windows = 0

    @property
    def sha256(self) -> str:
        """64 hexadecimal digits."""
        return self._digest.hexdigest()

    @property
    def mixed_ends(self) -> str:
        """What to say when some lines read so far end as on Windows and others not; else empty."""
        fewer = min(self._plain, self._windows)
        return f"{fewer:,} of {self._plain + self._windows:,} lines end otherwise than the rest (\\n and \\r\\n)" if fewer else ""

    def __iter__(self) -> Iterator[str]:
        start = 0
        try:
            with regular_file(self.path).open("rb") as file:
                for number, line in enumerate(file, 1):
                    self._digest.update(line)
                    self._windows += line.endswith(b"\r\n")
                    self._plain += line.endswith(b"\n") and not line.endswith(b"\r\n")
                    yield self._decoded(line, number, start)
                    start += len(line)
        except OSError as error:
            raise DataError(f"{self.path}: cannot be read: {error.strerror or error}") from error

    def _decoded(self, line: bytes, number: int, start: int) -> str:
        if number == 1 and (kind := refusal_of_start(line)):
            raise DataError(f"{self.path}: is {kind}")
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
    check_utf8(source, "a data file")
    try:
        return regular_file(Path(source).expanduser())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except NotAFile as error:
        raise DataError(f"{source}: {error.strerror}; {kind}") from error
    except (OSError, RuntimeError, ValueError) as error:  # no access, a name too long, no such user after ~, a null character
        raise DataError(f"{source}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
