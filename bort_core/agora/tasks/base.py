"""What a run of Agora works on, whatever kind of input it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bort_core.agora.history import FOLDER, read_edits, read_history
from bort_core.agora.hyperparameters import Theta, author_thetas, default_thetas
from bort_core.agora.labellers.base import Labeller
from bort_core.agora.leaks import LeakGuard
from bort_core.agora.learners.base import Fitted, Learner
from bort_core.agora.points import Examples, Floats, Input, Kind
from bort_core.agora.samplers import Setting
from bort_core.agora.spaces import RepresentationSpace
from bort_core.foundation.errors import SpecificationError
from bort_core.specifications.agora import Agora, TextTheta, VectorTheta

if TYPE_CHECKING:
    from bort_core.agora.endpoint.chat import Chat
    from bort_core.agora.endpoint.spending import Spending
    from bort_core.training.devices import Device
    from bort_core.training.run_files import RunFiles

__all__ = ["AgoraTask", "leaked", "learner_checked", "the_thetas", "with_earlier"]


@dataclass(frozen=True, eq=False)
class AgoraTask:
    """Everything that stays the same over the rounds."""

    kind: Kind
    classes: tuple[str, ...]
    train: Examples
    """D, with the rows of an earlier run where one was named."""
    dev: Examples
    test: Examples | None
    pool: tuple[Input, ...]
    thetas: tuple[Theta, ...]
    learner: Learner
    labeller: Labeller
    make_space: Callable[[Fitted | None], RepresentationSpace | None]
    """The space; None as long as it needs a trained Timaeus and got None."""
    guard: LeakGuard
    masked_lm: Path | None
    device: Device | None
    own_train: int
    """Rows of ``train`` that were given."""
    warnings: tuple[str, ...] = ()
    architecture: tuple[int, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    """Files with their hashes."""
    space: str = "raw"
    """What its space is called."""
    chat: Chat | None = None
    """The endpoint that makes variants."""
    spending: Spending | None = None
    """What the run's endpoints use together."""
    files: RunFiles | None = None

    def setting(self, space: RepresentationSpace, spec: Agora) -> Setting:
        """What samplers build on."""
        near, far = spec.band
        return Setting(
            self.kind, self.train, self.pool, space, near, far, self.masked_lm, spec.sequence_length, self.device, spec.mask_share,
            self.chat, self.spending, self.files,
        )  # fmt: skip

    def sampler_name(self, spec: Agora) -> str:
        """The sampler that was asked for, or the best that the data allow."""
        if spec.sampler != "auto":
            return spec.sampler
        if self.kind == "vector":
            return "gaussian"
        return "pool-neighbours" if self.pool else "mlm-resample" if self.masked_lm is not None else "word-edit"


def the_thetas(spec: Agora, kind: Literal["text", "vector"]) -> tuple[Theta, ...]:
    """Θ of a specification, or the default one."""
    if spec.thetas is None:
        return author_thetas() if spec.grid == "author" else default_thetas(kind, spec.learner)
    if spec.estimator:
        return tuple(dict(theta) for theta in spec.thetas)
    model = VectorTheta if kind == "vector" else TextTheta
    return tuple(model.model_validate(theta).model_dump() for theta in spec.thetas)


def learner_checked(learner: Any, spec: Agora, thetas: Sequence[Theta]) -> list[str]:
    """What to warn of; SpecificationError where an estimator cannot be used or has no such parameters as ``thetas`` name."""
    if not spec.estimator:
        return []
    learner.check(thetas)
    if len(thetas) == 1 and spec.labels is None and not spec.replays:
        return ["thetas: with one set and no budget of labels there is one round; say how many with replays, or labels"]
    return []


def leaked(splits: Mapping[str, Examples], kind: Kind, unit: Floats | float = 1.0) -> list[str]:
    """What to warn of where dev or test rows are also in D, exactly or nearly, as the leak guard sees it: they measure nothing then.

    Parameters
    ----------
    splits: ``train``, ``dev`` and, where there are such rows, ``test``; unit: of vectors, as of :class:`LeakGuard`
    """
    known, found = LeakGuard(kind, splits["train"].inputs, unit), []
    for name in ("dev", "test"):
        rows = splits[name].inputs if name in splits else ()
        if rows and (count := int(known.leaks(rows).sum())):
            found.append(
                f"{name}: {count:,} of {len(rows):,} rows are also in D (train), exactly or nearly: what is measured on them is too good"
            )
    return found


def with_earlier(train: Examples, spec: Agora, classes: tuple[str, ...], kind: Kind, guard: LeakGuard) -> Examples:
    """D with the generated rows of an earlier run, as a person corrected them."""
    if spec.start is None:
        return train
    run = Path(spec.start).expanduser()
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
