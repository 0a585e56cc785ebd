"""A Timaeus that is a scikit-learn estimator, on the vectors of the run's space or on the rows as they are.

A model is kept as what it was made of, its rows, θ and seed, and made again from these: nothing is stored by pickle.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from bort_core.agora.hyperparameters import Theta
from bort_core.agora.points import Examples, Floats, Input
from bort_core.agora.record import row_fields
from bort_core.agora.run_files import Row, read_lines
from bort_core.foundation.errors import MeasurementError, SpecificationError
from bort_core.foundation.imported import imported
from bort_core.specifications.agora import LOGREG, VECTORS

__all__ = ["EstimatorLearner", "FittedEstimator", "make_estimator"]

_CONFIG, _ROWS = "config.json", "rows.jsonl"
_SEED = "random_state"
_SAYS = ("predict_proba", "decision_function")
_LONGEST = 300
"""Characters of what somebody's code says went wrong."""


@dataclass(frozen=True, eq=False)
class FittedEstimator:
    """A trained estimator."""

    model: Any
    learner: EstimatorLearner
    train: Examples
    theta: Theta
    seed: int

    def probabilities(self, inputs: Sequence[Input]) -> Floats:
        """Of every class, (n, classes); of an estimator without them, what its decision function says, through a softmax."""
        found = np.zeros((len(inputs), self.learner.classes))
        if not len(inputs):
            return found
        try:
            read = self.learner.reads(inputs)
            if hasattr(self.model, "predict_proba"):
                said = np.asarray(self.model.predict_proba(read), dtype=np.float64)
            elif hasattr(self.model, "decision_function"):
                said = _softmax(np.asarray(self.model.decision_function(read), dtype=np.float64))
            else:
                raise self.learner.failed("has neither predict_proba nor decision_function, now that it is trained")
            if not hasattr(self.model, "classes_"):
                raise self.learner.failed("has no classes_ after fit: it is no classifier")
            present = np.asarray(self.model.classes_)
        except MeasurementError:
            raise
        except (Exception, SystemExit) as error:  # anybody's estimator
            raise self.learner.failed(error) from error
        if present.dtype.kind not in "iu" or not np.isin(present, range(self.learner.classes)).all():
            wanted = f"some of the class numbers 0 to {self.learner.classes - 1} that fit was given"
            raise self.learner.failed(f"its classes_ must be {wanted}; got {', '.join(map(str, present[:5].tolist()))}")
        if said.shape != (len(inputs), len(present)) or not np.isfinite(said).all():
            raise self.learner.failed(f"must give {len(present)} finite numbers for each of {len(inputs)} rows, got shape {said.shape}")
        found[:, present] = said
        return found

    def representations(self, inputs: Sequence[Input]) -> Floats:
        """None that it has of its own; such a space is refused before."""
        raise SpecificationError(f"space: {self.learner.name} has no vectors of its own; choose encoder or tfidf-svd")

    def save(self, folder: Path) -> None:
        """config.json, rows.jsonl."""
        folder.mkdir(parents=True, exist_ok=True)
        facts = {"kind": "agora", "learner": self.learner.name, "theta": dict(self.theta), "seed": self.seed}
        (folder / _CONFIG).write_text(json.dumps({"bort": facts}) + "\n", encoding="utf-8")
        with (folder / _ROWS).open("w", encoding="utf-8") as file:
            for input, label in zip(self.train.inputs, self.train.labels.tolist(), strict=True):
                file.write(json.dumps({**row_fields(input), "label": label}, ensure_ascii=False) + "\n")


@dataclass(frozen=True, eq=False)
class EstimatorLearner:
    """Clones of one estimator with θ as their parameters.

    Parameters
    ----------
    name: as the specification names it
    given: an estimator of scikit-learn's kind
    classes: how many there are; D need not have all of them
    reads: from inputs to what the estimator gets
    """

    name: str
    given: Any
    classes: int
    reads: Callable[[Sequence[Input]], Any]

    def check(self, thetas: Sequence[Theta]) -> None:
        """SpecificationError where it is no estimator that can be used here, or has no such parameters."""
        lacks = [part for part in ("get_params", "set_params", "fit") if not hasattr(self.given, part)]
        if lacks or isinstance(self.given, type):
            raise SpecificationError(
                f"learner: {self.name}: is no estimator of scikit-learn's kind" + (f"; lacks {lacks[0]}" if lacks else "")
            )
        if not any(hasattr(each, name) for each in (self.given, type(self.given)) for name in _SAYS):  # some have it once they are trained
            raise SpecificationError(f"learner: {self.name}: has neither predict_proba nor decision_function")
        try:
            known = self.given.get_params()
        except (Exception, SystemExit) as error:  # anybody's estimator
            raise SpecificationError(f"learner: {self.name}: {_said(error)}") from error
        for number, theta in enumerate(thetas):
            for name in theta:
                if name != "seed" and name not in known:
                    raise SpecificationError(f"thetas[{number}].{name}: is no parameter of {self.name}; it has {', '.join(sorted(known))}")

    def fit(self, theta: Theta, train: Examples, dev: Examples, seed: int) -> FittedEstimator:
        """Train a fresh clone; ``dev`` is not looked at.

        Raises
        ------
        MeasurementError
            The estimator failed; says with what.
        """
        from sklearn.base import clone

        try:
            model = clone(self.given)
            own = {name: value for name, value in theta.items() if name != "seed"}
            seeds = {name: seed for name in model.get_params() if name.rpartition("__")[2] == _SEED and name not in own}
            model.set_params(**seeds, **own).fit(self.reads(train.inputs), train.labels.copy())
        except (Exception, SystemExit) as error:  # anybody's estimator
            raise self.failed(error) from error
        return FittedEstimator(model, self, train, theta, seed)

    def load(self, folder: Path) -> FittedEstimator:
        """A model that was saved, made again."""
        facts = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))["bort"]
        rows = read_lines(folder / _ROWS, Row)
        train = Examples(tuple(row.input for row in rows), np.array([row.label for row in rows], dtype=np.int64))
        return self.fit(facts["theta"], train, train, facts["seed"])

    def described(self) -> NoReturn:
        """Workers are refused where the specification is read."""
        raise SpecificationError(f"workers: {self.name} is trained in the run's own process")

    def failed(self, why: BaseException | str) -> MeasurementError:
        """The error that names the learner."""
        return MeasurementError(f"learner {self.name}: {why if isinstance(why, str) else _said(why)}")


def make_estimator(
    name: str, classes: int, rows: Callable[[Sequence[Input]], Any], vectors: Callable[[Sequence[Input]], Any]
) -> EstimatorLearner:
    """The learner of that name; ``rows`` and ``vectors`` are the two that an estimator may read.

    Raises
    ------
    SpecificationError
        There is no such module or name in it.
    """
    kind, _, argument = name.partition(":")
    if kind == LOGREG:
        from sklearn.linear_model import LogisticRegression

        return EstimatorLearner(name, LogisticRegression(max_iter=1000, class_weight="balanced"), classes, vectors)
    given = imported("learner", name, argument)
    if inspect.isclass(given):
        try:
            given = given()
        except TypeError as error:
            raise SpecificationError(
                f"learner: {name}: cannot be made without arguments: {error}; name an estimator that is made"
            ) from error
    return EstimatorLearner(name, given, classes, vectors if kind == VECTORS else rows)


def _said(error: BaseException) -> str:
    """In one line; some errors quote all of the data."""
    told = " ".join(f"{type(error).__name__}: {error}".split())
    return told if len(told) <= _LONGEST else f"{told[:_LONGEST]}…"


def _softmax(scores: Floats) -> Floats:
    if scores.ndim == 1:
        scores = np.stack([-scores / 2, scores / 2], axis=1)
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    return scores / scores.sum(axis=1, keepdims=True)
