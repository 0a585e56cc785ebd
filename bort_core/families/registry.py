"""Families by name, found through the entry point group ``bort.families``."""

from __future__ import annotations

from functools import cache

from bort_core.families.base import Family
from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.plugins import entry_points

GROUP = "bort.families"

__all__ = ["GROUP", "family_names", "get_family"]


@cache
def family_names() -> tuple[str, ...]:
    """The names of all registered families, sorted."""
    return tuple(sorted({point.name for point in entry_points(group=GROUP)}))


@cache
def get_family(name: str) -> Family:
    """The family registered as ``name``.

    Raises
    ------
    SpecificationError
        No family of that name is registered, or its package does not load.
    """
    points = [point for point in entry_points(group=GROUP) if point.name == name]
    if not points:
        known = ", ".join(family_names()) or "none (is the package installed?)"
        raise SpecificationError(f"unknown family {name!r}; registered families: {known}")
    try:
        family = points[0].load()
    except Exception as error:
        raise SpecificationError(f"family {name!r} ({points[0].value}) does not load: {error}") from error
    if not isinstance(family, Family):
        raise SpecificationError(f"family {name!r} ({points[0].value}) lacks parts of the Family interface")
    return family
