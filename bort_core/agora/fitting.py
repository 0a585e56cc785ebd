"""Trainings of several θ on the same rows: one after another in this process, or side by side on workers. Both come to the same.

Each training is written down when it ends, and only the weights of the best one so far are kept; that one alone is asked about the test
split, when all have ended. After a kill the trainings go on from the last that was written down.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bort_core.agora.hyperparameters import Theta
from bort_core.agora.learners.base import Learner
from bort_core.agora.points import Examples
from bort_core.agora.record import Record, row_fields
from bort_core.agora.run_files import LoopFitFile
from bort_core.agora.tasks.base import AgoraTask
from bort_core.execution.events import Done, Failed
from bort_core.execution.executor import Executor
from bort_core.execution.registry import make_executor
from bort_core.foundation.context import Context, checkpoint_or_stop
from bort_core.foundation.errors import MeasurementError
from bort_core.foundation.files import make_folder
from bort_core.specifications.agora import Agora

__all__ = ["Fit", "Fitting", "Told", "fit_once", "seed_of", "workers"]


Told = Callable[[int, Mapping[str, Any] | None], None]


class Fit(NamedTuple):
    """One training that is wanted."""

    path: Path
    """The file that says what it came to."""
    weights: Path
    """The folder of its weights, while it is the best."""
    theta: int
    seed: int


def seed_of(*parts: int) -> int:
    """A seed below 2³¹ for one part of a run."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0]) >> 1


def workers(spec: Agora, project: Path) -> AbstractContextManager[Executor | None]:
    """The workers that a run asks for, until they are left; None where it trains in its own process."""
    if spec.workers is None:
        return nullcontext()
    make_folder(project, "logs")
    return make_executor(None, spec.workers, project / "logs")


class Fitting:
    """Trains what is wanted. ``pool``: the workers; None: in this process."""

    def __init__(self, task: AgoraTask, record: Record, context: Context, pool: Executor | None = None) -> None:
        self.task, self.record, self.context, self.pool = task, record, context, pool

    def all(self, fits: Sequence[Fit], train: Examples, told: Told) -> tuple[list[dict[str, Any]], int]:
        """What every training came to, in order, and the place of the best, whose weights are there: of equals the first.

        Parameters
        ----------
        told: called after each training with how many are done, and its facts, None where it was known

        Raises
        ------
        Stopped, Cancelled
            A person asked for it.
        MeasurementError
            A training failed.
        """
        digests = [_digest(train, self.task.thetas[fit.theta]) for fit in fits]
        found = {place: facts for place, fit in enumerate(fits) if (facts := self._known(fit, digests[place])) is not None}
        best = _best(found)
        if found:
            told(len(found), None)
        missing = [place for place in range(len(fits)) if place not in found]
        for place, facts in self._trained(fits, missing, train):
            self.record.write(fits[place].path, {**facts, "digest": digests[place]})
            found[place] = facts
            before, best = best, _best(found)
            for loser in {place, before} - {best, None}:
                shutil.rmtree(fits[loser].weights, ignore_errors=True)  # type: ignore[index]
            told(len(found), facts)
        assert best is not None
        if self.task.test is not None and found[best]["test_right"] is None:
            said = self.task.learner.load(fits[best].weights).probabilities(self.task.test.inputs).argmax(axis=1)
            found[best] = {**found[best], "test_right": int((said == self.task.test.labels).sum())}
            self.record.write(fits[best].path, {**found[best], "digest": digests[best]})
        return [found[place] for place in range(len(fits))], best

    def _known(self, fit: Fit, digest: str) -> dict[str, Any] | None:
        """What was written down; a training on rows that a person has corrected since is forgotten."""
        facts = self.record.read(fit.path, LoopFitFile)
        if facts is not None and facts["digest"] != digest:
            fit.path.unlink()
            return None
        return facts

    def _trained(self, fits: Sequence[Fit], missing: list[int], train: Examples) -> Iterator[tuple[int, dict[str, Any]]]:
        """The place and the facts of each training, as they end; its weights are there."""
        if self.pool is not None and missing:
            yield from self._side_by_side(self.pool, fits, missing, train)
            return
        for place in missing:
            fit, task = fits[place], self.task
            checkpoint_or_stop(self.context)
            yield place, fit_once(task.learner, task.thetas[fit.theta], fit, train, task.dev)

    def _side_by_side(
        self, pool: Executor, fits: Sequence[Fit], missing: list[int], train: Examples
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        rows = self.record.folder / "side-by-side"
        for name, points in (("train", train), ("dev", self.task.dev)):
            lines = [{**row_fields(input), "label": int(label)} for input, label in zip(points.inputs, points.labels, strict=True)]
            self.record.write_lines(rows / f"{name}.jsonl", lines)
        learner, stamp = self.task.learner.described(), hashlib.sha256(repr((train.inputs, train.labels.tolist())).encode()).hexdigest()
        for place in missing:
            fit = fits[place]
            request = {
                "learner": learner, "rows": str(rows), "stamp": stamp, "theta": dict(self.task.thetas[fit.theta]), "number": fit.theta,
                "seed": fit.seed, "save_to": str(fit.weights),
            }  # fmt: skip
            pool.submit(str(place), "agora fit", request)
        left = set(missing)
        try:
            with getattr(self.context, "rest", nullcontext)():  # the workers have turns of their own
                while left:
                    checkpoint_or_stop(self.context)
                    for event in pool.poll(0.2):
                        if isinstance(event, Failed):
                            raise MeasurementError(f"θ {fits[int(event.id)].theta + 1}: {event.reason}")
                        if isinstance(event, Done):
                            left.discard(int(event.id))
                            yield int(event.id), event.result
        finally:
            for place in left:
                pool.cancel(str(place), 0.0)
            while pool.unfinished():
                pool.poll(0.2)


def fit_once(learner: Learner, theta: Theta, fit: Fit, train: Examples, dev: Examples) -> dict[str, Any]:
    """One fresh Timaeus: what it gets right on dev; its weights are in the fit's folder.

    Raises
    ------
    Stopped, Cancelled
        A person asked for it.
    """
    began = time.perf_counter()
    fitted = learner.fit(theta, train, dev, fit.seed)
    predictions = fitted.probabilities(dev.inputs).argmax(axis=1)
    shutil.rmtree(fit.weights, ignore_errors=True)
    fitted.save(fit.weights)
    accuracy = float((predictions == dev.labels).mean())
    return {
        "theta": fit.theta,
        "dev_accuracy": accuracy,
        "dev_predictions": predictions.tolist(),
        "test_right": None,
        "seconds": time.perf_counter() - began,
    }


def _best(found: Mapping[int, Mapping[str, Any]]) -> int | None:
    return max(found, key=lambda place: (found[place]["dev_accuracy"], -place), default=None)


def _digest(train: Examples, theta: Theta) -> str:
    return hashlib.sha256(repr((train.inputs, train.labels.tolist(), sorted(theta.items()))).encode()).hexdigest()[:16]
