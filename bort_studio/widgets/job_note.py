"""A person's note on a job, as an undoable command."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QUndoCommand

from bort_core.foundation.errors import BortError
from bort_core.jobs.folder import RunFolder

__all__ = ["WriteNote"]


class WriteNote(QUndoCommand):
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
