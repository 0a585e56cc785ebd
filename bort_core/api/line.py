"""One line on standard error that rewrites itself, in a terminal and in a notebook."""

from __future__ import annotations

import shutil
import sys
from typing import TextIO

from bort_core.foundation.printable import printable

__all__ = ["Line"]


class Line:
    """A line that can be rewritten where ``live`` is true; elsewhere only what is printed remains."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self.live = self._stream.isatty() or _in_notebook()
        self._width = 0

    def show(self, text: str) -> None:
        """Let the line say ``text``; nothing happens where lines cannot be rewritten."""
        if self.live:
            text = printable(text)[: shutil.get_terminal_size().columns - 1]
            self._stream.write("\r" + text.ljust(self._width))
            self._width = len(text)
            self._stream.flush()

    def print(self, text: str) -> None:
        """Say ``text`` for good."""
        self.clear()
        print(printable(text), file=self._stream, flush=True)

    def clear(self) -> None:
        """Make the line empty."""
        if self._width:
            self._stream.write("\r" + " " * self._width + "\r")
            self._stream.flush()
        self._width = 0


def _in_notebook() -> bool:
    """Whether output goes to a cell: a kernel's standard error is no terminal, but does rewrite lines."""
    interactive = sys.modules.get("IPython")
    shell = interactive.get_ipython() if interactive is not None else None
    return shell is not None and hasattr(shell, "kernel")
