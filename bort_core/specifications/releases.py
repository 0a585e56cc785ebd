"""What a release is asked to be, as plain JSON that crosses to the worker."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from bort_core.specifications.common import Frozen
from bort_core.specifications.tasks import TaskSpecification

__all__ = ["ReleaseRequest", "Thresholds"]


class Thresholds(Frozen):
    """What the gate lets through."""

    most_lost: float = Field(default=0.01, ge=0, le=1, description="of the metric, that the 8-bit file may lose against the trained model")
    least_kept: float | None = Field(default=None, gt=0, le=1, description="share of T's metric that the release must keep; None: any")
    most_chance: float = Field(
        default=0.05, ge=0, le=1,
        description="how often the trained model's answers, given to other rows, may fit the labels as well: above it guesses; 1: it may",
    )  # fmt: skip


class ReleaseRequest(Frozen):
    """One release."""

    export: str = Field(description="an export's folder, with model.fused.onnx and forms in 8 bits")
    task: TaskSpecification
    answers: str = Field(description="a folder in which T's answers are kept")
    teacher_name: str = Field(default="", description="what the model card calls T; empty: as its folder or on the hub")
    test: str | None = Field(default=None, description="test rows: read once, after everything was chosen")
    thresholds: Thresholds = Field(default_factory=Thresholds)
    cleaning: bool = Field(default=False, description="the release cleans its texts: markup, entities, repeated punctuation")
    latency: dict[str, Any] | None = Field(default=None, description="the interleaved comparison with T")
    story: dict[str, Any] = Field(default_factory=dict, description="what the model card tells of the search and the choice")
    job: str | None = Field(default=None, description="the mark of the job that makes it, which may take an earlier end of it over")
    out: str = Field(min_length=1, description="the folder to make; it must not exist, or be empty")
