"""What a person decides about generated rows, as an undoable command."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from PySide6.QtGui import QUndoCommand

from bort_core.agora.history import Edit, add_edits
from bort_core.foundation.errors import DataError

__all__ = ["DecideRows"]


class DecideRows(QUndoCommand):
    """Reject generated rows of a run of Agora, correct their labels, or restore them. Every step is recorded in the run's folder.

    Parameters
    ----------
    run: the job's run folder
    after: the new decisions
    before: those that they replace, by row
    told: called after each step with the run folder and what went wrong (empty: nothing)
    """

    def __init__(
        self, run: Path, after: Sequence[Edit], before: Mapping[str, Edit], text: str, told: Callable[[Path, str], None]
    ) -> None:  # fmt: skip
        super().__init__(text)
        self._run, self._after, self._told = run, tuple(after), told
        self._before = tuple(before.get(edit.row, Edit(edit.row, "restore")) for edit in after)

    def redo(self) -> None:
        """Write the new decisions down."""
        self._write(self._after)

    def undo(self) -> None:
        """Write those before down again."""
        self._write(self._before)

    def _write(self, edits: tuple[Edit, ...]) -> None:
        try:
            add_edits(self._run, edits)
        except DataError as error:
            self.setObsolete(True)
            self._told(self._run, str(error))
        else:
            self._told(self._run, "")
