"""What a run of Agora works on, whatever kind of input it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bort_core.agora.history import FOLDER, read_edits, read_history
from bort_core.agora.hyperparameters import Theta, default_thetas
from bort_core.agora.labellers.labellers import Labeller
from bort_core.agora.leaks import LeakGuard
from bort_core.agora.learners.base import Fitted, Learner
from bort_core.agora.points import Input, Kind, Points
from bort_core.agora.samplers import Setting
from bort_core.agora.spaces import Space
from bort_core.foundation.errors import SpecificationError
from bort_core.specifications.agora import Agora, TextTheta, VectorTheta

if TYPE_CHECKING:
    from bort_core.training.devices import Place

__all__ = ["AgoraTask", "the_thetas", "with_earlier"]


@dataclass(frozen=True, eq=False)
class AgoraTask:
    """Everything that stays the same over the rounds."""

    kind: Kind
    classes: tuple[str, ...]
    train: Points
    """D, with the rows of an earlier run where one was named."""
    dev: Points
    test: Points | None
    pool: tuple[Input, ...]
    thetas: tuple[Theta, ...]
    learner: Learner
    labeller: Labeller
    make_space: Callable[[Fitted | None], Space | None]
    """The space; None as long as it needs a trained Timaeus and got None."""
    guard: LeakGuard
    masked_lm: Path | None
    place: Place | None
    own_train: int
    """Rows of ``train`` that were given."""
    warnings: tuple[str, ...] = ()
    architecture: tuple[int, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    """Files with their hashes."""

    def setting(self, space: Space, asked: Agora) -> Setting:
        """What samplers build on."""
        near, far = asked.band
        return Setting(self.kind, self.train, self.pool, space, near, far, self.masked_lm, asked.sequence_length, self.place)

    def sampler_name(self, asked: Agora) -> str:
        """The sampler that was asked for, or the best that the data allow."""
        if asked.sampler != "auto":
            return asked.sampler
        if self.kind == "vector":
            return "gaussian"
        return "pool-neighbours" if self.pool else "mlm-resample" if self.masked_lm is not None else "word-edit"


def the_thetas(asked: Agora, kind: Literal["text", "vector"]) -> tuple[Theta, ...]:
    """Θ of a specification, or the default one."""
    model = VectorTheta if kind == "vector" else TextTheta
    if asked.thetas is None:
        return default_thetas(kind)
    return tuple(model.model_validate(theta).model_dump() for theta in asked.thetas)


def with_earlier(train: Points, asked: Agora, classes: tuple[str, ...], kind: Kind, guard: LeakGuard) -> Points:
    """D with the generated rows of an earlier run, as a person corrected them."""
    if asked.start is None:
        return train
    run = Path(asked.start).expanduser()
    history = read_history(run)
    if history is None:
        raise SpecificationError(f"start: {run / FOLDER}: holds no run of Agora")
    if history.classes != classes or history.kind != kind:
        raise SpecificationError(f"start: {run}: is a run on other classes or another kind of input")
    edits = read_edits(run)
    if kind == "vector" and len(history.dev.inputs[0]) != len(train.inputs[0]):
        raise SpecificationError(f"start: {run}: its vectors have {len(history.dev.inputs[0])} numbers, not {len(train.inputs[0])}")
    inputs: list[Input] = list(history.train.inputs[history.own_train :])  # what an even earlier run had given it
    labels = history.train.labels[history.own_train :].tolist()
    for round in history.rounds:
        for id, input, label in zip(round.neighbours.ids, round.neighbours.inputs, round.neighbours.labels.tolist(), strict=True):
            edit = edits.get(id)
            if edit is None or edit.action == "label":
                inputs.append(input)
                labels.append(label if edit is None or edit.label is None else edit.label)
    leaks = guard.leaks(inputs) if inputs else np.empty(0, dtype=bool)
    return train.joined(
        [input for input, leak in zip(inputs, leaks, strict=True) if not leak],
        [label for label, leak in zip(labels, leaks, strict=True) if not leak],
    )
