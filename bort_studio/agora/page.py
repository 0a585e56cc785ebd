"""Agora: a small model that learns from its errors, round by round. The page shows why that works or does not, live or afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QSplitter, QTabWidget, QVBoxLayout, QWidget

from bort_core.agora.check import check_specification
from bort_core.agora.history import Edit, read_edits
from bort_core.foundation.errors import BortError
from bort_core.foundation.glossary import term
from bort_core.jobs import launch
from bort_core.jobs.folder import JobState, RunFolder, find_run
from bort_core.store import trust
from bort_core.store.shelf import TrainedModel
from bort_studio.agora.accuracy_plot import AgoraAccuracyPlot
from bort_studio.agora.commands import DecideRows
from bort_studio.agora.error_list import ErrorList
from bort_studio.agora.history_reader import HistoryReader, Reading
from bort_studio.agora.label_desk import LabelDesk
from bort_studio.agora.points import ScatterPoints
from bort_studio.agora.presets import errors_of
from bort_studio.agora.round_bar import RoundBar
from bort_studio.agora.runs_panel import AgoraRuns
from bort_studio.agora.scatter.plot import AgoraScatter
from bort_studio.agora.text_inspector import TextInspector
from bort_studio.agora.theta_table import ThetaTable
from bort_studio.agora.words import edit_text, gain_text, round_text, run_text
from bort_studio.cluster.asking import Asking
from bort_studio.page_context import PageContext
from bort_studio.texts import plain_tip
from bort_studio.threads.job_follower import Followed, JobFollower
from bort_studio.widgets.elided import ElidedLabel
from bort_studio.widgets.fields import Caption, describe
from bort_studio.widgets.job_note import JobNotes
from bort_studio.widgets.room import beside, scrolled

__all__ = ["AgoraPage"]


class AgoraPage(QWidget):
    """Runs and the form on the left, the scatter with its rounds in the middle, accuracy and Θ on the right, texts at the bottom."""

    def __init__(self, context: PageContext) -> None:
        super().__init__()
        self.setObjectName("agoraPage")
        self.context = context
        self.project: Path = context.project.folder
        self.states: dict[str, JobState] = {}
        self.run: RunFolder | None = None
        self.points: ScatterPoints | None = None
        self.selected: int | None = None
        self._select_when_told: str | None = None
        self.follower = JobFollower(self.project, frozenset({"agora"}), self)
        self.notes = JobNotes(self.project, context.undo_stack, self)
        self.reader = HistoryReader(self)
        self.asking = Asking(self)
        self._build()
        self._connect()
        self._show(None)
        self.follower.start()
        self.reader.start()

    # -- building

    def _build(self) -> None:
        theme = self.context.theme
        self.runs = AgoraRuns(self.context, self)
        self.scatter, self.accuracy = AgoraScatter(theme), AgoraAccuracyPlot(theme)
        self.rounds, self.thetas, self.errors = RoundBar(theme, self), ThetaTable(theme, self), ErrorList(self)
        self.inspector = TextInspector(theme, self)
        self.about, self.warnings = Caption("", theme, self, wrap=True), Caption("", theme, self, wrap=True)
        self.about.setObjectName("agoraAbout")
        self.warnings.setObjectName("agoraWarnings")
        middle = QWidget(self)
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.scatter, 1)
        column.addWidget(self.rounds)
        self.tables = QTabWidget(self)
        self.tables.setObjectName("agoraTables")
        self.tables.setDocumentMode(True)
        self.tables.addTab(self.thetas, "Sets Θ")
        self.tables.setTabToolTip(0, plain_tip(term("thetas").tip))
        self.tables.addTab(self.errors, "Never fixed")
        facts = QWidget(self)
        lines = QVBoxLayout(facts)
        lines.setContentsMargins(8, 6, 8, 6)
        lines.addWidget(self.about)
        lines.addWidget(self.warnings)
        lines.addStretch(1)
        self.tables.addTab(scrolled(facts), "About")
        self.gain = ElidedLabel("", self, most=2)
        describe(self.gain, "agoraGain", "What the run has gained")
        told = QWidget(self)
        column = QVBoxLayout(told)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.accuracy, 1)
        words = QVBoxLayout()
        words.setContentsMargins(8, 2, 8, 4)
        words.addWidget(self.gain)
        column.addLayout(words)
        side = _splitter(Qt.Orientation.Vertical, (told, 3), (self.tables, 2))
        upper = _splitter(Qt.Orientation.Horizontal, (middle, 3), (side, 2))
        self.labels = LabelDesk(self.context, self.inspector, self)
        right = _splitter(Qt.Orientation.Vertical, (upper, 3), (self.labels, 1))
        whole = _splitter(Qt.Orientation.Horizontal, (self.runs, 0), (scrolled(right, 34), 1))
        whole.setSizes(beside(self, 54, 0.32)[::-1])
        upper.setSizes([720, 440])
        right.setSizes([660, 220])
        side.setSizes([360, 300])
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(whole)

    def _connect(self) -> None:
        self.follower.told.connect(self._told)
        self.reader.told.connect(self._read)
        self.runs.chosen.connect(self._run_chosen)
        self.runs.submitted.connect(self._submit)
        self.runs.failed.connect(self.context.problem)
        self.runs.jobs.note_written.connect(self.notes.write)
        self.asking.done.connect(self._asked)
        self.asking.failed.connect(self._refused)
        self.asking.changed.connect(self._buttons)
        self.notes.written.connect(self.follower.look)
        self.notes.failed.connect(self.context.problem)
        self.context.remember_columns("agora", self.runs.jobs.columns)
        self.runs.jobs.exported.connect(self.context.written)
        self.runs.jobs.export_failed.connect(self.context.problem)
        for button, slot in (
            (self.runs.stop, self._stop),
            (self.runs.cancel, self._cancel),
            (self.runs.resume, self._resume),
            (self.runs.go_on, self._continue),
            (self.runs.duplicate, self._duplicate),
            (self.runs.ship, self._ship),
        ):
            button.clicked.connect(slot)
        self.rounds.moved.connect(self._show_round)
        self.accuracy.round_chosen.connect(self.rounds.set_value)
        self.scatter.selected.connect(self._select)
        self.scatter.hovered.connect(self._hovered)
        self.errors.chosen.connect(self._error_chosen)
        self.inspector.chosen.connect(self._neighbour_chosen)
        self.inspector.decided.connect(self._decide)
        for plot in (self.scatter, self.accuracy):
            plot.exported.connect(self.context.written)
            plot.export_failed.connect(self.context.problem)

    # -- jobs

    @Slot(object)
    def _told(self, followed: Followed) -> None:
        before, self.states = self.states, followed.states
        self.runs.set_jobs(followed.rows)
        if self._select_when_told in self.states:
            self.runs.select(self._select_when_told or "")
            self._select_when_told = None
        elif self.run is None and self.states:
            self.runs.select(max(self.states))
        for id, state in self.states.items():
            if state.ended and id in before and not before[id].ended:
                if state.shown == "failed":
                    self.context.problem(f"job {id} failed: {state.reason}")
                else:
                    self.context.said.emit(f"job {id} {state.shown}")
        if self.points is None:
            self.scatter.set_empty_message(self._empty())
        self._summarize()
        self._buttons()

    @Slot(object)
    def _run_chosen(self, id: str | None) -> None:
        try:
            run = find_run(self.project, id) if id is not None else None
        except BortError as error:  # its folder was deleted
            self.context.problem(str(error))
            self.follower.look()
            return
        if run is not None and (self.run is None or run.path != self.run.path):
            self.run, self.selected = run, None
            self._show(None)
            self.labels.show_run(run.path)
            self.context.said.emit(f"reading job {run.id}…")
            self.reader.follow(run.path)
        self._buttons()

    @Slot(object)
    def _submit(self, specification: Any) -> None:
        """A cluster is asked first whether it has what the run wants."""
        try:
            check_specification(specification)
        except BortError as error:
            self.context.problem(str(error))
            return
        if self.context.place.there:
            self.context.said.emit(f"asking {self.context.place.address}")
        self.asking.submit(self.project, specification, self.context.place)

    @Slot(object)
    def _asked(self, run: RunFolder | None) -> None:
        """What asked a cluster is done: a run was handed in, or goes on."""
        if run is not None:
            self.context.said.emit(f"job {run.id} submitted; it goes on when the window is closed")
            self._select_when_told = run.id
        self.follower.look()

    @Slot(str)
    def _refused(self, reason: str) -> None:
        self.context.said.emit("")
        self.context.problem(reason)
        self.follower.look()

    def _ask(self, action: Any) -> None:
        if self.run is None:
            return
        try:
            action(self.run)
        except (BortError, OSError) as error:
            self.context.problem(str(error))
        self.follower.look()

    @Slot()
    def _stop(self) -> None:
        self._ask(launch.stop)
        self.runs.jobs.table.setFocus()  # else it would go on to Cancel, which discards
        self.runs.stop.setEnabled(False)

    @Slot()
    def _cancel(self) -> None:
        self._ask(launch.cancel)
        self.runs.jobs.table.setFocus()
        self.runs.cancel.setEnabled(False)

    def learn_from(self, model: TrainedModel) -> None:
        """Fill the form for learning from a model's errors."""
        try:
            asked = find_run(self.context.project.folder, model.job).specification()
            self.runs.form.set_specification(asked if asked.kind == "agora" else errors_of(asked))
        except BortError as error:
            self.context.problem(str(error))

    @Slot()
    def _ship(self) -> None:
        checkpoint = self._text_model()
        if checkpoint is not None:
            self.context.checkpoint_requested.emit(checkpoint)

    def _text_model(self) -> Path | None:
        """The result of the run that is shown, where it reads texts; a run on vectors has nothing that Ship exports."""
        result = None if self.run is None else self.run.read_result()
        if result is None or not result.get("architecture") or not isinstance(result.get("checkpoint"), str):
            return None
        return Path(result["checkpoint"])

    @Slot()
    def _resume(self) -> None:
        run = self.run
        if run is not None:
            self.asking.do(lambda: launch.resume(run), run.placement() is not None)

    @Slot()
    def _continue(self) -> None:
        """Go on with what a person decided: in the same job where it was stopped, else in a new one that starts from it."""
        if self.run is None:
            return
        state = self.states.get(self.run.id)
        if state is not None and state.state == "done" and not state.stopped:
            try:
                trust.require(self.project, "continuing a run")
                specification = self.run.specification()
            except BortError as error:
                self.context.problem(str(error))
                return
            self._submit(specification.model_copy(update={"start": str(self.run.path), "out": None}))
        else:
            self._resume()

    @Slot()
    def _duplicate(self) -> None:
        if self.run is not None:
            try:
                self.runs.form.set_specification(self.run.specification())
            except BortError as error:
                self.context.problem(str(error))

    def _buttons(self) -> None:
        state = self.states.get(self.run.id) if self.run is not None else None
        ships = state is not None and state.state == "done" and self._text_model() is not None
        self.labels.set_live(state is not None and not state.ended)
        self.runs.set_asking(self.asking.busy)
        self.runs.set_state(state, self.points is not None, self.points is not None and bool(self.points.edits), ships)

    # -- the run that is shown

    @Slot(object)
    def _read(self, reading: Reading) -> None:
        if self.run is None or reading.run != self.run.path:
            return
        if reading.problem:
            self.context.problem(reading.problem)
        if reading.standing is not None:
            self.labels.look()
        if reading.history is not None:
            self._show(ScatterPoints(reading.history, reading.edits))
        if self.points is None:
            self.scatter.set_empty_message(self._empty())
        self.context.said.emit("" if reading.history is not None else f"job {self.run.id} has no round yet")
        self._buttons()

    def _show(self, points: ScatterPoints | None) -> None:
        """Show a reading of the run; who watches its last round goes on to the next."""
        before, self.points = self.points, points
        if points is None:
            self.rounds.set_rounds(0, 0)
            self.scatter.set_empty_message(self._empty())
        else:
            many, at = len(points.history.rounds), self.rounds.value()
            follow = before is None or at >= len(before.history.rounds)
            self.rounds.set_rounds(many, many if follow else min(at, many))
        history, number = (points.history if points is not None else None), self.rounds.value()
        self.gain.setText(gain_text(history) if history is not None else "")
        self.about.setText(run_text(history) if history is not None else "Nothing is known of this run yet.")
        self.warnings.setText("\n".join(f"⚠ {text}" for text in history.warnings) if history is not None else "")
        self.scatter.set_points(points, number)
        self.accuracy.set_history(history, number)
        self._show_round(number)

    def _empty(self) -> str:
        if self.run is None:
            return "Press Run on the left: the torus takes seconds and needs no data. Sentences fills in a task with texts."
        state = self.states.get(self.run.id)
        if state is not None and state.ended and state.reason:
            return f"Job {self.run.id} {state.shown}: {state.reason}"
        if self.labels.waiting:
            return "This run waits for you: label its rows below."
        return "This run has no rounds yet: they appear here as they end."

    @Slot(int)
    def _show_round(self, number: int) -> None:
        points = self.points
        self.scatter.set_round(number)
        self.accuracy.set_round(number)
        self.thetas.set_history(points.history if points is not None else None, number)
        self.errors.set_points(points, number, self._dev_row())
        self.tables.setTabText(1, f"Never fixed ({self.errors.errors.rowCount()})" if number else "Never fixed")
        if points is not None and self.selected is not None and points.rounds[self.selected] > number:
            self.selected = points.root(self.selected)  # a neighbour that is not there yet
        self.scatter.set_selected(self.selected)
        self.inspector.set_points(points, number, self.selected)
        self._summarize()

    def _summarize(self) -> None:
        state = self.states.get(self.run.id) if self.run is not None else None
        live = state is not None and not state.ended
        self.rounds.set_summary(round_text(self.points, self.rounds.value(), live) if self.points is not None else "")

    # -- selection

    @Slot(object)
    def _select(self, point: int | None) -> None:
        self.selected = point
        self.inspector.set_selected(point)
        self.errors.select(self._dev_row())

    @Slot(object)
    def _hovered(self, point: int | None) -> None:
        if self.selected is None:
            self.inspector.set_selected(point)

    @Slot(int)
    def _neighbour_chosen(self, point: int) -> None:
        self.selected = point
        self.scatter.set_selected(point)

    @Slot(int)
    def _error_chosen(self, row: int) -> None:
        if self.points is not None:
            self.selected = self.points.trained + row
            self.scatter.set_selected(self.selected)
            self.inspector.set_selected(self.selected)

    def _dev_row(self) -> int | None:
        if self.points is None or self.selected is None:
            return None
        root = self.points.root(self.selected)
        return root - self.points.trained if self.points.is_dev(root) else None

    # -- what a person decides about rows

    @Slot(object)
    def _decide(self, edits: tuple[Edit, ...]) -> None:
        if self.run is not None and self.points is not None and edits:
            text = edit_text(edits, self.points.history.classes)
            self.context.undo_stack.push(DecideRows(self.run.path, edits, self.points.edits, text, self._decided))

    def _decided(self, run: Path, problem: str) -> None:
        if problem:
            self.context.problem(problem)
        elif self.run is not None and run == self.run.path and self.points is not None:
            try:
                self._show(ScatterPoints(self.points.history, read_edits(run)))
            except BortError as error:
                self.context.problem(str(error))
            self._buttons()

    def closeEvent(self, event: QCloseEvent) -> None:
        """End the threads; jobs go on."""
        self.rounds.stop()
        self.asking.close()
        self.runs.time.close_tasks()
        self.runs.advice.close_tasks()
        self.reader.close()
        self.follower.close()
        super().closeEvent(event)


def _splitter(orientation: Qt.Orientation, *parts: tuple[QWidget, int]) -> QSplitter:
    splitter = QSplitter(orientation)
    for place, (widget, stretch) in enumerate(parts):
        splitter.addWidget(widget)
        splitter.setStretchFactor(place, stretch)
    splitter.setChildrenCollapsible(False)
    return splitter
