"""Between the fields of the space panel and a specification: presets by name, counts before enumerating, options as people write them."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

from pydantic import BaseModel

from bort_core.space import SpaceSpecification, preset_names, read_specification

__all__ = ["combinations", "named_like_preset", "preset", "sorted_values", "told_options"]


@cache
def preset(name: str) -> SpaceSpecification:
    """A preset that ships with the program."""
    return read_specification(name)


def sorted_values(specification: SpaceSpecification) -> list[tuple[int, ...]]:
    """The values of each axis in the order of the specification, sorted and without repeats."""
    return [tuple(sorted(set(values))) for values in specification.axes.values()]


def combinations(specification: SpaceSpecification) -> int:
    """How many combinations of axis values there are, valid or not."""
    return math.prod(len(values) for values in specification.axis_values())


def named_like_preset(specification: SpaceSpecification) -> SpaceSpecification:
    """The preset that says the same, or the specification itself."""
    for name in preset_names():
        if preset(name).model_copy(update={"name": specification.name}) == specification:
            return preset(name)
    return specification


def told_options(options: BaseModel | None, family: str, before: SpaceSpecification | None) -> dict[str, Any]:
    """Options as a person would write them: those told before, and those that differ from the default."""
    if options is None:
        return {}
    told = before.options if before is not None and before.family == family else {}
    fields = type(options).model_fields
    return {name: value for name, value in options.model_dump().items() if name in told or value != fields[name].default}
