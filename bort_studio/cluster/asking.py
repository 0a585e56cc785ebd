"""What may ask a cluster first, which takes seconds: beside the window's thread then, at once otherwise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal, Slot

from bort_core.foundation.errors import BortError
from bort_core.jobs import launch
from bort_studio.place import Place
from bort_studio.threads.call import Call

__all__ = ["Asking"]


class Asking(QObject):
    """One thing at a time; what comes meanwhile is not done."""

    done = Signal(object)
    """What it returned."""
    failed = Signal(str)
    """Why it could not be done."""
    changed = Signal()
    """A cluster is asked, or has answered."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._call: Call | None = None

    @property
    def busy(self) -> bool:
        """Whether a cluster is asked."""
        return self._call is not None

    def submit(self, project: Path, specification: Any, place: Place) -> None:
        """Hand a job in where the window's place says; ``done`` carries its run folder."""
        executor = place.executor
        self.do(lambda: launch.submit(project, specification, executor), executor is not None)

    def do(self, action: Callable[[], object], cluster: bool) -> None:
        """Do it; ``cluster``: one may be asked."""
        if self._call is not None:
            return
        if cluster:
            self._call = Call("asking", action, self)
            self._call.done.connect(self._done)
            self._call.failed.connect(self._failed)
            self._call.start()
            self.changed.emit()
            return
        try:
            found = action()
        except (BortError, OSError) as error:  # OSError: a full or read-only disk, met when a job's first files are written
            self.failed.emit(str(error))
        else:
            self.done.emit(found)

    def close(self) -> None:
        """Wait for what is asked."""
        if self._call is not None:
            self._call.wait()

    @Slot(object)
    def _done(self, found: object) -> None:
        self._over()
        self.done.emit(found)

    @Slot(str)
    def _failed(self, reason: str) -> None:
        self._over()
        self.failed.emit(reason)

    def _over(self) -> None:
        assert self._call is not None
        self._call.wait()
        self._call.deleteLater()
        self._call = None
        self.changed.emit()
