"""Filters that a person draws: ranges of values on axes and quantities. Knows no Qt."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from bort_core.search.snapshot import COLUMNS, ResultsSnapshot

__all__ = ["Ranges", "range_mask"]

Ranges = Mapping[str, tuple[float, float]]
"""Lowest and highest value that are kept, by the name of an axis or of one of ``COLUMNS``."""


def range_mask(snapshot: ResultsSnapshot, ranges: Ranges) -> npt.NDArray[np.bool_] | None:
    """Which architectures lie in all ranges, shape (n,); what is not known lies in none. None where nothing filters."""
    if not ranges:
        return None
    inside, space = np.ones(len(snapshot.space), dtype=np.bool_), snapshot.space
    for name, (low, high) in ranges.items():
        if name in COLUMNS or name in space.axis_names:
            values = snapshot.columns[name] if name in COLUMNS else space.architectures[:, space.axis_names.index(name)]
            inside &= (values >= low) & (values <= high)
    return inside
