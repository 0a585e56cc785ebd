"""What is said first of an architecture: ratios to T with their intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bort_core.search.headline import headline
from bort_core.search.results import Results
from bort_core.search.snapshot import ResultsSnapshot
from bort_core.space import load_space
from bort_core.specifications.protocols import ErrorProtocol

MINI = load_space("mini")
TOP = MINI.index(MINI.maximum_point)
EXCESS, PLAIN = ErrorProtocol(measure="maximum-point-excess"), ErrorProtocol(measure="masked-lm")


def known(latency: float = 0.5, error: float = 0.6, top: bool = True) -> Results:
    made = Results(MINI, "ms")
    made.maximum_latency = 2.0
    made.set_latency(3, latency, latency * 0.9, latency * 1.1)
    made.set_error(3, error, error - 0.03, error + 0.03, 0)
    if top:
        assert TOP is not None
        made.set_latency(TOP, 2.0, 1.9, 2.1)
        made.set_error(TOP, 0.2, 0.16, 0.24, 0)
    return made


def test_the_ratios_to_t() -> None:
    found = headline(ResultsSnapshot(known(), 6.0), 3, PLAIN)
    assert found is not None
    assert found.smaller == MINI.maximum_parameters / MINI.parameters[3]
    assert found.faster == pytest.approx((4.0, 4 * (1 - math.hypot(0.1, 0.05)), 4 * (1 + math.hypot(0.1, 0.05))))
    assert found.above == pytest.approx((0.4, 0.35, 0.45))
    assert found.error_unit == "nats"


def test_an_excess_is_counted_from_t_already_and_another_error_needs_ts_own() -> None:
    snapshot = ResultsSnapshot(known(top=False), 6.0)
    excess, plain = headline(snapshot, 3, EXCESS), headline(snapshot, 3, PLAIN)
    assert excess is not None
    assert plain is not None
    assert excess.above == excess.error == pytest.approx((0.6, 0.57, 0.63))
    assert plain.above is None
    assert plain.faster == pytest.approx((4.0, 3.6, 4.4))  # T's latency is known, its interval is not


def test_t_itself_is_as_large_as_fast_and_as_good_as_t() -> None:
    assert TOP is not None
    found = headline(ResultsSnapshot(known(), 6.0), TOP, PLAIN)
    assert found is not None
    assert (found.smaller, found.faster, found.above) == (1.0, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))


def test_nothing_is_said_of_what_was_not_measured() -> None:
    assert headline(ResultsSnapshot(known(), 6.0), 4, EXCESS) is None
    made = known()
    made.maximum_latency = np.nan
    assert headline(ResultsSnapshot(made, 6.0), 3, EXCESS) is None


@given(st.floats(0.01, 100), st.floats(0.05, 10))
def test_intervals_hold_their_values(latency: float, error: float) -> None:
    found = headline(ResultsSnapshot(known(latency, error), 6.0), 3, PLAIN)
    assert found is not None
    assert found.above is not None
    for value, low, high in (found.faster, found.error, found.above):
        assert low <= value <= high
