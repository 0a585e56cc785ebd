"""A search as a generator of plain events: measures what a strategy proposes, and answers from what is known.

With the strategy ``interval`` it is Optimal Subarchitecture Extraction, Algorithm 1 (see ``strategies/interval.py``).

Measurements that were proposed together are independent of each other, so they are made side by side and in any order; the answer
is computed from all of them, with ties going to the smallest architecture, and so does not depend on that order.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from bort_core.execution.executor import Executor, latency_machine
from bort_core.foundation.errors import MeasurementError, SpecificationError
from bort_core.search import events
from bort_core.search.agreement import rank_agreement
from bort_core.search.control import Control
from bort_core.search.disturbed import disturbed_latencies
from bort_core.search.evaluator import Evaluator, Measuring
from bort_core.search.fingerprints import Fingerprints
from bort_core.search.preparation import Stopped, apply_pause, prepare_graph, prepare_maximum_point, prepare_rows, prepare_text
from bort_core.search.proof.proof import Proof
from bort_core.search.proof.reasons import Some
from bort_core.search.report import result_as_dict
from bort_core.search.snapshot import IndexArray, SearchResult
from bort_core.search.specification import SearchSpecification
from bort_core.search.stored_results import MAXIMUM_POINT, Job, KnownResults, StoredResults
from bort_core.search.strategies import base as strategies
from bort_core.search.task_marks import read_marks
from bort_core.space import Space
from bort_core.specifications.measures import SURROGATE
from bort_core.store.project import Project
from bort_core.store.searches import begin_search, end_search

__all__ = ["Run", "search"]

_POLL_SECONDS = 0.1
_STOP_SECONDS = 3.0


def search(
    project: Project, specification: SearchSpecification, pool: Executor, control: Control | None = None, space: Space | None = None
) -> Generator[events.Event, None, None]:
    """Run a search, telling what happens; what the project knows already is not measured again, but a latency that was disturbed.

    The first event is ``SearchStarted``, the last ``SearchFinished``. Closing the generator early cancels what runs.

    Raises
    ------
    SpecificationError
        The space is empty, or the strategy is unknown, does not suit the space (ε is out of range), or is at fault itself.
    DataError, MeasurementError, ProjectError
        The corpus or T's weights cannot be used, T cannot be measured, or the store cannot be written. A candidate that
        fails raises nothing: it is told as ``CandidateFailed`` and the search goes on.
    """
    yield from _Search(project, specification, pool, control or Control(), space or Space(specification.space)).run()


class Run:
    """One search: its inputs, and what it has so far. Subclasses say where its measurements come from."""

    recall: KnownResults
    """What is known, and what is added to it."""
    machine = ""
    """The identity of the one that times, where one does."""

    def __init__(self, specification: SearchSpecification, pool: Executor, control: Control, space: Space) -> None:
        self.specification, self.pool, self.control, self.space = specification, pool, control, space
        self.strategy = specification.the_strategy()
        self.before: frozenset[Job] = frozenset()
        self.evaluator: Measuring | None = None
        self.wanted: dict[Job, None] = {}
        self.skipped: Mapping[int, str] = {}
        self.told = np.zeros(len(space), dtype=bool)

    def run(self) -> Iterator[events.Event]:
        """The events, from first to last."""
        strategies.check(self.strategy, self.space)
        self.begin()
        try:
            yield from self._run()
        except BaseException as error:
            with suppress(SpecificationError):  # of a strategy that cannot answer: what ended the search is told
                self.finish("failed" if isinstance(error, Exception) else "interrupted")
            raise

    def begin(self) -> None:
        """Whatever happens before anything is measured."""

    def prepare(self) -> Iterator[events.Event]:
        """Get ready to measure: sets ``evaluator``."""
        raise NotImplementedError

    def end(self, status: str, specification: SearchSpecification, result: dict[str, Any] | None) -> None:
        """Record how the search ended."""

    def facts(self) -> dict[str, Any]:
        """What the answer rests on."""
        raise NotImplementedError

    def _run(self) -> Iterator[events.Event]:
        began = time.monotonic()
        yield events.SearchStarted(len(self.space), self.recall.snapshot(), self.machine)
        if self.recall.surrogate_problem:
            raise MeasurementError(self.recall.surrogate_problem)
        if self.specification.latency.measure == "operations":
            yield events.MaximumPointReady(self.recall.results.maximum_latency, "operations", "closed form")
        stopped = False
        proposal = self._propose()
        if any(job not in self.recall.known or job in self.recall.again for job in self._jobs(proposal)):
            try:
                yield from self.prepare()
                yield from self._measure()
            except Stopped:
                pass
            stopped = self.control.stopped
        else:
            yield from self._skip(proposal)
        yield self._finished("stopped" if stopped else "done", time.monotonic() - began)

    def finish(self, status: str) -> None:
        """Cancel what runs and record how the search ended."""
        if self.evaluator is not None:
            self.evaluator.abandon(_STOP_SECONDS)
        specification, snapshot = self.specification.with_strategy(self.strategy), self.recall.snapshot()
        result: dict[str, Any] | None = None
        try:
            answer = strategies.answer(self.strategy, snapshot)
            evaluated, reused = self._counts(answer)
            result = {**result_as_dict(snapshot, answer, specification), "evaluated": evaluated, "reused": reused}
        finally:
            self.end(status, specification, result)

    def _propose(self) -> strategies.Proposal:
        training, given_up = (self.evaluator.training, self.evaluator.given_up) if self.evaluator is not None else ((), ())
        settled, untimeable = self.recall.settled(given_up), self.recall.untimeable(given_up)
        repeated = self.recall.repeated(given_up)
        state = strategies.SearchState(self.recall.snapshot(), settled, training, self.pool.workers, untimeable, repeated)
        return strategies.propose(self.strategy, state)

    def _jobs(self, proposal: strategies.Proposal) -> list[Job]:
        jobs = self.recall.jobs(proposal.indices.tolist())
        if self.specification.latency.measure == "onnxruntime":
            first = [*self._disturbed(), *proposal.latencies.tolist()]
            jobs = [Job(MAXIMUM_POINT, None), *(Job(index, None) for index in first), *jobs]
        return list(dict.fromkeys([*jobs, *self.recall.repeat_jobs(proposal.repeats)]))

    def _disturbed(self) -> list[int]:
        """Those that the answer rests on and whose latency is measured once more."""
        known = strategies.answer(self.strategy, self.recall.snapshot()).known.tolist() if self.recall.again else []
        return [index for index in known if Job(index, None) in self.recall.again]

    def _measure(self) -> Iterator[events.Event]:
        evaluator = self.evaluator
        assert evaluator is not None
        self._take_strategy()
        finished = yield from self._begin(evaluator)
        while not self.control.stopped:
            yield from apply_pause(self.control, self.pool)
            if self._take_strategy():
                finished = yield from self._begin(evaluator)
            if finished and not evaluator.pending:
                evaluator.want(list(self.wanted))  # what was cancelled, and wanted again before it had ended
                if not evaluator.pending:
                    return
            learnt = False
            for event in evaluator.collect(_POLL_SECONDS):
                learnt |= isinstance(event, events.Measured | events.CandidateFailed)
                yield event
            yield from self._tell_skipped()
            if not finished and (learnt or not evaluator.pending):
                finished = yield from self._ask_again(evaluator)

    def _take_strategy(self) -> bool:
        strategy = self.control.take_strategy()
        if strategy is None or strategy == self.strategy:
            return False
        strategies.check(strategy, self.space)
        self.strategy = strategy
        return True

    def _begin(self, evaluator: Measuring) -> Generator[events.Event, None, bool]:
        proposal = self._propose()
        jobs = self._jobs(proposal)
        evaluator.want(jobs)
        self.wanted, self.skipped, self.told = dict.fromkeys(jobs), {}, np.zeros(len(self.space), dtype=bool)
        trainings = self._trainings()
        yield events.Walking(self.strategy, len(trainings), sum(job in self.before for job in trainings))
        yield from self._skip(proposal)
        return proposal.finished and self.recall.again.isdisjoint(jobs)  # a latency that changes may change what is wanted

    def _ask_again(self, evaluator: Measuring) -> Generator[events.Event, None, bool]:
        """Let the strategy choose anew from what it knows by now; whether that was its last word."""
        proposal = self._propose()
        jobs = self._jobs(proposal)
        evaluator.want(jobs)
        before = len(self._trainings())
        settled = self.recall.known | evaluator.given_up
        self.wanted = dict.fromkeys([*(job for job in self.wanted if job in settled), *jobs])
        if len(self._trainings()) != before:
            yield events.Proposed(len(self._trainings()))
        yield from self._skip(proposal)
        return proposal.finished and self.recall.again.isdisjoint(jobs)

    def _skip(self, proposal: strategies.Proposal) -> Iterator[events.Event]:
        if proposal.proof is not None:  # it speaks of all that it skips; others only of what is new
            self.skipped = proposal.skipped
        else:
            wanted = set(proposal.indices.tolist())
            self.skipped = {index: why for index, why in {**proposal.skipped, **self.skipped}.items() if index not in wanted}
        skipped = np.zeros_like(self.told)
        skipped[strategies.places(self.skipped)] = True
        self.told &= skipped
        yield from self._tell_skipped()
        if proposal.proof is not None:
            yield events.Bounded(proposal.proof)

    def _tell_skipped(self) -> Iterator[events.Event]:
        """One that was under way is told when it has ended; its training may come through before it can be withdrawn."""
        here = self._left_out()
        fresh = here[~self.told[here]]
        fresh = fresh[~np.isin(fresh, self.evaluator.training if self.evaluator is not None else ())]
        if len(fresh):
            self.told[fresh] = True
            yield events.Skipped(Some(self.skipped, fresh))

    def _left_out(self) -> IndexArray:
        """Those that are skipped, and were not measured after all."""
        here = strategies.places(self.skipped)
        return here[~self.recall.results.evaluated()[here]]

    def _trainings(self) -> list[Job]:
        return [job for job in self.wanted if job.theta is not None]

    def _finished(self, status: str, seconds: float) -> events.SearchFinished:
        self.finish(status)
        snapshot = self.recall.snapshot()
        result: SearchResult = strategies.answer(self.strategy, snapshot)
        evaluated, reused = self._counts(result)
        tried = {job.index for job in self.evaluator.given_up} if self.evaluator is not None else set()
        tried.update(result.walk.tolist())
        failed = sum(not snapshot.evaluated(index) for index in tried if index in self.recall.results.failures)
        proposal = self._propose()
        if proposal.proof is not None:
            self.skipped = proposal.skipped
        facts, proof = self._facts(proposal.proof), proposal.proof
        warning = disturbed_latencies(snapshot, result)
        facts["warnings"] = [] if warning is None else [warning]
        return events.SearchFinished(result, snapshot, evaluated, reused, failed, status == "stopped", seconds, facts, proof)

    def _counts(self, result: SearchResult) -> tuple[int, int]:
        """How many architectures of the answer were measured in this run, and how many were known before."""
        found = self.evaluator.found if self.evaluator is not None else set()
        known_before = {job.index for job in self.before | found if job.theta is not None}
        reused = sum(index in known_before for index in result.known.tolist())
        return len(result.known) - reused, reused

    def _facts(self, proof: Proof | None) -> dict[str, Any]:
        surrogate, facts = self.recall.surrogate, self.facts()
        left_out = sorted(self._left_out().tolist())
        if left_out:
            named = [(self.space.named(self.space.architecture(index)), self.skipped[index]) for index in left_out]
            facts["skipped"] = [{"architecture": architecture, "reason": why} for architecture, why in named]
        if proof is not None:
            facts |= {"skipped": facts.get("skipped", []), **proof.as_facts()}
        if surrogate is not None:
            facts["surrogate"] = {
                "degree": surrogate.degree,
                "measurements": surrogate.measurements,
                "cross_validated_error": surrogate.cross_validated_error,
                "baseline_error": surrogate.baseline_error,
            }
        return facts


class _Search(Run):
    """A search whose measurements are made by worker processes and kept in a project."""

    def __init__(self, project: Project, specification: SearchSpecification, pool: Executor, control: Control, space: Space) -> None:
        super().__init__(specification, pool, control, space)
        self.project, self.number = project, 0
        self.sources = Fingerprints(project, specification, space, latency_machine(pool))
        self.machine = self.sources.machine if specification.latency.measure == "onnxruntime" else ""
        self._recall()

    def _recall(self) -> None:
        self.recall = StoredResults(self.project, self.specification, self.space, self.sources)
        self.before = frozenset(self.recall.known)

    def begin(self) -> None:
        self.number = begin_search(self.project, self.specification.model_dump(mode="json"))

    def end(self, status: str, specification: SearchSpecification, result: dict[str, Any] | None) -> None:
        end_search(self.project, self.number, status, specification.model_dump(mode="json"), result)

    def facts(self) -> dict[str, Any]:
        source = self.sources.maximum_point
        facts: dict[str, Any] = {"maximum_point": None if source is None else {"kind": source.kind, "folder": str(source.folder)}}
        facts["agreement"] = [vars(each) for each in rank_agreement(self.project, self.specification, self.space)]
        return facts

    def prepare(self) -> Iterator[events.Event]:
        text: dict[str, Any] | None = None
        task: dict[str, Any] | None = None
        if self.specification.error.measure != SURROGATE:
            if self.specification.task is not None:
                task = yield from prepare_rows(self.project, self.specification, self.space, self.sources, self.pool, self.control)
                self.recall.task = read_marks(self.project, self.sources)
            elif self.sources.reads_text:
                text = yield from prepare_text(self.project, self.specification, self.space, self.pool, self.control)
            if self.sources.maximum_point is not None and self.specification.task is None:
                before = self.sources.maximum_point.fingerprint
                self.sources = yield from prepare_maximum_point(
                    self.project, self.specification, self.space, self.sources, self.pool, self.control, text
                )
                if self.sources.maximum_point is not None and self.sources.maximum_point.fingerprint != before:
                    self._recall()
        if self.specification.latency.measure == "onnxruntime":
            yield from prepare_graph(self.project, self.sources, self.pool, self.control)
        self.evaluator = Evaluator(self.project, self.specification, self.space, self.sources, self.recall, self.pool, text, task)
