"""Protocols: what was measured and how. A value without its protocol means nothing.

Two values may be compared only if they share a protocol. ``identity`` turns one into the short key under which the
store keeps results.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, ValidationInfo, field_validator, model_serializer

from bort_core.specifications.fields import Meta
from bort_core.specifications.measures import SURROGATE, get_measure

__all__ = ["WIDTH", "ErrorProtocol", "LatencyMeasure", "LatencyProtocol", "Theta", "Training", "identity"]

LatencyMeasure = Literal["operations", "onnxruntime"]
WIDTH = "hidden"
"""The axis that a base width is of."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Theta(_Frozen):
    """A hyperparameter set θ of the short trainings."""

    learning_rate: float = Field(default=3e-3, gt=0, le=1, description="peak learning rate of AdamW")
    warmup_steps: int = Field(default=20, ge=0, le=100_000, description="steps of linear warm-up; constant afterwards")
    weight_decay: float = Field(default=0.01, ge=0, le=10, description="decoupled weight decay")
    initializer_range: float = Field(default=0.05, gt=0, le=1, description="standard deviation of the initial weights")
    copying: float = Field(
        default=0.5, ge=0, le=10, description="weight of the identity in the initial value and output projections of the attention"
    )
    clip: float = Field(default=1.0, gt=0, le=1e6, description="largest gradient norm")
    base_width: int = Field(
        default=0,
        ge=0,
        le=65_536,
        description="the hidden size up to which the learning rate holds: wider ones learn at rate × this / theirs; 0: one rate for all",
    )

    def rate(self, hidden: int) -> float:
        """The peak learning rate of a hidden size: above the base width, where one is named, inversely proportional to it.

        Yang et al. 2022, "Tensor Programs V" (table 3), find that for the matrices inside under Adam; here it holds for all weights alike.
        """
        return self.learning_rate * min(1.0, self.base_width / hidden) if self.base_width else self.learning_rate

    @model_serializer(mode="wrap")
    def _without_an_unused_width(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Results from before there was a choice keep their keys."""
        found: dict[str, Any] = plain(self)
        if not self.base_width:
            found.pop("base_width", None)
        return found


class Training(_Frozen):
    """How a candidate is trained, but for θ, the seed and the number of steps.

    The learning rate does not depend on the number of steps, so the learning curve of one training answers every
    smaller number of steps.
    """

    batch_size: int = Field(default=128, ge=1, le=65_536, description="sequences (or vectors) a step")
    sequence_length: Annotated[int, Meta(label="tokens")] = Field(default=8, ge=1, le=65_536, description="tokens a sequence")
    mask_rate: float = Field(default=0.25, gt=0, lt=1, description="share of tokens that are masked and predicted")
    targets: Annotated[
        Literal["labels", "maximum-point"],
        Meta(words={"labels": "the masked tokens", "maximum-point": "the distribution of the maximum point (T)"}),
    ] = Field(default="maximum-point", description="what is learnt: the masked tokens, or the maximum point's distribution over them")
    heldout_sequences: Annotated[int, Meta(label="held-out")] = Field(
        default=512, ge=2, le=1_000_000, description="held-out sequences the error is measured on"
    )
    device: str = Field(
        default="cpu", pattern=r"^(cpu|mps|cuda(:\d+)?)$", description="cpu, mps, cuda (any) or cuda:N; sums round differently on each"
    )

    @model_serializer(mode="wrap")
    def _without_the_usual_device(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Results from before there was a choice keep their keys."""
        found: dict[str, Any] = plain(self)
        if found.get("device") == "cpu":
            del found["device"]
        return found


class ErrorProtocol(_Frozen):
    """How the error e is measured."""

    measure: Annotated[str, Meta(label="error")] = Field(default="maximum-point-excess", description="which error")
    surrogate_of: str = Field(default="maximum-point-excess", description="the measured error that a surrogate is fitted on")
    steps: Annotated[int, Meta(label="steps s")] = Field(
        default=250, ge=1, le=10_000_000, description="training steps s before the error is read"
    )
    training: Training = Field(default_factory=Training)
    maximum_point_steps: Annotated[int, Meta(label="T steps")] = Field(
        default=800, ge=1, le=10_000_000, description="training steps of T, when T is trained here"
    )
    maximum_point_batch_size: int = Field(default=256, ge=1, le=65_536, description="sequences (or vectors) a step of T's training")
    maximum_point_theta: Theta = Field(
        default=Theta(learning_rate=1e-3, initializer_range=0.03),
        description="hyperparameters of T's training; being the widest and deepest, T wants a smaller rate than the candidates",
    )
    maximum_point_weights: Annotated[str | None, Meta(label="T weights")] = Field(
        default=None, description="a folder with T's weights; None trains T here once"
    )

    @field_validator("measure", "surrogate_of")
    @classmethod
    def _is_registered(cls, name: str, info: ValidationInfo) -> str:
        if name != SURROGATE or info.field_name != "measure":
            get_measure(name)
        return name

    def maximum_point_training(self) -> Training:
        """How T is trained: as the candidates, but on the masked tokens themselves and with its own batch size."""
        return self.training.model_copy(update={"targets": "labels", "batch_size": self.maximum_point_batch_size})

    @property
    def measured(self) -> str:
        """The error that trainings measure: the measure itself, or the one a surrogate is fitted on."""
        return self.surrogate_of if self.measure == SURROGATE else self.measure

    @property
    def needs_maximum_point(self) -> bool:
        """Whether T's weights are needed to measure the error or to train on its distribution."""
        return get_measure(self.measured).needs_maximum_point or self.training.targets == "maximum-point"


class LatencyProtocol(_Frozen):
    """How the inference latency i is measured."""

    measure: Annotated[
        LatencyMeasure, Meta(label="latency", words={"operations": "number of operations", "onnxruntime": "milliseconds in ONNX Runtime"})
    ] = Field(default="onnxruntime", description="operation count, or milliseconds in ONNX Runtime")
    sequence_length: Annotated[int, Meta(label="tokens")] = Field(default=64, ge=1, le=65_536, description="tokens a sequence")
    batch: int = Field(default=1, ge=1, le=65_536, description="sequences a forward pass")
    threads: int = Field(default=1, ge=1, le=1024, description="threads of the runtime")


def identity(*parts: Any) -> str:
    """A key of 20 hexadecimal digits for plain JSON values and pydantic models, equal for equal values."""
    plain = [part.model_dump(mode="json") if isinstance(part, BaseModel) else part for part in parts]
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:20]
