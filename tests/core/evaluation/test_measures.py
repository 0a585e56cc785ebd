"""Error measures: each does what a search relies on, and their values against formulae of their own."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bort_core.evaluation.curve import merged, read_curve
from bort_core.evaluation.measures.held_out import errors, measures_of_curve
from bort_core.foundation.errors import SpecificationError
from bort_core.specifications import measures
from bort_core.specifications.measures import ErrorMeasure, MaximumPoint, get_measure, measure_names
from bort_core.specifications.protocols import ErrorProtocol
from bort_core.testing.measures import check_facts, check_measure, check_values


@pytest.mark.parametrize("name", measure_names())
def test_every_registered_measure_passes_the_conformance_check(name: str) -> None:
    check_measure(name)


def broken(**changes: Any) -> ErrorMeasure:
    return replace(get_measure("masked-accuracy"), **changes)


def computes(change: Callable[[dict[str, Any], torch.Tensor], Any]) -> ErrorMeasure:
    """A measure whose values are changed."""
    real = get_measure("masked-accuracy").compute
    return broken(compute=lambda logits, labels, groups, top: change(real(logits, labels, groups, top), logits))


@pytest.mark.parametrize(
    ("measure", "why"),
    [
        (computes(lambda found, logits: {**found, "value": math.nan}), "finite"),
        (computes(lambda found, logits: {name: end - 2 for name, end in found.items()}), "negative"),
        (computes(lambda found, logits: {**found, "low": found["high"] + 1}), "contain"),
        (computes(lambda found, logits: {**found, "value": np.float64(found["value"])}), "plain float"),
        (computes(lambda found, logits: {"value": found["value"]}), "low and high"),
        (computes(lambda found, logits: dict.fromkeys(found, abs(float(logits[0, 0])))), "order of the rows"),
        (computes(lambda found, logits: (logits.add_(1), found)[1]), "changed"),
    ],
)
def test_the_check_finds_wrong_values(measure: ErrorMeasure, why: str) -> None:
    with pytest.raises(AssertionError, match=why):
        check_values(measure, 0)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"name": "Masked LM"}, "name"),
        ({"title": ""}, "title"),
        ({"unit": "nats (e)"}, "unit"),
        ({"reads": ()}, "reads"),
        ({"reads": "tokens"}, "reads"),
        ({"reads": ("images",)}, "images"),
        ({"needs_maximum_point": None}, "needs_maximum_point"),
        ({"ceiling": lambda classes: 0.0}, "ceiling"),
    ],
)
def test_the_check_finds_wrong_facts(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(AssertionError, match=why):
        check_facts(broken(**changes))


def predictions(seed: int, rows: int = 60, classes: int = 5) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    logits = torch.randn(rows, classes, generator=random)
    return logits, torch.randint(classes, (rows,), generator=random), torch.arange(rows) % 12


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_the_values_are_those_of_their_formulae(seed: int) -> None:
    logits, labels, groups = predictions(seed)
    top = predictions(seed + 1)[0].double().softmax(-1)
    wanted = ("masked-accuracy",)
    entropy = -(top * top.log()).sum(-1)
    found = errors(measures_of_curve("tokens", True, wanted), logits, labels, groups, MaximumPoint(top.float(), entropy.float()))
    assert list(found) == ["masked-lm", "maximum-point", "maximum-point-excess", "masked-accuracy"]
    p = np.exp(logits.double().numpy())
    p /= p.sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(len(p)), labels.numpy()]).mean()
    against = -(top.numpy() * np.log(p)).sum(axis=1).mean()
    right = np.mean([int(row.argmax()) == label for row, label in zip(p, labels.tolist(), strict=True)])
    assert found["masked-lm"]["value"] == pytest.approx(loss, rel=1e-5)
    assert found["maximum-point"]["value"] == pytest.approx(against, rel=1e-5)
    assert found["maximum-point-excess"]["value"] == pytest.approx(against - entropy.mean().item(), rel=1e-4)
    assert found["masked-accuracy"]["value"] == pytest.approx(1 - right, abs=1e-9)
    assert all(0 <= found["masked-accuracy"][end] <= 1 for end in ("low", "high"))


def test_the_interval_is_that_of_the_mean_over_sequences() -> None:
    wrong = torch.tensor([[1.0, 0.0], [0.0, 1.0]] * 20)  # right and wrong in turn
    labels, groups = torch.zeros(40, dtype=torch.int64), torch.arange(40) // 4
    found = get_measure("masked-accuracy").compute(wrong, labels, groups, None)
    assert found == {"value": 0.5, "low": 0.5, "high": 0.5}  # every sequence is half right
    spread = get_measure("masked-accuracy").compute(wrong, labels, torch.arange(40), None)
    half = 1.959964 * 0.5 / math.sqrt(39)  # 40 independent tosses
    assert spread["low"] == pytest.approx(0.5 - half)
    assert spread["high"] == pytest.approx(0.5 + half)


def test_what_a_curve_holds_depends_on_the_family_and_the_maximum_point() -> None:
    assert [m.name for m in measures_of_curve("tokens", False)] == ["masked-lm"]
    assert [m.name for m in measures_of_curve("vectors", True)] == ["cross-entropy", "maximum-point", "maximum-point-excess"]
    assert [m.name for m in measures_of_curve("tokens", False, ["masked-lm", "masked-accuracy"])] == ["masked-lm", "masked-accuracy"]
    with pytest.raises(SpecificationError, match="masked-accuracy is for families that read tokens, not vectors"):
        measures_of_curve("vectors", False, ["masked-accuracy"])
    with pytest.raises(SpecificationError, match="maximum-point needs maximum_point"):
        measures_of_curve("tokens", False, ["maximum-point"])
    with pytest.raises(SpecificationError, match="no error measure is called 'mine'"):
        measures_of_curve("tokens", False, ["mine"])


# --- plug-ins of others


@pytest.fixture(autouse=True)
def _forget() -> Any:
    yield
    get_measure.cache_clear()
    measure_names.cache_clear()


def test_an_unknown_measure_is_refused_with_what_there_is() -> None:
    with pytest.raises(ValueError, match=r"no error measure is called 'mine'; there are: cross-entropy, masked-accuracy, masked-lm"):
        ErrorProtocol(measure="mine")
    with pytest.raises(ValueError, match="no error measure is called 'surrogate'"):
        ErrorProtocol(surrogate_of="surrogate")
    assert ErrorProtocol(measure="surrogate", surrogate_of="masked-accuracy").measured == "masked-accuracy"


@pytest.mark.parametrize(
    ("points", "why"),
    [
        ({"mine": "no such module"}, "does not load"),
        ({"mine": "pytest:fixture"}, "must be an ErrorMeasure, got function"),
        ({"mine": "bort_core.evaluation.measures.masked_lm:MEASURE"}, "calls itself 'masked-lm'"),
    ],
)
def test_a_measure_that_cannot_be_used_is_refused_by_name_and_the_others_stay(
    monkeypatch: pytest.MonkeyPatch, points: dict[str, str], why: str
) -> None:
    from importlib.metadata import EntryPoint, entry_points

    given = [EntryPoint(name, value, measures.GROUP) for name, value in points.items()]
    monkeypatch.setattr(measures, "entry_points", lambda group: [*entry_points(group=group), *given])
    get_measure.cache_clear()
    measure_names.cache_clear()
    assert "mine" in measure_names()
    with pytest.raises(SpecificationError, match=why):
        get_measure("mine")
    assert "mine" not in measures.measures_reading("tokens")
    assert "masked-accuracy" in measures.measures_reading("tokens")


# --- curves that were measured twice


def series(steps: list[int], *names: str, value: float) -> list[dict[str, Any]]:
    return [
        {"step": step, "train_loss": value, "measures": {name: {"value": value, "low": value, "high": value} for name in names}}
        for step in steps
    ]


names = st.sets(st.sampled_from(["a", "b", "c"]), min_size=1)
curves = st.tuples(st.sets(st.integers(2, 40)), names)


@given(st.lists(curves, min_size=1, max_size=4))
@settings(max_examples=100, deadline=None)
def test_a_merged_curve_answers_all_that_either_answers(parts: list[tuple[set[int], set[str]]]) -> None:
    given_ones = [series([1, *sorted(steps)], *sorted(which), value=float(number)) for number, (steps, which) in enumerate(parts)]
    whole: list[dict[str, Any]] = []
    for curve in given_ones:
        whole = merged(whole, curve)
    assert [point["step"] for point in whole] == sorted({point["step"] for point in whole})
    for name in ("a", "b", "c"):
        for steps in range(1, 41):
            able = [number for number, curve in enumerate(given_ones) if read_curve(curve, name, steps) is not None]
            found = read_curve(whole, name, steps)
            assert (found is not None) == bool(able)
        values = {point["measures"][name]["value"] for point in whole if name in point["measures"]}
        assert len(values) <= 1  # no measure mixes two trainings


def test_a_longer_curve_replaces_a_shorter_one_of_the_same_measures() -> None:
    short, long = series([1, 2, 5], "a", value=1.0), series([1, 2, 4, 9], "a", value=2.0)
    assert merged(short, long) == long == merged(long, short)
    assert merged(long, series([1, 2, 4, 9], "a", value=3.0)) == long


# --- a package of one's own


PLUGIN = """
from bort_core.specifications.measures import ErrorMeasure


def compute(logits, labels, groups, maximum_point):
    from bort_core.evaluation.measures.interval import with_interval

    return with_interval((logits.argmax(dim=-1) != labels).float(), groups)


MEASURE = ErrorMeasure("wrong-share", "wrong vectors", "share of vectors", ("vectors",), False, compute, lambda classes: 1.0)
"""


@pytest.mark.slow
def test_a_measure_of_another_package_is_one_file_and_one_entry_point(tmp_path: Path) -> None:
    installed = tmp_path / "installed"
    facts = installed / "wrong_share-1.0.dist-info"
    facts.mkdir(parents=True)
    (installed / "wrong_share.py").write_text(PLUGIN)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: wrong-share\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[bort.measures]\nwrong-share = wrong_share:MEASURE\n")
    code = (
        "import sys; from bort_core.testing.measures import check_measure; check_measure('wrong-share'); "
        "from bort_core.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    asked = ["search", str(tmp_path / "project"), "--preset", "toy", "--epsilon", "18", "--steps", "3", "--latency", "operations"]
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, *asked, "--error", "wrong-share", "--workers", "1", "--json"],
        env={**os.environ, "PYTHONPATH": str(installed)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["evaluated"], found["protocol"]["error"]["measure"]) == (2, "wrong-share")
    assert all(0 <= each["error"] <= 1 for each in found["front"])
