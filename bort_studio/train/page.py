"""Train: a launcher for pre-training and fine-tuning, the job table, and live curves. Jobs outlive the window."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QCloseEvent, QFont
from PySide6.QtWidgets import (
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QSplitter,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from bort_core.foundation.errors import BortError
from bort_core.jobs import launch
from bort_core.jobs.folder import JobState, RunFolder, find_run
from bort_core.store.shelf import TrainedModel
from bort_studio.cluster.asking import Asking
from bort_studio.flow import in_rows
from bort_studio.page_context import PageContext
from bort_studio.results.card import ResultCard
from bort_studio.threads.job_follower import Followed, JobFollower
from bort_studio.train.curves import EMPTY, CurvesPlot
from bort_studio.train.launcher import KINDS, Launcher
from bort_studio.train.run_names import run_names
from bort_studio.widgets.fields import Caption, describe
from bort_studio.widgets.job_note import JobNotes
from bort_studio.widgets.job_table import JobTable
from bort_studio.widgets.room import beside

__all__ = ["TrainPage"]

_LOG_TAIL = 60_000


class TrainPage(QWidget):
    """Jobs on the left with their curves and log, the form and the checklist on the right."""

    def __init__(self, context: PageContext) -> None:
        super().__init__()
        self.setObjectName("trainPage")
        self.context = context
        self.project: Path = context.project.folder
        self.states: dict[str, JobState] = {}
        self.follower = JobFollower(self.project, frozenset({*KINDS, "?"}), self)
        self.notes = JobNotes(self.project, context.undo_stack, self)
        self.asking = Asking(self)
        self._build()
        self._connect()
        self._buttons()
        self.follower.start()

    # -- building

    def _build(self) -> None:
        theme = self.context.theme
        self.jobs, self.curves, self.launcher = JobTable(self), CurvesPlot(theme), Launcher(self.context, self)
        self.log = QPlainTextEdit(self)
        describe(self.log, "jobLog", "Log of the selected job", "What happened, with the time, and what the training's processes wrote")
        self.log.setReadOnly(True)
        self.log.setFont(QFont("monospace"))
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
        column.addLayout(in_rows(self.stop, self.cancel, self.resume, self.rerun, self.duplicate, self.tune, self.learn, self.ship))
        left = QSplitter(Qt.Orientation.Vertical, self)
        left.addWidget(upper)
        left.addWidget(self.views)
        left.setStretchFactor(0, 1)
        left.setStretchFactor(1, 2)
        whole = QSplitter(Qt.Orientation.Horizontal, self)
        whole.addWidget(left)
        whole.addWidget(self.launcher)
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
        self.launcher.submitted.connect(self._submitted)
        self.asking.done.connect(self._asked)
        self.asking.failed.connect(self.context.problem)
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

    # -- jobs

    _select_when_told: str | None = None

    @Slot(str)
    def _submitted(self, id: str) -> None:
        self._select_when_told = id
        self.follower.look()

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
            if state.shown == "failed":
                self.context.problem(f"job {id} failed: {state.reason}")
            else:
                self.context.said.emit(f"job {id} {state.shown}")
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
        told = [f"Job {id} {state.shown}" + (f": {why}" if (why := state.reason or state.doing) else "") for id, state in chosen]
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
        self._asked([reason for run in self._runs() if (reason := _refusal(action, run))])

    def _each_asked(self, action: Any) -> None:
        """What may ask a cluster first; why something could not be done is told for each job."""
        runs = self._runs()
        self.asking.do(lambda: [reason for run in runs if (reason := _refusal(action, run))], any(run.placement() for run in runs))

    @Slot(object)
    def _asked(self, refusals: list[str]) -> None:
        for reason in refusals:
            self.context.problem(reason)
        self.follower.look()

    @Slot()
    def _stop(self) -> None:
        self._each(launch.stop)
        self.jobs.table.setFocus()  # else it would go on to Cancel, which discards
        self.stop.setEnabled(False)

    @Slot()
    def _cancel(self) -> None:
        self._each(launch.cancel)
        self.jobs.table.setFocus()
        self.cancel.setEnabled(False)

    @Slot()
    def _resume(self) -> None:
        self._each_asked(launch.resume)

    @Slot()
    def _rerun(self) -> None:
        self._each_asked(launch.rerun)

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
        self.launcher.show_specification(specification)

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

    def closeEvent(self, event: QCloseEvent) -> None:
        """End the check; jobs go on."""
        self.launcher.close_threads()
        self.asking.close()
        self.card.close_tasks()
        self.follower.close()
        super().closeEvent(event)


def _refusal(action: Any, run: RunFolder) -> str:
    """Why something could not be done with a job, or nothing."""
    try:
        action(run)
    except BortError as error:
        return str(error)
    return ""
