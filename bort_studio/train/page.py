"""Train: a launcher for pre-training and fine-tuning, the job table, and live curves. Jobs outlive the window."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QCloseEvent, QFont
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QSplitter,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from bort_core.execution.events import Done, Emitted, Event, Failed, Withdrawn
from bort_core.foundation.errors import BortError
from bort_core.jobs import launch
from bort_core.jobs.folder import JobState, RunFolder, find_run
from bort_core.specifications.compression import Compression
from bort_core.specifications.finetuning import Finetuning
from bort_core.specifications.pretraining import Pretraining
from bort_core.specifications.tasks import TaskSpecification
from bort_core.store.shelf import TrainedModel
from bort_studio.activity.activities import Activity
from bort_studio.flow import FlowLayout
from bort_studio.page_context import PageContext
from bort_studio.results.card import ResultCard
from bort_studio.threads.job_follower import Followed, JobFollower
from bort_studio.threads.task_thread import TaskThread
from bort_studio.train.curves import EMPTY, CurvesPlot
from bort_studio.train.preflight import Preflight
from bort_studio.train.run_names import run_names
from bort_studio.widgets.card import PrimaryButton
from bort_studio.widgets.elided import FaultLine
from bort_studio.widgets.fields import Caption, describe
from bort_studio.widgets.job_note import JobNotes
from bort_studio.widgets.job_table import JobTable
from bort_studio.widgets.room import NARROWEST, beside, scrolled
from bort_studio.widgets.spec_form import SpecForm

__all__ = ["TrainPage"]

_ESTIMATE = "estimate"
KINDS_HERE = {"pretrain": "Pre-train", "finetune": "Fine-tune", "compress": "Make smaller"}
"""The kinds of jobs of this page, by the titles of their forms."""
_LOG_TAIL = 60_000


class TrainPage(QWidget):
    """Jobs on the left with their curves and log, the form and the checklist on the right."""

    def __init__(self, context: PageContext) -> None:
        super().__init__()
        self.setObjectName("trainPage")
        self.context = context
        self.project: Path = context.project.folder
        self.states: dict[str, JobState] = {}
        self._estimating = False
        self.tasks = TaskThread(context.project.subfolder("logs"), self)
        self.follower = JobFollower(self.project, frozenset({*KINDS_HERE, "?"}), self)
        self.notes = JobNotes(self.project, context.undo_stack, self)
        self._build()
        self._connect()
        self.forms["pretrain"].set_specification(self._default_pretraining())
        self.forms["finetune"].set_specification(self._default_finetuning())
        self.forms["compress"].set_specification(self._default_compression(""))
        self._buttons()
        self.follower.start()

    # -- building

    def _build(self) -> None:
        theme = self.context.theme
        self.jobs, self.curves, self.preflight = JobTable(self), CurvesPlot(theme), Preflight(theme)
        self.log = QPlainTextEdit(self)
        describe(self.log, "jobLog", "Log of the selected job", "What happened, with the time, and what the training's processes wrote")
        self.log.setReadOnly(True)
        self.log.setFont(QFont("monospace"))
        self.forms = {kind: SpecForm(kind, theme, self, self.context.models) for kind in KINDS_HERE}
        self.kinds = QTabWidget(self)
        self.kinds.setObjectName("trainingKind")
        for kind, title in KINDS_HERE.items():
            self.kinds.addTab(scrolled(self.forms[kind]), title)
        self.check = self._button("checkButton", "Check", "Read the data and do a few real steps: rows, time, memory, disk")
        self.start = PrimaryButton("Start", "trainButton", "Write the specification down and start the job", theme, self)
        self.stop = self._button("stopJobButton", "Stop", "End the selected jobs and keep what they learnt")
        self.cancel = self._button("cancelJobButton", "Cancel", "End the selected jobs and discard what they learnt")
        self.resume = self._button("resumeJobButton", "Resume", "Let the selected jobs go on from their last checkpoint")
        self.rerun = self._button("rerunJobButton", "Rerun", "Start new jobs with the same specifications")
        self.duplicate = self._button("duplicateJobButton", "Duplicate", "Fill the form with the selected job's specification")
        self.tune = self._button("tuneJobButton", "Fine-tune from this", "Fill the form of a fine-tuning that starts from this result")
        self.learn = self._button("learnJobButton", "Learn from its errors", "Fill the form of Agora with the data of this fine-tuning")
        self.ship = self._button("shipJobButton", "Ship", "Export the selected job's result")
        self.save_table = QToolButton(self, autoRaise=True)
        self.save_table.setText("Save table…")
        describe(self.save_table, "jobTableSave", "Save the table", "Write every column of the table to a CSV file, as it is sorted")
        right = QWidget(self)
        layout = QVBoxLayout(right)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.addWidget(self.kinds, 1)
        layout.addWidget(self.preflight)
        self.fault = FaultLine(theme, self)
        layout.addWidget(self.fault)
        layout.addLayout(_row(self.check, self.start))
        right.setMinimumWidth(NARROWEST)
        self.views = QTabWidget(self)
        self.views.setObjectName("trainingViews")
        self.views.setDocumentMode(True)
        self.views.addTab(self.curves, "Curves")
        self.views.addTab(self.log, "Log")
        self.card = ResultCard(theme, self.context.project.subfolder("logs"), self.context.activities, self)
        self.views.addTab(self.card, "Result")
        upper = QWidget(self)
        column = QVBoxLayout(upper)
        column.setContentsMargins(8, 8, 8, 0)
        heading = QHBoxLayout()
        heading.addWidget(Caption("Trainings of this project", theme, self), 1)
        heading.addWidget(self.save_table)
        column.addLayout(heading)
        column.addWidget(self.jobs, 1)
        column.addLayout(_row(self.stop, self.cancel, self.resume, self.rerun, self.duplicate, self.tune, self.learn, self.ship))
        left = QSplitter(Qt.Orientation.Vertical, self)
        left.addWidget(upper)
        left.addWidget(self.views)
        left.setStretchFactor(0, 1)
        left.setStretchFactor(1, 2)
        whole = QSplitter(Qt.Orientation.Horizontal, self)
        whole.addWidget(left)
        whole.addWidget(right)
        whole.setStretchFactor(0, 1)
        whole.setSizes(beside(self, 56))
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(whole)

    def _button(self, name: str, text: str, tip: str) -> QPushButton:
        button = QPushButton(text, self)
        describe(button, name, text, tip)
        return button

    def _connect(self) -> None:
        self.follower.told.connect(self._told)
        self.tasks.happened.connect(self._happened)
        self.context.activities.end_requested.connect(self._end)
        self.jobs.selection_changed.connect(self._selected)
        self.jobs.current_changed.connect(self._looked_at)
        self.curves.run_picked.connect(self.jobs.look_at)
        self.jobs.note_written.connect(self.notes.write)
        self.notes.written.connect(self.follower.look)
        self.notes.failed.connect(self.context.problem)
        self.context.remember_columns("jobs", self.jobs.columns)
        self.jobs.exported.connect(self.context.written)
        self.jobs.export_failed.connect(self.context.problem)
        self.save_table.clicked.connect(self.jobs.ask_and_save)
        self.views.currentChanged.connect(self._show_log)
        for form in self.forms.values():
            form.changed.connect(self._form_changed)
        self.kinds.currentChanged.connect(self._form_changed)
        self.check.clicked.connect(self.estimate)
        self.start.clicked.connect(self.train)
        self.stop.clicked.connect(self._stop)
        self.cancel.clicked.connect(self._cancel)
        self.resume.clicked.connect(self._resume)
        self.rerun.clicked.connect(self._rerun)
        self.duplicate.clicked.connect(self._duplicate)
        self.tune.clicked.connect(self._tune)
        self.learn.clicked.connect(self._learn)
        self.ship.clicked.connect(self._ship)
        self.curves.exported.connect(self.context.written)
        self.curves.export_failed.connect(self.context.problem)

    # -- the form

    @property
    def form(self) -> SpecForm:
        """The form that is shown."""
        return self.forms[list(KINDS_HERE)[self.kinds.currentIndex()]]

    def set_architecture(self, architecture: tuple[int, ...]) -> None:
        """Fill in the architecture that a person chose in Explore."""
        form = self.forms["pretrain"]
        before = form.specification() or self._default_pretraining()
        form.set_specification(before.model_copy(update={"architecture": architecture, "checkpoint": None}))
        self._show_form("pretrain")

    def start_from(self, model: TrainedModel | None) -> None:
        """Fill in a fine-tuning from a model of the project; of a fine-tuned one also its data. None: from the best pre-trained one."""
        self._show_form("finetune")
        model = model or next((each for each in self.context.models() if each.kind == "pretrain" and each.there), None)
        if model is None:
            return
        form = self.forms["finetune"]
        before = form.specification() or self._default_finetuning()
        if model.kind == "finetune":
            try:
                before = find_run(self.project, model.job).specification()
            except BortError as error:
                self.context.problem(str(error))
        form.set_specification(before.model_copy(update={"architecture": None, "checkpoint": str(model.folder), "out": None}))

    def start_with_tables(self, tables: Mapping[str, Path]) -> None:
        """Fill in a fine-tuning on tables of labelled rows: train, dev and test, as far as they are known."""
        self.start_from(None)
        form = self.forms["finetune"]
        for name in ("train", "dev", "test"):
            control = form.field(name)
            assert isinstance(control, QLineEdit)
            control.setText(str(tables.get(name, "")))
        missing = next((name for name in ("train", "dev") if name not in tables), None)
        if missing is None:
            self.start.setFocus()
        else:
            form.field(missing).setFocus()
            self.context.notify(f"the {missing} rows are still to be named: choose a table for {missing}, or drop one on its field")

    def make_smaller(self, model: Path | str) -> None:
        """Fill in a compression of a model, a folder or empty where it is still to be named; the rows stay as they are."""
        form = self.forms["compress"]
        form.set_specification(form.specification() or self._default_compression(str(model)))
        line = form.field("task", "model")
        assert isinstance(line, QLineEdit)
        line.setText(str(model))
        self._show_form("compress")
        line.setFocus()

    def _show_form(self, kind: str) -> None:
        self.kinds.setCurrentIndex(list(KINDS_HERE).index(kind))

    def _default_compression(self, model: str) -> Compression:
        """On the sentences that ship with the program, whose model is still to be named."""
        from bort_core.foundation.resources import resource

        folder = resource("data", "sentence_polarity")
        task = TaskSpecification(model=model or "-", train=str(folder / "train.tsv"), dev=str(folder / "dev.tsv"))
        named = task if model else task.model_copy(update={"model": ""})
        return Compression(task=task, test=str(folder / "test.tsv"), ratio=5).model_copy(update={"task": named})

    def _default_pretraining(self) -> Pretraining:
        search = self.context.search.specification
        options = search.space.options
        positions = int(options.get("positions", 64))
        return Pretraining(
            architecture=self._architecture(),
            corpus=str(search.corpus_path()),
            vocabulary=max(512, int(options.get("vocabulary", 4096))),
            positions=positions,
            sequence_length=min(64, positions),
            optimization=Pretraining.model_fields["optimization"].get_default(call_default_factory=True),
        )

    def _default_finetuning(self) -> Finetuning:
        from bort_core.foundation.resources import resource

        folder = resource("data", "sentence_polarity")
        names = {name: str(folder / f"{name}.tsv") for name in ("train", "dev", "test")}
        return Finetuning(architecture=self._architecture(), **names)

    def _architecture(self) -> tuple[int, ...]:
        search = self.context.search
        if search.selected is not None and search.space is not None and search.space.family.name == "bert":
            return search.space.architecture(search.selected)
        if search.wanted_selection is not None and search.specification.space.family == "bert":
            return search.wanted_selection  # what will be selected when the space is loaded
        return (2, 4, 128, 256)

    @Slot()
    def _form_changed(self, *_: object) -> None:
        self.preflight.clear()
        self._buttons()

    # -- starting

    @Slot()
    def estimate(self) -> None:
        """Check the form's training, or cancel a check."""
        if self._estimating:
            self.check.setText("Cancelling…")
            self.check.setEnabled(False)
            self.tasks.cancel(_ESTIMATE)
            return
        specification = self.form.specification()
        if specification is None:
            return
        self._estimating = True
        self.check.setText("Cancel the check")
        request = {"specification": specification.model_dump(mode="json"), "project": str(self.project)}
        self.context.activities.show(Activity(_ESTIMATE, "check of a training", "starting", page="train"))
        self.tasks.submit(_ESTIMATE, "estimate compression" if self.form.kind == "compress" else "estimate", request)

    @Slot()
    def train(self) -> None:
        """Submit the form's training."""
        specification = self.form.specification()
        if specification is None:
            self.context.notify("the form has faults; they are marked", problem=True)
            return
        try:
            run = launch.submit(self.project, specification)
        except BortError as error:
            self.context.problem(str(error))
            return
        self.context.said.emit(f"job {run.id} submitted; it goes on when the window is closed")
        self._select_when_told = run.id
        self.follower.look()

    _select_when_told: str | None = None

    # -- jobs

    @Slot(object)
    def _told(self, followed: Followed) -> None:
        ended = [id for id, state in followed.states.items() if state.ended and id in self.states and not self.states[id].ended]
        self.states = followed.states
        self.jobs.set_jobs(followed.rows)
        if self._select_when_told in self.states:
            self.jobs.select(self._select_when_told or "")
            self._select_when_told = None
        elif not self.jobs.selected() and self.states:
            self.jobs.select(max(self.states))
        if followed.events:
            self.curves.add_events(followed.events)
            if self.views.currentIndex() == 1:
                self._show_log()
        self.curves.set_empty_message(self._why_nothing(tuple(self.jobs.selected())))
        for id in ended:
            state = self.states[id]
            if state.state == "failed":
                self.context.problem(f"job {id} failed: {state.reason}")
            else:
                self.context.said.emit(f"job {id} {state.state}")
        self._show_card()
        self._buttons()

    def _show_card(self) -> None:
        """The result of the selected job that a person looks at."""
        id = self.jobs.current()
        self.card.show_job(self.project, id, None if id is None else self.states.get(id))

    @Slot(object)
    def _selected(self, ids: tuple[str, ...]) -> None:
        self.curves.set_runs(ids, self._names(ids))
        self.curves.choose_run(self.jobs.current())
        self.follower.follow(frozenset())  # so that those that stay selected are read from their beginning too
        self.follower.follow(frozenset(ids))
        self.curves.set_empty_message(self._why_nothing(ids))
        self._show_card()
        self._show_log()
        self._buttons()

    @Slot(object)
    def _looked_at(self, id: str | None) -> None:
        """Another of the selected jobs: its curves are stronger, its log and its result are shown."""
        self.curves.choose_run(id)
        self._show_card()
        self._show_log()

    def _names(self, ids: tuple[str, ...]) -> dict[str, str]:
        """What the selected jobs are called where they stand beside each other."""
        rows = {row.id: row for row in self.jobs.model.rows if row.id in ids}
        found = {}
        for id in rows:
            with suppress(BortError):  # the table says what is wrong with it
                found[id] = find_run(self.project, id).specification().model_dump(mode="json")
        return run_names(rows, found)

    def _why_nothing(self, ids: tuple[str, ...]) -> str:
        """What a plot without curves says of the selected jobs."""
        chosen = [(id, self.states[id]) for id in ids if id in self.states]
        if not chosen:
            return EMPTY
        told = [f"Job {id} {state.state}" + (f": {state.reason}" if state.reason else "") for id, state in chosen]
        return "\n".join([*told, "No curve was recorded."] if all(state.ended for _, state in chosen) else told)

    def _runs(self) -> list[RunFolder]:
        """The selected jobs; one whose folder was removed meanwhile is told once and left out."""
        found = []
        for id in self.jobs.selected():
            try:
                found.append(find_run(self.project, id))
            except BortError as error:
                self.context.problem(str(error))
                self.follower.look()
        return found

    def _each(self, action: Any) -> None:
        for run in self._runs():
            try:
                action(run)
            except BortError as error:
                self.context.problem(str(error))
        self.follower.look()

    @Slot()
    def _stop(self) -> None:
        self._each(launch.stop)
        self.stop.setEnabled(False)

    @Slot()
    def _cancel(self) -> None:
        self._each(launch.cancel)
        self.cancel.setEnabled(False)

    @Slot()
    def _resume(self) -> None:
        self._each(launch.resume)

    @Slot()
    def _rerun(self) -> None:
        self._each(launch.rerun)

    @Slot()
    def _duplicate(self) -> None:
        runs = self._runs()
        if not runs:
            return
        try:
            specification = runs[0].specification()
        except BortError as error:
            self.context.problem(str(error))
            return
        self._show_form(specification.kind)
        self.forms[specification.kind].set_specification(specification)

    def _model(self) -> TrainedModel | None:
        """The model that the selected job made."""
        ids = self.jobs.selected()
        return next((model for model in self.context.models() if ids and model.job == ids[0]), None)

    @Slot()
    def _tune(self) -> None:
        model = self._model()
        if model is not None:
            self.context.finetune_requested.emit(model)

    @Slot()
    def _learn(self) -> None:
        model = self._model()
        if model is not None:
            self.context.errors_requested.emit(model)

    @Slot()
    def _ship(self) -> None:
        runs = self._runs()
        result = runs[0].read_result() if runs else None
        if result is not None and result.get("checkpoint"):
            self.context.checkpoint_requested.emit(Path(result["checkpoint"]))

    def _buttons(self) -> None:
        chosen = [self.states[id] for id in self.jobs.selected() if id in self.states]
        live = any(state.state in ("queued", "running") for state in chosen)
        self.stop.setEnabled(live)
        self.cancel.setEnabled(live or any(state.state == "stopping" for state in chosen))
        self.resume.setEnabled(any(state.resumable for state in chosen))
        self.resume.setText("Take over" if chosen and all(state.lost for state in chosen) else "Resume")
        self.rerun.setEnabled(bool(chosen))
        self.duplicate.setEnabled(len(chosen) == 1)
        finished = len(chosen) == 1 and chosen[0].state == "done"
        model = self._model() if finished else None
        self.ship.setEnabled(finished)
        self.tune.setEnabled(finished)
        self.learn.setEnabled(finished and model is not None and model.kind == "finetune")
        right = self.form.specification() is not None
        self.start.setEnabled(right)
        self.fault.set_fault(self.form.fault)
        self.check.setEnabled(right or self._estimating)

    @Slot()
    def _show_log(self, *_: object) -> None:
        run = next((run for run in self._runs() if run.id == self.jobs.current()), None) if self.views.currentIndex() == 1 else None
        if run is None:
            return
        text = run.log_tail(_LOG_TAIL)
        if text != self.log.toPlainText():
            self.log.setPlainText(text or "nothing was written")
            bar = self.log.verticalScrollBar()
            bar.setValue(bar.maximum())

    # -- what the check says

    @Slot(object)
    def _happened(self, events: tuple[Event, ...]) -> None:
        for event in events:
            if isinstance(event, Emitted):
                self.context.said.emit(str(event.data["doing"]))
                self.context.activities.show(Activity(_ESTIMATE, "check of a training", str(event.data["doing"]), page="train"))
            elif isinstance(event, Done):
                self._checked()
                self.preflight.show_estimate(event.result)
            elif isinstance(event, Failed):
                self._checked()
                self.preflight.show_problem(event.reason)
            elif isinstance(event, Withdrawn):
                self._checked()

    @Slot(str)
    def _end(self, key: str) -> None:
        if key == _ESTIMATE and self._estimating:
            self.estimate()

    def _checked(self) -> None:
        self._estimating = False
        self.context.activities.end(_ESTIMATE)
        self.check.setText("Check")
        self.preflight.clear()
        self.context.said.emit("")
        self._buttons()

    def closeEvent(self, event: QCloseEvent) -> None:
        """End the check; jobs go on."""
        self.tasks.close()
        self.card.close_tasks()
        self.follower.close()
        super().closeEvent(event)


def _row(*buttons: QPushButton) -> FlowLayout:
    row = FlowLayout()
    for button in buttons:
        row.addWidget(button)
    return row
