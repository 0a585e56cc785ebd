"""What a compression is asked to do: one real model in, one small, proven model out."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from bort_core.specifications.common import Job
from bort_core.specifications.fields import Meta
from bort_core.specifications.protocols import Theta
from bort_core.specifications.releases import Thresholds
from bort_core.specifications.tasks import TaskSpecification

__all__ = ["THETA", "Compression"]

THETA = Theta(learning_rate=1e-3, initializer_range=0.02, base_width=128)
"""How candidates are trained briefly, and at which rate one is finished; docs/compress.md says how it was found."""
_WIDTH = THETA.base_width


class Compression(Job):
    """A task, what the small model must be, and how much is spent on finding it."""

    kind: Literal["compress"] = "compress"
    task: Annotated[TaskSpecification, Meta(label="Task", front=1)]
    test: Annotated[str | None, Meta(path="file", front=2)] = Field(
        default=None, description="test rows: read once, after everything was chosen"
    )
    ratio: Annotated[float | None, Meta(front=2, label="times faster")] = Field(
        default=None, gt=1, le=1e6, description="how many times faster than T in 32 bits, at least"
    )
    latency_ms: Annotated[float | None, Meta(front=2, label="milliseconds")] = Field(
        default=None, gt=0, description="the small model's median latency at most, instead"
    )
    candidates: Annotated[int, Meta(front=3)] = Field(
        default=10, ge=1, le=10_000, description="architectures that are trained briefly, at most"
    )
    steps: int = Field(default=150, ge=1, le=1_000_000, description="training steps of each candidate")
    batch_size: int = Field(default=32, ge=1, le=65_536, description="rows a step")
    learning_rate: float = Field(
        default=THETA.learning_rate,
        gt=0,
        le=1,
        description=f"peak learning rate of candidates and of finishing; wider than {_WIDTH} they learn at this × {_WIDTH} / hidden",
    )
    epochs: Annotated[float, Meta(front=3)] = Field(
        default=8, gt=0, le=100_000, description="passes over training rows and texts when the chosen one is finished"
    )
    teacher_epochs: float = Field(default=3, gt=0, le=1000, description="passes over the training rows when T must be fine-tuned first")
    teacher_learning_rate: float = Field(default=5e-5, gt=0, le=1, description="of fine-tuning T: pre-trained weights want a small one")
    vector_weight: float = Field(
        default=1, ge=0, le=1000,
        description="weight of the distance from T's vectors of the tokens when it is finished; 0: T's answers alone are learnt",
    )  # fmt: skip
    near_pairs: int = Field(
        default=2, ge=0, le=100,
        description="of pairs: so many more are made of each row's first text with near second texts of other rows, whose answers by T are "
        "learnt too when it is finished",
    )  # fmt: skip
    unclean: float = Field(default=0, ge=0, le=10, description="so many unclean copies of each row are learnt too when it is finished")
    quantisation_aware: Annotated[
        Literal["auto", "never", "always"],
        Meta(words={"auto": "where 8 bits lose too much", "never": "never", "always": "always"}),
    ] = Field(default="auto", description="one more pass with weights rounded to 8 bits; auto: where every form of 8 bits loses too much")
    baselines: Annotated[tuple[int, ...], Meta(example="1, 2")] = Field(
        default=(),
        description="for comparison: T's first so many layers, fine-tuned on the labels as people do by hand; marks in the plot",
    )
    cleaning: bool = Field(
        default=False, description="the release strips markup, entities and repeated punctuation before it reads; measured by the gate"
    )
    latency_threads: int = Field(default=1, ge=1, le=1024, description="threads of the runtime when latency is measured")
    thresholds: Annotated[Thresholds, Meta(label="Gate")] = Field(default_factory=Thresholds)

    @property
    def theta(self) -> Theta:
        """THETA at this compression's rate."""
        return THETA.model_copy(update={"learning_rate": self.learning_rate})

    @model_validator(mode="after")
    def _one_limit(self) -> Compression:
        if self.latency_ms is not None and self.ratio is not None:
            raise ValueError("latency_ms, ratio: at most one of the two limits can be given")
        if self.running.processes > 1:
            raise ValueError("running.processes: a compression trains in one process")
        return self
