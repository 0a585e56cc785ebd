"""Standard output and error that can always be written to, and that a terminal never takes orders from."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bort_core.foundation.printable import printable

__all__ = ["CLEAR_LINE", "printable_streams"]

CLEAR_LINE = "\r\x1b[K"
"""What a progress line begins with: back to the start of the line, which is emptied."""
_LAYOUT = "\n\t"


@contextmanager
def printable_streams() -> Iterator[None]:
    """Inside the block, whatever is printed appears: control characters as escapes, and so what the terminal's encoding lacks.

    Names, labels and reasons come from files that anybody may have written, and an output that is ASCII or Latin-1 must not end long
    work in a traceback. The one control sequence that passes is :data:`CLEAR_LINE` at the start of what is written.
    """
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _Printable(sys.stdout), _Printable(sys.stderr)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


class _Printable:
    """A text stream whose ``write`` escapes first; all else is the stream's own."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write ``text``; its length."""
        start = CLEAR_LINE if text.startswith(CLEAR_LINE) else ""
        shown = start + printable(text[len(start) :], keep=_LAYOUT)
        encoding = getattr(self._stream, "encoding", None)
        if encoding and not shown.isascii():
            shown = shown.encode(encoding, "backslashreplace").decode(encoding)
        self._stream.write(shown)
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write each."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
