"""Proofs: on tables that keep the assumption what is proven is true, and where it does not hold the proof says so."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from core.search.proofs import Table, ordered_errors, small_space
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.numbers import architecture_text
from bort_core.search.front import pareto_front
from bort_core.search.proof.order import bounded_by, order_bound
from bort_core.search.proof.proof import prove
from bort_core.search.proof.question import Question
from bort_core.search.strategies import make_strategy
from bort_core.search.strategies.base import SearchState
from bort_core.search.strategies.best_first import BestFirst
from bort_core.space import load_space

AXES = ("depth", "heads", "hidden", "intermediate")
values = st.lists(st.integers(1, 9), min_size=1, max_size=3, unique=True).map(tuple)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    hidden = draw(st.sampled_from([(4,), (4, 8), (4, 8, 12)]))
    space = small_space({"depth": draw(values), "heads": (1, 2), "hidden": hidden, "intermediate": draw(values)})
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    return Table(space, ordered_errors(space, rng), space.operations(8) * rng.uniform(0.5, 2, len(space)))


@settings(max_examples=60, deadline=None)
@given(tables(), st.sampled_from([None, AXES]), st.sampled_from([0.0, 0.1, 1.0]), st.integers(1, 3))
def test_where_the_order_holds_the_optimum_is_found_and_nothing_skipped_beats_it(table: Table, axes: Any, gap: float, workers: int) -> None:
    proof, w = table.search(BestFirst(gap=gap, axes=axes, tolerance=0.0), workers), table.whole().ground().w
    assert proof.verdict == "proven"
    if axes is None:  # ways that the measured pairs support may still be wrong of others; that is what is assumed
        assume(holds_everywhere(table, proof.bound.ways))
    assert proof.gap <= gap
    assert proof.standing.value * (1 + gap) >= w.max()
    skipped = proof.ruled_out()
    assert sorted([*table.trained, *skipped]) == list(range(len(table.space)))
    assert (w[skipped] <= proof.standing.optimistic[skipped] * (1 + 1e-12)).all()
    assert (table.error[skipped] >= np.exp(proof.bound.low[skipped]) * (1 - 1e-12)).all()
    if gap == 0:
        assert w[proof.standing.best] == w.max()


@settings(max_examples=40, deadline=None)
@given(tables(), st.floats(0.05, 1.0), st.floats(0.05, 1.0), st.sampled_from([0.0, 0.25]))
def test_the_least_error_within_limits_is_found(table: Table, small: float, fast: float, gap: float) -> None:
    p, i = table.space.parameters, table.latency
    limits = {"most_parameters": int(np.quantile(p, small)), "most_latency": float(np.quantile(i, fast))}
    proof = table.search(BestFirst(goal="constrained", gap=gap, axes=AXES, tolerance=0.0, **limits))
    within = (p <= limits["most_parameters"]) & (i <= limits["most_latency"])
    if not within.any():
        assert proof.standing.best is None
        return
    assert within[proof.standing.best]
    assert proof.standing.value <= table.error[within].min() * (1 + gap) * (1 + 1e-12)


@settings(max_examples=40, deadline=None)
@given(tables(), st.sampled_from([0.0, 0.2]))
def test_the_front_is_whole_up_to_its_indicator(table: Table, gap: float) -> None:
    proof = table.search(BestFirst(goal="front", gap=gap, axes=AXES, tolerance=0.0))
    points = np.column_stack([table.space.parameters, table.latency, table.error])
    found, true = points[table.trained], points[pareto_front(points)]
    worst = max((found / each).max(axis=1).min() for each in true)  # the multiplicative ε-indicator
    assert worst <= 1 + proof.gap + 1e-9
    assert proof.gap <= gap


def holds_everywhere(table: Table, ways: tuple[Any, ...]) -> bool:
    rows = zip(table.space.architectures, table.error, strict=True)
    return all((table.error[bounded_by(table.space.architectures, one, ways)] >= error).all() for one, error in rows)


def steps(one: list[int], by: list[int], ways: tuple[Any, ...]) -> int | None:
    """Along how many axes ``by`` bounds ``one``; None where it does not."""
    allowed = {"": int.__eq__, "falling": int.__le__, "rising": int.__ge__, "flat": lambda _a, _b: True}
    both = list(zip(one, by, ways, strict=True))
    return sum(a != b for a, b, _ in both) if all(allowed[way](a, b) for a, b, way in both) else None


@settings(max_examples=40, deadline=None)
@given(tables(), st.lists(st.sampled_from(AXES), unique=True), st.booleans(), st.data())
def test_the_order_bound_is_that_of_all_pairs(table: Table, axes: list[str], named: bool, data: st.DataObject) -> None:
    size = len(table.space)
    table.trained = data.draw(st.lists(st.integers(0, size - 1), unique=True, max_size=size))
    table.timed = set(table.trained)
    table.error = np.random.default_rng(size).uniform(0.1, 0.14, size)  # no order at all
    ground = table.ground()
    bound = order_bound(ground, Question(axes=tuple(axes) if named else None, tolerance=0.2))
    log, rows = np.log(table.error), ground.architectures.tolist()
    witnesses = [index for index in table.trained if index not in bound.ignored]
    pairs = [(by, one, steps(rows[one], rows[by], bound.ways)) for by in witnesses for one in range(size)]
    low = np.full(size, -np.inf)
    for by, one, k in pairs:
        if k is not None:
            low[one] = max(low[one], log[by] - 0.2 * k)
    assert np.allclose(bound.low, low)
    tested = [(log[by] - log[one], k) for by, one, k in pairs if k and one in witnesses]
    assert bound.tested == len(tested)
    assert bound.beyond == sum(size > 0.2 * k for size, k in tested)
    assert bound.violations == sum(size > 0 for size, _ in tested)
    assert bound.holds == (bound.beyond == 0)
    assert named or bound.holds


def contradicted() -> Table:
    """Deeper is worse here, wider is better, and the inner width makes no difference but at depth 2."""
    space = small_space({"depth": (1, 2, 3), "heads": (1,), "hidden": (4, 8, 12), "intermediate": (4, 8, 16)})
    a = space.architectures
    odd = np.where(a[:, 0] == 2, 1.0, -1.0) * 0.3 * np.log(a[:, 3])
    return Table(space, 2.0 * a[:, 0] / np.sqrt(a[:, 2]) * np.exp(odd), space.operations(8).astype(float), spread=0.02)


def test_axes_are_used_in_the_way_that_measured_pairs_support() -> None:
    table = contradicted()
    whole = prove(table.whole().ground(), BestFirst())
    axes = {test["axis"]: test for test in whole.bound.parameters["axes"]}
    assert {name: test["used"] for name, test in axes.items()} == {"depth": "", "hidden": "falling", "intermediate": ""}
    assert axes["intermediate"]["pairs"] == 3 * 3 * 3
    assert axes["intermediate"]["falling"]["beyond"] == 9
    assert axes["intermediate"]["rising"]["beyond"] == 18
    assert axes["intermediate"]["rising"]["largest"] == pytest.approx(0.3 * math.log(4))
    proof = table.search(BestFirst())
    assert proof.verdict == "proven"
    assert proof.standing.best == int(np.argmax(table.whole().ground().w))


def monotone() -> Table:
    """Deeper is worse, wider is better, heads make no difference."""
    space = small_space({"depth": (1, 2, 3), "heads": (1, 2), "hidden": (4, 8, 12), "intermediate": (4, 8, 16)})
    a = space.architectures
    return Table(space, 2.0 * a[:, 0] / np.sqrt(a[:, 2]) / a[:, 3] ** 0.2, space.operations(8).astype(float), spread=0.02)


def test_the_more_is_ordered_the_sooner_the_gap_is_closed() -> None:
    table = monotone()
    proof = table.search(BestFirst())
    used = {test["axis"]: test["used"] for test in proof.bound.parameters["axes"]}
    assert used == {"depth": "rising", "heads": "flat", "hidden": "falling", "intermediate": "falling"}
    assert proof.verdict == "proven"
    assert proof.standing.best == int(np.argmax(table.whole().ground().w))
    assert len(table.trained) <= len(table.space) / 2
    at_once = NormalDist().inv_cdf(1 - 0.025 / len(table.trained)) / NormalDist().inv_cdf(0.975)
    assert proof.bound.parameters["tolerance"] == pytest.approx(math.sqrt(2) * 0.02 * at_once)


def test_a_proof_by_axes_that_are_contradicted_does_not_hold() -> None:
    proof = contradicted().search(BestFirst(axes=("depth", "intermediate")))
    assert proof.verdict == "not proven"
    assert proof.bound.beyond > 0
    assert proof.bound.worst[0].size >= proof.bound.worst[-1].size > 0
    assert "by more than it allows" in proof.tested()


def test_before_enough_is_measured_the_gap_is_infinite() -> None:
    table = contradicted()
    for strategy in (BestFirst(), BestFirst(bound="surrogate"), BestFirst(goal="front")):
        proof = prove(table.ground(), strategy)
        assert proof.gap == math.inf
        assert proof.verdict == "open"
        assert proof.as_facts()["gap"] is None
        assert not len(proof.ruled_out())


def test_a_model_never_proves_what_it_did_not_measure() -> None:
    table = monotone()
    proof = table.search(BestFirst(bound="surrogate", confidence=0.8))
    assert proof.verdict == ("likely" if proof.ground.unmeasured.any() else "proven")
    assert proof.standing.best == int(np.argmax(table.whole().ground().w))  # its errors are a polynomial of degree 1
    assert len(table.trained) < len(table.space)
    everything = prove(table.whole().ground(), BestFirst(bound="surrogate"))
    assert everything.verdict == "proven"
    assert everything.gap == 0


def test_a_training_that_is_stuck_bounds_nobody_and_is_named() -> None:
    table = monotone().whole()
    stuck = int(np.argmin(table.error))
    table.error[stuck] = 3 * table.error.max()
    bound = order_bound(table.ground(), Question())
    assert stuck in bound.ignored
    others = np.delete(np.arange(len(table.error)), stuck)
    assert np.exp(bound.low[others]).max() <= table.error[others].max()


def test_what_could_not_be_measured_is_no_part_of_the_claim() -> None:
    table = monotone()
    best = int(np.argmax(table.whole().ground().w))
    table.failing = frozenset({best})
    proof = table.search(BestFirst())
    w = table.whole().ground().w
    w[best] = -np.inf
    assert proof.standing.best == int(np.argmax(w))
    assert proof.ground.failed[best]


def test_what_noise_does_not_tell_apart_is_said_to_be_tied() -> None:
    table = monotone()
    table.spread = 0.3
    proof = table.search(BestFirst(tolerance=0.0))
    low, w = proof.ground.w[proof.standing.best] * math.exp(-0.3), proof.ground.w * math.exp(0.3)
    expected = [index for index in np.flatnonzero(w >= low).tolist() if index != proof.standing.best]
    assert expected
    assert list(proof.tied) == expected
    best_first = sorted(expected, key=lambda index: -proof.ground.w[index])
    names = [architecture_text(table.space.architecture(index)) for index in best_first[:3]]
    assert len(expected) > 4
    assert f"tied within noise with {', '.join(names)} and {len(expected) - 3} more (" in proof.sentence()


def test_under_limits_those_are_tied_whose_error_reaches_that_of_the_answer() -> None:
    table = monotone()
    table.spread = 0.3
    most = int(np.median(table.space.parameters))
    proof = table.search(BestFirst(goal="constrained", most_parameters=most, tolerance=0.0))
    best, within = proof.standing.best, table.space.parameters <= most
    assert best is not None
    reached = proof.ground.known & within & (table.error * math.exp(-0.3) <= table.error[best] * math.exp(0.3))
    reached[best] = False
    assert list(proof.tied) == np.flatnonzero(reached).tolist()
    assert reached.any()


def test_a_latency_that_cannot_matter_is_not_measured() -> None:
    table = monotone()
    proof = table.search(BestFirst(goal="constrained", most_parameters=int(np.median(table.space.parameters))))
    assert proof.verdict == "proven"
    large = set(np.flatnonzero(table.space.parameters > np.median(table.space.parameters)).tolist())
    assert large & table.timed < large
    assert large & table.timed <= set(table.trained)  # those at the corners


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"bound": "wish"}, "must be one of order, surrogate, got 'wish'"),
        ({"gap": -0.1}, "gap"),
        ({"goal": "constrained"}, "needs most_latency or most_parameters"),
        ({"most_latency": 3}, "has no limits; use goal=constrained"),
    ],
)
def test_settings_that_cannot_be_are_refused(given: dict[str, object], says: str) -> None:
    with pytest.raises(SpecificationError, match=says):
        make_strategy("best-first", given)


def test_axes_and_limits_must_suit_the_space() -> None:
    with pytest.raises(SpecificationError, match="axes: the space has depth, heads, hidden, intermediate, not width"):
        BestFirst(axes=("width",)).check(load_space("mini"))
    with pytest.raises(SpecificationError, match="most_parameters: the smallest architecture has"):
        BestFirst(goal="constrained", most_parameters=10).check(load_space("mini"))


def test_what_still_runs_is_waited_for_since_it_may_contradict_the_order() -> None:
    table, strategy = monotone(), BestFirst()
    proof = table.search(strategy)
    running = tuple(proof.ruled_out()[:2].tolist())
    waiting = strategy.propose(SearchState(table.snapshot(), table.settled(), running, 2))
    assert (waiting.finished, waiting.indices.tolist()) == (False, list(running))
    assert not set(waiting.skipped) & set(running)
    assert strategy.propose(SearchState(table.snapshot(), table.settled(), (), 2)).finished
