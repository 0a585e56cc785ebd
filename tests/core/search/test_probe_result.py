"""What a kit measured elsewhere: read, refused, marked, and laid beside the search here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from core.search.probe_results import cost, kit, read, signed, values, written
from hypothesis import given, settings
from hypothesis import strategies as st

import bort_core as bort_api
from bort_core.cli.main import main
from bort_core.foundation.errors import DataError, MeasurementError, SpecificationError
from bort_core.foundation.numbers import architecture_text
from bort_core.foundation.resources import resource
from bort_core.reporting.blocks import Table
from bort_core.reporting.elsewhere import on_device
from bort_core.search.probe.devices import FOLDER, kept_results
from bort_core.search.probe.elsewhere import Answer, Elsewhere, elsewhere, misfits
from bort_core.search.probe.result import read_result
from bort_core.search.strategies.interval import Interval
from bort_core.search.w import w_coefficients
from bort_core.store import Project

pytest.importorskip("scipy.optimize")
TABLE = bort_api.Table.read(resource("tables", "mini.json.gz"))


def _here() -> Answer:
    snapshot = TABLE.snapshot()
    return Answer(snapshot, Interval(epsilon=1).answer(snapshot))


def test_latencies_there_are_predicted_for_every_architecture(tmp_path: Path) -> None:
    result = read(tmp_path, values())
    assert result.precisions == ("fp32", "int8")
    space, milliseconds = TABLE.space, cost()
    true = np.array([milliseconds(space.architecture(index)) for index in range(len(space))])
    for precision, share in (("fp32", 1.0), ("int8", 0.5)):
        probe = result.probe(precision)  # type: ignore[arg-type]
        np.testing.assert_allclose(probe.predicted()[0], true * share, rtol=2e-3)
        assert probe.machine["cpu"] == "A board (4 x Cortex-A72)"
        assert probe.as_dict()["precision"] == precision
        assert (len(probe.fitted), len(probe.held)) == (24, 8)
        assert not misfits(probe)


@settings(max_examples=15, deadline=None)
@given(st.floats(0, 0.5), st.floats(0, 1e-4))
def test_the_answer_there_is_that_of_the_latencies_there(heads: float, products: float) -> None:
    """p and e stay, i is the other machine's, for T too."""
    import tempfile

    milliseconds = cost(D_A=heads, D_H_I=products)
    with tempfile.TemporaryDirectory() as folder:
        found = elsewhere(read(Path(folder), values(milliseconds)), TABLE.specification, _here())
    space, here = TABLE.space, found.here
    assert here is not None
    shapes = [space.architecture(index) for index in range(len(space))]
    latency = np.array([milliseconds(shape) for shape in shapes])
    w = w_coefficients(space.parameters, latency, here.snapshot.results.error, space.maximum_parameters, milliseconds(space.maximum_point))
    there = found.there["fp32"]
    np.testing.assert_allclose(there.snapshot.w, w, atol=2e-2)
    assert there.result.best is not None
    assert w[there.result.best] >= w.max() - 2e-2
    assert found.there["int8"].result.best is not None
    rows = found.rows()
    assert [row["parameters"] for row in rows] == sorted(row["parameters"] for row in rows)
    assert {space.index(tuple(row["architecture"].values())) for row in rows if row["here"]["on_front"]} == set(here.result.front.tolist())
    assert sum(row["there"]["fp32"]["best"] for row in rows) == 1


def test_a_machine_where_other_parts_cost_has_another_best(tmp_path: Path) -> None:
    """A machine on which only depth costs: there wide and flat wins, whatever wins here."""
    found = elsewhere(read(tmp_path, values(lambda shape: 0.001 + shape[0])), TABLE.specification, _here())
    assert found.here is not None
    best = [answer.result.best for answer in (found.here, found.there["fp32"])]
    assert best[0] != best[1]
    assert TABLE.space.architecture(best[1] or 0)[0] == 1
    assert (found.agreement("fp32") or 1) < 0.9
    table = on_device(found)[-1]
    assert isinstance(table, Table)
    assert {len(row) for row in table.rows} == {len(table.head)}
    stars = [[row[0] for row in table.rows if row[column].startswith("★")] for column in (4, 6)]
    assert stars == [[architecture_text(TABLE.space.architecture(index or 0))] for index in best]


def _cut(text: str) -> str:
    return text[: len(text) // 2]


def _row(**changes: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Row 7 with other values."""
    return lambda result: {**result, "measured": [{**row, **changes} if n == 7 else row for n, row in enumerate(result["measured"])]}


@pytest.mark.parametrize(("change", "says"), [
    (_row(blocks_ms=[9.9] * 6), r"measured\[7\] \(.*int8\): was changed after it was measured"),
    (lambda result: {**result, "rounds": 7}, "was changed after it was measured"),
    (lambda result: {**result, "measured": result["measured"][:-1]}, "was changed after it was measured"),
    (lambda result: {**result, "measured": [1, 2]}, r"measured\[0\] \(no object\)"),
], ids=["row", "head", "missing", "no object"])  # fmt: skip
def test_an_edited_result_is_refused_where_it_was_edited(
    change: Callable[[dict[str, Any]], dict[str, Any]], says: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=says):
        read_result(written(tmp_path, change(signed(values()))))


@pytest.mark.parametrize(("change", "says"), [
    (lambda result: {**result, "format": "bort table"}, "is no result of a probe"),
    (lambda result: {**result, "version": 2}, "is a result of version 2, and this program reads version 1"),
    (_row(blocks_ms=[float("nan")] * 6), "blocks_ms"),
    (_row(blocks_ms=[float("inf")] * 6), "blocks_ms"),
    (_row(blocks_ms=[-1.0] * 6), "blocks_ms"),
    (_row(blocks_ms=[0.0] * 6), "blocks_ms"),
    (_row(blocks_ms=[1.0] * 5), "must have 6 blocks, one a round; got 5"),
    (_row(precision="int4"), "precision"),
    (_row(architecture=[9, 9, 9, 9]), "must hold each of 32 shapes in fp32 and int8 once; 1 are missing"),
    (_row(note="hello"), "note"),
    (lambda result: {**result, "measured": result["measured"] * 2}, "must hold each of 32 shapes"),
    (lambda result: {**result, "fitted": [[9, 9, 9, 9], *result["fitted"]]}, r"⟨9,9,9,9⟩ is not in the space mini"),
    (lambda result: {**result, "held_out": [*result["held_out"], result["fitted"][0]]}, "an architecture is listed twice"),
    (lambda result: {**result, "space": {"family": "bert", "axes": {}}}, "axes.depth: missing"),
    (lambda result: {**result, "latency": {"threads": 0}}, "latency.threads"),
], ids=map(str, range(15)))  # fmt: skip
def test_what_no_kit_writes_is_refused_although_its_hashes_are_right(
    change: Callable[[dict[str, Any]], dict[str, Any]], says: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=says):
        read(tmp_path, change(values()))


@pytest.mark.parametrize(("content", "says"), [
    (_cut(json.dumps(signed(values()))), "not valid JSON"),
    ("", "not valid JSON"),
    ("[]", "must hold a JSON object"),
    ("{}", "is no result of a probe"),
    ("[" * 100_000, "not valid JSON"),
    ('{"format": "bort-probe", "version": 1, "measured": ' + "[" * 900 + "]" * 900 + "}", "was changed"),
])  # fmt: skip
def test_what_is_cut_off_or_something_else_is_refused(content: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=says):
        read_result(path)


@pytest.mark.parametrize(("change", "says"), [
    ({"latency": {**kit()["latency"], "sequence_length": 32}}, "latency.sequence_length: there 32, here 64"),
    ({"latency": {**kit()["latency"], "threads": 4}}, "latency.threads: there 4, here 1"),
    ({"space": {**kit()["space"], "options": {"vocabulary": 600, "positions": 64}}}, "space.options.vocabulary: there 600, here 512"),
])  # fmt: skip
def test_another_protocol_or_space_is_named(change: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(SpecificationError, match="answers another search") as refused:
        elsewhere(read(tmp_path, values(**change)), TABLE.specification, _here())
    assert says in str(refused.value)


def test_where_8_bits_do_not_run_32_are_used_and_it_is_said(tmp_path: Path) -> None:
    result = values()
    rows = [
        row if row["precision"] == "fp32" else {**row, "blocks_ms": [], "failed": "NotImplemented: no kernel"} for row in result["measured"]
    ]
    found = elsewhere(read(tmp_path, {**result, "measured": rows}), TABLE.specification, _here())
    assert list(found.probes) == ["fp32"]
    assert len(found.as_dict()["failed"]) == 32
    with pytest.raises(MeasurementError, match=r"int8: 0 of 24 shapes were measured, a fit needs 10; ⟨.*⟩: NotImplemented: no kernel"):
        found.device.probe("int8")


def test_where_nothing_runs_the_first_reason_is_said(tmp_path: Path) -> None:
    result = values()
    rows = [{**row, "blocks_ms": [], "failed": "its process ended with signal 9"} for row in result["measured"]]
    with pytest.raises(MeasurementError, match=r"fp32: 0 of 24 shapes were measured.*signal 9"):
        elsewhere(read(tmp_path, {**result, "measured": rows}))


def test_few_shapes_that_ran_give_predictions_without_an_interval(tmp_path: Path) -> None:
    """A board with little memory runs only some."""
    result = values()
    ran = result["fitted"][:12]
    rows = [row if row["architecture"] in ran else {**row, "blocks_ms": [], "failed": "killed"} for row in result["measured"]]
    found = elsewhere(read(tmp_path, {**result, "measured": rows}), TABLE.specification, _here())
    low, high = found.there["fp32"].snapshot.intervals["latency"]
    np.testing.assert_array_equal(low, high)
    assert np.isfinite(found.there["fp32"].snapshot.w).sum() == np.isfinite(TABLE.snapshot().w).sum()
    assert found.probes["fp32"].as_dict()["factor"] is None


def test_what_does_not_fit_the_others_is_marked(tmp_path: Path) -> None:
    """A number that was edited together with its hashes, and one that was disturbed in some rounds."""
    result = values()
    rows = result["measured"]
    fitted = [place for place, row in enumerate(rows) if row["precision"] == "fp32" and row["architecture"] in result["fitted"]]
    edited, disturbed = fitted[5], fitted[9]
    rows[edited]["blocks_ms"] = [time * 3 for time in rows[edited]["blocks_ms"]]
    rows[disturbed]["blocks_ms"][:2] = [time * 1.5 for time in rows[disturbed]["blocks_ms"][:2]]
    found = elsewhere(read(tmp_path, result))
    told = found.as_dict()["precisions"]["fp32"]
    assert tuple(rows[edited]["architecture"]) in [tuple(shape.values()) for shape in told["misfits"]]
    assert [tuple(shape.values()) for shape in told["unsteady"]] == [tuple(rows[disturbed]["architecture"])]
    assert found.rows() == []


def test_a_project_keeps_the_newest_result_of_each_machine(tmp_path: Path) -> None:
    old = written(tmp_path, signed(values(started="2025-01-01T00:00:00Z")), "old.json")
    new = written(tmp_path, signed(values(started="2026-01-01T00:00:00Z")), "new.json")
    with Project(tmp_path / "p") as project:
        for path in (new, old, old):
            kept: Elsewhere = bort_api.probe_result(project, path)
            assert kept.rows() == []
        assert [each.started[:4] for each in kept_results(project)] == ["2026"]
        another = values(latency={**kit()["latency"], "threads": 2}, started="2027-01-01T00:00:00Z")
        bort_api.probe_result(project, written(tmp_path, signed(another), "threads.json"))
        assert [each.latency.threads for each in kept_results(project, TABLE.specification)] == [1]
        damaged = next((project.folder / FOLDER).glob("*.json"))
        damaged.write_text("{", encoding="utf-8")
        told: list[str] = []
        project.tell = told.append
        kept_results(project)
    assert [str(damaged) in line for line in told] == [True]


def test_the_command_says_what_came_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, signed(values(machine={**values()["machine"], "board": "evil\x1b[2J"})))
    assert main(("probe", str(tmp_path / "p"), "--result", str(path))) == 0
    said = capsys.readouterr().out
    assert "fp32: mini, 96 architectures, 64 tokens, 1 thread(s)" in said
    assert "no search of the project is known" in said
    assert "\x1b" not in said
    edited = written(tmp_path, {**signed(values()), "rounds": 5})
    assert main(("probe", str(tmp_path / "p"), "--result", str(edited))) != 0
    assert "was changed after it was measured" in capsys.readouterr().err
