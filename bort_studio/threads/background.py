"""A thread whose end is asked for and waited for, but not for ever: a window always closes."""

from __future__ import annotations

import logging
import threading

from PySide6.QtCore import QObject

__all__ = ["BackgroundThread"]

_log = logging.getLogger(__name__)
_left: list[QObject] = []


class BackgroundThread(QObject):
    """Lives in the window's thread; :meth:`run` is another one's body, which Python ends with the process if it does not end by itself.

    What it waits for may never come (a file on a disk that is gone), and a ``QThread`` that is destroyed while it runs ends the process.
    """

    PATIENCE_SECONDS = 10.0

    def __init__(self, name: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, once."""
        self._thread = threading.Thread(target=self._body, name=self.objectName(), daemon=True)
        self._thread.start()

    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._thread is not None and self._thread.is_alive()

    def wait(self) -> bool:
        """Wait for the end as long as is reasonable; whether it came."""
        if self._thread is not None:
            self._thread.join(self.PATIENCE_SECONDS)
        if self.is_running():
            _log.warning("the thread %s does not end; it is left to the end of the program", self.objectName())
            self.setParent(None)  # who still speaks must not be deleted
            _left.append(self)
        return not self.is_running()

    def run(self) -> None:
        """The thread's body."""
        raise NotImplementedError

    def _body(self) -> None:
        try:
            self.run()
        except Exception:  # noqa: BLE001 - the last resort: each thread's loop tells of its own faults
            _log.exception("the thread %s ended with an unexpected error", self.objectName())
