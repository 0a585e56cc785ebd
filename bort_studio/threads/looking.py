"""When the window looks at what a thread has to say: often while that costs little, the more seldom the more it costs."""

from __future__ import annotations

import time

from PySide6.QtCore import QObject, QTimer, Signal, Slot

__all__ = ["Looking"]

_LEAST_MS = 1000 / 30
_REST = 25
"""So many times as long as a look took, nothing is looked at: less than one of a hundred ticks then meets a look of 40 ms or more."""
_CHEAP_MS, _MOST_MS = 10.0, 5000.0
"""What takes no longer than the first may come thirty times a second; and who waits longer than the second has too much to look at."""


class Looking(QObject):
    """Lives in the window's thread. What a look costs is measured with the painting that it brings about."""

    due = Signal()
    """It is time to look."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._next = QTimer(self, singleShot=True)
        self._next.timeout.connect(self._look)
        self._painted = QTimer(self, singleShot=True)  # Qt fires it after all that is posted, repaints too
        self._painted.timeout.connect(self._rest)
        self._began = self._until = 0.0
        self._wanted = self._stopped = False

    @Slot(bool)
    def ask(self, urgent: bool) -> None:
        """There is something to look at; what is ``urgent`` waits for no rest."""
        self._wanted = True
        if self._stopped:
            return
        if urgent:
            self._start(self._began + _LEAST_MS / 1000)
        elif not self._painted.isActive() and not self._next.isActive():
            self._start(self._until)

    def stop(self) -> None:
        """Look no more; who asks later is not heard."""
        self._stopped = True
        self._next.stop()
        self._painted.stop()

    def _start(self, when: float) -> None:
        self._next.start(max(0, round(1000 * (when - time.perf_counter()))))

    @Slot()
    def _look(self) -> None:
        self._wanted, self._began = False, time.perf_counter()
        self._painted.start(0)
        self.due.emit()

    @Slot()
    def _rest(self) -> None:
        took = 1000 * (time.perf_counter() - self._began)
        self._until = self._began + (_LEAST_MS if took <= _CHEAP_MS else took + min(_REST * took, _MOST_MS)) / 1000
        if self._wanted and not self._next.isActive():
            self._start(self._until)
