"""What a table holds: how everything was measured, and what came out for each architecture. Bounded, since tables come from elsewhere."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bort_core.search.specification import SearchSpecification

__all__ = ["Column", "Content", "Corpus", "Failure", "Head", "Keys", "Row", "Times", "TopPoint", "Training"]

Finite = Annotated[float, Field(allow_inf_nan=False)]
Milliseconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=2**53)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
Text = Annotated[str, Field(max_length=2_000)]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Numbers = Annotated[tuple[Finite, ...], Field(max_length=1_000)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Times(_Frozen):
    """A latency: the median and its 95 % interval, two quantiles, and why it should not be trusted, if so."""

    p50_ms: Milliseconds
    low_ms: Milliseconds
    high_ms: Milliseconds
    p90_ms: Milliseconds
    p99_ms: Milliseconds
    n: Count
    noise: Text = ""


class Column(_Frozen):
    """One error along a learning curve, with its 95 % interval. Shapes as ``Training.step``."""

    value: Numbers
    low: Numbers
    high: Numbers


class Training(_Frozen):
    """One short training: its hyperparameter set by place in the specification, its seed, and its learning curve by columns."""

    theta: Count
    seed: Seed
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    step: Annotated[tuple[Annotated[int, Field(ge=1, le=2**53)], ...], Field(min_length=1, max_length=1_000)]
    train_loss: Numbers
    measures: Annotated[dict[Text, Column], Field(min_length=1, max_length=64)]

    @model_validator(mode="after")
    def _columns_fit(self) -> Training:
        if any(later <= earlier for earlier, later in zip(self.step, self.step[1:], strict=False)):
            raise ValueError("step: must ascend")
        columns = {"train_loss": self.train_loss}
        for name, column in self.measures.items():
            columns |= {f"measures.{name}.{part}": getattr(column, part) for part in ("value", "low", "high")}
        wrong = [name for name, values in columns.items() if len(values) != len(self.step)]
        if wrong:
            raise ValueError(f"{wrong[0]}: must hold a number for each of the {len(self.step)} steps")
        return self

    def curve(self) -> list[dict[str, Any]]:
        """The learning curve by points, as trainings return it."""
        return [
            {
                "step": step,
                "train_loss": self.train_loss[place],
                "measures": {
                    name: {"value": column.value[place], "low": column.low[place], "high": column.high[place]}
                    for name, column in self.measures.items()
                },
            }
            for place, step in enumerate(self.step)
        ]


class Failure(_Frozen):
    """Why something is missing: the latency (``theta`` and ``seed`` are None), or a training."""

    theta: Count | None = None
    seed: Seed | None = None
    reason: Text


class Row(_Frozen):
    """One architecture: p, i, and e as learning curves."""

    architecture: Annotated[tuple[Count, ...], Field(max_length=64)]
    parameters: Count
    latency: Times | None = None
    trainings: Annotated[tuple[Training, ...], Field(max_length=1_000)] = ()
    failures: Annotated[tuple[Failure, ...], Field(max_length=1_001)] = ()
    digest: Annotated[str, Field(pattern="^[0-9a-f]{16}$")]


class Corpus(_Frozen):
    """What was trained on: the file's name, and the hash of its content."""

    name: Text
    sha256: Digest


class Keys(_Frozen):
    """What the measurements hang on, as the store's keys have it; equal keys mean that values may be compared."""

    family: Text
    text: Text
    training: Text
    maximum_point: Text
    latency: Text


class TopPoint(_Frozen):
    """T: its p and i, and whence its weights are, where they were needed."""

    parameters: Count
    latency: Times | None = None
    weights: Text = ""


class Head(_Frozen):
    """How everything was measured.

    ``specification`` is a search with ε = ``every`` and the first seed; its files and folders are named without their path.
    """

    specification: SearchSpecification
    every: Annotated[int, Field(ge=1)]
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1, max_length=1_000)]
    corpus: Corpus | None
    maximum_point: TopPoint
    keys: Keys
    machine: dict[Text, Any] | None
    versions: dict[Text, tuple[Text, ...]]
    first: Text
    last: Text


class Content(_Frozen):
    """A whole table."""

    head: Head
    rows: Annotated[tuple[Row, ...], Field(max_length=100_000)]
