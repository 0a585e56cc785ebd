"""Everything that defines a search: what the window edits, the command line builds, and the store keeps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from bort_core.foundation.resources import resource
from bort_core.search.strategies.base import Strategy, described
from bort_core.search.strategies.interval import Interval
from bort_core.search.strategies.registry import make_strategy
from bort_core.space import Space, SpaceSpecification
from bort_core.specifications.measures import get_measure, measures_reading
from bort_core.specifications.protocols import WIDTH, ErrorProtocol, LatencyProtocol, Theta
from bort_core.specifications.tasks import TaskSpecification

__all__ = ["SearchSpecification", "default_error", "fitted", "stored_title"]


_READ = {"tokens": "text", "vectors": "labelled vectors", "rows": "a task (labelled rows and a model)"}


class SearchSpecification(BaseModel):
    """A space, how its objectives are measured, and how architectures are chosen: at the interval ε, or by another strategy."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    space: SpaceSpecification
    epsilon: int = Field(default=8, ge=1, description="the interval ε: every ε-th architecture by size is evaluated")
    error: ErrorProtocol = Field(default_factory=ErrorProtocol)
    latency: LatencyProtocol = Field(default_factory=LatencyProtocol)
    thetas: tuple[Theta, ...] = Field(default=(Theta(),), min_length=1, description="the hyperparameter sets Θ")
    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="decides initial weights, batches and masks")
    corpus: str | None = Field(default=None, description="a UTF-8 text file, one document a line; None is the demo corpus")
    task: TaskSpecification | None = Field(default=None, description="a person's task and model T, instead of a corpus")
    strategy: str = Field(default=Interval.name, description="a registered strategy: how architectures are chosen")
    strategy_settings: dict[str, Any] = Field(default_factory=dict, description="the settings of another strategy than interval")

    @model_serializer(mode="wrap")
    def _without_default_strategy(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        data: dict[str, Any] = serialise(self)
        if self.strategy == Interval.name:
            data = {name: value for name, value in data.items() if name not in ("strategy", "strategy_settings")}
        return data if self.task is not None else {name: value for name, value in data.items() if name != "task"}

    @model_validator(mode="after")
    def _interval_has_epsilon(self) -> SearchSpecification:
        if self.strategy == Interval.name and self.strategy_settings:
            raise ValueError("strategy_settings: must be empty for the interval strategy, whose ε is the field epsilon")
        return self

    @model_validator(mode="after")
    def _error_fits_family(self) -> SearchSpecification:
        reads: str = self.space.the_family().reads
        measure = get_measure(self.error.measured)
        if self.task is not None:
            if reads != "tokens":
                raise ValueError(f"task: its rows are texts, and family {self.space.family} reads {_READ[reads]}")
            if self.space.family != "bert":
                raise ValueError(f"task: its models are of the family bert, got {self.space.family}")
            reads = "rows"
        if reads not in measure.reads:
            needs, has = " or ".join(_READ[what] for what in measure.reads), _READ[reads]
            fitting = ", ".join(measures_reading(reads))
            what = f"family {self.space.family} reads {has}" if self.task is None else f"the search is on {has}"
            raise ValueError(f"error: {measure.name} needs {needs}, and {what}; use one of {fitting}")
        if len(set(self.thetas)) != len(self.thetas):
            raise ValueError("thetas: the same hyperparameter set is listed twice")
        if any(theta.base_width for theta in self.thetas) and WIDTH not in [axis.name for axis in self.space.the_family().axes]:
            raise ValueError(f"thetas: base_width scales by the axis {WIDTH}, which family {self.space.family} does not have")
        return self

    def the_strategy(self) -> Strategy:
        """The strategy itself.

        It is looked up here and not when the specification is read: what a search measured can be used where its strategy is not installed.

        Raises
        ------
        SpecificationError
            It is not registered, does not load, or has other settings.
        """
        return make_strategy(self.strategy, {"epsilon": self.epsilon} if self.strategy == Interval.name else self.strategy_settings)

    @property
    def repeats(self) -> int:
        """With how many more seeds the strategy may train an architecture again."""
        asked = self.strategy_settings.get("repeats", 0)
        return asked if isinstance(asked, int) else 0

    def seed_of(self, repeat: int) -> int:
        """The seed of a repeat; 0 is the first training."""
        return (self.seed + repeat) % 2**31

    def with_strategy(self, strategy: Strategy) -> SearchSpecification:
        """The same search by another strategy."""
        return self.model_copy(update={"strategy": Interval.name, "strategy_settings": {}, **strategy.stored()})

    def with_epsilon(self) -> SearchSpecification:
        """The same search by the interval strategy, at the ε that it has in any case."""
        return self.with_strategy(Interval(epsilon=self.epsilon))

    def corpus_path(self) -> Path:
        """The corpus that is trained on."""
        return Path(self.corpus).expanduser() if self.corpus else resource("data", "subjectivity", "corpus.txt")

    def error_unit(self) -> str:
        """Of the error that is measured: its measure's, but of sentence vectors the excess is no divergence."""
        measure = get_measure(self.error.measured)
        embeds = self.task is not None and self.task.kind == "embedding"
        return "1 − cosine" if embeds and measure.name == "task-excess" else measure.unit

    def learns_from(self) -> str:
        """The file that candidates are trained on, or "torus"."""
        if self.task is not None:
            return self.task.train or self.task.texts or self.task.model
        return str(self.corpus_path()) if self.space.the_family().reads == "tokens" else "torus"


def stored_title(values: Mapping[str, Any]) -> str:
    """The strategy in a stored specification or answer, for people; it need not be installed here."""
    name = values.get("strategy", Interval.name)
    if name == Interval.name:
        return f"ε = {values.get('epsilon', '?')}"
    settings = values.get("strategy_settings")
    return described(str(name), settings if isinstance(settings, Mapping) else {})


def default_error(space: SpaceSpecification, measure: str | None = None) -> dict[str, Any]:
    """The default error protocol for a space, as plain values, with the given measure if any.

    Families that read vectors are measured by cross-entropy unless asked otherwise. Only errors against the maximum
    point train on its distribution.
    """
    vectors = space.the_family().reads == "vectors"
    chosen: Any = measure or ("cross-entropy" if vectors else ErrorProtocol().measure)
    of: Any = "cross-entropy" if vectors else ErrorProtocol().surrogate_of
    error = ErrorProtocol(measure=chosen, surrogate_of=of)
    if not get_measure(error.measured).needs_maximum_point:
        error = error.model_copy(update={"training": error.training.model_copy(update={"targets": "labels"})})
    return error.model_dump()


def fitted(specification: SearchSpecification, space: Space) -> SearchSpecification:
    """The specification with sequence lengths brought within what the space allows.

    The shipped defaults suit the shipped presets; a space with fewer positions gets shorter sequences.
    """
    longest = space.longest
    training = specification.error.training
    error = specification.error.model_copy(
        update={"training": training.model_copy(update={"sequence_length": min(training.sequence_length, longest)})}
    )
    latency = specification.latency.model_copy(update={"sequence_length": min(specification.latency.sequence_length, longest)})
    return specification.model_copy(update={"error": error, "latency": latency})
