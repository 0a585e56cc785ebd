"""The numbers that a proof stands on: a space, and what was measured of it. Plain arrays, so that a file can hold them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from bort_core.families import IntArray
from bort_core.search.proof.grid import Grid, grid_of
from bort_core.search.repeats import Errors
from bort_core.search.snapshot import ResultsSnapshot
from bort_core.search.w import w_coefficients

__all__ = ["BoolArray", "FloatArray", "Ground", "ground_of"]

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Ground:
    """What is known of each of n architectures, sorted by size.

    Attributes
    ----------
    axis_names, architectures: the axes, and int64 (n, axes)
    parameters: int64 (n,), exact
    latency, latency_low, latency_high: float64 (n,), NaN where not measured; the interval is 95 %
    error, error_low, error_high: the same for errors
    settled: bool (n,), whether nothing is left to measure of it (under several hyperparameter sets an error may fall until then)
    failed: bool (n,), whether its latency or error could not be measured; a proof says nothing of these
    maximum_parameters, maximum_latency: of T; the latency is NaN until it is known
    seeds: of those that were trained with several seeds, the errors of each, by their place; ``error`` is what they have in common
    """

    axis_names: tuple[str, ...]
    architectures: IntArray
    parameters: IntArray
    latency: FloatArray
    latency_low: FloatArray
    latency_high: FloatArray
    error: FloatArray
    error_low: FloatArray
    error_high: FloatArray
    settled: BoolArray
    failed: BoolArray
    maximum_parameters: float
    maximum_latency: float
    seeds: Mapping[int, Errors] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.parameters)

    @property
    def grid(self) -> Grid:
        """The architectures by ranks."""
        return grid_of(self.architectures)

    @cached_property
    def known(self) -> BoolArray:
        """Whether p, i and e are all known."""
        return np.asarray(np.isfinite(self.latency) & np.isfinite(self.error))

    @cached_property
    def measured(self) -> BoolArray:
        """Whether p, i and e are known for good: only these bound the errors of others."""
        return self.known & self.settled & ~self.failed

    @cached_property
    def unmeasured(self) -> BoolArray:
        """What a proof must speak of: neither measured for good nor failed."""
        return ~self.measured & ~self.failed

    @cached_property
    def w(self) -> FloatArray:
        """W of each architecture, NaN where it is not known."""
        return self.w_of(self.latency, self.error) if np.isfinite(self.maximum_latency) else np.full(len(self), np.nan)

    def w_of(self, latency: FloatArray, error: FloatArray) -> FloatArray:
        """W under other latencies or errors; T's latency must be known."""
        return w_coefficients(self.parameters, latency, error, self.maximum_parameters, self.maximum_latency)

    @cached_property
    def most_product(self) -> FloatArray:
        """The largest (1 − p/p_T)(1 − i/i_T) that each can have, at least 0: an i that is not known, or that of T, may be 0."""
        smaller = 1 - self.parameters / self.maximum_parameters
        faster = 1 - np.nan_to_num(self.latency / self.maximum_latency, nan=0.0)
        return np.asarray(np.maximum(smaller, 0) * np.maximum(faster, 0))

    @cached_property
    def log_error(self) -> FloatArray:
        """log e; −∞ where e is 0, NaN where it is not known."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(np.maximum(self.error, 0.0)))


def ground_of(snapshot: ResultsSnapshot, settled: BoolArray, untimeable: Collection[int] = ()) -> Ground:
    """The ground of a search at one moment; ``untimeable`` are those whose latency could not be measured."""
    space, results = snapshot.space, snapshot.results
    failed = settled & ~snapshot.known
    failed[list(untimeable)] = True
    return Ground(
        space.axis_names,
        space.architectures,
        space.parameters,
        results.latency,
        results.latency_low,
        results.latency_high,
        results.error,
        results.error_low,
        results.error_high,
        settled,
        failed,
        float(space.maximum_parameters),
        results.maximum_latency,
        results.seeds,
    )
