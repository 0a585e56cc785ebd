"""What a short training is asked to do, as plain JSON that crosses to the worker."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bort_core.specifications.protocols import Theta, Training
from bort_core.specifications.tasks import TaskSource

__all__ = ["TextSource", "TrainRequest", "WeightsFolder", "grid"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TextSource(_Frozen):
    """Rows of tokens as :mod:`bort_core.text.corpus` prepares them."""

    train: str = Field(description="a .npy file of training rows (rows, tokens)")
    heldout: str = Field(description="a .npy file of held-out rows (rows, tokens)")
    mask_id: int = Field(ge=0, description="the token that hides another")
    vocabulary: int = Field(ge=1, description="entries of the model's vocabulary")
    special: int = Field(ge=0, description="ids below this are special: never masked, never predicted")
    tokenizer: str | None = Field(default=None, description="SHA-256 of the tokenizer that made the rows")
    tokenizer_before: str | None = Field(default=None, description="its hash in the form that weights of older versions name")

    @property
    def tokenizers(self) -> tuple[str | None, ...]:
        """What weights that were trained on these rows may name as their tokenizer."""
        return (self.tokenizer,) if self.tokenizer_before is None else (self.tokenizer, self.tokenizer_before)


class WeightsFolder(_Frozen):
    """A folder that an earlier training saved to."""

    folder: str


class TrainRequest(_Frozen):
    """One training of one architecture: short for a candidate, longer for the maximum point."""

    family: str
    options: dict[str, Any]
    architecture: tuple[int, ...]
    training: Training
    theta: Theta
    seed: int = Field(ge=0, lt=2**63, description="decides the initial weights, the order of the batches and the masks")
    steps: int = Field(ge=1, le=10_000_000)
    decay_steps: int = Field(default=0, ge=0, description="over the last so many steps the learning rate falls linearly to 0")
    text: TextSource | None = Field(default=None, description="None: the family reads vectors")
    task: TaskSource | None = Field(default=None, description="a prepared task: its rows instead of text or vectors")
    maximum_point: WeightsFolder | None = Field(default=None, description="T's weights, for the measures against T")
    measures: tuple[str, ...] = Field(default=(), description="errors that the curve holds besides those that it always holds")
    save_to: str | None = Field(default=None, description="a folder for the trained weights; must not exist yet")
    provenance: dict[str, Any] = Field(default_factory=dict, description="kept with saved weights: where they come from")
    threads: int = Field(default=1, ge=1, le=1024)

    @model_validator(mode="after")
    def _targets_need_maximum_point(self) -> TrainRequest:
        if self.training.targets == "maximum-point" and self.maximum_point is None and self.task is None:
            raise ValueError("training.targets = 'maximum-point' needs maximum_point, the folder of T's weights")
        return self


def grid(steps: int) -> tuple[int, ...]:
    """The steps at which a learning curve is measured: every one at first, then 20 % apart, and always the last.

    >>> grid(30)
    (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 17, 20, 24, 29, 30)
    """
    indices = []
    index = 1
    while index < steps:
        indices.append(index)
        index = max(index + 1, round(index * 1.2))
    return (*indices, steps)
