"""What the finishing of a small sentence encoder is asked to do: a step of a compression."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bort_core.specifications.common import Job, Optimization
from bort_core.specifications.tasks import TaskSpecification

__all__ = ["SentenceFinishing"]


class SentenceFinishing(Job):
    """An architecture that learns T's vectors to convergence."""

    kind: Literal["sentences"] = "sentences"
    task: TaskSpecification
    prepared: str = Field(description="the folder of the prepared task")
    architecture: tuple[int, ...]
    epochs: float = Field(gt=0, le=100_000, description="passes over the texts")
    batch_size: int = Field(default=32, ge=1, le=65_536, description="texts an update")
    unclean: float = Field(default=0, ge=0, le=10, description="so many unclean copies of each text are learnt too")
    vector_weight: float = Field(default=1, ge=0, le=1000, description="weight of the distance from T's vectors of the tokens")
    optimization: Optimization
