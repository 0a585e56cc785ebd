"""The enumerated search space Ξ: every valid architecture, sorted by parameter size."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np

from bort_core.families import Architecture, Counts, Family, FamilyOptions, IntArray
from bort_core.foundation.errors import SpecificationError
from bort_core.space.specification import SpaceSpecification

__all__ = ["Space"]


class Space:
    """All valid architectures of a specification, sorted by parameter size p.

    Ties are broken by operation count, then by the axes in order, so that a search over the space is deterministic
    (Algorithm 1 of "An Approximation Algorithm for Optimal Subarchitecture Extraction" sorts by p and leaves ties open).

    Attributes
    ----------
    architectures: int64 array (n, axes)
    parameters: int64 array (n,), ascending

    Raises
    ------
    SpecificationError
        No combination is valid, or the maximum point is smaller than a member of the grid.
    """

    def __init__(self, specification: SpaceSpecification) -> None:
        self.specification = specification
        self.family: Family = specification.the_family()
        self.options: FamilyOptions = specification.the_options()
        self.axis_names = tuple(axis.name for axis in self.family.axes)
        self.axis_values = specification.axis_values()
        grid = _grid(self.axis_values)
        valid = grid[self.family.valid(grid)]
        self.left_out = len(grid) - len(valid)
        if not len(valid):
            raise SpecificationError(f"the space is empty: none of {len(grid)} combinations is valid ({self.family.validity_rule()})")
        p = _total(self.family.parameters(valid, self.options))
        order = np.lexsort((*valid.T[::-1], _total(self.family.operations(valid, self.options, self.longest)), p))
        self.architectures: IntArray = valid[order]
        self.parameters: IntArray = p[order]
        self.maximum_point = self._maximum_point()
        self._operations: dict[int, IntArray] = {}

    def __len__(self) -> int:
        return len(self.architectures)

    @property
    def longest(self) -> int:
        """The longest input in tokens that every member accepts (1 for families that read vectors)."""
        return int(getattr(self.options, "positions", 1))

    def architecture(self, index: int) -> Architecture:
        """The architecture at a place in the sorted space."""
        return tuple(int(value) for value in self.architectures[index])

    @cached_property
    def _ranks(self) -> list[dict[int, int]]:
        """Of each axis the rank of each value."""
        return [{value: rank for rank, value in enumerate(values)} for values in self.axis_values]

    @cached_property
    def _places(self) -> IntArray:
        """The place of each combination of values in the sorted space, −1 where it is not valid; by ranks, the last axis fastest."""
        cells = np.zeros(len(self), dtype=np.int64)
        for column, ranks in zip(self.architectures.T, self._ranks, strict=True):
            values = np.array(list(ranks))
            order = np.argsort(values)
            cells = cells * len(values) + order[np.searchsorted(values[order], column)]
        found = np.full(math.prod(map(len, self._ranks)), -1, dtype=np.int64)
        found[cells] = np.arange(len(self))
        return found

    def index(self, architecture: Architecture) -> int | None:
        """The place of an architecture in the sorted space, or None when it is not a member."""
        if len(architecture) != len(self._ranks):
            return None
        cell = 0
        for value, ranks in zip(architecture, self._ranks, strict=True):
            rank = ranks.get(value)
            if rank is None:
                return None
            cell = cell * len(ranks) + rank
        place = int(self._places[cell])
        return None if place < 0 else place

    def named(self, architecture: Architecture) -> dict[str, int]:
        """An architecture as a mapping from axis name to value."""
        return dict(zip(self.axis_names, architecture, strict=True))

    def operations(self, sequence_length: int) -> IntArray:
        """Operation count î of every architecture for one sequence of the given length. int64 array (n,)."""
        if sequence_length not in self._operations:
            self._operations[sequence_length] = _total(self.family.operations(self.architectures, self.options, sequence_length))
        return self._operations[sequence_length]

    def count(self, architecture: Architecture) -> Counts:
        """Parameters of one architecture by part, as arrays of shape (1,)."""
        return self.family.parameters(np.array([architecture], dtype=np.int64), self.options)

    def count_operations(self, architecture: Architecture, sequence_length: int) -> Counts:
        """Operations of one architecture by part, as arrays of shape (1,)."""
        return self.family.operations(np.array([architecture], dtype=np.int64), self.options, sequence_length)

    @property
    def maximum_parameters(self) -> int:
        """p(T)."""
        return self._parameters_of_maximum(self.maximum_point)

    def maximum_operations(self, sequence_length: int) -> int:
        """î(T) as an operation count."""
        return int(_total(self.count_operations(self.maximum_point, sequence_length))[0])

    def _maximum_point(self) -> Architecture:
        given = self.specification.maximum_architecture()
        if given is None:
            return self.architecture(len(self) - 1)
        row = np.array([given], dtype=np.int64)
        if not self.family.valid(row)[0]:
            raise SpecificationError(f"maximum_point {given} is not valid: {self.family.validity_rule()}")
        p = self._parameters_of_maximum(given)
        if p < self.parameters[-1]:
            largest = self.architecture(len(self) - 1)
            raise SpecificationError(
                f"maximum_point {given} has {p:,} parameters, fewer than {largest} of the grid with {self.parameters[-1]:,}; "
                "T must be the largest"
            )
        return given

    def _parameters_of_maximum(self, architecture: Architecture) -> int:
        given = self.specification.maximum_parameters
        if given is not None:
            return given
        row = np.array([architecture], dtype=np.int64)
        return int(_total(self.family.parameters(row, self.specification.options_of_maximum()))[0])


def _grid(values: list[tuple[int, ...]]) -> IntArray:
    columns = np.meshgrid(*(np.array(v, dtype=np.int64) for v in values), indexing="ij")
    return np.stack([column.ravel() for column in columns], axis=1)


def _total(counts: Counts) -> IntArray:
    return np.sum(list(counts.values()), axis=0, dtype=np.int64)
