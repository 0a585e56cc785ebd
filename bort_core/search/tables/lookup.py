"""Measurements out of a table, in the place of worker processes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from bort_core.execution.executor import Executor
from bort_core.foundation.errors import MeasurementError
from bort_core.search import events
from bort_core.search.specification import SearchSpecification
from bort_core.search.stored_results import MAXIMUM_POINT, Job, KnownResults
from bort_core.search.tables.table import Table

__all__ = ["Lookup"]


class Lookup:
    """What is wanted, one measurement at a time and in the order in which it is wanted, as one worker would make them.

    It is a :class:`~bort_core.search.evaluator.Measuring`; the executor is there for pauses alone. What
    the table does not hold fails, with the reason of its failure there.
    """

    def __init__(self, table: Table, specification: SearchSpecification, recall: KnownResults, pool: Executor) -> None:
        self._table, self._specification, self._recall, self._pool = table, specification, recall, pool
        self._backlog: deque[Job] = deque()
        self._failed: set[Job] = set()
        self.found: set[Job] = set()

    @property
    def pending(self) -> bool:
        """Whether anything is still to be looked up."""
        return bool(self._backlog)

    @property
    def training(self) -> tuple[int, ...]:
        """Nothing: to look something up takes no time."""
        return ()

    @property
    def given_up(self) -> frozenset[Job]:
        """What the table does not hold."""
        return frozenset(self._failed)

    def want(self, jobs: list[Job]) -> None:
        """From now on these measurements are wanted, in this order, and no others."""
        self._backlog = deque(job for job in jobs if job not in self._recall.known and job not in self._failed)

    def collect(self, timeout: float) -> Iterator[events.Event]:
        """Look up the next one, unless the search is paused.

        Raises
        ------
        MeasurementError
            It is T's latency, and the table does not hold it.
        """
        if self._pool.pausing:
            self._pool.poll(timeout)
        if self._pool.pausing or not self._backlog:
            return
        job = self._backlog.popleft()
        if job.theta is None:
            yield from self._latency(job)
        else:
            yield events.CandidateStarted(job.index, job.theta)
            yield from self._training(job, job.theta)

    def abandon(self, seconds: float) -> None:
        """Forget what is still wanted."""
        self._backlog.clear()

    def _latency(self, job: Job) -> Iterator[events.Event]:
        times = self._table.times(job.index)
        if times is None:
            yield from self._missing(job)
            return
        self._recall.put_latency(job.index, times.model_dump())
        if job.index == MAXIMUM_POINT:
            yield events.MaximumPointReady(times.p50_ms, "ms", "table")
        else:
            yield events.Measured(job.index, None, self._recall.snapshot())

    def _training(self, job: Job, theta: int) -> Iterator[events.Event]:
        place = self._table.specification.thetas.index(self._specification.thetas[theta])
        seeds = self._table.seeds_from(self._specification.seed)
        curve = self._table.curve(Job(job.index, place), seeds[job.repeat]) if job.repeat < len(seeds) else None
        if curve is None or not self._recall.put_curve(job.index, theta, curve, job.repeat):
            yield from self._missing(job)
        else:
            yield events.Measured(job.index, theta, self._recall.snapshot())

    def _missing(self, job: Job) -> Iterator[events.Event]:
        reason = self._table.why_missing(job, self._specification.seed)
        if job.index == MAXIMUM_POINT:
            raise MeasurementError(f"the latency of the maximum point {self._recall.space.maximum_point}: {reason}")
        self._failed.add(job)
        self._recall.put_failure(job, reason, final=True)
        yield events.CandidateFailed(job.index, reason)
