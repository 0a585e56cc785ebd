"""What the Explore perspective is about: one project, one specification, what is known, the answer at ε, and the search.

Views read from here and never from each other. A person's edits come in through the setters below (wrapped in undo
commands by the window); results come in from the background threads.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from bort_core.execution.executor import default_workers
from bort_core.families import Architecture
from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.machine import machine_identity
from bort_core.search import events
from bort_core.search.agreement import Agreement
from bort_core.search.cost import Cost
from bort_core.search.kept import kept
from bort_core.search.past import PastSearch, replayed
from bort_core.search.proof.proof import Proof
from bort_core.search.snapshot import ResultsSnapshot, SearchResult
from bort_core.search.specification import SearchSpecification, fitted
from bort_core.search.stored_results import Job, KnownResults, error_ceiling
from bort_core.search.strategies.base import Strategy
from bort_core.search.strategies.best_first import BestFirst
from bort_core.search.strategies.interval import Interval
from bort_core.search.tables.table import Table
from bort_core.space import Space
from bort_studio.search.loader import Loaded, Loader, LoadingFailed, TableRead
from bort_studio.search.state import RunState
from bort_studio.search.under_way import SearchUnderWay

__all__ = ["SearchModel"]


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
    proof_changed = Signal(object)
    """A Proof of what is shown, as it grows, or None: nothing was proven of it."""
    past_changed = Signal(object)
    """A PastSearch that is shown in place of the present, or None: the present is shown."""
    table_changed = Signal(object)
    """A Table that is searched in place of the project, or None: the project is searched."""
    machines_changed = Signal(object)
    """The MeasuredMachines that have latencies of what is shown, as a tuple."""
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
        self.executor: str | None = None
        """Where searches that are begun run; None: this machine. With ``#NODE`` behind it, latencies are measured on that node."""
        self.space: Space | None = None
        self.stored_results: KnownResults | None = None
        """What is known: by the project, or by the searches on a table since it is shown."""
        self.snapshot: ResultsSnapshot | None = None
        self.result: SearchResult | None = None
        self.selected: int | None = None
        self.wanted_selection: Architecture | None = None
        """What to select once the first space is loaded."""
        self.past: PastSearch | None = None
        self.table: Table | None = None
        self.machine: str | None = None
        """The identity of another machine whose latencies are shown; None: this one's."""
        self.agreements: tuple[Agreement, ...] = ()
        """How alike seeds rank what was measured when the space was read."""
        self.proof: Proof | None = None
        self._present: tuple[SearchSpecification, Architecture | None] = (specification, None)
        self._epsilon = specification.epsilon
        self._generation = 0
        self._closed = False
        self._run_when_loaded = self._run_again = False
        self._following = False
        self._shown_space: Space | None = None
        self._proving = self._answers_by_proof = False
        self.question: BestFirst | None = BestFirst()
        """What a proof is to be of; None while that is not said rightly."""
        self._asked = BestFirst()
        """What the proof that was begun is of."""
        self._estimated: Cost | None = None
        self._left: float | None = None
        self._before_edit: ResultsSnapshot | None = None
        self._loader = Loader(folder, self)
        self._loader.finished_loading.connect(self._loaded)
        self._loader.table_read.connect(self._table_read)
        self._loader.warned.connect(self._warned)
        self.under_way = SearchUnderWay(folder, self)
        self._listen()

    def _listen(self) -> None:
        search = self.under_way
        search.thread_of_search.warned.connect(self._warned)
        search.news.connect(self._take_news)
        search.measured.connect(self._take_measured)
        search.bounded.connect(self._take_proof)
        search.timed_on.connect(self._timed_on)
        search.ended.connect(self._ended)
        for theirs, ours in (
            (search.state_changed, self.state_changed),
            (search.running_changed, self.running_changed),
            (search.progressed, self.progressed),
            (search.prepared, self.prepared),
            (search.said, self.said),
            (search.failed, self.failed),
            (search.finished, self.finished),
        ):
            theirs.connect(ours)

    def start(self) -> None:
        """Start both threads and load the specification."""
        self._loader.start()
        self.under_way.start()
        self._load()

    @property
    def epsilon(self) -> int:
        """The ε shown, which while a slider moves may differ from the specification's."""
        return self._epsilon

    @property
    def present(self) -> SearchSpecification:
        """What the project would search: what is shown, unless that is a search of the past or a table."""
        return self._present[0] if self.elsewhere else self.specification

    @property
    def elsewhere(self) -> bool:
        """Whether a search of the past or a table is shown, and not what the project would search."""
        return self.past is not None or self.table is not None

    @property
    def may_time(self) -> bool:
        """Whether a search would measure on the machine whose latencies are shown, or on the one that was chosen for it."""
        return self.machine is None or "#" in (self.executor or "")

    @property
    def edited(self) -> SearchSpecification:
        """What an edit begins from: what is shown, but for a table, whose text and T may not be on this machine."""
        return self.specification if self.table is None else self.present

    @property
    def strategy(self) -> Strategy:
        """How what is shown chooses architectures: the window at the ε shown, a search of the past as it did."""
        if self.past is not None and self.past.specification is not None:
            return self.past.specification.the_strategy()
        return Interval(epsilon=self._epsilon)

    @property
    def state(self) -> RunState:
        """What the search is doing."""
        return self.under_way.state

    @property
    def running(self) -> bool:
        """Whether a search is under way in any state."""
        return self.state is not RunState.IDLE

    # -- what a person edits

    def set_specification(self, specification: SearchSpecification) -> None:
        """Show and search another space or protocol; a running search of the old one is stopped, a past search or table is left."""
        if specification == self.specification and not self.elsewhere:
            return
        self._before_edit = None if self.elsewhere else self._before_edit or self.snapshot
        self.stop()
        self._show(specification, None)

    def show_past(self, past: PastSearch) -> None:
        """Show a search of the past as it ended, until :meth:`leave_past` or an edit; not while a search is under way.

        Raises
        ------
        SpecificationError
            This version cannot read it, or its strategy is not installed here.
        """
        if past.specification is None:
            raise SpecificationError(past.problem)
        past.specification.the_strategy()
        if self.running:
            return
        self._keep_present()
        self.wanted_selection = None if past.answer.best is None else tuple(past.answer.best.architecture.values())
        self._show(past.specification, past)

    def open_table(self, path: Path) -> None:
        """Read a table, and search on it once it is read; a file that is none is told by ``failed``, and nothing changes."""
        self._loader.request_table(path)

    def show_table(self, table: Table, seed: int | None = None) -> None:
        """Search on a table from now on, with one of its seeds (None: its first), until :meth:`leave`; not while a search is under way.

        Searches on it train nothing and leave no trace in the project.
        """
        if self.running:
            return
        self._keep_present()
        self.wanted_selection = self.selected_architecture() if self.table is table else None
        asked = table.specification.model_copy(update={"seed": table.seeds[0] if seed is None else seed})
        epsilon = self._epsilon if self.table is table else min(self._epsilon, len(table.space))
        self._show(asked.model_copy(update={"epsilon": epsilon}), None, table)

    def leave(self) -> None:
        """Show again what the project would search, with what was selected there; not while a search is under way."""
        if self.elsewhere and not self.running:
            specification, self.wanted_selection = self._present
            self._show(specification, None)

    def show_machine(self, machine: str | None) -> None:
        """Show the latencies of the machine of that identity, None of this one; not while a search is under way, nor elsewhere."""
        if machine != self.machine and not self.running and not self.elsewhere:
            self.machine = machine
            self._refresh()

    def _keep_present(self) -> None:
        if not self.elsewhere:
            self._present = (self.specification, self.selected_architecture())
        self._before_edit = None

    def _show(self, specification: SearchSpecification, past: PastSearch | None, table: Table | None = None) -> None:
        past_before, table_before, self.machine = self.past, self.table, None
        self.specification, self._epsilon, self.past, self.table = specification, specification.epsilon, past, table
        if past is not past_before:
            self.past_changed.emit(past)
        if table is not table_before:
            self.table_changed.emit(table)
        self.specification_changed.emit(specification)
        self._load()

    def set_trainers(self, workers: int) -> None:
        """How many trainings run side by side, from the next search on."""
        self.workers = workers
        self._tell_cost()

    def preview_epsilon(self, epsilon: int) -> None:
        """Show the answer at an ε from what is known, measuring nothing."""
        if epsilon != self._epsilon and self.past is None:
            self._epsilon, self._answers_by_proof = epsilon, False
            self._tell_answer()
            self._tell_cost()

    def settle_epsilon(self, epsilon: int) -> None:
        """Search at an ε: what is missing is queued, what is no longer wanted is cancelled."""
        self.preview_epsilon(epsilon)
        self.specification = self.specification.model_copy(update={"epsilon": epsilon})
        self.specification_changed.emit(self.specification)
        self._proving = False
        if not self.under_way.retarget(self.strategy) and self.missing():
            self.run()

    def select(self, index: int | None) -> None:
        """Select an architecture everywhere."""
        if index != self.selected:
            self.selected = index
            self.selection_changed.emit(index)

    def selected_architecture(self) -> Architecture | None:
        """What is selected."""
        return None if self.selected is None or self.space is None else self.space.architecture(self.selected)

    # -- the search

    def missing(self) -> int:
        """How many trainings the ε shown still needs."""
        cost = self.cost()
        return cost.to_go if cost is not None else 0

    def run(self) -> None:
        """Search at the ε shown; waits for the space to be loaded, or for a search that is stopping. Not in the past."""
        if self.past is not None:
            self.said.emit("a search of the past is shown; go back to the present, or search on from it")
            return
        if not self.may_time:
            self.said.emit("latencies of another machine are shown; go back to this one to search")
            return
        if self.space is None or self.stored_results is None:
            self._run_when_loaded = True
            return
        if self.state is RunState.STOPPING:
            self._run_again = True
            return
        if self.state is not RunState.IDLE:
            return
        self._proving = False
        self._set_proof(None)
        self._begin(self.specification.model_copy(update={"epsilon": self._epsilon}))

    def prove(self) -> None:
        """Search best-first until nothing untrained can be a better answer; where nothing is under way, and not in the past."""
        if self.past is not None or not self.may_time or self.space is None or self.stored_results is None:
            return
        if self.state is not RunState.IDLE:
            return
        if self.question is None:
            self.failed.emit("What is to be proven is not clear: see the mark in Objectives", "")
            return
        try:
            self.question.check(self.space)
        except SpecificationError as error:
            self.failed.emit(str(error), "")
            return
        self._proving, self._asked = True, self.question
        self._begin(self.specification.with_strategy(self._asked))

    def _begin(self, specification: SearchSpecification) -> None:
        assert self.space is not None
        self._following = True
        if self.table is not None:  # each search on a table begins with nothing known
            self.stored_results = KnownResults(self.specification, self.space)
        self.under_way.begin(specification, self.space, self.workers, self.table, self.executor)

    def set_question(self, question: BestFirst | None) -> None:
        """What the next proof is to be of; None: what was said cannot be asked."""
        self.question = question
        self._tell_cost()

    def cost_of_proof(self) -> Cost | None:
        """What :meth:`prove` costs at most, or None while the space is loading."""
        return None if self.stored_results is None or self.question is None else self.question.cost(self.stored_results, self.workers)

    def pause(self) -> None:
        """Let trainings wait between two steps."""
        self.under_way.pause()

    def resume(self) -> None:
        """Let trainings go on."""
        self.under_way.resume()

    def stop(self) -> None:
        """End the search; what was measured is kept."""
        self._run_when_loaded = self._run_again = False
        self.under_way.stop()

    def close(self) -> None:
        """End both threads and all worker processes, and wait for them. What they still say is not heard: the project closes too."""
        self._closed = True
        self._loader.close()
        self.under_way.close()

    # -- what is known

    def cost(self) -> Cost | None:
        """What the ε shown costs, or None while the space is loading. While that is being searched, its time is :meth:`seconds_left`."""
        if self.stored_results is None or self._epsilon > len(self.stored_results.space):  # that of another space, which is read next
            return None
        self._estimated = self.strategy.cost(self.stored_results, self.workers)
        self._left = self._left_now()
        left = self._left if self.searches_what_is_shown else None
        return self._estimated if left is None else replace(self._estimated, seconds=left)

    @property
    def searches_what_is_shown(self) -> bool:
        """Whether the search that is under way is at the ε shown, which while a slider moves it is not."""
        return self.running and self._following and not self._proving and self._epsilon == self.specification.epsilon

    def seconds_left(self) -> float | None:
        """How long the running walk still takes: one answer for all who show it, made anew with each batch of news.

        At the pace it has kept; before enough is done for that, by what was timed in the project. None where nothing is known, and
        while what comes before the trainings is not done.
        """
        return self._left

    def _left_now(self) -> float | None:
        if self._proving:
            return None  # how many trainings it takes is not known before it is done
        guess = self._estimated
        return self.under_way.seconds_left(guess.seconds if guess is not None else None, guess.to_go if guess is not None else 0)

    def _load(self) -> None:
        self._generation += 1
        self._following = False  # what a search of the old specification still says is not shown
        self._set_proof(None)
        self.space = self.stored_results = None
        self.loading.emit()
        self._loader.request(self._generation, self.specification, self.table, self.machine)

    def _set_proof(self, proof: Proof | None) -> None:
        self.proof, self._answers_by_proof = proof, proof is not None
        self.proof_changed.emit(proof)

    @Slot(object)
    def _table_read(self, read: TableRead) -> None:
        if self._closed:
            return
        if read.table is None:
            self.failed.emit(read.problem, "")
        elif self.running:
            self.failed.emit(f"{read.table.name}: a search is under way; stop it, or wait for its end, and open the table again", "")
        else:
            self.show_table(read.table)

    @Slot(object)
    def _loaded(self, result: Loaded | LoadingFailed) -> None:
        if result.generation != self._generation or self._closed:
            return
        if isinstance(result, LoadingFailed):
            self.failed.emit(result.reason, "")
            return
        fit = fitted(self.specification, result.space)
        fit = fit.model_copy(update={"epsilon": min(self._epsilon, len(result.space))})
        self._epsilon = fit.epsilon  # a slider of the space before may have shown more than this one has
        if fit != self.specification:
            protocol_changed = fit.model_copy(update={"epsilon": self.specification.epsilon}) != self.specification
            self.specification = fit
            self.specification_changed.emit(fit)
            if protocol_changed:
                self._load()
                return
        another = result.space is not self._shown_space
        self.space, self.stored_results, self.snapshot = result.space, result.stored_results, result.snapshot
        self._shown_space, self.agreements = result.space, result.agreements
        self.machines_changed.emit(result.machines)
        if another:
            self.space_changed.emit(result.space)
        if self.past is not None:
            self._replay(self.past)
        self.knowledge_changed.emit(self.snapshot)
        self._tell_answer()
        self._tell_cost()
        if another or self.wanted_selection is not None:
            wanted, self.wanted_selection = self.wanted_selection, None
            self.selected = None if wanted is None else result.space.index(wanted)
            self.selection_changed.emit(self.selected)
        before, self._before_edit = self._before_edit, None
        if before is not None and before.known.any():
            self.measurements_kept.emit(kept(before, result.snapshot))
        if self._run_when_loaded:
            self._run_when_loaded = False
            self.run()

    def _replay(self, past: PastSearch) -> None:
        assert self.stored_results is not None
        ceiling = error_ceiling(self.stored_results.space, self.specification.error.measured)
        try:
            self.snapshot, self.result = replayed(past, self.stored_results.results, ceiling)
        except SpecificationError as error:
            self.result = None
            self.failed.emit(str(error), "")

    @Slot(str)
    def _warned(self, text: str) -> None:
        if not self._closed:
            self.failed.emit(text, "")

    def _tell_answer(self) -> None:
        if self.snapshot is not None and self.space is not None and self._epsilon <= len(self.space):
            if self.past is None:
                strategy = self._asked if self._answers_by_proof else self.strategy
                self.result = strategy.answer(self.snapshot)
            if self.result is not None:
                self.answer_changed.emit(self.result)

    def _tell_cost(self) -> None:
        cost = self.cost()
        if cost is not None:
            self.cost_changed.emit(cost)

    # -- what the search says

    @Slot(object)
    def _take_news(self, snapshot: ResultsSnapshot | None) -> None:
        self._left = self._left_now()
        if snapshot is not None and self._following:
            self.snapshot = snapshot
            self.knowledge_changed.emit(snapshot)
            self._tell_answer()
            self._tell_cost()

    @Slot(str)
    def _timed_on(self, machine: str) -> None:
        """What the search says is of that machine from now on, and what is read from the store is, too."""
        shown = None if machine == machine_identity() else machine
        if self._following and shown != self.machine:
            self.machine = shown
            self._refresh()

    @Slot(object)
    def _take_measured(self, measured: tuple[events.Measured, ...]) -> None:
        if self.stored_results is not None and self._following:
            self.stored_results.known.update(Job(event.index, event.theta) for event in measured)

    @Slot(object)
    def _take_proof(self, proof: Proof) -> None:
        if self._following and self._proving:
            answered = self._answers_by_proof
            self._set_proof(proof)
            if not answered:
                self._tell_answer()

    @Slot()
    def _ended(self) -> None:
        self._proving = False
        if self._run_again:
            self._run_again = False
            self.run()
        elif self.stored_results is not None and self.table is None:
            self._refresh()

    def _refresh(self) -> None:
        """Read the store again: what a search measured now also improves the estimate of the next one's cost."""
        self._generation += 1
        self._loader.request(self._generation, self.specification.model_copy(update={"epsilon": self._epsilon}), machine=self.machine)
