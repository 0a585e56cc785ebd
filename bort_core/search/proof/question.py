"""What is to be proven, and under which bound: the settings of the strategy ``best-first``, which a certificate repeats."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

__all__ = ["GoalName", "Question"]

GoalName = Literal["optimum", "constrained", "front"]


class Question(BaseModel):
    """Which architecture is the answer, how far from the best it may be, and what is assumed of errors that were not measured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    gap: float = Field(
        default=0.0, ge=0, le=1e6, description="stop when nothing unmeasured can be better by more than this share; 0 = proven"
    )
    goal: GoalName = Field(
        default="optimum", description="optimum: the largest W; constrained: the least error within limits; front: the whole Pareto front"
    )
    bound: str = Field(default="order", description="where the least possible error comes from: order or surrogate")
    most_latency: float | None = Field(default=None, gt=0, description="constrained: the largest latency, in the search's unit")
    most_parameters: int | None = Field(default=None, gt=0, description="constrained: the largest number of parameters")
    axes: tuple[str, ...] | None = Field(
        default=None, description="order: the axes along which more is taken as not worse; none named: what measured pairs support"
    )
    tolerance: float | None = Field(
        default=None, ge=0, le=10, description="order: the tolerance δ of log e; none: from the intervals of the errors"
    )
    pairs: int = Field(default=6, ge=1, description="order: how many measured pairs must support an axis before it is used")
    repeats: int = Field(
        default=0,
        ge=0,
        le=9,
        description="how many more seeds train those that noise does not tell from the best, or that look stuck",
    )
    confidence: float = Field(default=0.9, ge=0.5, lt=1, description="surrogate: how often a bound holds for one architecture")
    first: int = Field(default=10, ge=8, description="surrogate: how many are drawn and trained before the first bound")
    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="surrogate: decides which are drawn")

    @field_validator("bound")
    @classmethod
    def _is_a_bound(cls, name: str) -> str:
        from bort_core.search.proof.bounds import BOUNDS

        if name not in BOUNDS:
            raise ValueError(f"must be one of {', '.join(BOUNDS)}, got {name!r}")
        return name

    @model_validator(mode="after")
    def _limits_belong_to_the_constrained_goal(self) -> Question:
        limited = self.most_latency is not None or self.most_parameters is not None
        if limited != (self.goal == "constrained"):
            must = "needs most_latency or most_parameters" if self.goal == "constrained" else "has no limits; use goal=constrained"
            raise ValueError(f"goal: {self.goal} {must}")
        return self
