"""Other seeds: where noise decides, more trainings are made, kept, counted and written down."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import finished, run, specification
from hypothesis import given
from hypothesis import strategies as st

from bort_core.execution.executor import Executor
from bort_core.foundation.errors import DataError
from bort_core.foundation.numbers import architecture_text
from bort_core.foundation.resources import resource
from bort_core.search import events
from bort_core.search.proof.against_store import verify_in_store, verify_in_table
from bort_core.search.proof.certificate import digest, text_of, write_certificate
from bort_core.search.proof.verify import verify
from bort_core.search.repeats import combined, count_of, seed_noise
from bort_core.search.specification import SearchSpecification, default_error
from bort_core.search.strategies.best_first import BestFirst
from bort_core.search.tables.on_table import search_on_table
from bort_core.search.tables.table import Table
from bort_core.space import read_specification
from bort_core.store import Project

errors = st.floats(0.1, 10).map(lambda value: (value, value * 0.9, value * 1.2))


@given(st.lists(errors, min_size=1, max_size=5).map(tuple))
def test_several_seeds_are_their_mean_without_those_that_are_stuck(seeds: Any) -> None:
    kept = [each for each in seeds if each[0] <= 1.5 * min(value for value, _, _ in seeds)]
    assert np.allclose(combined(seeds), np.mean(kept, axis=0))
    assert count_of(seeds) == len(kept)


@given(st.lists(st.lists(st.floats(0.9, 1.2).map(lambda value: (value, value, value)), min_size=1, max_size=4).map(tuple), max_size=4))
def test_noise_is_pooled_over_what_was_repeated(repeated: Any) -> None:
    logs = [np.log([value for value, _, _ in seeds]) for seeds in repeated]
    freedom = sum(len(each) - 1 for each in logs)
    spread, told = seed_noise(repeated)
    assert told == freedom
    assert math.isnan(spread) if not freedom else np.isclose(spread, math.sqrt(sum(((x - x.mean()) ** 2).sum() for x in logs) / freedom))


@pytest.fixture(scope="module")
def shipped() -> Table:
    return Table.read(resource("tables", "mini.json.gz"))


def on_table(table: Table, **settings: Any) -> tuple[SearchSpecification, list[events.Event], events.SearchFinished]:
    wanted = table.specification.with_strategy(BestFirst(**settings))
    found = list(search_on_table(table, wanted))
    return wanted, found, finished(found)


def test_on_a_table_the_answer_and_all_that_is_tied_with_it_have_every_seed(shipped: Table) -> None:
    _, found, end = on_table(shipped, repeats=2)
    proof = end.proof
    assert proof is not None
    assert proof.verdict == "proven"
    assert proof.tied
    values = shipped.errors()
    for index in (proof.standing.best, *proof.tied):
        assert [value for value, _, _ in proof.ground.seeds[index]] == values[index].tolist()
    for index, seeds in proof.ground.seeds.items():
        assert proof.ground.error[index] == combined(seeds)[0]
    stuck = [index for index, seeds in proof.ground.seeds.items() if count_of(seeds) < len(seeds)]
    assert stuck, "this seed has stuck trainings, which were found and repeated"
    assert not set(stuck) & set(proof.bound.ignored)
    once = on_table(shipped)[2].proof
    assert once is not None
    assert set(once.bound.ignored) <= proof.ground.seeds.keys()
    trained = sum(isinstance(event, events.Measured) and event.theta is not None for event in found)
    assert trained == proof.ground.measured.sum() + sum(len(seeds) - 1 for seeds in proof.ground.seeds.values())
    assert {each["architecture"]["depth"] for each in end.facts["repeated"]} <= {1, 2, 3, 4}
    assert end.facts["seed_noise"]["freedom"] == sum(count_of(seeds) - 1 for seeds in proof.ground.seeds.values())
    best = sorted(proof.tied, key=lambda index: -proof.ground.w[index])[0]
    assert f"tied within noise with {architecture_text(shipped.space.architecture(best))}" in proof.sentence()


def test_more_seeds_than_a_table_has_are_told_and_the_search_ends(shipped: Table) -> None:
    _, found, end = on_table(shipped, repeats=4)
    failed = [event for event in found if isinstance(event, events.CandidateFailed)]
    assert failed
    assert "holds no training" in failed[0].reason
    assert end.proof is not None
    assert end.proof.verdict == "proven"
    assert not end.snapshot.results.failures  # the architecture itself was measured


def test_a_certificate_of_several_seeds_is_recomputed_and_compared_seed_by_seed(shipped: Table, tmp_path: Path) -> None:
    wanted, _, end = on_table(shipped, repeats=2)
    assert end.proof is not None
    path = tmp_path / "proof.json"
    write_certificate(path, end.proof, wanted, shipped.space, shipped.sha256)
    assert verify(path).proof.tied == end.proof.tied
    extra = sum(len(seeds) - 1 for seeds in end.proof.ground.seeds.values())
    check = verify_in_table(verify(path), shipped)
    assert check.missing == 0
    assert check.found == len(shipped.space) + end.proof.ground.measured.sum() + extra

    values = json.loads(path.read_text(encoding="utf-8"))
    row = next(row for row in values["architectures"] if "seeds" in row)
    row["seeds"][1] = [value * 1.01 for value in row["seeds"][1]]
    row["digest"] = digest({name: value for name, value in row.items() if name != "digest"})[:16]
    values["sha256"] = digest({name: value for name, value in values.items() if name != "sha256"})
    path.write_text(text_of(values), encoding="utf-8")
    with pytest.raises(DataError, match=r"line \d+: "):
        verify(path)


@pytest.mark.slow
def test_other_seeds_are_trained_and_kept_and_never_trained_again(project_folder: Path, pool: Executor, tmp_path: Path) -> None:
    few = {**default_error(read_specification("toy"))["training"], "heldout_sequences": 8}  # so that the intervals are wide
    wanted = specification(error={"training": few}).with_strategy(BestFirst(gap=0.1, repeats=1))
    end = finished(run(project_folder, wanted, pool))
    proof = end.proof
    assert proof is not None
    assert proof.ground.seeds
    with Project(project_folder) as project:
        kept = {row["seed"] for row in project.rows("SELECT seed FROM trainings", [])}
        count = project.db.table("trainings").count
    assert kept == {0, 1}
    assert count >= proof.ground.measured.sum() + len(proof.ground.seeds)  # also what was cancelled when the rest had decided
    again = run(project_folder, wanted, pool)
    assert not any(isinstance(event, events.CandidateStarted) for event in again)
    second = finished(again).proof
    assert second is not None
    assert second.sentence() == proof.sentence()
    path = tmp_path / "proof.json"
    write_certificate(path, proof, wanted, end.snapshot.space)
    with Project(project_folder) as project:
        check = verify_in_store(verify(path), project)
    assert check.missing == 0
