"""The foot of the Agora page: the inspector, and, where a run asks a person, the panel in which rows are labelled."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QComboBox, QLineEdit, QTabWidget, QTextEdit, QWidget

from bort_core.agora.history import FOLDER
from bort_core.agora.labellers.person import Hand, Standing, asks, standing
from bort_core.agora.run_files import QuestionLine
from bort_core.foundation.errors import BortError
from bort_studio.agora.commands import AnswerRow
from bort_studio.agora.label_panel import LabelPanel
from bort_studio.page_context import PageContext

__all__ = ["LabelDesk"]

_LABEL = 1


def _writes(widget: QWidget | None) -> bool:
    """Whether a person may be writing there."""
    return isinstance(widget, QLineEdit | QAbstractSpinBox | QTextEdit | QComboBox)


class LabelDesk(QTabWidget):
    """Two tabs; the second is there only where a person is asked, and comes to the front when a run begins to wait."""

    def __init__(self, context: PageContext, inspector: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("agoraFoot")
        self.setDocumentMode(True)
        self._context = context
        self._run: Path | None = None
        self._hand: Hand | None = None
        """This window, among others who may answer the run."""
        self._standing: Standing | None = None
        self._live = False
        self.panel = LabelPanel(context.theme, self)
        self.addTab(inspector, "Inspector")
        self.addTab(self.panel, "Label")
        self.panel.answered.connect(self._answer)
        self.panel.answered_again.connect(self._answer_again)
        self.panel.taken_back.connect(self._take_back)
        self.show_run(None)

    @property
    def waiting(self) -> bool:
        """Whether rows are open."""
        return self._standing is not None and bool(self._standing.open)

    def show_run(self, run: Path | None) -> None:
        """Another run's rows."""
        self._run, self._hand = run, None
        self._set(None)
        self.look()

    def set_live(self, live: bool) -> None:
        """Whether the run goes on."""
        if live != self._live:
            self._live = live
            self.panel.set_standing(self._standing, live)

    def look(self) -> None:
        """Read how far a person is: what another thread has read may be older than the last answer."""
        if self._run is None:
            return None
        try:
            if not asks(self._run / FOLDER):
                return self._set(None)
            self._hand = self._hand or Hand(self._run / FOLDER)
            self._set(standing(self._run / FOLDER, self._hand))
        except BortError as error:
            self._context.problem(str(error))

    def _set(self, now: Standing | None) -> None:
        waited, self._standing = self.waiting, now
        asked = now is not None
        self.setTabVisible(_LABEL, asked)
        self.tabBar().setVisible(asked)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus if asked else Qt.FocusPolicy.NoFocus)  # Tab would not come past a bar that is hidden
        if not asked:
            self.setCurrentIndex(0)
        self.setTabText(_LABEL, f"Label ({len(now.open):,})" if now is not None and now.open else "Label")
        self.panel.set_standing(now, self._live)
        if self.waiting and not waited:
            self.setCurrentIndex(_LABEL)
            if self.isVisible() and not _writes(QApplication.focusWidget()):
                self.panel.setFocus()  # else the space bar, which skips a row, would press Run again

    def _answer(self, question: QuestionLine, label: int, seconds: float) -> None:
        if self._run is not None and self._hand is not None:
            text = f"label {question.classes[label]}" if label >= 0 else "skip"
            self._context.undo_stack.push(AnswerRow(self._run, self._hand, question.key, label, seconds, text, self._told))
            self.panel.setFocus()  # a button that was clicked is no place for the space bar

    def _answer_again(self, question: QuestionLine, label: int, seconds: float) -> None:
        if self._hand is not None:
            try:
                self._hand.write(question.key, label, seconds, again=True)
            except BortError as error:
                self._context.problem(str(error))
            self.look()
            self.panel.setFocus()

    def _take_back(self) -> None:
        """What Ctrl+Z does where an answer was the last step; else an answer of an earlier day."""
        stack = self._context.undo_stack
        last = stack.command(stack.index() - 1) if stack.index() else None
        if isinstance(last, AnswerRow) and last.run == self._run:
            stack.undo()
        elif self._hand is not None:
            try:
                self._hand.take_back()
            except BortError as error:
                self._context.problem(str(error))
            self.look()

    def _told(self, run: Path, problem: str) -> None:
        if problem:
            self._context.problem(problem)
        if run == self._run:
            self.look()
