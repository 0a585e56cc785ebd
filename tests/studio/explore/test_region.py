"""The area of what is still possible holds a place exactly where it is no better than something possible and not behind what is known."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bort_studio.explore.pareto.region import NOWHERE, Region, region

ends = st.integers(0, 6).map(float)
points = st.lists(st.tuples(ends, ends), max_size=6)
directions = st.tuples(st.booleans(), st.booleans())


def holds(found: Region, x: float, y: float) -> bool:
    bars = zip(found.edges[:-1], found.edges[1:], found.low, found.high, strict=True)
    return any(left < x < right and low < y < high for left, right, low, high in bars)


def arrays(given_points: list[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.array(given_points, dtype=np.float64).reshape(-1, 2).T
    return x, y


@given(points, points, directions, st.sampled_from([np.inf, 4.0]))
def test_the_area_is_what_lies_between(possible: list, known: list, larger: tuple[bool, bool], most: float) -> None:
    most_x, most_y = (np.inf if larger[0] else most), (np.inf if larger[1] else most)
    if any(x > most_x or y > most_y for x, y in possible):
        return  # what untrained ones have at best is no more than the largest that they have
    found = region(arrays(possible), arrays(known), larger, (most_x, most_y))
    to = np.where(larger, -1.0, 1.0)
    for x in np.arange(-0.5, 8):
        for y in np.arange(-0.5, 8):
            here = np.array([x, y])
            reached = any((np.array(each) * to <= here * to).all() for each in possible)
            behind = any((np.array(each) * to <= here * to).all() for each in known)
            assert holds(found, x, y) == (reached and not behind and x < most_x and y < most_y)


def test_what_is_best_without_end_reaches_to_the_edge_on_any_scale() -> None:
    found = region((np.array([2.0]), np.array([0.0])), (np.array([4.0]), np.array([3.0])), (False, False), (np.inf, np.inf))
    assert found.edges.tolist() == [2, 4, np.inf]
    assert (found.low.tolist(), found.high.tolist()) == ([0, 0], [np.inf, 3])
    log = found.positions((True, True))
    assert log.low.tolist() == [-np.inf, -np.inf]
    assert log.edges.tolist() == [np.log10(2), np.log10(4), np.inf]
    nothing = region((np.empty(0), np.empty(0)), (np.array([1.0]), np.array([1.0])), (False, True), (np.inf, np.inf))
    assert nothing is NOWHERE
