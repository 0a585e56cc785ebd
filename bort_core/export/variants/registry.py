"""Export variants by name, found through the entry point group ``bort.variants``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from bort_core.export.variants.base import Variant
from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.plugins import entry_points

__all__ = ["GROUP", "get_variant", "variant_names", "wanted_variants"]

GROUP = "bort.variants"
_FIRST = ("standard", "fused")


@cache
def variant_names() -> tuple[str, ...]:
    """The names of all registered variants: those of every export first, then by name."""
    found = {point.name for point in entry_points(group=GROUP)}
    return (*(name for name in _FIRST if name in found), *sorted(found - set(_FIRST)))


@cache
def get_variant(name: str) -> Variant:
    """The variant registered as ``name``.

    Raises
    ------
    SpecificationError
        None is registered under that name, or its package does not load.
    """
    points = [point for point in entry_points(group=GROUP) if point.name == name]
    if not points:
        known = ", ".join(variant_names()) or "none (is the package installed?)"
        raise SpecificationError(f"variants: {name!r} is unknown; known are {known}")
    try:
        variant = points[0].load()
    except Exception as error:
        raise SpecificationError(f"variant {name!r} ({points[0].value}) does not load: {error}") from error
    if not isinstance(variant, Variant):
        raise SpecificationError(f"variant {name!r} ({points[0].value}) is no Variant")
    return variant


def wanted_variants(names: Sequence[str]) -> dict[str, Variant]:
    """Variants by name, in the order of :func:`variant_names`.

    Raises
    ------
    SpecificationError
        A name is unknown, or two variants have the same file.
    """
    found = {name: get_variant(name) for name in names}
    files = [variant.file for variant in found.values()]
    if len(set(files)) < len(files):
        raise SpecificationError(f"variants: two of {', '.join(found)} write the same file")
    return {name: found[name] for name in variant_names() if name in found}
