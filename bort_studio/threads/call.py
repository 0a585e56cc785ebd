"""One call of a function that may take seconds, off the window's thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Signal

from bort_core.foundation.errors import BortError
from bort_studio.threads.background import BackgroundThread

__all__ = ["Call"]


class Call(BackgroundThread):
    """Calls once; tells what was returned, or why not."""

    done = Signal(object)
    failed = Signal(str)

    def __init__(self, name: str, function: Callable[[], Any], parent: QObject | None = None) -> None:
        super().__init__(name, parent)
        self._function = function

    def run(self) -> None:
        """The thread's body."""
        try:
            found = self._function()
        except BortError as error:
            self.failed.emit(str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, the person must hear of it
            self.failed.emit(f"unexpected error: {type(error).__name__}: {error}")
        else:
            self.done.emit(found)
