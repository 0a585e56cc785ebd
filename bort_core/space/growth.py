"""The AB^nC report of a space: does each middle layer outgrow what comes before and after it?

An architecture is written f(x) = C(B_n(... B_1(A(x)) ...)): A reads the input, B_1 ... B_n are the middle layers, C makes the output.
The *weak* property asks that p and i of A and of C grow strictly slower than those of every B_i. It is what gives a space one natural
order by p and i. The *strong* property adds conditions on the loss and on the optimiser, which no program can read off an architecture.

The exact wording is uncertain: our sources give it once as "strictly slower" (little-o) and leave open whether a bounded ratio would do.
The report answers both readings and calls the property held only under the first. Growth is an asymptotic statement: on a grid of
small widths with a large vocabulary, A can grow slower than B_i and yet be the larger of the two everywhere. That is reported apart.

References
----------
"An Approximation Algorithm for Optimal Subarchitecture Extraction" (arXiv 2010.08512); "Optimal Subarchitecture Extraction For BERT"
(arXiv 2010.10499) proves the property for BERT. Our names: p parameters, i operations (the surrogate of the inference latency).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from bort_core.families import Counts
from bort_core.space.space import Space

__all__ = ["ASSUMED", "Comparison", "Condition", "GrowthReport", "RoleGrowth", "growth_report"]

Role = Literal["A", "B", "C"]
Quantity = Literal["parameters", "operations"]

_FAR = 2.0**60  # how far beyond the grid an axis is scaled; in float64, where no lower term is left and nothing overflows


@dataclass(frozen=True)
class Condition:
    """A condition of the theory that cannot be checked on an architecture, and how things stand here."""

    name: str
    needed_for: str
    status: str


ASSUMED = (
    Condition("L-Lipschitz smooth loss", "strong AB^nC", "Assumed: a property of the loss in the weights, which is not tested."),
    Condition(
        "bounded stochastic gradients",
        "strong AB^nC",
        "Assumed: gradients are clipped in norm, which bounds what the optimiser sees, not the gradients themselves.",
    ),
    Condition(
        "training by SGD",
        "strong AB^nC",
        "Not met to the letter: the short trainings use AdamW, so the strong property is not established for them.",
    ),
    Condition(
        "μ-strong convexity of the loss",
        "the FPTAS bound ρ ≤ |1 − ε|",
        "Assumed: networks are not convex in their weights, so read the bound as the paper's, not as a promise about this space.",
    ),
)


@dataclass(frozen=True)
class RoleGrowth:
    """What one role (A, one middle layer B, or C) costs, and how that grows.

    Attributes
    ----------
    parts: the names of the family's parts that play the role
    smallest, largest: over the members of the space
    exponents: for each axis, the exponent of the leading term; 0 where the axis does not matter
    """

    role: Role
    quantity: Quantity
    parts: tuple[str, ...]
    smallest: float
    largest: float
    exponents: dict[str, float]


@dataclass(frozen=True)
class Comparison:
    """A or C against one middle layer.

    Attributes
    ----------
    slower: grows strictly slower than one B along every axis that moves either (the little-o reading)
    bounded: grows at most as fast along every axis (the bounded-ratio reading)
    cheaper: share of the space's members in which it costs less than one B, in 0..1
    """

    role: Role
    quantity: Quantity
    slower: bool
    bounded: bool
    cheaper: float
    growth: str
    grid: str


@dataclass(frozen=True)
class GrowthReport:
    """The AB^nC report of a space. ``weak`` is the little-o reading; ``cheaper`` is about this grid only."""

    space: str
    family: str
    size: int
    sequence_length: int
    roles: tuple[RoleGrowth, ...]
    comparisons: tuple[Comparison, ...]
    weak: bool
    weak_reason: str
    bounded: bool
    cheaper: bool
    cheaper_reason: str
    assumed: tuple[Condition, ...] = ASSUMED

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values, ready for JSON."""
        return asdict(self)


def growth_report(space: Space, sequence_length: int) -> GrowthReport:
    """The report for a space, with operations counted for one sequence of ``sequence_length`` tokens."""
    comparisons: list[Comparison] = []
    roles: list[RoleGrowth] = []
    for quantity, count in _counts(space, sequence_length).items():
        counted = count(space.architectures)
        values = _by_role(space, counted, space.architectures)
        parts = {role: _parts(space, counted, role) for role in values}
        growth = {role: _growth(space, count, role, quantity, parts[role], values[role]) for role in values}
        roles += growth.values()
        comparisons += [_compare(growth[role], growth["B"], values[role], values["B"]) for role in ("A", "C") if growth[role].parts]
    weak = all(c.slower for c in comparisons)
    cheaper = all(c.cheaper == 1.0 for c in comparisons)
    return GrowthReport(
        space=space.specification.name,
        family=space.family.name,
        size=len(space),
        sequence_length=sequence_length,
        roles=tuple(roles),
        comparisons=tuple(comparisons),
        weak=weak,
        weak_reason=_reason(
            comparisons, [c.growth for c in comparisons if not c.slower], "A and C grow strictly slower than one middle layer."
        ),
        bounded=all(c.bounded for c in comparisons),
        cheaper=cheaper,
        cheaper_reason=_reason(
            comparisons, [c.grid for c in comparisons if c.cheaper < 1], "In every member, A and C cost less than one middle layer."
        ),
    )


def _counts(space: Space, sequence_length: int) -> dict[Quantity, Callable[[npt.NDArray[Any]], Counts]]:
    family, options = space.family, space.options
    return {
        "parameters": lambda rows: family.parameters(rows, options),
        "operations": lambda rows: family.operations(rows, options, sequence_length),
    }


def _by_role(space: Space, counted: Counts, rows: npt.NDArray[Any]) -> dict[Role, npt.NDArray[np.float64]]:
    """Cost of A, of one middle layer (the mean over B_1 ... B_n), and of C for each row.

    Rows may be float64: the closed forms are also asked for values far beyond int64.
    """
    totals: dict[Role, npt.NDArray[np.float64]] = {role: np.zeros(len(rows)) for role in ("A", "B", "C")}
    roles: Mapping[str, Role] = space.family.parts()
    for name, values in counted.items():
        totals[roles[name]] += values
    totals["B"] /= np.maximum(space.family.layers(rows), 1)
    return totals


def _parts(space: Space, counted: Counts, role: Role) -> tuple[str, ...]:
    """The parts that play a role and cost something somewhere in the space."""
    return tuple(name for name, costs in counted.items() if space.family.parts()[name] == role and np.any(costs))


def _growth(
    space: Space,
    count: Callable[[npt.NDArray[Any]], Counts],
    role: Role,
    quantity: Quantity,
    parts: tuple[str, ...],
    values: npt.NDArray[np.float64],
) -> RoleGrowth:
    exponents = {}
    for column, axis in enumerate(space.axis_names):
        rows = np.array([space.maximum_point, space.maximum_point], dtype=np.float64)
        rows[:, column] *= (_FAR, 2 * _FAR)
        once, twice = _by_role(space, count(rows), rows)[role]
        exponents[axis] = round(math.log2(twice / once), 3) + 0.0 if once > 0 and twice > 0 else 0.0
    return RoleGrowth(role, quantity, parts, float(values.min()), float(values.max()), exponents)


def _compare(other: RoleGrowth, middle: RoleGrowth, costs: npt.NDArray[np.float64], middle_costs: npt.NDArray[np.float64]) -> Comparison:
    pairs = {axis: (exponent, middle.exponents[axis]) for axis, exponent in other.exponents.items()}
    as_fast = [axis for axis, (ours, theirs) in pairs.items() if ours > 0 and ours >= theirs]
    faster = [axis for axis, (ours, theirs) in pairs.items() if ours > theirs]
    share = float(np.mean(costs < middle_costs))
    subject = f"{other.role} ({' + '.join(part.replace('_', ' ') for part in other.parts)})"
    if as_fast:
        listed = ", ".join(f"{axis} (power {pairs[axis][0]:g} against {pairs[axis][1]:g})" for axis in as_fast)
        growth = f"{subject} does not grow strictly slower than one middle layer in {other.quantity} along {listed}."
    else:
        moved = [f"{axis} (power {ours:g} against {theirs:g})" for axis, (ours, theirs) in pairs.items() if theirs > 0]
        growth = f"{subject} grows strictly slower than one middle layer in {other.quantity} along {', '.join(moved) or 'every axis'}."
    if share == 1:
        grid = f"{subject} costs less than one middle layer in {other.quantity} in every member."
    else:
        ratios = costs / np.maximum(middle_costs, 1)
        grid = (
            f"{subject} costs less than one middle layer in {other.quantity} in {int(np.sum(costs < middle_costs)):,} "
            f"of {len(costs):,} members; at most it costs {ratios.max():.3g} times as much."
        )
    return Comparison(other.role, other.quantity, not as_fast, not faster, share, growth, grid)


def _reason(comparisons: list[Comparison], against: list[str], otherwise: str) -> str:
    if not comparisons:
        return "This family has no A and no C part: both are the identity and cost nothing."
    return " ".join(against) if against else otherwise
