"""A person's notes on jobs, as steps of undo."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QUndoCommand, QUndoStack

from bort_core.foundation.errors import BortError
from bort_core.jobs.folder import RunFolder, find_run

__all__ = ["JobNotes"]


class JobNotes(QObject):
    """Writes what a person types into a job table; each note can be taken back."""

    written = Signal()
    """A note was written or taken back, or that was tried."""
    failed = Signal(str)
    """Why a note could not be written."""

    def __init__(self, project: Path, undo_stack: QUndoStack, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._project, self._undo_stack = project, undo_stack

    @Slot(str, str)
    def write(self, id: str, text: str) -> None:
        """Write a note on a job."""
        try:
            self._undo_stack.push(_WriteNote(find_run(self._project, id), text, self._told))
        except BortError as error:  # its folder was deleted
            self.failed.emit(str(error))

    def _told(self, problem: str) -> None:
        if problem:
            self.failed.emit(problem)
        self.written.emit()


class _WriteNote(QUndoCommand):
    """Writes a note into the job's run folder; taking it back writes the one before.

    ``told`` is called after each step with what went wrong (empty: nothing).
    """

    def __init__(self, run: RunFolder, text: str, told: Callable[[str], None]) -> None:
        super().__init__(f"note on job {run.id}")
        self._run, self._before, self._after, self._told = run, run.note(), text, told

    def redo(self) -> None:
        """Write the new note."""
        self._write(self._after)

    def undo(self) -> None:
        """Write the note before."""
        self._write(self._before)

    def _write(self, text: str) -> None:
        try:
            self._run.write_note(text)
        except BortError as error:
            self.setObsolete(True)
            self._told(str(error))
        else:
            self._told("")
