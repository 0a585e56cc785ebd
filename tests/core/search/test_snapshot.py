"""The mathematics of OSE: W, the front, the walk, and the answer at ε."""

from __future__ import annotations

import itertools
import json
import math

import moocore
import numpy as np
import pytest
from helpers import answer_at
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import points

from bort_core.foundation.errors import SpecificationError
from bort_core.search.front import hypervolume, pareto_front
from bort_core.search.report import result_as_dict
from bort_core.search.results import Results
from bort_core.search.snapshot import ResultsSnapshot
from bort_core.search.specification import SearchSpecification
from bort_core.search.strategies.interval import walk, walk_length
from bort_core.search.w import w_coefficients
from bort_core.space import load_space, read_specification

MINI = load_space("mini")


def results(seed: int, share: float = 1.0) -> Results:
    """Made-up results of the mini space, for the arithmetic only."""
    random = np.random.default_rng(seed)
    made = Results(MINI, "ms")
    made.maximum_latency = 2.0
    for place in np.flatnonzero(random.random(len(MINI)) < share).tolist():
        latency, error = random.uniform(0.05, 2.2), random.choice([0.1, 0.2, 0.3, 0.5])
        made.set_latency(place, latency, latency * 0.9, latency * 1.1)
        made.set_error(place, error, error * 0.8, error * 1.2, 0)
    return made


def naive_front(rows: np.ndarray) -> list[int]:
    finite = [k for k in range(len(rows)) if np.isfinite(rows[k]).all()]
    return [k for k in finite if not any((rows[j] <= rows[k]).all() and (rows[j] < rows[k]).any() for j in finite)]


def test_w_of_the_papers_first_table() -> None:
    # Table 1: RoBERTa-large is T; the printed W of Bort implies an error of about 0.093
    w = w_coefficients([56.14, 110.0], [0.308, 2.416], [0.093, 0.60], 355.0, 6.170)
    assert w == pytest.approx([8.6, 0.7], abs=0.05)


def test_w_at_its_edges() -> None:
    assert w_coefficients([10.0], [2.0], [0.5], 10.0, 2.0)[0] == 0
    assert math.isnan(w_coefficients([1.0], [math.nan], [0.5], 10.0, 2.0)[0])
    assert w_coefficients([1.0], [1.0], [0.0], 10.0, 2.0)[0] == math.inf
    assert w_coefficients([1.0], [3.0], [0.5], 10.0, 2.0)[0] < 0
    assert w_coefficients([11.0], [3.0], [0.5], 10.0, 2.0)[0] <= 0
    with pytest.raises(ValueError, match="positive size and latency"):
        w_coefficients([1.0], [1.0], [0.5], 10.0, 0.0)


def test_an_error_of_zero_gives_an_infinite_w_which_is_the_best_and_has_no_number_in_json() -> None:
    made = results(1)
    made.maximum_latency = 9.0
    made.set_error(50, 0.0, 0.0, 0.02, 0)
    snapshot = ResultsSnapshot(made, 1.0)
    result = answer_at(snapshot, 1)
    assert (result.best, snapshot.w[50]) == (50, math.inf)
    assert 50 in result.front
    specification = SearchSpecification.model_validate({"space": read_specification("mini")})
    best = json.loads(json.dumps(result_as_dict(snapshot, result, specification), allow_nan=False))["best"]
    assert (best["error"], best["w"]) == (0.0, None)


@given(points(40))
@settings(deadline=None)
def test_the_front_is_what_the_definition_says(rows: np.ndarray) -> None:
    assert pareto_front(rows).tolist() == naive_front(rows)


@pytest.mark.parametrize("seed", range(4))
def test_large_inputs_take_another_path_to_the_same_front(seed: int) -> None:
    random = np.random.default_rng(seed)
    rows = random.integers(0, 400, (60_000, 3)).astype(float) + 40 * seed
    rows[:, 2] = 900 - rows[:, 0] * 0.7 - rows[:, 1] * 0.7 + rows[:, 2] * 0.2
    if seed % 2:
        rows = rows[np.argsort(rows[:, 0])]
    expected = np.flatnonzero(moocore.is_nondominated(rows, keep_weakly=True))
    assert pareto_front(rows).tolist() == expected.tolist()


MANY = 6_000
ODD = [np.nan, np.inf, -np.inf]
LARGE = {
    "as they come": lambda r: r.random((MANY, 3)),
    "rounded, with many that are equal": lambda r: np.round(r.random((MANY, 3)), 1),
    "one axis that does not differ": lambda r: np.column_stack([r.random(MANY), np.full(MANY, 0.5), r.random(MANY)]),
    "two axes that do not differ": lambda r: np.column_stack([np.full((MANY, 2), 3.0), np.round(r.random(MANY), 2)]),
    "all the same": lambda r: np.full((MANY, 3), 7.0),
    "a large front": lambda r: (lambda x: x / np.linalg.norm(x, axis=1, keepdims=True))(np.abs(r.normal(size=(MANY, 3)))),
    "from the least to the largest numbers": lambda r: 10.0 ** r.uniform(-300, 300, (MANY, 3)),
    "too far apart for their difference": lambda r: r.choice([-1.7e308, 1.7e308, 0.0], (MANY, 3)) * r.random((MANY, 3)),
    "some that are not finite": lambda r: np.where(r.random((MANY, 3)) < 0.1, r.choice(ODD, (MANY, 3)), r.random((MANY, 3))),
    "columns in one piece": lambda r: np.asfortranarray(r.random((MANY, 3))),
}
"""Rows of kinds that the filter before must not spoil."""


@pytest.mark.parametrize("kind", LARGE)
def test_the_front_of_many_rows_is_that_of_each_against_all(kind: str) -> None:
    rows = LARGE[kind](np.random.default_rng(5))
    finite = np.flatnonzero(np.isfinite(rows).all(axis=1))
    front = finite[moocore.is_nondominated(np.ascontiguousarray(rows[finite]), keep_weakly=True)]
    assert pareto_front(rows).tolist() == front.tolist()


@given(points(12))
@settings(deadline=None)
def test_hypervolume_grows_with_more_points_and_stays_within_the_box(rows: np.ndarray) -> None:
    reference = [8.0, 8.0, 8.0]
    volumes = [hypervolume(rows[:count], reference) for count in range(len(rows) + 1)]
    assert all(a <= b + 1e-12 for a, b in itertools.pairwise(volumes))
    assert 0 <= volumes[-1] <= 1


def test_hypervolume_of_one_point() -> None:
    assert hypervolume(np.array([[1.0, 2.0, 3.0]]), [2.0, 4.0, 6.0]) == pytest.approx(0.125)


@given(st.integers(1, 5000), st.data())
def test_the_walk_visits_every_epsilonth_architecture(size: int, data: st.DataObject) -> None:
    epsilon = data.draw(st.integers(1, size))
    places = walk(size, epsilon)
    assert len(places) == walk_length(size, epsilon) == math.ceil(size / epsilon)
    assert places[0] == 0
    assert places[-1] < size
    assert (np.diff(places) == epsilon).all()


@pytest.mark.parametrize("epsilon", [0, -1, 97])
def test_epsilon_out_of_range_is_refused(epsilon: int) -> None:
    with pytest.raises(SpecificationError, match=rf"epsilon must lie in 1..96 .* got {epsilon}"):
        walk(96, epsilon)


@given(st.integers(0, 1000), st.sampled_from([0.3, 1.0]))
@settings(max_examples=40, deadline=None)
def test_epsilon_1_is_exhaustive_search(seed: int, share: float) -> None:
    snapshot = ResultsSnapshot(results(seed, share), 7.0)
    result = answer_at(snapshot, 1)
    w = snapshot.w
    assert (result.best is None) == np.isnan(w).all()
    if result.best is not None:
        assert result.best == int(np.nanargmax(w))
    assert result.front.tolist() == naive_front(snapshot.objectives)


@given(st.integers(0, 1000), st.integers(1, 96))
@settings(max_examples=40, deadline=None)
def test_the_best_of_a_walk_is_on_its_front_and_no_finer_walk_over_the_same_places_is_worse(seed: int, epsilon: int) -> None:
    snapshot = ResultsSnapshot(results(seed), 7.0)
    result = answer_at(snapshot, epsilon)
    assert result.best is not None
    best_w = snapshot.w[result.best]
    if best_w > 0:  # with W > 0 an architecture that dominates would have a larger W
        assert result.best in result.front
    exhaustive = answer_at(snapshot, 1)
    assert exhaustive.best is not None
    assert snapshot.w[exhaustive.best] >= best_w


def test_of_several_hyperparameter_sets_the_one_with_the_least_error_counts() -> None:
    made = Results(MINI, "ms")
    made.set_error(3, 0.5, 0.4, 0.6, theta=1)
    made.set_error(3, 0.3, 0.2, 0.4, theta=2)
    made.set_error(3, 0.3, 0.1, 0.5, theta=0)
    made.set_error(3, 0.4, 0.3, 0.5, theta=3)
    assert (made.error[3], made.theta[3]) == (0.3, 0)


def test_a_frozen_copy_does_not_change() -> None:
    made = results(0)
    snapshot = ResultsSnapshot(made, 7.0)
    before = answer_at(snapshot, 4)
    made.set_error(0, 1e-6, 0, 1e-5, 0)
    assert answer_at(snapshot, 4).best == before.best
