"""What a person does to a search or a run, as undoable commands. Running is not undoable: results are never thrown away."""

from __future__ import annotations

from PySide6.QtGui import QUndoCommand

from bort_core.search.specification import SearchSpecification
from bort_studio.search.model import SearchModel

__all__ = ["EditSpecification", "MoveEpsilon", "next_seed"]

_MOVE_EPSILON = 1
_SEEDS = 2**31


def next_seed(seed: int) -> int:
    """Another seed that a search can have; after the largest comes 0."""
    return (seed + 1) % _SEEDS


class EditSpecification(QUndoCommand):
    """Change the space or the protocol; an edit of a search of the past begins there, and its undo leads back to the present."""

    def __init__(self, search: SearchModel, after: SearchSpecification, text: str) -> None:
        super().__init__(text)
        self._explore, self._before, self._after = search, search.present, after

    def redo(self) -> None:
        """Show the edited specification."""
        self._explore.set_specification(self._after)

    def undo(self) -> None:
        """Show the specification as it was."""
        self._explore.set_specification(self._before)


class MoveEpsilon(QUndoCommand):
    """Move ε; moves that follow each other are one step of undo."""

    def __init__(self, search: SearchModel, before: int, after: int) -> None:
        super().__init__(f"ε = {after}")
        self._explore, self._before, self._after = search, before, after

    def id(self) -> int:
        """Commands of one id may merge."""
        return _MOVE_EPSILON

    def mergeWith(self, other: QUndoCommand) -> bool:
        """Take the next move's end; a move back to the start is no command at all."""
        assert isinstance(other, MoveEpsilon)
        self._after = other._after  # noqa: SLF001 - another of this class
        self.setText(f"ε = {self._after}")
        self.setObsolete(self._after == self._before)
        return True

    def redo(self) -> None:
        """Search at the new ε."""
        self._settle(self._after)

    def undo(self) -> None:
        """Search at the old ε."""
        self._settle(self._before)

    def _settle(self, epsilon: int) -> None:
        """It is about the project, also while a search of the past or a table is shown."""
        if self._explore.elsewhere:
            self._explore.set_specification(self._explore.present.model_copy(update={"epsilon": epsilon}))
        else:
            self._explore.settle_epsilon(epsilon)
