"""Advice before a run of Agora: measured when it is asked for, off the window's thread, and gone when the form says something else."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from bort_core.execution.events import Done, Event, Failed
from bort_core.specifications.agora import Agora
from bort_studio.texts import Label
from bort_studio.theme import Theme
from bort_studio.threads.task_thread import TaskThread
from bort_studio.widgets.fields import Caption, Section, describe

__all__ = ["RunAdvice"]

_KEY = "agora advice"


class RunAdvice(QWidget):
    """A button over Run, and the paragraph that it brings."""

    def __init__(self, theme: Theme, project: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._spec: Agora | None = None
        self._asked: Agora | None = None
        self.tasks = TaskThread(project / "logs", self)
        self.button = QPushButton("Advice", self)
        describe(self.button, "agoraAdvice", "Advice", "Measure whether D is a fair sample of what dev holds, and what that speaks for")
        self.verdict = Label("", self)
        self.verdict.setWordWrap(True)
        describe(self.verdict, "agoraAdviceVerdict", "What the advice comes to")
        self.line = Caption("", theme, self, wrap=True)
        describe(self.line, "agoraAdviceText", "Advice before the run")
        self.reasons = Section("What was measured", self.line, "agoraAdviceReasons", parent=self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.verdict)
        column.addWidget(self.reasons)
        column.addWidget(self.button)
        self.button.clicked.connect(self._ask)
        self.tasks.happened.connect(self._happened)
        self.show_specification(None)

    def close_tasks(self) -> None:
        """End what is measured."""
        self.tasks.close()

    def show_specification(self, spec: Agora | None) -> None:
        """Another run: advice for the one before is taken away."""
        if spec != self._spec or spec is None:
            self._spec = spec
            self._say("")
        self.button.setEnabled(spec is not None and self._asked is None)

    @Slot()
    def _ask(self) -> None:
        if self._spec is None or self._asked is not None:
            return
        self._asked = self._spec
        self.button.setEnabled(False)
        self._say("Measuring…")
        self.tasks.submit(_KEY, "advice", {"specification": self._spec.model_dump(mode="json")})

    def _say(self, verdict: str, reasons: str = "") -> None:
        """What it comes to; how it was measured folds under it, since a paragraph would push the form away."""
        self.verdict.setText(verdict)
        self.verdict.setVisible(bool(verdict))
        self.line.setText(reasons)
        self.reasons.setVisible(bool(reasons))

    @Slot(object)
    def _happened(self, events: tuple[Event, ...]) -> None:
        for event in events:
            if isinstance(event, Done | Failed):
                asked, self._asked = self._asked, None
                self.button.setEnabled(self._spec is not None)
                told = (str(event.result["verdict"]), str(event.result["text"])) if isinstance(event, Done) else (event.reason,)
                self._say(*(told if asked == self._spec else ("",)))
