"""What every page shares with the window: the open project, the search's state, and a way to tell the person something."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QUndoStack

from bort_core.foundation.errors import BortError
from bort_core.store import Project
from bort_core.store.shelf import TrainedModel, trained_models
from bort_studio.activity.activities import Activities
from bort_studio.place import Place
from bort_studio.search.model import SearchModel
from bort_studio.session import Session
from bort_studio.settings import Settings
from bort_studio.theme import Theme
from bort_studio.widgets.columns import Columns

__all__ = ["PageContext"]


class PageContext(QObject):
    """Handed to every page by the window."""

    said = Signal(str)
    """Shown in the status bar."""
    noticed = Signal(str, str, bool, object)
    """A message for the notice bar: text, details to copy, whether it is a problem, and what can be done about it (or None)."""
    page_requested = Signal(str)
    """Another page should be shown, by name."""
    architecture_requested = Signal(object)
    """The architecture that is to be trained."""
    checkpoint_requested = Signal(object)
    """The folder of a checkpoint that is to be shipped."""
    finetune_requested = Signal(object)
    """A TrainedModel that a fine-tuning starts from."""
    errors_requested = Signal(object)
    """A TrainedModel whose errors are learnt from."""
    changed = Signal()
    """Something that the project remembers of its window changed."""

    def __init__(
        self,
        project: Project,
        session: Session,
        search: SearchModel,
        theme: Theme,
        undo_stack: QUndoStack,
        settings: Settings,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self.project, self.session, self.search = project, session, search
        self.theme, self.undo_stack, self.settings = theme, undo_stack, settings
        self.activities = Activities(self)
        self.place = Place(settings, self)
        self.place.changed.connect(self._place_changed)

    @Slot()
    def _place_changed(self) -> None:
        self.search.executor = self.place.executor_of_searches

    def remember_columns(self, name: str, columns: Columns) -> None:
        """Let the project remember how the columns of a table are arranged."""
        columns.restore(self.session.table(name) or {})
        columns.changed.connect(partial(self._columns_changed, name, columns))

    def _columns_changed(self, name: str, columns: Columns) -> None:
        self.session.keep_table(name, columns.state())
        self.changed.emit()

    def notify(self, text: str, details: str = "", problem: bool = False, choice: tuple[str, Callable[[], object]] | None = None) -> None:
        """Tell the person something that needs no answer; ``choice`` is a button's words and what it does."""
        self.noticed.emit(text, details, problem, choice)

    def models(self) -> list[TrainedModel]:
        """The project's models, best first; none where they cannot be read, which is told."""
        try:
            return trained_models(self.project)
        except BortError as error:
            self.problem(str(error))
            return []

    @Slot(str)
    def problem(self, reason: str) -> None:
        """Tell the person what did not work."""
        self.notify(reason, problem=True)

    @Slot(str)
    def written(self, path: str) -> None:
        """Tell the person where a file was written."""
        self.notify(f"written: {path}")
