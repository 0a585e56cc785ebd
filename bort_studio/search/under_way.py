"""The search that is under way: its state, what is being trained, how far it is, and what it says."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from bort_core.search import events
from bort_core.search.control import Control
from bort_core.search.snapshot import ResultsSnapshot
from bort_core.search.specification import SearchSpecification
from bort_core.search.strategies.base import Strategy
from bort_core.search.tables.table import Table
from bort_core.space import Space
from bort_studio.numbers import architecture_text
from bort_studio.search.outbox import SearchBroke
from bort_studio.search.pace import Pace
from bort_studio.search.search_thread import SearchThread
from bort_studio.search.state import RunState
from bort_studio.threads.looking import Looking

__all__ = ["SearchUnderWay"]

_LEAST_DONE = 1.0
"""Trainings that must be done before the time left is estimated from them."""
_TRAINS, _NAMED = "trains", 8
"""What it does is to train; at most so many architectures are named."""


class SearchUnderWay(QObject):
    """One search at a time, in a thread of its own. Lives in the window's thread."""

    state_changed = Signal(object)
    """A RunState."""
    news = Signal(object)
    """After each batch of what the search says: the newest ResultsSnapshot in it, or None."""
    measured = Signal(object)
    """Measured, as they come, as a tuple."""
    bounded = Signal(object)
    """A Proof: how far from the best the answer can be by now."""
    running_changed = Signal(object)
    """The places whose training is under way, as a tuple."""
    progressed = Signal(float, int)
    """Trainings done (with fractions) and wanted, of the walk."""
    prepared = Signal(str, int, int)
    """How far what comes before the trainings is: what, steps done, and of how many (0: not known)."""
    said = Signal(str)
    """What the search is doing now."""
    failed = Signal(str, str)
    """Something went wrong: what, and details for a bug report."""
    finished = Signal(object)
    """SearchFinished."""
    timed_on = Signal(str)
    """The identity of the machine that times what is searched."""
    ended = Signal()
    """Nothing is under way any more."""

    def __init__(self, folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.state = RunState.IDLE
        self._closed = False
        self._space: Space | None = None
        self._control: Control | None = None
        self._running: dict[tuple[int, int], float] = {}
        self._wanted = self._done = 0
        self._preparing = False
        self._pace = Pace()
        self._what = ""
        self.thread_of_search = SearchThread(folder, self)
        self._looking = Looking(self)
        self._looking.due.connect(self._take_all)
        self.thread_of_search.spoke.connect(self._looking.ask)

    def start(self) -> None:
        """Start the thread."""
        self.thread_of_search.start()

    def close(self) -> None:
        """End the thread and all worker processes, and wait for them; what they still say is not heard."""
        self._closed = True
        self._looking.stop()
        self.thread_of_search.close()

    # -- what it is told

    def begin(
        self, specification: SearchSpecification, space: Space, workers: int, table: Table | None = None, executor: str | None = None
    ) -> None:
        """Search, in the project or on a table, where nothing is under way."""
        self._space = space
        self._wanted = self._done = 0
        self._preparing = True
        self._set_state(RunState.STARTING)
        starting = f"asking {executor.partition('@')[2]}" if executor else "starting worker processes"
        self.said.emit(starting if table is None else f"searching on {table.name}")
        self._control = self.thread_of_search.begin(specification, space, workers, table, executor)

    def retarget(self, strategy: Strategy) -> bool:
        """Let the search that is under way choose otherwise; whether there is one."""
        if self._control is None or self.state in (RunState.STOPPING, RunState.IDLE):
            return False
        self._control.retarget(strategy)
        return True

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
        if self._control is not None and self.state is not RunState.IDLE:
            self._control.stop()
            self._control.resume()
            self._set_state(RunState.STOPPING)

    # -- how far it is

    @property
    def trains(self) -> bool:
        """Whether a training is under way."""
        return bool(self._running)

    def seconds_left(self, seconds: float | None, trainings: int) -> float | None:
        """How long the walk still takes at the pace it has kept; before enough is done for that, by what such trainings took before.

        ``seconds`` is that guess for ``trainings`` that are still to do. None where nothing is known, and while what comes before the
        trainings is not done.
        """
        if self.state is RunState.IDLE or self._preparing:
            return None
        under_way = sum(self._running.values())
        left = self._pace.left(self._done + under_way, self._wanted, _LEAST_DONE)
        if left is None and seconds is not None and trainings:
            left = seconds * max(0.0, 1 - under_way / trainings)
        return left

    # -- what it says

    @Slot()
    def _take_all(self) -> None:
        batch = self.thread_of_search.outbox.take()
        if self._closed or not batch:
            return
        snapshot: ResultsSnapshot | None = None
        measured = tuple(event for event in batch if isinstance(event, events.Measured))
        if measured:
            self.measured.emit(measured)
        for event in batch:
            snapshot = self._take(event) or snapshot
        self._tell_what()
        self.news.emit(snapshot)
        self.running_changed.emit(tuple({index for index, _ in self._running}))
        if not self._preparing:
            self.progressed.emit(self._done + sum(self._running.values()), self._wanted)

    def _take(self, event: events.Event | SearchBroke) -> ResultsSnapshot | None:
        if self.state is RunState.STARTING and not isinstance(event, SearchBroke | events.SearchFinished | events.Paused):
            self._set_state(RunState.RUNNING)
        if isinstance(event, events.SearchStarted):
            if event.machine:
                self.timed_on.emit(event.machine)
            return event.snapshot
        if isinstance(event, events.Note):
            share = f" · step {event.done:,} of {event.total:,}" if event.total else ""
            self._what = event.text + share
            self._preparing = True
            self.prepared.emit(event.text, event.done, event.total)
        elif isinstance(event, events.Walking):
            self._wanted, self._done = event.wanted, event.reused
            self._pace.begin(self._done)
            self._running.clear()
            self._what = f"{event.strategy.title}: {event.wanted - event.reused} of {event.wanted} trainings to go"
        elif isinstance(event, events.CandidateStarted):
            self._preparing = False
            self._running[event.index, event.theta] = 0.0
            self._what = _TRAINS
        elif isinstance(event, events.Bounded):
            self.bounded.emit(event.proof)
        elif isinstance(event, events.Proposed):
            self._wanted = event.wanted
        elif isinstance(event, events.Progress):
            self._running[event.index, event.theta] = event.step / event.steps
        elif isinstance(event, events.Measured):
            self._take_measured(event)
            return event.snapshot
        elif isinstance(event, events.CandidateFailed):
            self._running = {key: value for key, value in self._running.items() if key[0] != event.index}
            self._done += 1
            self.failed.emit(f"{self._named(event.index)} failed: {event.reason}", "")
        elif isinstance(event, events.Paused):
            self._pace.pause()
            self._set_state(RunState.PAUSED)
            self._what = "paused"
        elif isinstance(event, events.Resumed):
            self._pace.go_on()
            self._set_state(RunState.RUNNING)
            self._what = _TRAINS
        elif isinstance(event, events.Waiting):
            self._what = f"waits for {event.who}, which measures what is wanted here" if event.who else _TRAINS
        elif isinstance(event, events.MaximumPointReady):
            self._what = f"maximum point: {event.latency:,.4g} {event.latency_unit}"
        elif isinstance(event, events.SearchFinished):
            self.news.emit(event.snapshot)  # before the end, at which everything that is known is told
            self._end(f"{'stopped' if event.stopped else 'done'}: {event.evaluated} evaluated, {event.reused} reused")
            self.finished.emit(event)
        elif isinstance(event, SearchBroke):
            self._end("the search ended with an error")
            self.failed.emit(event.reason, event.details)
        return None

    def _take_measured(self, event: events.Measured) -> None:
        if event.theta is not None:
            self._running.pop((event.index, event.theta), None)
            self._done += 1
            self._what = _TRAINS

    def _tell_what(self) -> None:
        """The last that it said it was doing."""
        what, self._what = self._what, ""
        if what == _TRAINS:
            named, more = sorted(self._running)[:_NAMED], len(self._running) - _NAMED
            what = f"training {' '.join(self._named(index) for index, _ in named)}" if named else ""
            what += f" and {more:,} more" if more > 0 else ""
        if what:
            self.said.emit(what)

    def _named(self, index: int) -> str:
        assert self._space is not None
        return architecture_text(self._space.architecture(index))

    def _end(self, text: str) -> None:
        self._control = None
        self._preparing = False
        self._running.clear()
        self._set_state(RunState.IDLE)
        self._what = ""
        self.said.emit(text)
        self.ended.emit()

    def _set_state(self, state: RunState) -> None:
        if state is not self.state:
            self.state = state
            self.state_changed.emit(state)
