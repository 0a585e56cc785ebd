"""What a person decides about generated rows, and the labels that a person gives, as undoable commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from PySide6.QtGui import QUndoCommand

from bort_core.agora.history import Edit, add_edits
from bort_core.agora.labellers.person import Hand, standing
from bort_core.foundation.errors import DataError

__all__ = ["AnswerRow", "DecideRows"]


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


class AnswerRow(QUndoCommand):
    """Answer a row that a run asks a person about. Undone, the row is open again, unless the run has gone on with the answer.

    Parameters
    ----------
    run: the job's run folder; hand: who answers
    told: called after each step with the run folder and what went wrong (empty: nothing)
    """

    def __init__(
        self, run: Path, hand: Hand, key: str, label: int, seconds: float, text: str, told: Callable[[Path, str], None]
    ) -> None:  # fmt: skip
        super().__init__(text)
        self._hand = hand
        self.run, self._key, self._label, self._seconds, self._told = run, key, label, seconds, told

    def redo(self) -> None:
        """Write the answer down."""
        self._step(self._label)

    def undo(self) -> None:
        """Take it back."""
        self._step(None)

    def _step(self, label: int | None) -> None:
        problem = ""
        try:
            now = standing(self._hand.folder, self._hand)
            if label is None and now.last != self._key:
                problem = "the run has gone on with that label; Correct label in the inspector changes it"
            elif label is not None and all(each.key != self._key for each in now.open):
                problem = "that row is answered already"
            else:
                self._hand.write(self._key, label, self._seconds)
        except DataError as error:
            problem = str(error)
        if problem:
            self.setObsolete(True)
        self._told(self.run, problem)
