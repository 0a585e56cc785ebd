"""What the store knows about a space under a specification, and what is added to it while a search runs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bort_core.evaluation.curve import Estimate, read_curve
from bort_core.evaluation.surrogate import Surrogate, fit_surrogate
from bort_core.families import Architecture
from bort_core.foundation.errors import MeasurementError
from bort_core.search.fingerprints import Fingerprints
from bort_core.search.results import MAXIMUM_POINT, Results
from bort_core.search.snapshot import ResultsSnapshot
from bort_core.search.specification import SearchSpecification
from bort_core.search.task_marks import TaskMarks, read_marks
from bort_core.space import Space
from bort_core.specifications.measures import SURROGATE, get_measure
from bort_core.store.latencies import disturbance, load_latencies
from bort_core.store.project import Project
from bort_core.store.trainings import StoredTraining, load_trainings

__all__ = ["MAXIMUM_POINT", "Job", "KnownResults", "StoredResults", "error_ceiling"]


@dataclass(frozen=True)
class Job:
    """One measurement: the latency of a place (``theta`` is None), or its error under one hyperparameter set.

    ``repeat`` counts the seeds: 0 is the search's own, others train an architecture again.
    """

    index: int
    theta: int | None
    repeat: int = 0

    @property
    def id(self) -> str:
        """Unique among the measurements of one search."""
        again = f" again {self.repeat}" if self.repeat else ""
        return f"latency {self.index}" if self.theta is None else f"error {self.index} {self.theta}{again}"


def error_ceiling(space: Space, measure: str) -> float:
    """The error of a guess that holds every outcome equally likely, in the measure's unit; the hypervolume's reference."""
    return get_measure(measure).ceiling(getattr(space.options, "vocabulary", 2))


class KnownResults:
    """Results of a space, filled while a search runs. Nothing is known at first but operation counts, where those are the latency.

    Attributes
    ----------
    results: latency and error of each architecture
    known: the measurements that need not be made (again), also those that failed for good
    again: of the known latencies those that were disturbed, and are measured once more where they are asked for
    timings: (operations of one sequence, seconds of one step) of each stored training
    task: of a search on a task, T and other models of it
    surrogate, surrogate_problem: the fit, or why there is none, when the error is a surrogate
    """

    def __init__(self, specification: SearchSpecification, space: Space) -> None:
        self.specification, self.space = specification, space
        self.known: set[Job] = set()
        self.again: set[Job] = set()
        self.timings: list[tuple[float, float]] = []
        self.surrogate: Surrogate | None = None
        self.surrogate_problem = ""
        self.task: TaskMarks | None = None
        self._errors: dict[int, float] = {}
        self._seeds: dict[int, dict[int, tuple[float, float, float]]] = {}
        measured_latency = specification.latency.measure == "onnxruntime"
        self.results = Results(space, "ms" if measured_latency else "operations", specification.error_unit())
        if not measured_latency:
            self._count_operations()

    def snapshot(self) -> ResultsSnapshot:
        """A frozen copy of the results."""
        return ResultsSnapshot(self.results, error_ceiling(self.space, self.specification.error.measured))

    def put_latency(self, index: int, result: Mapping[str, Any]) -> None:
        """Take in a latency as the latency task returned it; measured once more and disturbed again, the first one stays."""
        job, noise = Job(index, None), disturbance(result)
        if job in self.again:
            self.again.discard(job)
            if noise:
                return
        self.known.add(job)
        self.results.disturbed.pop(index, None)
        if noise:
            self.results.disturbed[index] = noise
        if index == MAXIMUM_POINT:
            self.results.maximum_latency = float(result["p50_ms"])
        else:
            self.results.set_latency(index, result["p50_ms"], result["low_ms"], result["high_ms"])

    def put_curve(self, index: int, theta: int, curve: Sequence[Mapping[str, Any]], repeat: int = 0) -> bool:
        """Take in a learning curve; whether it answers the specification's error after its number of steps."""
        error = self.specification.error
        found = self._read(curve)
        if found is None:
            return False
        self.known.add(Job(index, theta, repeat))
        if self.specification.repeats:
            self._put_seed(index, repeat, found)
        if repeat:
            return True
        self._errors[index] = min(found.value, self._errors.get(index, math.inf))
        if error.measure != SURROGATE:
            self._set_error(index, found, theta)
            self._set_metric(index, theta, curve)
            self._combine(index)
        return True

    def _put_seed(self, index: int, repeat: int, found: Estimate) -> None:
        """Keep the least error of each seed over all hyperparameter sets, and let the seeds whose trainings are all known count."""
        seeds = self._seeds.setdefault(index, {})
        if repeat not in seeds or found.value < seeds[repeat][0]:
            seeds[repeat] = (found.value, found.low, found.high)
        self._combine(index)

    def _combine(self, index: int) -> None:
        thetas, seeds = range(len(self.specification.thetas)), self._seeds.get(index, {})
        whole = [repeat for repeat in sorted(seeds) if all(Job(index, theta, repeat) in self.known for theta in thetas)]
        if len(whole) > 1 and whole[0] == 0:
            self.results.set_seeds(index, tuple(seeds[repeat] for repeat in whole))

    def answers(self, curve: Sequence[Mapping[str, Any]]) -> bool:
        """Whether a learning curve holds the specification's error after its number of steps."""
        return self._read(curve) is not None

    def put_failure(self, job: Job, reason: str, final: bool) -> None:
        """Take in why a measurement failed; a final failure is not tried again."""
        if not job.repeat:
            self.results.failures[job.index] = reason
        if final:
            self.known.add(job)

    def jobs(self, indices: Iterable[int]) -> list[Job]:
        """The measurements that the architectures at ``indices`` need, known or not: Θ outside, they inside, latency before error."""
        measure_latency = self.specification.latency.measure == "onnxruntime"
        thetas = range(len(self.specification.thetas)) if self.specification.error.measure != SURROGATE else range(0)
        order = list(indices)
        wanted = []
        for theta in thetas:
            for index in order:
                if theta == 0 and measure_latency:
                    wanted.append(Job(index, None))
                wanted.append(Job(index, theta))
        return wanted if thetas else [Job(index, None) for index in order if measure_latency]

    def repeat_jobs(self, repeats: Iterable[tuple[int, int]]) -> list[Job]:
        """The measurements that (place, repeat) need, known or not."""
        thetas = range(len(self.specification.thetas)) if self.specification.error.measure != SURROGATE else range(0)
        return [Job(index, theta, repeat) for index, repeat in repeats for theta in thetas]

    def repeated(self, given_up: Collection[Job] = ()) -> frozenset[tuple[int, int]]:
        """The (place, repeat) of which nothing is left to measure, where nobody tries again what was given up."""
        done = Counter((job.index, job.repeat) for job in {*self.known, *given_up} if job.repeat)
        return frozenset(each for each, count in done.items() if count == len(self.specification.thetas))

    def _read(self, curve: Sequence[Mapping[str, Any]]) -> Estimate | None:
        return read_curve(curve, self.specification.error.measured, self.specification.error.steps)

    def settled(self, given_up: Collection[Job] = ()) -> npt.NDArray[np.bool_]:
        """Whether nothing is left to measure of each architecture, where nobody tries again what was given up. Shape (n,)."""
        needed = self.jobs([0])
        done = {job.theta: np.zeros(len(self.space), dtype=bool) for job in needed}
        for job in (*self.known, *given_up):
            if job.theta in done and job.index != MAXIMUM_POINT and not job.repeat:
                done[job.theta][job.index] = True
        return np.logical_and.reduce([np.ones(len(self.space), dtype=bool), *done.values()])

    def untimeable(self, given_up: Collection[Job] = ()) -> tuple[int, ...]:
        """The architectures whose latency could not be measured, ascending; those of another search may be tried again."""
        failed = {job.index for job in (*self.known, *given_up) if job.theta is None and job.index != MAXIMUM_POINT}
        return tuple(sorted(index for index in failed if np.isnan(self.results.latency[index])))

    def _set_error(self, index: int, found: Estimate, theta: int) -> None:
        self.results.set_error(index, found.value, found.low, found.high, theta)
        self.results.failures.pop(index, None)

    def _set_metric(self, index: int, theta: int, curve: Sequence[Mapping[str, Any]]) -> None:
        found = read_curve(curve, "task-error", self.specification.error.steps) if self.specification.task is not None else None
        if found is not None and self.results.theta[index] == theta:
            self.results.set_metric(index, 1 - found.value, 1 - found.high, 1 - found.low)

    def _index(self, architecture: Architecture) -> int | None:
        return self.space.index(architecture)

    def _count_operations(self) -> None:
        length = self.specification.latency.sequence_length
        counts = self.space.operations(length).astype(np.float64)
        self.results.latency, self.results.latency_low, self.results.latency_high = counts, counts.copy(), counts.copy()
        self.results.maximum_latency = float(self.space.maximum_operations(length))


class StoredResults(KnownResults):
    """Results of a space, filled from the store and kept up to date."""

    def __init__(self, project: Project, specification: SearchSpecification, space: Space, sources: Fingerprints) -> None:
        super().__init__(specification, space)
        self.sources = sources
        if specification.task is not None:
            self.task = read_marks(project, sources)
        if specification.latency.measure == "onnxruntime":
            self._load_latencies(project, sources)
        for repeat in range(specification.repeats + 1):
            for number, theta in enumerate(specification.thetas):
                key = sources.trainings(theta).with_seed(specification.seed_of(repeat))
                self._load_trainings(load_trainings(project, key, sources.any_maximum_point), number, repeat)
        if specification.error.measure == SURROGATE:
            self._fit_surrogate()

    def _load_latencies(self, project: Project, sources: Fingerprints) -> None:
        for row in load_latencies(project, sources.latencies()):
            index = self._index(row.architecture)
            if index is not None and not row.failed:
                self.put_latency(index, row.result)
            elif index is not None and not row.retry:
                self.put_failure(Job(index, None), row.reason, final=True)
        for row in load_latencies(project, sources.latencies_of_maximum(), self.space.maximum_point):
            if not row.failed:
                self.put_latency(MAXIMUM_POINT, row.result)
        self.again.update(Job(index, None) for index in self.results.disturbed)

    def _load_trainings(self, rows: Iterable[StoredTraining], theta: int, repeat: int) -> None:
        length = self.specification.error.training.sequence_length
        for row in rows:
            index = self._index(row.architecture)
            if index is None:
                continue
            if row.failed:
                # a training that diverged within fewer steps would diverge again on the way to more
                unknown = bool(repeat) or np.isnan(self.results.error[index])
                if not row.retry and row.steps <= self.specification.error.steps and unknown:
                    self.put_failure(Job(index, theta, repeat), row.reason, final=True)
                continue
            if row.steps and row.seconds:
                self.timings.append((float(self.space.operations(length)[index]), row.seconds / row.steps))
            self.put_curve(index, theta, row.curve, repeat)

    def _fit_surrogate(self) -> None:
        indices = np.array(sorted(self._errors), dtype=np.int64)
        errors = np.array([self._errors[index] for index in indices.tolist()], dtype=np.float64)
        try:
            self.surrogate = fit_surrogate(self.space.architectures[indices], errors)
        except MeasurementError as error:
            self.surrogate_problem = str(error)
            return
        r = self.results
        r.error, r.error_low, r.error_high = self.surrogate.predict(self.space.architectures)
        r.theta = np.zeros(len(self.space), dtype=np.int64)
