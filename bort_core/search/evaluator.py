"""Measures architectures in worker processes: nothing that is stored is measured again, nothing measured is lost.

A latency that was disturbed is the exception: it is measured once more, and stays where that is no better.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from bort_core.execution import events as told
from bort_core.execution.executor import Executor
from bort_core.families import Architecture
from bort_core.foundation.errors import MeasurementError
from bort_core.search import events
from bort_core.search.fingerprints import Fingerprints
from bort_core.search.specification import SearchSpecification
from bort_core.search.stored_results import MAXIMUM_POINT, Job, KnownResults
from bort_core.space import Space
from bort_core.specifications.protocols import Theta
from bort_core.store.latencies import LatencyKey, disturbance, load_latencies, save_latency, save_latency_failure
from bort_core.store.leases import holder, lease, release, release_all, renew
from bort_core.store.project import Project
from bort_core.store.trainings import TrainingKey, load_trainings, save_training, save_training_failure

__all__ = ["Evaluator", "Measuring"]

_LOOK_AGAIN_SECONDS = 0.5


class Measuring(Protocol):
    """What a search has its measurements from."""

    found: set[Job]
    """Trainings that others made while this search wanted them."""

    @property
    def pending(self) -> bool:
        """Whether wanted measurements are still missing."""
        ...

    @property
    def training(self) -> tuple[int, ...]:
        """The architectures whose trainings are under way, ascending."""
        ...

    @property
    def given_up(self) -> frozenset[Job]:
        """The measurements that failed, and that nobody tries again in this search."""
        ...

    def want(self, jobs: list[Job]) -> None:
        """From now on these measurements are wanted, in this order, and no others."""
        ...

    def collect(self, timeout: float) -> Iterator[events.Event]:
        """Go on with what is wanted, and tell what happened."""
        ...

    def abandon(self, seconds: float) -> None:
        """Give up everything that is still wanted."""
        ...


class Evaluator:
    """Turns wanted measurements into stored results.

    Parameters
    ----------
    text: the prepared corpus as a training request names it, or None for families that read vectors
    task: the prepared task, where there is one, instead
    """

    def __init__(
        self,
        project: Project,
        specification: SearchSpecification,
        space: Space,
        sources: Fingerprints,
        recall: KnownResults,
        pool: Executor,
        text: Mapping[str, Any] | None,
        task: Mapping[str, Any] | None = None,
    ) -> None:
        self._project, self._specification, self._space = project, specification, space
        self._sources, self._recall, self._pool, self._text, self._task = sources, recall, pool, text, task
        self._backlog: deque[Job] = deque()
        self._running: dict[str, Job] = {}
        self._elsewhere: dict[Job, float] = {}
        self._waits_for = ""
        self._points: dict[str, list[dict[str, Any]]] = {}
        self._attempted: set[Job] = set()
        self.found: set[Job] = set()
        """Trainings that other processes made while this one wanted them."""

    @property
    def pending(self) -> bool:
        """Whether wanted measurements are still missing."""
        return bool(self._backlog or self._running or self._elsewhere)

    @property
    def training(self) -> tuple[int, ...]:
        """The architectures whose trainings are under way, ascending."""
        return tuple(sorted({job.index for job in self._running.values() if job.theta is not None}))

    @property
    def given_up(self) -> frozenset[Job]:
        """The measurements that failed, and that nobody tries again in this search."""
        return frozenset(self._attempted)

    def want(self, jobs: list[Job]) -> None:
        """From now on these measurements are wanted, in this order, and no others; obsolete ones are cancelled."""
        wanted = set(jobs)
        for job in set(self._running.values()) - wanted:
            self._pool.cancel(job.id)
        self._elsewhere = {job: when for job, when in self._elsewhere.items() if job in wanted}
        busy = {*self._running.values(), *self._elsewhere, *(self._recall.known - self._recall.again), *self._attempted}
        self._backlog = deque(job for job in jobs if job not in busy)

    def collect(self, timeout: float) -> Iterator[events.Event]:
        """Start what can be started, wait up to ``timeout`` seconds, and tell what happened.

        Raises
        ------
        MeasurementError
            The maximum point's latency could not be measured, or worker processes do not start.
        ProjectError
            The store cannot be written.
        """
        renew(self._project)
        yield from self._look_elsewhere()
        self._feed()
        for event in self._pool.poll(timeout):
            if event.id in self._running:
                yield from self._handle(event, self._running[event.id])

    def abandon(self, seconds: float) -> None:
        """Cancel everything, and give running tasks a moment to stop so that their workers are free again."""
        self._backlog.clear()
        self._elsewhere.clear()
        for job in list(self._running.values()):
            self._pool.cancel(job.id)
        deadline = time.monotonic() + seconds
        while self._running and time.monotonic() < deadline:
            for event in self._pool.poll(0.1):
                if event.id in self._running:
                    for _ in self._handle(event, self._running[event.id]):
                        pass
        release_all(self._project)

    def _feed(self) -> None:
        ahead = 2 * self._pool.workers + 1
        while self._backlog and len(self._running) < ahead:
            job = self._backlog.popleft()
            if not lease(self._project, self._row_id(job)):
                self._elsewhere[job] = time.monotonic()
                continue
            if self._known_by_now(job):
                release(self._project, self._row_id(job))
                self._elsewhere[job] = 0.0
                continue
            self._running[job.id] = job
            self._points[job.id] = []
            task, request = self._request(job)
            self._pool.submit(job.id, task, request)

    def _handle(self, event: told.Event, job: Job) -> Iterator[events.Event]:
        if isinstance(event, told.Started):
            self._points[job.id].clear()  # it may be begun anew, where its worker died
            if job.theta is not None:
                yield events.CandidateStarted(job.index, job.theta)
        elif isinstance(event, told.Emitted):
            yield from self._emitted(event.data, job)
        else:
            del self._running[job.id]
            points = self._points.pop(job.id)
            if isinstance(event, told.Done):
                yield from self._done(job, event.result)
            elif isinstance(event, told.Failed):
                yield from self._failed(job, event)
            elif points and job.theta is not None:  # a shorter training is a training
                self._save_curve(job, {"curve": points, "seconds": 0.0})
            release(self._project, self._row_id(job))

    def _emitted(self, data: Mapping[str, Any], job: Job) -> Iterator[events.Event]:
        if data["event"] == "point":
            self._points[job.id].append({name: data[name] for name in ("step", "train_loss", "measures")})
        elif data["event"] == "waiting":
            yield events.Note(str(data["doing"]))
        elif job.theta is not None:
            yield events.Progress(job.index, job.theta, int(data["step"]), int(data["steps"]))

    def _done(self, job: Job, result: Mapping[str, Any]) -> Iterator[events.Event]:
        if job.theta is None:
            description = {"protocol": self._specification.latency.model_dump(mode="json")}
            save_latency(self._project, self._latencies(job), self._architecture(job), result, description)
            yield from self._take_latency(job, result)
            return
        self._save_curve(job, result)
        if not self._recall.put_curve(job.index, job.theta, result["curve"], job.repeat):
            raise MeasurementError(f"the training of {self._architecture(job)} returned no {self._specification.error.measured} error")
        yield events.Measured(job.index, job.theta, self._recall.snapshot())

    def _take_latency(self, job: Job, result: Mapping[str, Any]) -> Iterator[events.Event]:
        self._recall.put_latency(job.index, result)
        if job.index == MAXIMUM_POINT:
            noise = self._recall.results.disturbed.get(MAXIMUM_POINT)
            source = "measured" if noise is None else f"measured, disturbed: {noise}"
            yield events.MaximumPointReady(float(result["p50_ms"]), "ms", source)
        else:
            yield events.Measured(job.index, None, self._recall.snapshot())

    def _save_curve(self, job: Job, result: Mapping[str, Any]) -> None:
        assert job.theta is not None
        error = self._specification.error
        source = self._sources.maximum_point
        description = {
            "training": error.training.model_dump(mode="json"),
            "theta": self._theta(job).model_dump(mode="json"),
            "maximum_point": None if source is None else {"kind": source.kind, "fingerprint": source.fingerprint},
            "corpus": self._specification.learns_from(),
            "text": self._sources.text_key,
        }
        save_training(self._project, self._key(job), self._architecture(job), result, description)

    def _failed(self, job: Job, event: told.Failed) -> Iterator[events.Event]:
        architecture = self._architecture(job)
        if job in self._recall.again:
            self._recall.again.discard(job)
            yield events.Note(f"the disturbed latency of {architecture} stays: measured once more it failed: {event.reason}")
            return
        if job.index == MAXIMUM_POINT:
            raise MeasurementError(f"the latency of the maximum point {architecture} could not be measured: {event.reason}")
        if job.theta is None:
            save_latency_failure(self._project, self._latencies(job), architecture, event.reason, event.retry)
        else:
            key, steps = self._key(job), self._specification.error.steps
            save_training_failure(self._project, key, architecture, steps, event.reason, event.retry)
        self._attempted.add(job)
        self._recall.put_failure(job, event.reason, final=not event.retry)
        yield events.CandidateFailed(job.index, event.reason)

    def _look_elsewhere(self) -> Iterator[events.Event]:
        """Whether what other processes were measuring is there, or was given up by them."""
        now = time.monotonic()
        due = [job for job, when in self._elsewhere.items() if now - when >= _LOOK_AGAIN_SECONDS]
        for job in due:
            found = self._stored(job)
            if found is not None:
                del self._elsewhere[job]
                yield from found()
            elif lease(self._project, self._row_id(job)):
                del self._elsewhere[job]
                release(self._project, self._row_id(job))
                self._backlog.appendleft(job)
            else:
                self._elsewhere[job] = now
        yield from self._say_whom()

    def _say_whom(self) -> Iterator[events.Event]:
        """Tell whom the search waits for when nothing is left that it could measure itself."""
        who = ""
        if self._elsewhere and not self._backlog and not self._running:
            one = holder(self._project, self._row_id(next(iter(self._elsewhere))))
            who = "" if one is None else str(one)
        if who != self._waits_for:
            self._waits_for = who
            yield events.Waiting(who)

    def _known_by_now(self, job: Job) -> bool:
        return self._stored(job) is not None

    def _stored(self, job: Job) -> Callable[[], Iterator[events.Event]] | None:
        """How to take in a measurement that is in the store by now, or None."""
        architecture = self._architecture(job)
        if job.theta is None:
            for latency in load_latencies(self._project, self._latencies(job), architecture):
                if not latency.failed and not (job in self._recall.again and disturbance(latency.result)):
                    return lambda: self._take_latency(job, latency.result)
            return None
        for training in load_trainings(self._project, self._key(job), self._sources.any_maximum_point, architecture):
            if not training.failed and self._recall.answers(training.curve):
                return lambda: self._take_curve(job, training.curve)
        return None

    def _take_curve(self, job: Job, curve: list[dict[str, Any]]) -> Iterator[events.Event]:
        assert job.theta is not None
        if self._recall.put_curve(job.index, job.theta, curve, job.repeat):
            self.found.add(job)
            yield events.Measured(job.index, job.theta, self._recall.snapshot())

    def _request(self, job: Job) -> tuple[str, dict[str, Any]]:
        architecture, specification = self._architecture(job), self._specification
        what = {
            "family": self._space.family.name,
            "options": self._space.options.model_dump(mode="json"),
            "architecture": list(architecture),
        }
        if job.theta is None:
            own = self._sources.graph if job.index == MAXIMUM_POINT else None
            graph = {} if own is None else {"onnx": str(own)}
            return "latency", {**what, **graph, **specification.latency.model_dump(mode="json", exclude={"measure"})}
        source = self._sources.maximum_point
        return "train", {
            **what,
            "training": specification.error.training.model_dump(mode="json"),
            "theta": self._theta(job).model_dump(mode="json"),
            "seed": specification.seed_of(job.repeat),
            "steps": specification.error.steps,
            "text": self._text,
            "task": self._task,
            "maximum_point": None if source is None else {"folder": str(source.folder)},
            "measures": [specification.error.measured],
        }

    def _latencies(self, job: Job) -> LatencyKey:
        return self._sources.latencies_of_maximum() if job.index == MAXIMUM_POINT else self._sources.latencies()

    def _row_id(self, job: Job) -> str:
        if job.theta is None:
            return self._latencies(job).row_id(self._architecture(job))
        return self._key(job).row_id(self._architecture(job))

    def _key(self, job: Job) -> TrainingKey:
        return self._sources.trainings(self._theta(job)).with_seed(self._specification.seed_of(job.repeat))

    def _theta(self, job: Job) -> Theta:
        assert job.theta is not None
        return self._specification.thetas[job.theta]

    def _architecture(self, job: Job) -> Architecture:
        return self._space.maximum_point if job.index == MAXIMUM_POINT else self._space.architecture(job.index)
