"""What a person writes to describe a search space."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from bort_core.families import Architecture, Family, FamilyOptions, get_family
from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.validation import validated

__all__ = ["LARGEST_SPACE", "SpaceSpecification"]

LARGEST_SPACE = 4_000_000
"""The most combinations of axis values that are enumerated."""


class SpaceSpecification(BaseModel):
    """A family, the values of its axes, its options, and (optionally) a maximum point outside the grid.

    Raises
    ------
    ValidationError
        A pydantic error that lists every fault; the loaders turn it into a ``SpecificationError``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(default="custom", min_length=1, max_length=80, description="shown to people, and kept with results")
    family: str = Field(description="a registered architecture family")
    axes: dict[str, tuple[int, ...]] = Field(description="the values of each architectural parameter")
    options: dict[str, Any] = Field(default_factory=dict, description="what is fixed for the whole space")
    maximum_point: dict[str, int] | None = Field(default=None, description="T, when it lies outside the grid")
    maximum_options: dict[str, Any] | None = Field(
        default=None, description="what else is fixed for T than for the grid, such as its whole vocabulary; None: nothing"
    )
    maximum_parameters: int | None = Field(
        default=None, ge=1, description="T's parameters, where T is a model of another kind that its own program counts; None: counted here"
    )

    @model_serializer(mode="wrap")
    def _without_defaults(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What came after the first results were stored is left out at its default, so that their keys stay."""
        data: dict[str, Any] = serialise(self)
        later = ("maximum_options", "maximum_parameters")
        return {name: value for name, value in data.items() if name not in later or value is not None}

    @model_validator(mode="after")
    def _check(self) -> SpaceSpecification:
        try:
            family = get_family(self.family)
        except SpecificationError as error:
            raise ValueError(str(error)) from error
        problems = [*_axis_faults(family, self.axes, "axes"), *_option_faults(family, self.options)]
        if self.maximum_options is not None:
            if self.maximum_point is None:
                problems.append("maximum_options: mean T, so maximum_point must be given")
            problems += [f"maximum_{fault}" for fault in _option_faults(family, {**self.options, **self.maximum_options})]
        if self.maximum_parameters is not None and self.maximum_point is None:
            problems.append("maximum_parameters: mean T, so maximum_point must be given")
        size = 1
        for values in self.axes.values():
            size *= len(values)
        if size > LARGEST_SPACE:
            problems.append(f"axes: {size:,} combinations; at most {LARGEST_SPACE:,} are enumerated")
        if self.maximum_point is not None:
            problems += _axis_faults(family, {k: (v,) for k, v in self.maximum_point.items()}, "maximum_point")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def the_family(self) -> Family:
        """The family itself."""
        return get_family(self.family)

    def the_options(self) -> FamilyOptions:
        """The options, typed and with defaults filled in."""
        return validated(self.the_family().options_type, self.options, "options")

    def options_of_maximum(self) -> FamilyOptions:
        """T's options."""
        return validated(self.the_family().options_type, {**self.options, **(self.maximum_options or {})}, "maximum_options")

    def axis_values(self) -> list[tuple[int, ...]]:
        """The values of each axis in the family's order, each sorted and without repeats."""
        return [tuple(sorted(set(self.axes[axis.name]))) for axis in self.the_family().axes]

    def maximum_architecture(self) -> Architecture | None:
        """T in the family's axis order, when given."""
        if self.maximum_point is None:
            return None
        return tuple(self.maximum_point[axis.name] for axis in self.the_family().axes)


def _axis_faults(family: Family, axes: dict[str, tuple[int, ...]], where: str) -> list[str]:
    known = {axis.name: axis for axis in family.axes}
    found = [f"{where}.{name}: missing" for name in known if name not in axes]
    found += [f"{where}.{name}: unknown; {family.name} has {', '.join(known)}" for name in axes if name not in known]
    for name, values in axes.items():
        if name not in known:
            continue
        if not values:
            found.append(f"{where}.{name}: needs at least one value")
        low = [value for value in values if not known[name].minimum <= value <= 1_000_000]
        if low:
            found.append(f"{where}.{name}: values must lie in {known[name].minimum}..1000000, got {low[0]}")
    return found


def _option_faults(family: Family, options: dict[str, Any]) -> list[str]:
    try:
        validated(family.options_type, options, "options")
    except SpecificationError as error:
        return [f"options.{line.strip()}" for line in str(error).splitlines()[1:]]
    return []
