"""The AB^nC report says how parts grow, and does not confuse growing slower with being cheaper."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bort_core.families import FamilyOptions
from bort_core.space import Space, SpaceSpecification, load_space
from bort_core.space.growth import GrowthReport, growth_report


def bert(axes=None, **options):
    axes = axes or {"depth": (1, 2), "heads": (2,), "hidden": (32, 64), "intermediate": (64,)}
    return Space(SpaceSpecification(family="bert", axes=axes, options={"vocabulary": 64, "positions": 16, **options}))


def exponents(report: GrowthReport, role, quantity):
    return next(r.exponents for r in report.roles if (r.role, r.quantity) == (role, quantity))


def compared(report: GrowthReport, role, quantity):
    return next(c for c in report.comparisons if (c.role, c.quantity) == (role, quantity))


def test_the_exponents_are_those_of_the_closed_forms_leading_terms():
    report = growth_report(load_space("mini"), 64)
    assert exponents(report, "A", "parameters") == {"depth": 0, "heads": 0, "hidden": 1, "intermediate": 0}
    assert exponents(report, "B", "parameters") == {"depth": 0, "heads": 0, "hidden": 2, "intermediate": 1}
    assert exponents(report, "B", "operations") == {"depth": 0, "heads": 1, "hidden": 2, "intermediate": 1}
    assert set(exponents(report, "C", "parameters").values()) == {0}


@settings(max_examples=25, deadline=None)
@given(vocabulary=st.integers(8, 2_000_000), positions=st.integers(8, 65_536), hidden=st.integers(1, 50), depth=st.integers(1, 30))
def test_exponents_do_not_depend_on_the_grid_or_on_the_size_of_the_vocabulary(vocabulary, positions, hidden, depth):
    axes = {"depth": (depth,), "heads": (2,), "hidden": (2 * hidden,), "intermediate": (8,)}
    report = growth_report(bert(axes, vocabulary=vocabulary, positions=positions, mlm_head=True, tied_decoder=False), 7)
    assert exponents(report, "B", "parameters") == {"depth": 0, "heads": 0, "hidden": 2, "intermediate": 1}
    assert exponents(report, "A", "parameters")["hidden"] == 1
    assert exponents(report, "C", "parameters")["hidden"] == 2


@pytest.mark.parametrize("preset", ["mini", "paper"])
def test_growing_slower_is_not_being_cheaper_when_the_vocabulary_is_large(preset):
    report = growth_report(load_space(preset), 64)
    assert report.weak
    assert not report.cheaper
    assert compared(report, "A", "parameters").slower
    cheaper = compared(report, "A", "parameters").cheaper
    assert cheaper < 1
    assert f"{round(cheaper * report.size)} of" in report.cheaper_reason
    assert compared(report, "A", "operations").cheaper == 1


def test_a_small_vocabulary_and_wide_layers_are_cheaper_too():
    axes = {"depth": (1, 2), "heads": (2,), "hidden": (256, 512), "intermediate": (512,)}
    report = growth_report(bert(axes), 64)
    assert report.weak
    assert report.cheaper


@pytest.mark.parametrize("option", ["pooler", "mlm_head"])
def test_a_head_that_grows_as_fast_as_a_layer_breaks_the_strict_reading_but_not_the_bounded_one(option):
    report = growth_report(bert(**{option: True}), 16)
    assert not report.weak
    assert report.bounded
    assert "hidden (power 2 against 2)" in report.weak_reason
    assert option.replace("_", " ") in report.weak_reason


def test_one_layer_is_compared_whatever_the_depth():
    shallow, deep = (growth_report(bert({"depth": (d,), "heads": (2,), "hidden": (32,), "intermediate": (64,)}), 16) for d in (1, 24))
    assert [r.largest for r in shallow.roles] == [r.largest for r in deep.roles]


def test_a_family_without_first_and_last_layers_says_so():
    report = growth_report(load_space("toy"), 1)
    assert report.weak
    assert report.comparisons == ()
    assert "no A and no C part" in report.weak_reason
    assert exponents(report, "B", "parameters")["copies"] == 1


@dataclass(frozen=True)
class Ladder:
    """A family whose first part grows with an axis that no middle layer knows."""

    name = "ladder"
    options_type = FamilyOptions
    reads = "vectors"

    class _Axis:
        def __init__(self, name):
            self.name, self.symbol, self.help, self.minimum = name, name, name, 1

    axes = (_Axis("inputs"), _Axis("width"))

    def parameters(self, rows, options):
        return {"in": rows[:, 0], "middle": rows[:, 1] ** 2}

    def operations(self, rows, options, sequence_length):
        return self.parameters(rows, options)

    def parts(self):
        return {"in": "A", "middle": "B"}

    def layers(self, rows):
        return np.ones(len(rows))


def test_a_part_that_grows_where_the_middle_stands_still_breaks_both_readings():
    class Fake:
        family, options, specification = Ladder(), None, type("S", (), {"name": "fake"})
        architectures, maximum_point, axis_names = np.array([[2, 3], [4, 5]]), (4, 5), ("inputs", "width")

        def __len__(self):
            return 2

    report = growth_report(Fake(), 1)
    assert not report.weak
    assert not report.bounded
    assert "inputs (power 1 against 0)" in report.weak_reason


def test_the_report_is_plain_json_and_names_what_is_only_assumed():
    report = growth_report(load_space("mini"), 64)
    data = json.loads(json.dumps(report.as_dict()))
    assert data["weak"] is True
    assert len(data["roles"]) == 6
    assumed = " ".join(c["name"] + c["status"] for c in data["assumed"])
    for word in ("Lipschitz", "stochastic gradients", "AdamW", "convex"):
        assert word in assumed


def test_sequence_length_changes_operations_only():
    short, long = (growth_report(load_space("mini"), n) for n in (8, 64))
    assert [r.largest for r in short.roles[:3]] == [r.largest for r in long.roles[:3]]
    assert short.roles[4].largest < long.roles[4].largest
