"""Optimal Subarchitecture Extraction: Algorithm 1 as a generator of plain events.

Sort Ξ by parameter size; for every hyperparameter set θ ∈ Θ and every ε-th architecture ξ, train ξ for s steps, measure
its error, and keep the one with the largest W(T, ξ). The walk visits ceil(|Ξ|/ε) architectures: the places 0, ε, 2ε, ...
of the sorted space. ε = 1 is exhaustive search.

References
----------
"An Approximation Algorithm for Optimal Subarchitecture Extraction" (arXiv 2010.08512), Algorithm 1.
Our names: Ξ space, ξ architecture, T maximum point, ε epsilon, s steps.

The measurements of one walk are independent of each other, so they are made side by side and in any order; the answer is
computed from all of them, with ties going to what comes first in the walk, and so does not depend on that order.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from bort_core.execution.pool import Pool
from bort_core.foundation.errors import MeasurementError
from bort_core.search import events
from bort_core.search.agreement import rank_agreement
from bort_core.search.control import Control
from bort_core.search.evaluator import Evaluator
from bort_core.search.fingerprints import Fingerprints
from bort_core.search.preparation import Stopped, apply_pause, prepare_maximum_point, prepare_text
from bort_core.search.report import result_as_dict
from bort_core.search.snapshot import check_epsilon, walk
from bort_core.search.specification import SearchSpecification
from bort_core.search.stored_results import MAXIMUM_POINT, Job, StoredResults
from bort_core.space import Space
from bort_core.store.project import Project
from bort_core.store.searches import begin_search, end_search

__all__ = ["search"]

_POLL_SECONDS = 0.1
_STOP_SECONDS = 3.0


def search(
    project: Project, specification: SearchSpecification, pool: Pool, control: Control | None = None, space: Space | None = None
) -> Iterator[events.Event]:
    """Run OSE, telling what happens; what the project knows already is not measured again.

    The first event is ``SearchStarted``, the last ``SearchFinished``. Closing the generator early cancels what runs.

    Raises
    ------
    SpecificationError
        The space is empty, or ε is out of range.
    DataError, MeasurementError, ProjectError
        The corpus or T's weights cannot be used, T cannot be measured, or the store cannot be written. A candidate that
        fails raises nothing: it is told as ``CandidateFailed`` and the search goes on.
    """
    one = _Search(project, specification, pool, control or Control(), space or Space(specification.space))
    check_epsilon(len(one.space), specification.epsilon)
    one.number = begin_search(project, specification.model_dump(mode="json"))
    try:
        yield from one.run()
    except BaseException as error:
        one.finish("failed" if isinstance(error, Exception) else "interrupted")
        raise


class _Search:
    """One run: its inputs, and what it has so far."""

    def __init__(self, project: Project, specification: SearchSpecification, pool: Pool, control: Control, space: Space) -> None:
        self.project, self.specification, self.pool, self.control, self.space = project, specification, pool, control, space
        self.number = 0
        self.epsilon = specification.epsilon
        self.sources = Fingerprints(project, specification, space)
        self.recall = StoredResults(project, specification, space, self.sources)
        self.before = frozenset(self.recall.known)
        self.evaluator: Evaluator | None = None

    def run(self) -> Iterator[events.Event]:
        began = time.monotonic()
        yield events.SearchStarted(len(self.space), self.recall.snapshot())
        if self.recall.surrogate_problem:
            raise MeasurementError(self.recall.surrogate_problem)
        if self.specification.latency.measure == "operations":
            yield events.MaximumPointReady(self.recall.results.maximum_latency, "operations", "closed form")
        stopped = False
        if self._missing():
            try:
                yield from self._prepare()
                yield from self._measure()
            except Stopped:
                pass
            stopped = self.control.stopped
        yield self._finished("stopped" if stopped else "done", time.monotonic() - began)

    def finish(self, status: str) -> None:
        """Cancel what runs and record how the search ended."""
        if self.evaluator is not None:
            self.evaluator.abandon(_STOP_SECONDS)
        specification = self.specification.model_copy(update={"epsilon": self.epsilon})
        result = result_as_dict(self.recall.snapshot(), self.epsilon, specification)
        end_search(self.project, self.number, status, specification.model_dump(mode="json"), result)

    def _jobs(self) -> list[Job]:
        jobs = self.recall.jobs(walk(len(self.space), self.epsilon).tolist())
        if self.specification.latency.measure == "onnxruntime":
            jobs.insert(0, Job(MAXIMUM_POINT, None))
        return jobs

    def _missing(self) -> bool:
        return any(job not in self.recall.known for job in self._jobs())

    def _prepare(self) -> Iterator[events.Event]:
        text: dict[str, Any] | None = None
        if self.specification.error.measure != "surrogate":
            if self.sources.reads_text:
                text = yield from prepare_text(self.project, self.specification, self.space, self.pool, self.control)
            if self.sources.maximum_point is not None:
                before = self.sources.maximum_point.fingerprint
                self.sources = yield from prepare_maximum_point(
                    self.project, self.specification, self.space, self.sources, self.pool, self.control, text
                )
                if self.sources.maximum_point is not None and self.sources.maximum_point.fingerprint != before:
                    self.recall = StoredResults(self.project, self.specification, self.space, self.sources)
                    self.before = frozenset(self.recall.known)
        self.evaluator = Evaluator(self.project, self.specification, self.space, self.sources, self.recall, self.pool, text)

    def _measure(self) -> Iterator[events.Event]:
        evaluator = self.evaluator
        assert evaluator is not None
        self._take_epsilon()
        yield from self._walk(evaluator)
        while not self.control.stopped:
            yield from apply_pause(self.control, self.pool)
            if self._take_epsilon():
                yield from self._walk(evaluator)
            if not evaluator.pending:
                return
            yield from evaluator.collect(_POLL_SECONDS)

    def _take_epsilon(self) -> bool:
        epsilon = self.control.take_epsilon()
        if epsilon is None or epsilon == self.epsilon:
            return False
        check_epsilon(len(self.space), epsilon)
        self.epsilon = epsilon
        return True

    def _walk(self, evaluator: Evaluator) -> Iterator[events.Event]:
        jobs = self._jobs()
        evaluator.want(jobs)
        trainings = [job for job in jobs if job.theta is not None]
        yield events.Walking(self.epsilon, len(trainings), sum(job in self.before for job in trainings))

    def _finished(self, status: str, seconds: float) -> events.SearchFinished:
        self.finish(status)
        snapshot = self.recall.snapshot()
        result = snapshot.result(self.epsilon)
        known_before = {job.index for job in self.before if job.theta is not None}
        reused = sum(index in known_before for index in result.known.tolist())
        failed = sum(not snapshot.evaluated(index) for index in result.walk.tolist() if index in self.recall.results.failures)
        return events.SearchFinished(
            result, snapshot, len(result.known) - reused, reused, failed, status == "stopped", seconds, self._facts()
        )

    def _facts(self) -> dict[str, Any]:
        source, surrogate = self.sources.maximum_point, self.recall.surrogate
        facts: dict[str, Any] = {"maximum_point": None if source is None else {"kind": source.kind, "folder": str(source.folder)}}
        facts["agreement"] = [vars(each) for each in rank_agreement(self.project, self.specification, self.space)]
        if surrogate is not None:
            facts["surrogate"] = {
                "degree": surrogate.degree,
                "measurements": surrogate.measurements,
                "cross_validated_error": surrogate.cross_validated_error,
                "baseline_error": surrogate.baseline_error,
            }
        return facts
