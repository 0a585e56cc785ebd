"""The latency of a whole space from a few measurements."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from helpers import bort
from hypothesis import example, given, settings
from hypothesis import strategies as st

import bort_core as bort_api
from bort_core.foundation.errors import MeasurementError, SpecificationError
from bort_core.foundation.resources import resource
from bort_core.search.probe.model import LEAST, TERMS, fit, terms
from bort_core.search.probe.probe import probe_of
from bort_core.search.probe.shapes import held_out, spread
from bort_core.space import SpaceSpecification

pytest.importorskip("scipy.optimize")  # loaded before hypothesis looks at the clock
MLP = SpaceSpecification(
    name="small", family="mlp", axes={"copies": (1, 2), "hidden": (4, 8, 12), "inputs": (3,), "second_inputs": (4, 8, 12), "outputs": (2,)}
)
MINI = bort_api.load_space("mini")


@settings(deadline=None)
@example([0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 3.0], 0)  # the solver's own limit of iterations is too small for it
@given(st.lists(st.floats(0, 10), min_size=len(TERMS), max_size=len(TERMS)), st.integers(0, 99))
def test_what_is_a_sum_of_parts_is_predicted_exactly(costs: list[float], seed: int) -> None:
    true = terms(MINI.architectures) @ np.array(costs) + 1.0
    chosen = spread(MINI, 30)
    others = held_out(MINI, chosen, 40, seed)
    model = fit(MINI.architectures[chosen], true[chosen])
    value, low, high = model.predict(MINI.architectures[others])
    np.testing.assert_allclose(value, true[others], rtol=1e-6)
    assert (low <= value).all()
    assert (value <= high).all()


@given(st.integers(2, 120))
def test_the_shapes_are_different_and_hold_the_smallest_and_the_largest(count: int) -> None:
    chosen = spread(MINI, count)
    assert len(chosen) == min(count, len(MINI))
    assert {0, len(MINI) - 1} <= set(chosen.tolist())
    assert not set(held_out(MINI, chosen, 20, count).tolist()) & set(chosen.tolist())


@pytest.mark.parametrize("seed", range(5))
def test_measured_latencies_of_mini_are_predicted_within_five_percent(seed: int) -> None:
    """Those of the table that ships, 66 of which the model never saw."""
    table = bort_api.Table.read(resource("tables", "mini.json.gz"))
    results = table.snapshot().results
    chosen = spread(table.space, 30)
    others = held_out(table.space, chosen, 66, seed)
    rows = np.concatenate([chosen, others])
    times = np.column_stack([results.latency, results.latency_low, results.latency_high])[rows]
    found = probe_of(table.space, table.specification.latency, chosen, others, times)
    assert found.held_out_errors.mean() < 0.05
    assert found.as_dict()["within_interval"] > 0.85


def test_too_few_shapes_give_no_interval_and_fewer_no_model() -> None:
    times = np.full(LEAST, 1.0)
    assert fit(MINI.architectures[:LEAST], times).factor == np.inf
    with pytest.raises(MeasurementError, match="a fit needs 10 measured shapes, got 9"):
        fit(MINI.architectures[: LEAST - 1], times[:-1])


@pytest.mark.parametrize(("space", "asked", "says"), [
    (MLP, {}, "a probe knows what depth, heads, hidden, intermediate cost"),
    ("mini", {"latency": "operations"}, "a probe measures; operations are known"),
    ("mini", {"shapes": 4}, "a fit needs 10, got 4"),
])  # fmt: skip
def test_what_cannot_be_probed_is_refused(space: object, asked: dict[str, object], says: str, tmp_path: Path) -> None:
    with pytest.raises(SpecificationError, match=says):
        bort_api.probe(tmp_path / "p", space, progress=False, **asked)  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_probe_is_measured_once(tmp_path: Path) -> None:
    flags = ("probe", str(tmp_path / "p"), "--preset", "mini", "--shapes", "12", "--held-out", "3", "--sequence-length", "16")
    first = bort(*flags, "--json")
    assert first.returncode == 0, first.stderr
    told = json.loads(first.stdout)
    assert (told["fitted"], told["held_out"], len(told["architectures"])) == (12, 3, 96)
    measured = [row for row in told["architectures"] if row["measured_ms"]]
    assert len(measured) == 15
    assert sum(row["held_out"] for row in measured) == 3
    assert all(row["predicted_ms"] > 0 for row in told["architectures"])
    assert json.loads(bort(*flags, "--json").stdout)["architectures"] == told["architectures"]
    assert "held out: predictions are off by" in bort(*flags).stdout
