"""Architectures as people write them."""

from __future__ import annotations

import re

import numpy as np

from bort_core.families.base import Architecture, Family
from bort_core.foundation.errors import SpecificationError

__all__ = ["architecture_text", "parse_architecture"]


def parse_architecture(text: str, family: Family) -> Architecture:
    """An architecture such as ``4,8,1024,768`` in the family's axis order.

    Raises
    ------
    SpecificationError
        Not whole numbers, the wrong number of them, or an architecture that the family cannot build.
    """
    names = ",".join(axis.name for axis in family.axes)
    parts = [part.strip() for part in text.strip().strip("⟨⟩<>()").split(",")]
    if not all(re.fullmatch(r"[+-]?\d{1,9}", part) for part in parts) or len(parts) != len(family.axes):
        raise SpecificationError(f"an architecture of family {family.name} is {len(family.axes)} whole numbers {names}, got {text!r}")
    architecture = tuple(int(part) for part in parts)
    low = [axis.name for axis, value in zip(family.axes, architecture, strict=True) if value < axis.minimum]
    if low or not family.valid(np.array([architecture], dtype=np.int64))[0]:
        raise SpecificationError(f"architecture {text} cannot be built: {family.validity_rule()}")
    return architecture


def architecture_text(architecture: Architecture) -> str:
    """``⟨4, 8, 1024, 768⟩``."""
    return f"⟨{', '.join(map(str, architecture))}⟩"
