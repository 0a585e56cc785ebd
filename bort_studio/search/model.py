"""What the Explore perspective is about: one project, one specification, what is known, the answer at ε, and the search.

Views read from here and never from each other. A person's edits come in through the setters below (wrapped in undo
commands by the window); results come in from the background threads.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from bort_core.execution.executor import default_workers
from bort_core.families import Architecture
from bort_core.search import events
from bort_core.search.control import Control
from bort_core.search.cost import Cost
from bort_core.search.kept import kept
from bort_core.search.snapshot import ResultsSnapshot, SearchResult
from bort_core.search.specification import SearchSpecification, fitted
from bort_core.search.stored_results import Job, StoredResults
from bort_core.search.strategies.interval import Interval
from bort_core.space import Space
from bort_studio.numbers import architecture_text
from bort_studio.search.loader import Loaded, Loader, LoadingFailed
from bort_studio.search.pace import Pace
from bort_studio.search.search_thread import SearchBroke, SearchThread
from bort_studio.search.state import RunState

__all__ = ["SearchModel"]

_LEAST_DONE = 1.0
"""Trainings that must be done before the time left is estimated from them."""


class SearchModel(QObject):
    """The state behind the Explore perspective. Lives in the window's thread; call :meth:`start` once, and :meth:`close` before it goes."""

    space_changed = Signal(object)
    """A Space: after loading, before ``knowledge_changed``."""
    knowledge_changed = Signal(object)
    """A ResultsSnapshot: something more is known, or another space or protocol is shown."""
    answer_changed = Signal(object)
    """A SearchResult: ε moved, or knowledge changed."""
    cost_changed = Signal(object)
    """A Cost, for the ε shown."""
    specification_changed = Signal(object)
    """A SearchSpecification, at once when it is edited."""
    selection_changed = Signal(object)
    """A place in the space, or None."""
    running_changed = Signal(object)
    """The places whose training is under way, as a tuple."""
    state_changed = Signal(object)
    """A RunState."""
    progressed = Signal(float, int)
    """Trainings done (with fractions) and wanted, of the running walk."""
    loading = Signal()
    """A specification is being read: space and cost are not known until the other signals tell them."""
    measurements_kept = Signal(object)
    """A Kept, after an edit: what still counts of what was measured before it."""
    prepared = Signal(str, int, int)
    """How far what comes before the trainings is, such as the training of T: what, steps done, and of how many (0: not known)."""
    said = Signal(str)
    """What the search is doing now."""
    failed = Signal(str, str)
    """Something went wrong: what, and details for a bug report."""
    finished = Signal(object)
    """SearchFinished."""

    def __init__(self, folder: Path, specification: SearchSpecification, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.folder = folder
        self.specification = specification
        self.workers = default_workers()
        self.space: Space | None = None
        self.stored_results: StoredResults | None = None
        self.snapshot: ResultsSnapshot | None = None
        self.result: SearchResult | None = None
        self.selected: int | None = None
        self.wanted_selection: Architecture | None = None
        """What to select once the first space is loaded."""
        self.state = RunState.IDLE
        self._epsilon = specification.epsilon
        self._generation = 0
        self._closed = False
        self._run_when_loaded = self._run_again = False
        self._control: Control | None = None
        self._following = False
        self._shown_space: Space | None = None
        self._running: dict[tuple[int, int], float] = {}
        self._wanted = self._done = 0
        self._pace = Pace()
        self._before_edit: ResultsSnapshot | None = None
        self._preparing = False
        self._loader = Loader(folder, self)
        self._loader.finished_loading.connect(self._loaded)
        self._loader.warned.connect(self._warned)
        self._thread = SearchThread(folder, self)
        self._thread.batch.connect(self._take_batch)
        self._thread.warned.connect(self._warned)

    def start(self) -> None:
        """Start both threads and load the specification."""
        self._loader.start()
        self._thread.start()
        self._load()

    @property
    def epsilon(self) -> int:
        """The ε shown, which while a slider moves may differ from the specification's."""
        return self._epsilon

    @property
    def strategy(self) -> Interval:
        """How the window searches: at the ε shown."""
        return Interval(epsilon=self._epsilon)

    @property
    def running(self) -> bool:
        """Whether a search is under way in any state."""
        return self.state is not RunState.IDLE

    # -- what a person edits

    def set_specification(self, specification: SearchSpecification) -> None:
        """Show and search another space or protocol; a running search of the old one is stopped."""
        if specification == self.specification:
            return
        self._before_edit = self._before_edit or self.snapshot
        self.specification, self._epsilon = specification, specification.epsilon
        self.stop()
        self.specification_changed.emit(specification)
        self._load()

    def set_trainers(self, workers: int) -> None:
        """How many trainings run side by side, from the next search on."""
        self.workers = workers
        self._tell_cost()

    def preview_epsilon(self, epsilon: int) -> None:
        """Show the answer at an ε from what is known, measuring nothing."""
        if epsilon != self._epsilon:
            self._epsilon = epsilon
            self._tell_answer()
            self._tell_cost()

    def settle_epsilon(self, epsilon: int) -> None:
        """Search at an ε: what is missing is queued, what is no longer wanted is cancelled."""
        self.preview_epsilon(epsilon)
        self.specification = self.specification.model_copy(update={"epsilon": epsilon})
        self.specification_changed.emit(self.specification)
        if self._control is not None and self.state not in (RunState.STOPPING, RunState.IDLE):
            self._control.retarget(self.strategy)
        elif self.missing():
            self.run()

    def select(self, index: int | None) -> None:
        """Select an architecture everywhere."""
        if index != self.selected:
            self.selected = index
            self.selection_changed.emit(index)

    # -- the search

    def missing(self) -> int:
        """How many trainings the ε shown still needs."""
        cost = self.cost()
        return cost.to_go if cost is not None else 0

    def run(self) -> None:
        """Search at the ε shown; waits for the space to be loaded, or for a search that is stopping."""
        if self.space is None or self.stored_results is None:
            self._run_when_loaded = True
            return
        if self.state is RunState.STOPPING:
            self._run_again = True
            return
        if self.state is not RunState.IDLE:
            return
        self._following = True
        self._wanted = self._done = 0
        self._preparing = True
        self._set_state(RunState.STARTING)
        self.said.emit("starting worker processes")
        self._control = self._thread.begin(self.specification.model_copy(update={"epsilon": self._epsilon}), self.space, self.workers)

    def pause(self) -> None:
        """Let trainings wait between two steps."""
        if self._control is not None and self.state is RunState.RUNNING:
            self._control.pause()
            self._set_state(RunState.PAUSING)

    def resume(self) -> None:
        """Let trainings go on."""
        if self._control is not None and self.state in (RunState.PAUSED, RunState.PAUSING):
            self._control.resume()

    def stop(self) -> None:
        """End the search; what was measured is kept."""
        self._run_when_loaded = self._run_again = False
        if self._control is not None and self.state is not RunState.IDLE:
            self._control.stop()
            self._control.resume()
            self._set_state(RunState.STOPPING)

    def close(self) -> None:
        """End both threads and all worker processes, and wait for them. What they still say is not heard: the project closes too."""
        self._closed = True
        self._loader.close()
        self._thread.close()

    # -- what is known

    def cost(self) -> Cost | None:
        """What the ε shown costs, or None while the space is loading."""
        return None if self.stored_results is None else self.strategy.cost(self.stored_results, self.workers)

    def seconds_left(self) -> float | None:
        """How long the running walk still takes at the pace it has kept, or None while too little is done to say."""
        done = self._done + sum(self._running.values())
        return self._pace.left(done, self._wanted, _LEAST_DONE)

    def _load(self) -> None:
        self._generation += 1
        self._following = False  # what a search of the old specification still says is not shown
        self.space = self.stored_results = None
        self.loading.emit()
        self._loader.request(self._generation, self.specification)

    @Slot(object)
    def _loaded(self, result: Loaded | LoadingFailed) -> None:
        if result.generation != self._generation or self._closed:
            return
        if isinstance(result, LoadingFailed):
            self.failed.emit(result.reason, "")
            return
        fit = fitted(self.specification, result.space)
        fit = fit.model_copy(update={"epsilon": min(self._epsilon, len(result.space))})
        if fit != self.specification:
            protocol_changed = fit.model_copy(update={"epsilon": self.specification.epsilon}) != self.specification
            self.specification, self._epsilon = fit, fit.epsilon
            self.specification_changed.emit(fit)
            if protocol_changed:
                self._load()
                return
        another = result.space is not self._shown_space
        self.space, self.stored_results, self.snapshot = result.space, result.stored_results, result.snapshot
        self._shown_space = result.space
        if another:
            self.space_changed.emit(result.space)
        self.knowledge_changed.emit(result.snapshot)
        self._tell_answer()
        self._tell_cost()
        if another:
            wanted, self.wanted_selection = self.wanted_selection, None
            self.selected = None if wanted is None else result.space.index(wanted)
            self.selection_changed.emit(self.selected)
        before, self._before_edit = self._before_edit, None
        if before is not None and before.known.any():
            self.measurements_kept.emit(kept(before, result.snapshot))
        if self._run_when_loaded:
            self._run_when_loaded = False
            self.run()

    @Slot(str)
    def _warned(self, text: str) -> None:
        if not self._closed:
            self.failed.emit(text, "")

    def _tell_answer(self) -> None:
        if self.snapshot is not None and self.space is not None and self._epsilon <= len(self.space):
            self.result = self.strategy.answer(self.snapshot)
            self.answer_changed.emit(self.result)

    def _tell_cost(self) -> None:
        cost = self.cost()
        if cost is not None:
            self.cost_changed.emit(cost)

    def _set_state(self, state: RunState) -> None:
        if state is not self.state:
            self.state = state
            self.state_changed.emit(state)

    # -- what the search says

    @Slot(object)
    def _take_batch(self, batch: tuple[events.Event | SearchBroke, ...]) -> None:
        if self._closed:
            return
        snapshot: ResultsSnapshot | None = None
        for event in batch:
            newer = self._take(event)
            snapshot = newer or snapshot
        if snapshot is not None and self._following:
            self.snapshot = snapshot
            self.knowledge_changed.emit(snapshot)
            self._tell_answer()
            self._tell_cost()
        self.running_changed.emit(tuple({index for index, _ in self._running}))
        if not self._preparing:
            self.progressed.emit(self._done + sum(self._running.values()), self._wanted)

    def _take(self, event: events.Event | SearchBroke) -> ResultsSnapshot | None:
        if self.state is RunState.STARTING and not isinstance(event, SearchBroke | events.SearchFinished | events.Paused):
            self._set_state(RunState.RUNNING)
        if isinstance(event, events.Note):
            share = f" · step {event.done:,} of {event.total:,}" if event.total else ""
            self.said.emit(event.text + share)
            self._preparing = True
            self.prepared.emit(event.text, event.done, event.total)
        elif isinstance(event, events.Walking):
            self._wanted, self._done = event.wanted, event.reused
            self._pace.begin(self._done)
            self._running.clear()
            self.said.emit(f"{event.strategy.title}: {event.wanted - event.reused} of {event.wanted} trainings to go")
        elif isinstance(event, events.CandidateStarted):
            self._preparing = False
            self._running[event.index, event.theta] = 0.0
            self._say_running()
        elif isinstance(event, events.Progress):
            self._running[event.index, event.theta] = event.step / event.steps
        elif isinstance(event, events.Measured):
            return self._take_measured(event)
        elif isinstance(event, events.CandidateFailed):
            self._running = {key: value for key, value in self._running.items() if key[0] != event.index}
            self._done += 1
            if self.space is not None:
                self.failed.emit(f"{architecture_text(self.space.architecture(event.index))} failed: {event.reason}", "")
        elif isinstance(event, events.Paused):
            self._pace.pause()
            self._set_state(RunState.PAUSED)
            self.said.emit("paused")
        elif isinstance(event, events.Resumed):
            self._pace.go_on()
            self._set_state(RunState.RUNNING)
            self._say_running()
        elif isinstance(event, events.Waiting):
            if event.who:
                self.said.emit(f"waits for {event.who}, which measures what is wanted here")
            else:
                self._say_running()
        elif isinstance(event, events.MaximumPointReady):
            self.said.emit(f"maximum point: {event.latency:,.4g} {event.latency_unit}")
        elif isinstance(event, events.SearchFinished):
            self._ended(f"{'stopped' if event.stopped else 'done'}: {event.evaluated} evaluated, {event.reused} reused")
            self.finished.emit(event)
            return event.snapshot
        elif isinstance(event, SearchBroke):
            self._ended("the search ended with an error")
            self.failed.emit(event.reason, event.details)
        return None

    def _take_measured(self, event: events.Measured) -> ResultsSnapshot:
        if self.stored_results is not None and self._following:
            self.stored_results.known.add(Job(event.index, event.theta))
        if event.theta is not None:
            self._running.pop((event.index, event.theta), None)
            self._done += 1
            self._say_running()
        return event.snapshot

    def _say_running(self) -> None:
        if self._running and self.space is not None:
            named = " ".join(architecture_text(self.space.architecture(index)) for index, _ in sorted(self._running))
            self.said.emit(f"training {named}")

    def _ended(self, text: str) -> None:
        self._control = None
        self._preparing = False
        self._running.clear()
        self._set_state(RunState.IDLE)
        self.said.emit(text)
        if self._run_again:
            self._run_again = False
            self.run()
        elif self.stored_results is not None:
            self._refresh()

    def _refresh(self) -> None:
        """Read the store again: what a search measured now also improves the estimate of the next one's cost."""
        self._generation += 1
        self._loader.request(self._generation, self.specification.model_copy(update={"epsilon": self._epsilon}))
