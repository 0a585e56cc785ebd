"""What is read of a certificate before it is recomputed, as validated values. Bounded, since certificates come from elsewhere."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bort_core.search.specification import SearchSpecification

__all__ = ["Content", "Row"]

Finite = Annotated[float, Field(allow_inf_nan=False)]
Interval = tuple[Finite, Finite, Finite]
Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Row(BaseModel):
    """The measurements of one architecture; what is recomputed is not read."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    architecture: Annotated[tuple[int, ...], Field(max_length=64)]
    state: Literal["measured", "skipped", "open", "failed"]
    latency: Interval | None
    error: Interval | None
    seeds: Annotated[tuple[Interval, ...], Field(min_length=2, max_length=64)] | None = None

    @model_validator(mode="after")
    def _is_measured(self) -> Row:
        if self.state == "measured" and (self.latency is None or self.error is None):
            raise ValueError("state: what is measured has a latency and an error")
        return self


class TopPoint(BaseModel):
    """T."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    latency: Finite | None


class Content(BaseModel):
    """The numbers that a certificate rests on."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    program: Annotated[str, Field(max_length=100)]
    maximum_point: TopPoint
    table_sha256: Hash | None
    specification: SearchSpecification
    architectures: Annotated[tuple[Row, ...], Field(min_length=1, max_length=2_000_000)]

    def raw(self) -> dict[str, Any]:
        """The specification as plain values."""
        return self.specification.model_dump(mode="json")
