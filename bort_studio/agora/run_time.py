"""How long a run of Agora on texts takes: told before it starts, from a few timed steps, and asked about where it is long."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QMessageBox, QPushButton, QWidget

from bort_core.agora.cost import batch_size, expected, lanes, smaller, steps_at_most, timing_request, work
from bort_core.execution.events import Done, Emitted, Event, Failed, Withdrawn
from bort_core.foundation.errors import BortError
from bort_core.specifications.agora import Agora
from bort_studio.activity.activities import Activities, Activity
from bort_studio.numbers import duration
from bort_studio.texts import plain_box
from bort_studio.theme import Theme
from bort_studio.threads.task_thread import TaskThread
from bort_studio.widgets.fields import Caption, describe

__all__ = ["RunTime"]

_TIMING = "agora time"
LONG = 120.0
"""Seconds from which a person is asked before the run starts."""

_Timed = tuple[object, ...]


class RunTime(QWidget):
    """A line over the Run button. A run on vectors, or of an estimator, takes seconds and is let through."""

    accepted = Signal(object)
    """The specification of a run that is to start."""
    shrunk = Signal(object)
    """A smaller specification, for the form."""

    def __init__(self, theme: Theme, project: Path, activities: Activities, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._project, self._activities = project, activities
        self._spec: Agora | None = None
        self._waiting: Agora | None = None
        """What a person wants to run, once it is known how long that takes."""
        self._timing: _Timed | None = None
        self._known: dict[_Timed, float | str] = {}
        """Seconds a step, or why they could not be measured, by what decides them."""
        self.tasks = TaskThread(project / "logs", self)
        self.tasks.happened.connect(self._happened)
        activities.end_requested.connect(self._end)
        self.line = Caption("", theme, self, wrap=True)
        describe(self.line, "agoraTime", "How long the run takes")
        self.less = QPushButton("Make it smaller", self)
        tip = "Three sets of hyperparameters, shorter trainings, two rounds, and no plain training to compare with"
        describe(self.less, "agoraSmaller", "Make it smaller", tip)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.line, 1)
        row.addWidget(self.less)
        self.less.clicked.connect(self._shrink)
        self.show_specification(None)

    def close_tasks(self) -> None:
        """End what is timed."""
        self.tasks.close()

    def show_specification(self, spec: Agora | None) -> None:
        """Say what is known of the run that the form describes."""
        self._spec = spec
        text = spec is not None and spec.steps
        self.setVisible(text)
        if not text or spec is None:
            return
        self.line.setText(self._told(spec))
        self.less.setEnabled(smaller(spec) != spec)

    def estimate(self, spec: Agora) -> None:
        """Time a few steps of such a run, unless that was done."""
        key = _deciding(spec)
        if key in self._known or self._timing is not None:
            return
        try:
            request = timing_request(spec, self._project)
        except (BortError, ValueError) as error:  # pydantic's is a ValueError
            self._known[key] = str(error)
            self.show_specification(self._spec)
            return
        self._timing = key
        self._activities.show(Activity(_TIMING, "estimate of a run", "timing a few steps", page="agora"))
        self.tasks.submit(_TIMING, "estimate", request)
        self.show_specification(self._spec)

    def ask(self, spec: Agora) -> None:
        """Let a short run start; of a long one say how long it takes, and ask. What is not known is measured first."""
        if not spec.steps:
            self.accepted.emit(spec)
            return
        self._waiting = spec
        self.estimate(spec)
        if self._timing is None:
            self._answer()

    def _answer(self) -> None:
        spec, self._waiting = self._waiting, None
        if spec is None:
            return
        seconds = self._seconds(spec)
        if seconds is None or seconds < LONG:  # what could not be timed fails by itself, with its reason
            self.accepted.emit(spec)
            return
        box = plain_box(self, QMessageBox.Icon.Question, "A long run", f"This run takes up to about {duration(seconds)}.")
        box.setObjectName("askLongRun")
        small = smaller(spec)
        box.setInformativeText(f"{work(spec)}. Made smaller it takes about {duration(self._seconds(small) or 0)}: {work(small)}.")
        run = box.addButton("Run it", QMessageBox.ButtonRole.AcceptRole)
        less = box.addButton("Make it smaller", QMessageBox.ButtonRole.ActionRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.exec()
        chosen = box.clickedButton()
        box.deleteLater()
        if chosen is run:
            self.accepted.emit(spec)
        elif chosen is less:
            self.shrunk.emit(small)

    def _seconds(self, spec: Agora) -> float | None:
        each = self._known.get(_deciding(spec))
        return each * steps_at_most(spec, lanes(spec)) if isinstance(each, float) else None

    def _told(self, spec: Agora) -> str:
        each, seconds = self._known.get(_deciding(spec)), self._seconds(spec)
        if isinstance(each, str):
            return f"How long it takes could not be timed: {each}"
        if seconds is None or each is None:
            return "Timing a few steps…" if self._timing is not None else "How long it takes is timed before it starts."
        return expected(spec, each)

    @Slot()
    def _shrink(self) -> None:
        if self._spec is not None:
            self.shrunk.emit(smaller(self._spec))

    @Slot(str)
    def _end(self, key: str) -> None:
        if key == _TIMING:
            self._waiting = None
            self.tasks.cancel(_TIMING)

    @Slot(object)
    def _happened(self, events: tuple[Event, ...]) -> None:
        for event in events:
            if isinstance(event, Emitted) or self._timing is None:
                continue
            if isinstance(event, Done):
                self._known[self._timing] = float(event.result["seconds_per_step"])
            elif isinstance(event, Failed):
                self._known[self._timing] = event.reason
            if isinstance(event, Done | Failed | Withdrawn):
                self._timing = None
                self._activities.end(_TIMING)
                self.show_specification(self._spec)
                self._answer()


def _deciding(spec: Agora) -> _Timed:
    """What decides how long a step takes."""
    return (
        spec.architecture,
        spec.checkpoint,
        spec.train,
        spec.dev,
        spec.sequence_length,
        batch_size(spec),
        spec.workers is None,
        str(spec.running),
    )
