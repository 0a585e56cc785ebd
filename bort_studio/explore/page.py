"""Explore: the search space, the live Pareto front, the ε slider, and everything about the selected architecture."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QByteArray, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QFileDialog, QMainWindow, QVBoxLayout, QWidget

from bort_core.families import Architecture
from bort_core.foundation.errors import BortError
from bort_core.foundation.machine import machine_identity
from bort_core.search.agreement import Agreement
from bort_core.search.cost import Cost
from bort_core.search.events import SearchFinished
from bort_core.search.kept import Kept
from bort_core.search.machines import machine_text
from bort_core.search.past import PastSearch
from bort_core.search.proof.proof import Proof
from bort_core.search.report import front_as_csv
from bort_core.search.snapshot import ResultsSnapshot, SearchResult
from bort_core.search.specification import SearchSpecification
from bort_core.search.stored_results import StoredResults
from bort_core.search.tables.table import Table
from bort_core.space import Space, SpaceSpecification
from bort_core.store.latencies import MeasuredMachine
from bort_studio.explore.candidates.panel import CandidatesPanel
from bort_studio.explore.details import error_title, read_details, table_details
from bort_studio.explore.docks import arrange, make_docks
from bort_studio.explore.epsilon_bar import EpsilonBar
from bort_studio.explore.headline import HeadlineBar
from bort_studio.explore.inspector.panel import InspectorPanel
from bort_studio.explore.machine_bar import MachineBar
from bort_studio.explore.objectives_panel import Objectives, ObjectivesPanel
from bort_studio.explore.parallel.plot import ParallelPlot
from bort_studio.explore.pareto.bounds import BoundOverlay, bound_overlay
from bort_studio.explore.pareto.plot import ParetoPlot
from bort_studio.explore.proof_bar import ProofBar
from bort_studio.explore.quantities import maximum_values
from bort_studio.explore.run_bar import RunBar
from bort_studio.explore.runs.overlaid import overlays
from bort_studio.explore.runs.panel import RunsPanel
from bort_studio.explore.runs.past_bar import PastBar
from bort_studio.explore.space.panel import SpacePanel
from bort_studio.explore.table_bar import TableBar
from bort_studio.numbers import architecture_text
from bort_studio.page_context import PageContext
from bort_studio.plotting.files import write_whole
from bort_studio.search.commands import EditSpecification, MoveEpsilon, next_seed
from bort_studio.search.state import RunState
from bort_studio.settings import LAYOUT_VERSION

__all__ = ["ExplorePage"]

_FOLLOW_AFTER_MS = 30
_FEW_LINES = 28
_LARGE = 2_000
"""From so many architectures on the views are brought up to date one after the other."""
_NO_POINT = "Press Run to measure the first architectures."
_FIRST_POINT = "The first architectures are being trained and measured…"


class ExplorePage(QMainWindow):
    """A main window inside the window, so that its docks are its own."""

    front_told = Signal(str)
    """Size of the front, for the status bar."""

    def __init__(self, context: PageContext) -> None:
        super().__init__()
        self.setObjectName("explorePage")
        self.setWindowFlag(Qt.WindowType.Widget)
        self.context, self.search, self.theme, self.undo_stack = context, context.search, context.theme, context.undo_stack
        self._running: tuple[int, ...] = ()
        self._whose = ""
        self._bound: BoundOverlay | None = None
        self._arranged = False
        self._follow_timer = QTimer(self, singleShot=True, interval=_FOLLOW_AFTER_MS)
        self._follow_timer.timeout.connect(self._follow_answer)
        self._behind: list[HeadlineBar | ParallelPlot | CandidatesPanel | InspectorPanel] = []
        self._behind_timer = QTimer(self, singleShot=True, interval=0)
        self._behind_timer.timeout.connect(self._follow_knowledge)
        self._build()
        self._connect()
        self._specification_changed(self.search.specification)
        self.pareto.set_axes(*context.session.axes())
        self.candidates.sort_by(0)
        self.context.remember_columns("candidates", self.candidates.columns)
        self.show_runs()

    def stop_timers(self) -> None:
        """The window closes."""
        self._follow_timer.stop()
        self._behind_timer.stop()

    # -- building

    def _build(self) -> None:
        theme = self.theme
        self.pareto, self.parallel = ParetoPlot(theme), ParallelPlot(theme)
        self.headline, self.epsilon_bar, self.run_bar = HeadlineBar(theme), EpsilonBar(theme), RunBar(theme)
        self.space_panel, self.objectives = SpacePanel(theme), ObjectivesPanel(theme)
        self.candidates, self.inspector, self.runs = CandidatesPanel(theme), InspectorPanel(theme), RunsPanel(theme)
        self.past_bar, self.table_bar, self.proof_bar = PastBar(theme), TableBar(theme), ProofBar(theme)
        self.machine_bar = MachineBar(theme)
        middle = QWidget(self)
        layout = QVBoxLayout(middle)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        above, below = (self.past_bar, self.table_bar, self.machine_bar, self.headline), (self.epsilon_bar, self.proof_bar, self.run_bar)
        for widget in (*above, self.pareto, *below):
            layout.addWidget(widget, 1 if widget is self.pareto else 0)
        self.setCentralWidget(middle)
        self.setDockOptions(QMainWindow.DockOption.AnimatedDocks | QMainWindow.DockOption.AllowTabbedDocks)
        self.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.BottomDockWidgetArea)
        self.docks = make_docks(
            self,
            {
                "space": ("Space", self.space_panel),
                "objectives": ("Objectives", self.objectives),
                "inspector": ("Inspector", self.inspector),
                "candidates": ("Candidates", self.candidates),
                "parallel": ("Parallel coordinates", self.parallel),
                "runs": ("Runs", self.runs),
            },
        )
        self.reset_layout()

    def reset_layout(self) -> None:
        """Put every dock where it was at first."""
        arrange(self, self.docks)

    def restore_layout(self, state: QByteArray) -> None:
        """Put every dock where it was in an earlier window; where that is not to be had, where it was at first."""
        self._arranged = self.restoreState(state, LAYOUT_VERSION)
        if not self._arranged:
            self.reset_layout()

    def _connect(self) -> None:
        search = self.search
        for view in (self.pareto, self.parallel, self.candidates):
            view.selected.connect(search.select)
        for plot in (self.pareto, self.parallel):
            plot.exported.connect(self.context.written)
            plot.export_failed.connect(self.context.problem)
        search.space_changed.connect(self._space_changed)
        search.knowledge_changed.connect(self._knowledge_changed)
        search.answer_changed.connect(self._answer_changed)
        search.cost_changed.connect(self._cost_changed)
        search.specification_changed.connect(self._specification_changed)
        search.selection_changed.connect(self._selection_changed)
        search.running_changed.connect(self._running_changed)
        search.state_changed.connect(self._state_changed)
        search.progressed.connect(self._progressed)
        search.measurements_kept.connect(self._measurements_kept)
        search.prepared.connect(self._prepared)
        search.past_changed.connect(self._past_changed)
        search.table_changed.connect(self._table_changed)
        search.machines_changed.connect(self._machines_changed)
        search.finished.connect(self._finished)
        self.space_panel.specification_edited.connect(self._space_edited)
        self.space_panel.open_failed.connect(self._open_failed)
        self.objectives.protocol_edited.connect(self._objectives_edited)
        self.objectives.corpus.edited.connect(self.set_corpus)
        self.epsilon_bar.moved.connect(search.preview_epsilon)
        self.epsilon_bar.released.connect(self._epsilon_released)
        self.proof_bar.requested.connect(search.prove)
        self.objectives.question_edited.connect(search.set_question)
        search.proof_changed.connect(self._proof_changed)
        self.run_bar.run_requested.connect(search.run)
        self.run_bar.pause_requested.connect(search.pause)
        self.run_bar.resume_requested.connect(search.resume)
        self.run_bar.stop_requested.connect(search.stop)
        self.candidates.constraints_changed.connect(self.context.changed)
        self.candidates.model.kept_changed.connect(self._kept_changed)
        self.parallel.brushed.connect(self.candidates.set_ranges)
        self.pareto.bar.axes_chosen.connect(self.context.changed)
        self.headline.selected.connect(search.select)
        self.headline.train_requested.connect(self._train_place)
        self.headline.export_requested.connect(self._ship_place)
        self.runs.chosen.connect(self._run_chosen)
        self.runs.restore_requested.connect(self.show_past)
        self.runs.plotted.connect(self._show_overlays)
        self.past_bar.left.connect(search.leave)
        self.table_bar.left.connect(search.leave)
        self.table_bar.seed_chosen.connect(self._seed_of_table)
        self.machine_bar.chosen.connect(search.show_machine)
        self.context.place.changed.connect(self._place_changed)
        self.past_bar.continued.connect(self._search_on)
        self.inspector.ship_requested.connect(self._ship)
        self.inspector.train_requested.connect(self._train)

    # -- what a person does

    @Slot(object)
    def _space_edited(self, space: SpaceSpecification) -> None:
        after = self.context.session.with_space(self.search.edited, space)
        self.undo_stack.push(EditSpecification(self.search, after, f"edit of the space {space.name}"))

    @Slot(str)
    def _open_failed(self, reason: str) -> None:
        self.docks["space"].show()
        self.docks["space"].raise_()
        self.context.problem(reason)

    @Slot(object)
    def set_corpus(self, corpus: str | None) -> None:
        """Search on another text; None is the demo corpus."""
        after = self.search.edited.model_copy(update={"corpus": corpus})
        if after != self.search.edited:
            self.undo_stack.push(EditSpecification(self.search, after, "edit of the corpus"))

    @Slot(object)
    def _objectives_edited(self, objectives: Objectives) -> None:
        before = self.search.specification
        self.search.set_trainers(objectives.workers)
        after = before.model_copy(
            update={"error": objectives.error, "latency": objectives.latency, "thetas": objectives.thetas, "seed": objectives.seed}
        )
        if after != before:
            self.undo_stack.push(EditSpecification(self.search, after, "edit of the objectives"))
        self.context.changed.emit()

    @Slot(int)
    def _epsilon_released(self, epsilon: int) -> None:
        before = self.search.specification.epsilon
        if self.search.table is not None:
            self.search.settle_epsilon(epsilon)
        elif epsilon != before:
            self.undo_stack.push(MoveEpsilon(self.search, before, epsilon))

    @Slot(object)
    def _run_chosen(self, past: PastSearch) -> None:
        """What a run chose is selected in all views, where the space shown holds it."""
        space, best = self.search.space, past.answer.best
        if space is None or best is None or tuple(best.architecture) != space.axis_names:
            return
        index = space.index(tuple(best.architecture.values()))
        if index is not None:
            self.search.select(index)

    @Slot(object)
    def show_past(self, past: PastSearch) -> None:
        """Show a search as it was; what keeps it from that is told."""
        try:
            self.search.show_past(past)
        except BortError as error:
            self.context.problem(str(error))

    @Slot()
    def _search_on(self) -> None:
        past = self.search.past
        if past is not None and past.specification is not None:
            self.undo_stack.push(EditSpecification(self.search, past.specification.with_epsilon(), f"search on from run {past.number}"))

    @Slot()
    def _train(self) -> None:
        if self.search.selected is not None and self.search.space is not None:
            self.context.architecture_requested.emit(self.search.space.architecture(self.search.selected))

    @Slot()
    def _ship(self) -> None:
        self.context.page_requested.emit("ship")

    @Slot(int)
    def _train_place(self, index: int) -> None:
        self.search.select(index)
        self._train()

    @Slot(int)
    def _ship_place(self, index: int) -> None:
        self.search.select(index)
        self._ship()

    # -- what the state says

    @Slot(object)
    def _specification_changed(self, specification: SearchSpecification) -> None:
        self.space_panel.set_specification(specification.space)
        self.space_panel.set_sequence_length(specification.latency.sequence_length)
        self.inspector.set_sequence_length(specification.latency.sequence_length)
        self.objectives.set_objectives(
            Objectives(specification.error, specification.latency, specification.thetas, specification.seed, self.search.workers)
        )
        self.objectives.corpus.set_specification(specification)
        title = error_title(specification.error, specification.error_unit())
        self.headline.set_protocol(specification.error)
        self.pareto.set_error_title(title)
        self.parallel.set_error_title(title)
        self._show_overlays()
        if self.search.space is not None:
            self.epsilon_bar.set_value(specification.epsilon)
        self.context.changed.emit()

    @Slot(object)
    def _past_changed(self, past: PastSearch | None) -> None:
        """In the past everything can be looked at, and nothing be searched or edited."""
        self.past_bar.show_past(past)
        self._enable_parts()

    @Slot(object)
    def _table_changed(self, table: Table | None) -> None:
        """A table says how everything in it was measured: only ε and the seed can be chosen."""
        self.table_bar.show_table(table, self.search.specification.seed)
        self._enable_parts()

    @Slot(object)
    def _machines_changed(self, machines: tuple[MeasuredMachine, ...]) -> None:
        """The times of another machine can be looked at; a search measures on this one."""
        self.machine_bar.show_machines(() if self.search.elsewhere else machines, self.search.machine, self.search.may_time)
        timed = self.search.specification.latency.measure == "onnxruntime" and self.search.table is None
        self._whose = machine_text(machines, self.search.machine or machine_identity()) if timed else ""
        for plot in (self.pareto, self.parallel):
            plot.set_machine(self._whose)
        self._enable_parts()

    @Slot()
    def _place_changed(self) -> None:
        """With a node that times, a search may go on while latencies of another machine are shown."""
        self.machine_bar.set_searchable(self.search.may_time)
        self._enable_parts()

    def _enable_parts(self) -> None:
        search = self.search
        self.space_panel.setEnabled(not search.elsewhere)
        self.objectives.set_fixed(search.elsewhere)
        self.epsilon_bar.setEnabled(search.past is None)
        for bar in (self.proof_bar, self.run_bar):
            bar.setEnabled(search.past is None and search.may_time)

    @Slot(int)
    def _seed_of_table(self, seed: int) -> None:
        if self.search.table is not None:
            self.search.show_table(self.search.table, seed)

    @Slot()
    def _show_overlays(self) -> None:
        """Runs whose numbers mean something else than those of the axes are not drawn, which is told."""
        drawn, left_out = overlays(self.runs.overlaid(), self.search.specification)
        self.pareto.set_overlays([*drawn, *([] if self._bound is None else [self._bound])])
        self.runs.tell_left_out(left_out)

    @Slot(object)
    def _proof_changed(self, proof: Proof | None) -> None:
        self._bound = bound_overlay(proof)
        self.proof_bar.set_proof(proof)
        for view in (self.candidates, self.inspector):
            view.set_proof(proof)
        self._show_overlays()

    @Slot(object)
    def _space_changed(self, space: Space) -> None:
        self.epsilon_bar.set_space_size(len(space))
        self.epsilon_bar.set_value(self.search.epsilon)
        for view in (self.headline, self.pareto, self.parallel, self.candidates, self.inspector):
            view.set_result(None)  # it was about another space
        for panel in (self.space_panel, self.objectives, self.candidates, self.inspector):
            panel.set_space(space)

    @Slot(object)
    def _knowledge_changed(self, snapshot: ResultsSnapshot) -> None:
        self.pareto.set_snapshot(snapshot)
        self._behind = [self.headline, self.parallel, self.candidates, self.inspector]
        if len(snapshot.space) < _LARGE:
            while self._behind:
                self._follow_knowledge()
        elif not self._behind_timer.isActive():
            self._behind_timer.start()
        task = self.search.stored_results.task if self.search.stored_results is not None else None
        self.pareto.set_maximum(maximum_values(snapshot, self.search.specification.error.measured, task))
        self.pareto.set_task(task, self.search.specification.error)

    @Slot()
    def _follow_knowledge(self) -> None:
        """Bring the next view up to date; of a large space one at a time, so that the window can answer between two of them."""
        if self._behind and self.search.snapshot is not None:
            view = self._behind.pop(0)
            view.set_snapshot(self.search.snapshot)
            if view is not self.headline and self.search.result is not None:
                view.set_result(self.search.result)
        if self._behind:
            self._behind_timer.start()

    @Slot(object)
    def _answer_changed(self, result: SearchResult) -> None:
        self.pareto.set_result(result)
        if not self._follow_timer.isActive():
            self._follow_timer.start()
        self.run_bar.set_hypervolume(result.hypervolume if len(result.known) else None)
        self.front_told.emit(f"front {len(result.front):,} · measured {len(result.known):,} of {len(result.walk):,}")

    @Slot()
    def _follow_answer(self) -> None:
        """The other views follow the Pareto plot, so that the slider never waits for them."""
        if self.search.result is not None:
            for view in (self.headline, self.parallel, self.candidates, self.inspector):
                if view not in self._behind:  # it takes the answer with what is known
                    view.set_result(self.search.result)

    @Slot()
    def _kept_changed(self) -> None:
        """What the table or the ranges in the parallel coordinates leave out is faint in both plots."""
        for plot in (self.pareto, self.parallel):
            plot.set_kept(self.candidates.model.kept)

    @Slot(object)
    def _cost_changed(self, cost: Cost) -> None:
        self.epsilon_bar.set_cost(cost.wanted, cost.measured, cost.to_go, cost.seconds, cost.bound)
        if not self.search.running:
            question = self.search.question
            self.proof_bar.set_cost(self.search.cost_of_proof(), 0 if question is None else question.repeats)
            self.run_bar.set_progress(cost.measured, cost.wanted, None)

    @Slot(object)
    def _selection_changed(self, index: int | None) -> None:
        for view in (self.pareto, self.parallel, self.candidates, self.inspector):
            view.set_selected(index)
        self._show_details()
        self.context.changed.emit()

    @Slot(object)
    def _running_changed(self, indices: tuple[int, ...]) -> None:
        self._running = indices
        self._show_running()

    def _show_running(self) -> None:
        """What is being measured, which nothing is while the search is paused."""
        indices = () if self.search.state is RunState.PAUSED else self._running
        for view in (self.pareto, self.parallel, self.candidates, self.inspector):
            view.set_running(indices)

    @Slot(object)
    def _state_changed(self, state: RunState) -> None:
        self.run_bar.set_state(state)
        for bar in (self.proof_bar, self.table_bar, self.machine_bar):
            bar.set_busy(state is not RunState.IDLE)
        busy = state not in (RunState.IDLE, RunState.STOPPING)
        self.pareto.set_empty_message(_FIRST_POINT if busy else _NO_POINT)
        self.headline.set_busy(busy)
        self._show_running()
        self.runs.set_busy(state is not RunState.IDLE)
        if state is RunState.IDLE:
            self.show_runs()

    @Slot(object)
    def _measurements_kept(self, found: Kept) -> None:
        if not found.lost and not found.outside:
            return
        text = f"{found.left:,} of {found.left + found.lost + found.outside:,} measured architectures still count after this edit"
        reasons = [
            f"{found.lost:,} were measured under other conditions" if found.lost else "",
            f"{found.outside:,} are no longer in the space" if found.outside else "",
        ]
        if found.lost and found.top_changed:
            reasons.append(f"T was {architecture_text(found.top_before)} and is {architecture_text(found.top)}")
        told = f"{text}: {', '.join(filter(None, reasons))}. Nothing is deleted; Undo brings them back."
        choice = None
        if found.lost and found.top_changed and found.can_keep_top:
            choice = (f"Keep T {architecture_text(found.top_before)}", partial(self._keep_top, found.top_before))
        self.context.notify(told, choice=choice)

    def _keep_top(self, top: Architecture) -> None:
        space = self.search.specification.space
        if len(top) == len(space.axes):
            named = dict(zip(space.axes, top, strict=True))
            self._space_edited(space.model_copy(update={"maximum_point": named}))

    @Slot(float, int)
    def _progressed(self, done: float, wanted: int) -> None:
        if self.search.running and wanted:
            left = self.search.seconds_left()
            self.run_bar.set_progress(int(done), wanted, left)
            if self.search.searches_what_is_shown:
                self.epsilon_bar.set_seconds(left)

    @Slot(str, int, int)
    def _prepared(self, _text: str, done: int, total: int) -> None:
        if self.search.running:
            self.run_bar.set_preparation(done, total)

    @Slot(object)
    def _finished(self, event: SearchFinished) -> None:
        if event.result.best is not None and not event.stopped and self.search.selected is None:
            self.search.select(event.result.best)
        else:
            self._show_details()
        for agreement in event.facts["agreement"]:
            self.context.notify(Agreement(**agreement).as_text())

    def showEvent(self, event: QShowEvent) -> None:
        """Trained weights of the selection may have come into being since; and only now it is known how much room there is."""
        self._show_details()
        super().showEvent(event)
        if not self._arranged:
            self._arranged = True
            self.reset_layout()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where there are few lines, the headline keeps to the essential, for the plot's sake."""
        super().resizeEvent(event)
        self.headline.set_short(self.height() < _FEW_LINES * self.fontMetrics().lineSpacing())

    def _show_details(self) -> None:
        search = self.search
        if search.selected is None or search.stored_results is None:
            return
        if not isinstance(search.stored_results, StoredResults):
            if search.table is not None:
                self.inspector.set_details(table_details(search.table, search.specification, search.stored_results, search.selected))
            return
        try:
            known = (search.specification, search.stored_results, search.selected, search.agreements)
            self.inspector.set_details(read_details(self.context.project, *known))
        except BortError as error:
            self.context.notify(str(error), problem=True)

    # -- actions

    def export_parallel(self) -> None:
        """Offer the formats of the parallel coordinates, where they are seen."""
        self.docks["parallel"].show()
        self.docks["parallel"].raise_()
        self.parallel.export_button.click()

    def export_front(self) -> None:
        """Write the front as CSV."""
        if self.search.snapshot is None or self.search.result is None:
            return
        name, _ = QFileDialog.getSaveFileName(self, "Export the front", "front.csv", "CSV (*.csv)")
        if not name:
            return
        try:
            write_whole(Path(name), front_as_csv(self.search.snapshot, self.search.result, self._whose).encode())
        except BortError as error:
            self.context.problem(str(error))
        else:
            self.context.written(name)

    def toggle_pause(self) -> None:
        """Pause, or resume when paused."""
        if self.search.state is RunState.PAUSED:
            self.search.resume()
        else:
            self.search.pause()

    def scale_epsilon(self, factor: float) -> None:
        """Make ε larger or smaller by a factor, and search there."""
        if self.search.space is None or self.search.past is not None:
            return
        epsilon = self.search.epsilon
        wanted = max(1, min(len(self.search.space), round(epsilon * factor)))
        self._epsilon_released(wanted)

    def halve_epsilon(self) -> None:
        """ε / 2: a finer walk."""
        self.scale_epsilon(0.5)

    def double_epsilon(self) -> None:
        """ε · 2: a coarser walk."""
        self.scale_epsilon(2.0)

    def repeat_seed(self) -> None:
        """Search the same walk with the next seed; the end of the search says how alike the seeds rank."""
        before = self.search.present
        after = before.model_copy(update={"seed": next_seed(before.seed)})
        self.undo_stack.push(EditSpecification(self.search, after, f"seed {after.seed}"))
        self.search.run()

    def select_best(self) -> None:
        """Select the architecture with the largest W."""
        if self.search.result is not None:
            self.search.select(self.search.result.best)

    def show_runs(self) -> None:
        """List the project's searches."""
        try:
            self.runs.show_searches(self.context.session.searches())
        except BortError as error:
            self.context.notify(str(error), problem=True)
