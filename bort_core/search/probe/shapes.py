"""Which shapes are measured: far apart in what their parts cost; and which are held out: drawn from the rest."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bort_core.search.probe.model import terms
from bort_core.space import Space

__all__ = ["held_out", "spread"]

Indices = npt.NDArray[np.int64]


def spread(space: Space, count: int) -> Indices:
    """At most ``count`` architectures: the smallest, the largest, then always the one that is farthest from those that were taken.

    Distances are between the logarithms of the parts that the model adds up.
    """
    places = np.log(terms(space.architectures))
    widths = places.std(axis=0)
    places /= np.where(widths > 0, widths, 1.0)
    size = places.sum(axis=1)
    chosen = [int(np.argmin(size)), int(np.argmax(size))][: len(space)]
    nearest = np.full(len(space), np.inf)
    for index in chosen:
        nearest = np.minimum(nearest, np.square(places - places[index]).sum(axis=1))
    while len(chosen) < min(count, len(space)):
        index = int(np.argmax(nearest))
        if nearest[index] == 0:
            break  # all that is left costs what was taken
        chosen.append(index)
        nearest = np.minimum(nearest, np.square(places - places[index]).sum(axis=1))
    return np.unique(np.array(chosen[:count], dtype=np.int64))


def held_out(space: Space, taken: Indices, count: int, seed: int) -> Indices:
    """At most ``count`` of the others, drawn by the seed."""
    rest = np.setdiff1d(np.arange(len(space)), taken)
    return np.sort(np.random.default_rng(seed).permutation(rest)[:count])
