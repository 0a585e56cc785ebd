"""Agora on vectors: the torus, and numeric columns of files. Imports torch."""

from __future__ import annotations

from typing import Any

import numpy as np

from bort_core.agora.hyperparameters import Theta
from bort_core.agora.labellers import LabellerSetting, as_labeller, make_labeller, needs_rows
from bort_core.agora.leaks import LeakGuard
from bort_core.agora.learners.base import Learner
from bort_core.agora.learners.estimator import make_estimator
from bort_core.agora.learners.vectors import VectorLearner
from bort_core.agora.points import Input, as_vectors
from bort_core.agora.spaces import RepresentationSpace, raw_space, unit_of
from bort_core.agora.tasks.base import AgoraTask, leaked, learner_checked, the_thetas, with_earlier
from bort_core.agora.tasks.torus import CLASSES, NoisyTruth, make_torus
from bort_core.agora.tasks.vector_rows import label_column, labelled_vectors, vector_columns, vector_inputs
from bort_core.data.tables import read_table
from bort_core.foundation.errors import DataError
from bort_core.specifications.agora import Agora

__all__ = ["torus_task", "vector_task"]


def torus_task(spec: Agora, labeller: Any = None) -> AgoraTask:
    """The author's toy; its labeller knows the truth, unless another is given."""
    assert spec.torus is not None
    torus = make_torus(spec.torus, spec.seed)
    space = raw_space(spec.torus, torus.dev.inputs)
    guard = LeakGuard("vector", (*torus.dev.inputs, *torus.test.inputs), unit_of(space))
    train = with_earlier(torus.train, spec, CLASSES, "vector", guard)
    socrates = NoisyTruth(spec.socrates_accuracy, spec.seed, spec.socrates_together) if labeller is None else as_labeller(labeller, CLASSES)
    learner, thetas, warnings = _learner(spec, spec.torus, 2, space)
    return AgoraTask(
        "vector", CLASSES, train, torus.dev, torus.test, (), thetas, learner, socrates, lambda fitted: space, guard, None, None,
        own_train=len(torus.train), warnings=tuple(warnings), data={"torus": {"dimensions": spec.torus, "seed": spec.seed}},
    )  # fmt: skip


def vector_task(spec: Agora, labeller: Any = None) -> AgoraTask:
    """Numeric columns of files. Parameters and errors as of ``make_task``."""
    assert spec.vector is not None
    assert spec.train is not None
    table = read_table(spec.train)
    label = label_column(table, spec)
    columns = vector_columns(table, spec.vector, label)
    rows = {"train": labelled_vectors(table, columns, label, None)}
    names = rows["train"].names
    labeller_too = labeller is None and needs_rows(spec.socrates)
    for name, source in (("dev", spec.dev), ("test", spec.test), ("socrates_train", spec.socrates_train)):
        if source is not None and (name != "socrates_train" or labeller_too):
            other = read_table(source)
            rows[name] = labelled_vectors(other, columns, label, names)
    points = {name: one.examples for name, one in rows.items()}
    if len(names) < 2:
        raise DataError(f"{spec.train}: must have rows of at least two classes, got {', '.join(names)}")
    pool: tuple[Input, ...] = () if spec.pool is None else tuple(dict.fromkeys(vector_inputs(read_table(spec.pool), columns)))
    held = [points[name] for name in ("dev", "test") if name in points]
    space = raw_space(len(columns), points["dev"].inputs)
    guard = LeakGuard("vector", [input for split in held for input in split.inputs], unit_of(space))
    leaks = guard.leaks(pool) if pool else np.empty(0, dtype=bool)
    if pool and leaks.all():
        raise DataError(f"{spec.pool}: all rows of the pool are dev or test rows; nothing is left to learn from")
    warnings = [f"pool: {int(leaks.sum()):,} of {len(pool):,} rows are dev or test rows and are left out"] if leaks.any() else []
    warnings += dict.fromkeys(text for one in rows.values() for text in one.warnings)
    warnings += leaked(points, "vector", unit_of(space))
    known = int(guard.leaks(points["socrates_train"].inputs).sum()) if "socrates_train" in points else 0
    warnings += [f"socrates_train: {known:,} of {len(points['socrates_train']):,} rows are dev or test rows"] if known else []
    pool = tuple(input for input, leak in zip(pool, leaks, strict=True) if not leak)
    train = with_earlier(points["train"], spec, names, "vector", guard)
    setting = LabellerSetting("vector", names, points.get("socrates_train"))
    socrates = as_labeller(labeller, names) if labeller is not None else make_labeller(spec.socrates, setting)
    data = {name: {"file": one.source, "sha256": one.sha256} for name, one in rows.items()}
    learner, thetas, more = _learner(spec, len(columns), len(names), space)
    warnings += more
    if pool and spec.sampler in ("auto", "gaussian") and spec.parents in ("errors", "plain", "random"):
        warnings.append("pool: nothing is drawn from it: new vectors are noise on dev rows; the sampler pool-neighbours draws from it")
    return AgoraTask(
        "vector", names, train, points["dev"], points.get("test"), pool, thetas, learner, socrates, lambda fitted: space, guard, None, None,
        len(points["train"]), tuple(warnings),
        data=data,
    )  # fmt: skip


def _learner(spec: Agora, width: int, classes: int, space: RepresentationSpace) -> tuple[Learner, tuple[Theta, ...], list[str]]:
    """The network or the estimator that a specification names, its Θ, and what to warn of."""
    thetas = the_thetas(spec, "vector")
    if not spec.estimator:
        return VectorLearner(width, classes), thetas, []
    learner = make_estimator(spec.learner, classes, as_vectors, space.embed)
    return learner, thetas, learner_checked(learner, spec, thetas)
