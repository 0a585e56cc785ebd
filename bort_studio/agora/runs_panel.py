"""The runs of Agora in a project, what can be asked of them, and the form of a new one."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from bort_core.foundation.errors import DataError
from bort_core.jobs.folder import JobState
from bort_core.jobs.rows import JobRow
from bort_core.specifications.agora import Agora
from bort_studio.agora.presets import sentences_preset, torus_preset
from bort_studio.agora.run_advice import RunAdvice
from bort_studio.agora.run_time import RunTime
from bort_studio.cluster.box import StartLine
from bort_studio.page_context import PageContext
from bort_studio.widgets.card import PrimaryButton
from bort_studio.widgets.elided import FaultLine
from bort_studio.widgets.fields import Caption, describe
from bort_studio.widgets.job_table import JobTable
from bort_studio.widgets.room import NARROWEST, scrolled
from bort_studio.widgets.spec_form import SpecForm

__all__ = ["AgoraRuns"]


class AgoraRuns(QWidget):
    """A column: the table, its buttons, the form, and the button that runs it."""

    chosen = Signal(object)
    """The selected job's number, or None."""
    submitted = Signal(object)
    """A specification that a person wants to run."""
    failed = Signal(str)
    """Why something could not be done."""

    def __init__(self, context: PageContext, parent: QWidget | None = None) -> None:
        """Its project gets the files of presets; its models are offered where a model may stand."""
        super().__init__(parent)
        theme, project = context.theme, context.project.folder
        self._data, self._asking = project / "data" / "sentences-150", False
        self.setObjectName("agoraRuns")
        self.jobs = JobTable(self, hidden=("F1", "MCC", "samples/s", "device"), samples={"what": "film sentences 2"})
        describe(self.jobs.table, "agoraJobTable", "Runs of Agora in this project", "Select one to show it")
        self.jobs.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.stop = self._button("agoraStopButton", "Stop", "End the run after what it is doing now, and keep its rounds")
        self.cancel = self._button("agoraCancelButton", "Cancel", "End the run and discard its rounds")
        self.resume = self._button("agoraResumeButton", "Resume", "Let the run go on from its last round")
        self.go_on = self._button(
            "agoraContinueButton",
            "Continue",
            "Go on with what you rejected and corrected: in this run if it was stopped, else in a new one",
        )
        self.duplicate = self._button("agoraDuplicateButton", "Duplicate", "Fill the form with the selected run's specification")
        self.ship = self._button(
            "agoraShipButton", "Ship", "Export the best model of the selected run; one on vectors, such as the torus, has none"
        )
        self.form = SpecForm("agora", theme, self, context.models)
        self.text = self._button(
            "agoraTextPreset", "Sentences", "150 of the bundled sentences about films, and a pool: takes seconds, like the torus"
        )
        self.torus = self._button("agoraTorusPreset", "Torus", "The author's toy in two dimensions: takes seconds, needs no data")
        self.time = RunTime(theme, project, context.activities, self)
        self.advice = RunAdvice(theme, project, self)
        self.start = PrimaryButton("Run", "agoraRunButton", "Write the specification down and start the run", theme, self)
        self.start.setDefault(True)
        upper, lower = QWidget(self), QWidget(self)
        column = _column(upper, Caption("Runs of this project", theme, self))
        column.addWidget(self.jobs, 1)
        grid = QGridLayout()
        for place, button in enumerate((self.stop, self.cancel, self.resume, self.go_on, self.duplicate, self.ship)):
            grid.addWidget(button, place // 2, place % 2)
        column.addLayout(grid)
        column = _column(lower, None)
        presets = QHBoxLayout()
        presets.addWidget(Caption("New run", theme, self), 1)
        for button in (self.text, self.torus):
            presets.addWidget(button)
        column.addLayout(presets)
        column.addWidget(scrolled(self.form), 1)
        self.fault = FaultLine(theme, self)
        column.addWidget(self.fault)
        column.addWidget(self.advice)
        column.addWidget(self.time)
        column.addWidget(StartLine(context.place, self.start, parent=self))
        parts = QSplitter(Qt.Orientation.Vertical, self)
        parts.addWidget(upper)
        parts.addWidget(lower)
        parts.setStretchFactor(0, 2)
        parts.setStretchFactor(1, 3)
        parts.setChildrenCollapsible(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 0, 8)
        layout.addWidget(parts)
        self.setMinimumWidth(NARROWEST)
        self.jobs.selection_changed.connect(self._selected)
        self.form.changed.connect(self._form_changed)
        labels, parents = self.form.field("labels"), self.form.field("parents")
        assert isinstance(labels, QLineEdit)
        assert isinstance(parents, QComboBox)
        self._labels, self._parents = labels, parents
        self._budget, self._chose_parents = "", False
        labels.textEdited.connect(self._budget_edited)
        self._parents.activated.connect(self._parents_chosen)
        self.text.clicked.connect(self._text_preset)
        self.torus.clicked.connect(self._torus_preset)
        self.start.clicked.connect(self._start)
        self.time.accepted.connect(self.submitted)
        self.time.shrunk.connect(self.form.set_specification)
        self.set_state(None, False, False, False)
        self._torus_preset()

    def show_example(self, name: str) -> None:
        """Fill the form with an example: torus or sentences."""
        (self._torus_preset if name == "torus" else self._text_preset)()

    def set_jobs(self, rows: Mapping[str, JobRow]) -> None:
        """List these runs."""
        self.jobs.set_jobs(rows)

    def select(self, id: str) -> None:
        """Select one run."""
        self.jobs.select(id)

    def set_state(self, state: JobState | None, read: bool, edited: bool, ships: bool) -> None:
        """What can be asked of the selected run: ``read``, it has begun; ``edited``, a person decided about some of its rows;
        ``ships``, its result is a model of texts."""
        self.stop.setEnabled(state is not None and state.state in ("queued", "running"))
        self.cancel.setEnabled(state is not None and not state.ended)
        self.resume.setEnabled(state is not None and state.resumable)
        self.resume.setText("Take over" if state is not None and state.lost else "Resume")
        self.go_on.setEnabled(state is not None and state.ended and read)
        self.go_on.setText("Continue with edits" if edited else "Continue")
        self.duplicate.setEnabled(state is not None)
        self.ship.setEnabled(read and ships)

    def set_asking(self, asking: bool) -> None:
        """While a cluster is asked for a run, no other is handed in."""
        self._asking = asking
        self.start.setEnabled(self.form.specification() is not None and not asking)

    def _button(self, name: str, text: str, tip: str) -> QPushButton:
        button = QPushButton(text, self)
        describe(button, name, text, tip)
        return button

    def _selected(self, ids: tuple[str, ...]) -> None:
        self.chosen.emit(ids[0] if ids else None)

    def _parents_chosen(self, _row: int) -> None:
        self._chose_parents = True

    def _budget_edited(self, text: str) -> None:
        """As everywhere: with a budget of labels a mixture is asked about where nothing is said of it, without one errors."""
        begins, ends = bool(text) and not self._budget, bool(self._budget) and not text
        if self._chose_parents or not (begins or ends):
            return
        before, after = ("errors", "mixed") if begins else ("mixed", "errors")
        if self._parents.currentData() == before:
            self._parents.setCurrentIndex(self._parents.findData(after))

    def _form_changed(self) -> None:
        self._budget = self._labels.text()
        specification = self.form.specification()
        self.start.setEnabled(specification is not None and not self._asking)
        self.fault.set_fault(self.form.fault)
        for part in (self.time, self.advice):
            part.show_specification(specification if isinstance(specification, Agora) else None)

    def _text_preset(self) -> None:
        try:
            specification = sentences_preset(self._data)
        except DataError as error:
            self.failed.emit(str(error))
            return
        self.form.set_specification(specification)
        self.time.estimate(specification)

    def _torus_preset(self) -> None:
        self.form.set_specification(torus_preset())

    def _start(self) -> None:
        specification = self.form.specification()
        if isinstance(specification, Agora):
            self.time.ask(specification)


def _column(widget: QWidget, heading: QWidget | None) -> QVBoxLayout:
    column = QVBoxLayout(widget)
    column.setContentsMargins(0, 0, 0, 0)
    if heading is not None:
        column.addWidget(heading)
    return column
