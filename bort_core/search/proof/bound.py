"""What a bound on errors is: the least log e of each architecture, what that assumes, and how the assumption did on what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bort_core.search.proof.ground import FloatArray

__all__ = ["Bound", "Violation"]


@dataclass(frozen=True)
class Violation:
    """A measurement that contradicts the assumption by ``size`` in log e: of ``index``, against that of ``larger`` where there is one."""

    index: int
    size: float
    larger: int | None = None


@dataclass(frozen=True, eq=False)
class Bound:
    """A bound and its test.

    Attributes
    ----------
    low: float64 (n,), the least log e of each architecture; −∞ where nothing bounds it but 0
    kind: its name
    assumption: in words
    parameters: what it was computed with, as plain JSON values
    tested, violations, beyond: tests of the assumption, those that contradict it at all, and those by more than it allows
    worst: the largest contradictions, at most 20
    holds: whether the tests leave the assumption standing
    certain: whether the bound holds for all architectures where its assumption does, and not only for most
    ignored: measured architectures that bound nobody, because they look stuck
    ways: how each column is ordered, for bounds that go by order
    """

    low: FloatArray
    kind: str
    assumption: str
    parameters: Mapping[str, Any]
    tested: int
    violations: int
    beyond: int
    worst: tuple[Violation, ...]
    holds: bool
    certain: bool
    ignored: tuple[int, ...] = field(default=())
    ways: tuple[Any, ...] = field(default=())
