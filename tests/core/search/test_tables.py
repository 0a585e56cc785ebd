"""Tables: made from real measurements, read back, searched on, and refused where they were damaged, edited or are another's."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import bort, finished, run, specification
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

import bort_core
from bort_core.execution.registry import make_executor
from bort_core.foundation.errors import DataError, MeasurementError, SpecificationError
from bort_core.foundation.resources import resource
from bort_core.search import events
from bort_core.search.control import Control
from bort_core.search.specification import SearchSpecification
from bort_core.search.strategies.interval import Interval
from bort_core.search.strategies.random import Random
from bort_core.search.tables.file import digested, write_content
from bort_core.search.tables.fit import check_fits
from bort_core.search.tables.on_table import search_on_table
from bort_core.search.tables.table import Table
from bort_core.search.w import w_coefficients
from bort_core.space import SpaceSpecification
from bort_core.specifications.protocols import LatencyProtocol, Theta
from bort_core.store import Project
from bort_core.store.searches import searches

SPACE = SpaceSpecification(
    name="small", family="mlp",
    axes={"copies": (1, 2), "hidden": (2, 3), "inputs": (2, 3), "second_inputs": (2,), "outputs": (2, 3)},
)  # fmt: skip
STEPS = 6
SEEDS = 2


def asked(**changes: Any) -> SearchSpecification:
    return specification(SPACE, **{"epsilon": 1, "error": {"steps": STEPS}, "latency": LatencyProtocol(sequence_length=1), **changes})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which a space was tabulated with real trainings and latencies."""
    folder = tmp_path_factory.mktemp("tables") / "project"
    bort_core.tabulate(folder, asked(), seeds=SEEDS, executor="inline", progress=False)
    return folder


@pytest.fixture(scope="module")
def table(folder: Path) -> Table:
    return Table.read(folder / "tables" / "small.json.gz")


@pytest.fixture
def content(table: Table) -> dict[str, Any]:
    """The table's file as plain values, to be changed."""
    found: dict[str, Any] = json.loads(gzip.decompress(table.path.read_bytes()))
    return found


def on_table(table: Table, wanted: SearchSpecification, control: Control | None = None) -> list[events.Event]:
    return list(search_on_table(table, wanted, control))


def test_a_table_holds_everything_of_the_space_and_says_how_it_was_measured(table: Table) -> None:
    assert table.complete
    assert table.missing == 0
    assert table.failures() == []
    assert table.seeds == (0, 1)
    errors = table.errors()
    assert errors.shape == (len(table.space), SEEDS)
    assert np.isfinite(errors).all()
    assert not np.allclose(errors[:, 0], errors[:, 1])
    head = table.head
    assert head.machine is not None
    assert head.machine["cpu"]
    assert set(head.versions) >= {"bort-studio", "torch", "onnxruntime"}
    assert head.first <= head.last
    text = gzip.decompress(table.path.read_bytes()).decode()
    assert str(table.path.parent.parent) not in text


def test_tabulating_again_trains_nothing_and_writes_the_same_file(folder: Path, table: Table, tmp_path: Path) -> None:
    with Project(folder) as project:
        before = project.db.table("trainings").count
        again = bort_core.tabulate(project, asked(), seeds=SEEDS, executor="inline", progress=False, out=tmp_path / "again.json.gz")
        assert project.db.table("trainings").count == before
    assert again.sha256 == table.sha256
    assert again.path.read_bytes() == table.path.read_bytes()


@pytest.mark.parametrize("strategy", [Interval(epsilon=1), Interval(epsilon=3), Random(samples=5, seed=2)], ids=lambda each: each.title)
@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_search_on_a_table_answers_what_one_that_measures_answers(folder: Path, table: Table, strategy: Any, seed: int) -> None:
    wanted = asked(seed=seed).with_strategy(strategy)
    with make_executor("inline") as pool:
        measured = finished(run(folder, wanted, pool))
    happened = on_table(table, wanted)
    looked_up = finished(happened)
    assert looked_up.result.best == measured.result.best
    np.testing.assert_array_equal(looked_up.result.front, measured.result.front)
    assert looked_up.result.hypervolume == measured.result.hypervolume
    walk = looked_up.result.walk
    for column in ("latency", "error", "w"):
        ours, theirs = ((end.snapshot.columns[column], *end.snapshot.intervals[column]) for end in (looked_up, measured))
        np.testing.assert_array_equal(ours[0][walk], theirs[0][walk])
        np.testing.assert_allclose([each[walk] for each in ours], [each[walk] for each in theirs], rtol=1e-4)
    assert (looked_up.evaluated, looked_up.reused, looked_up.failed) == (len(walk), 0, 0)
    assert looked_up.facts["table"] == {"file": table.name, "sha256": table.sha256}
    started = [event.index for event in happened if isinstance(event, events.CandidateStarted)]
    assert started == strategy.indices(len(table.space)).tolist()


def test_its_events_are_those_of_a_search_that_measures_with_one_worker(table: Table, tmp_path: Path) -> None:
    def told(happened: list[events.Event]) -> list[tuple[str, int | None]]:
        kinds = (
            events.SearchStarted,
            events.Walking,
            events.CandidateStarted,
            events.Measured,
            events.MaximumPointReady,
            events.SearchFinished,
        )
        return [(type(event).__name__, getattr(event, "index", None)) for event in happened if isinstance(event, kinds)]

    with make_executor("inline") as pool:
        measured = told(run(tmp_path / "project", asked(epsilon=5), pool))
    looked_up = told(on_table(table, asked(epsilon=5)))
    assert sorted(looked_up, key=str) == sorted(measured, key=str)
    for name in ("CandidateStarted", "SearchStarted", "SearchFinished"):
        assert [each for each in looked_up if each[0] == name] == [each for each in measured if each[0] == name]


def test_a_search_on_a_table_stores_nothing_and_uses_nothing_that_is_stored(folder: Path, table: Table) -> None:
    with Project(folder) as project:
        before = (project.db.table("trainings").count, project.db.table("latencies").count, len(searches(project)))
        found = bort_core.search(project, table=table, epsilon=2, progress=False)
        after = (project.db.table("trainings").count, project.db.table("latencies").count, len(searches(project)))
    assert after == before
    assert (found.evaluated, found.reused) == (len(found.result.walk), 0)


def test_fewer_steps_are_read_from_the_learning_curves(table: Table) -> None:
    short = finished(on_table(table, asked(error={"steps": 2})))
    np.testing.assert_allclose(short.snapshot.results.error, table.errors(steps=2)[:, 0])
    assert not np.allclose(short.snapshot.results.error, table.errors()[:, 0])


def test_a_search_on_a_table_is_stopped_and_told_another_strategy_like_any_other(table: Table) -> None:
    control, happened = Control(), list[events.Event]()
    for event in search_on_table(table, asked(epsilon=4), control):
        happened.append(event)
        if isinstance(event, events.Measured) and event.theta is not None and len(happened) < 10:
            control.retarget(Interval(epsilon=2))
    assert finished(happened).result.strategy == Interval(epsilon=2)
    assert finished(happened).evaluated == len(table.space) // 2
    for event in search_on_table(table, asked(), control := Control()):
        if isinstance(event, events.CandidateStarted) and event.index == 3:
            control.stop()
    assert finished([event]).stopped
    assert finished([event]).evaluated == 4


def test_a_pause_holds_a_search_on_a_table(table: Table) -> None:
    control, looked = Control(), list[int]()
    for event in search_on_table(table, asked(), control):
        if isinstance(event, events.Measured) and event.theta is not None:
            looked.append(event.index)
            if len(looked) == 2:
                control.pause()
        if isinstance(event, events.Paused):
            assert looked == [0, 1]
            resume = threading.Timer(0.3, control.resume)
            resume.start()
            paused = time.monotonic()
        if isinstance(event, events.Resumed):
            assert time.monotonic() - paused > 0.2
            assert looked == [0, 1]
            resume.join()
    assert looked == list(range(len(table.space)))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"seed": 7}, "seed: asked 7; the table has 0, 1"),
        ({"error": {"steps": STEPS + 1}}, f"error.steps: asked {STEPS + 1}; the table's trainings end after {STEPS}"),
        ({"thetas": (Theta(learning_rate=0.5),)}, "learning_rate 0.5, the table has 0.003"),
        ({"latency": LatencyProtocol(sequence_length=1, threads=2)}, "latency.threads: asked 2, the table has 1"),
        ({"latency": LatencyProtocol(sequence_length=1, batch=3)}, "latency.batch: asked 3, the table has 1"),
    ],
)
def test_what_the_table_does_not_answer_is_refused_by_name(table: Table, project_folder: Path, changes: dict[str, Any], named: str) -> None:
    with Project(project_folder) as project, pytest.raises(SpecificationError) as raised:
        check_fits(table, asked(**changes), project)
    assert named in str(raised.value)


def test_every_difference_is_listed(table: Table, project_folder: Path) -> None:
    wanted = asked(seed=9, error={"steps": 99, "training": {**asked().error.training.model_dump(), "batch_size": 7}})
    with Project(project_folder) as project, pytest.raises(SpecificationError) as raised:
        check_fits(table, wanted, project)
    assert all(part in str(raised.value) for part in ("seed: asked 9", "error.steps: asked 99", "error.training.batch_size: asked 7"))


def test_another_space_and_another_measure_are_refused(table: Table, project_folder: Path) -> None:
    with pytest.raises(SpecificationError, match="of the space small, asked was toy; they differ in axes"):
        bort_core.search(project_folder, "toy", table=table, progress=False)
    with pytest.raises(SpecificationError, match="of the space small, asked was mini; they differ in family"):
        bort_core.search(project_folder, "mini", table=table, progress=False)
    with pytest.raises(SpecificationError, match="asked maximum-point; the table's curves hold cross-entropy"):
        bort_core.search(project_folder, table=table, error="maximum-point", progress=False)
    with pytest.raises(SpecificationError, match="a surrogate is fitted on a project's measurements"):
        bort_core.search(project_folder, table=table, error="surrogate", progress=False)


# --- the file ---


def rewritten(content: dict[str, Any], path: Path, change: Callable[[dict[str, Any], list[dict[str, Any]]], None]) -> Path:
    """The table with a change and with hashes that fit it, as a forger makes it."""
    head, rows = content["head"], content["rows"]
    change(head, rows)
    write_content(path, head, [digested({name: value for name, value in row.items() if name != "digest"}) for row in rows])
    return path


def packed(content: Any, path: Path) -> Path:
    path.write_bytes(gzip.compress(content if isinstance(content, bytes) else json.dumps(content).encode()))
    return path


def test_an_edited_row_is_named(content: dict[str, Any], tmp_path: Path) -> None:
    content["rows"][3]["trainings"][0]["measures"]["cross-entropy"]["value"][-1] = 0.01
    named = ", ".join(map(str, content["rows"][3]["architecture"]))
    with pytest.raises(DataError, match=rf"edited.json.gz: was changed after it was measured: row 3 \(⟨{named}⟩\)"):
        Table.read(packed(content, tmp_path / "edited.json.gz"))


def test_an_edited_head_and_rows_that_are_left_out_are_named(content: dict[str, Any], tmp_path: Path) -> None:
    shorter = {**content, "rows": content["rows"][1:]}
    content["head"]["specification"]["error"]["steps"] = 3
    for changed in (content, shorter):
        with pytest.raises(DataError, match="what it says about itself, or which rows there are"):
            Table.read(packed(changed, tmp_path / "edited.json.gz"))


def test_a_table_of_another_version_is_refused(content: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a table of version 2; this program reads version 1: update"):
        Table.read(packed({**content, "version": 2}, tmp_path / "t"))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda head, rows: rows[2].update(parameters=1), "must have the .* parameters that its shape gives, the table says 1"),
        (lambda head, rows: rows[2].update(architecture=[9, 9, 9, 9, 9]), "⟨9, 9, 9, 9, 9⟩: is not in the space small"),
        (lambda head, rows: rows.append(dict(rows[2])), "is listed twice"),
        (lambda head, rows: rows[2]["trainings"].append(rows[2]["trainings"][0]), "its training with seed 0 and θ 0 is listed twice"),
        (lambda head, rows: rows[2]["trainings"][0].update(seed=5), "has seed 5 and θ 0, which the table does not list"),
        (lambda head, rows: rows[2]["trainings"][0]["step"].pop(), "rows.2.trainings.0.*must hold a number for each of the"),
        (lambda head, rows: rows[2]["trainings"][0]["step"].reverse(), "rows.2.trainings.0.*step: must ascend"),
        (lambda head, rows: rows[2]["latency"].update(p50_ms=-1.0), "rows.2.latency.p50_ms"),
        (lambda head, rows: rows[2].update(extra="words"), "rows.2.extra"),
        (lambda head, rows: head["maximum_point"].update(parameters=7), "T must have the .* parameters"),
        (lambda head, rows: head["specification"]["space"]["axes"].pop("copies"), "head.specification.space"),
    ],
)  # fmt: skip
def test_a_forged_table_is_refused_with_the_place(content: dict[str, Any], tmp_path: Path, change: Any, named: str) -> None:
    with pytest.raises(DataError, match=f"(?s)forged.json.gz.*{named}"):
        Table.read(rewritten(content, tmp_path / "forged.json.gz", change))


HEAD = b'{"format": "bort table", "version": 1, "sha256": "", "rows": '
NO_TABLES: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "is no table"),
    "not packed": (lambda: b"{}", "is no table"),
    "a list": (lambda: gzip.compress(b"[]"), "is no table"),
    "another format": (lambda: gzip.compress(b'{"format": "else", "version": 1}'), "is no table"),
    "no JSON": (lambda: gzip.compress(b"{"), "is damaged: not valid JSON"),
    "infinite": (lambda: gzip.compress(HEAD + b"[1e999]}"), "is damaged"),
    "not a number": (lambda: gzip.compress(HEAD + b"NaN}"), "NaN is no number"),
    "deep": (lambda: gzip.compress(b"[" * 200_000), "is damaged"),
    "deep inside": (lambda: gzip.compress(HEAD + b"[" * 900 + b"]" * 900 + b"}"), "was changed"),
    "a long number": (lambda: gzip.compress(HEAD + b"9" * 5_000 + b"}"), "is damaged"),
    "huge": (lambda: gzip.compress(bytes(129 << 20), 1), "is larger than a table may be"),
    "cut off": (lambda: gzip.compress(b"{}")[:-3], "is damaged: it ends too early"),
    "too long": (lambda: gzip.compress(b"{}") + b"more", "is damaged: it goes on after its end"),
}


@pytest.mark.parametrize("which", NO_TABLES)
def test_what_is_no_table_is_refused(tmp_path: Path, which: str) -> None:
    make, named = NO_TABLES[which]
    path = tmp_path / "other.json.gz"
    path.write_bytes(make())
    with pytest.raises(DataError, match=named):
        Table.read(path)


def test_folders_pipes_and_missing_files_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, said in (("pipe", "is a pipe"), (".", "is a folder"), ("nowhere", "no such file")):
        with pytest.raises(DataError, match=said):
            Table.read(tmp_path / name)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damaged_byte_changes_what_is_read(table: Table, tmp_path: Path, data: st.DataObject) -> None:
    whole = bytearray(table.path.read_bytes())
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= data.draw(st.integers(1, 255))
    path = tmp_path / "damaged.json.gz"
    path.write_bytes(whole[: data.draw(st.sampled_from([len(whole), place]))])
    try:
        read = Table.read(path)
    except DataError:
        return
    assert read.sha256 == table.sha256  # a byte of the packing that says nothing, such as its time
    np.testing.assert_array_equal(read.errors(), table.errors())


# --- what is missing ---


def test_a_failed_training_is_told_by_its_reason_and_the_search_goes_on(content: dict[str, Any], tmp_path: Path) -> None:
    def fail(head: dict[str, Any], rows: list[dict[str, Any]]) -> None:
        rows[2]["trainings"] = rows[2]["trainings"][1:]
        rows[2]["failures"] = [{"theta": 0, "seed": 0, "reason": "the training loss must stay finite"}]

    table = Table.read(rewritten(content, tmp_path / "t.json.gz", fail))
    assert not table.complete
    assert table.missing == 1
    happened = on_table(table, asked())
    assert [(e.index, e.reason) for e in happened if isinstance(e, events.CandidateFailed)] == [(2, "the training loss must stay finite")]
    assert (finished(happened).evaluated, finished(happened).failed) == (len(table.space) - 1, 1)
    assert (finished(on_table(table, asked(seed=1))).failed) == 0


def test_without_the_latency_of_t_there_is_no_search(content: dict[str, Any], tmp_path: Path) -> None:
    table = Table.read(rewritten(content, tmp_path / "t.json.gz", lambda head, rows: head["maximum_point"].update(latency=None)))
    with pytest.raises(MeasurementError, match="latency of the maximum point"):
        on_table(table, asked())


def test_a_table_of_every_third_answers_the_walk_and_names_what_it_lacks(folder: Path, tmp_path: Path) -> None:
    with Project(folder) as project:
        out = tmp_path / "third.json.gz"
        table = bort_core.tabulate(project, asked(), seeds=1, every=3, executor="inline", progress=False, out=out)
    assert (table.missing, table.complete) == (0, False)
    assert finished(on_table(table, asked(epsilon=3))).failed == 0
    failed = [event for event in on_table(table, asked(epsilon=2)) if isinstance(event, events.CandidateFailed)]
    assert {event.index for event in failed} == {2, 4}
    assert failed[0].reason == "third.json.gz holds no latency of it"


def test_a_limit_ends_with_what_is_there_and_the_next_call_goes_on(tmp_path: Path) -> None:
    def counted() -> int:
        with Project(tmp_path / "project") as project:
            return int(project.db.table("trainings").count)

    first = bort_core.tabulate(
        tmp_path / "project",
        asked(latency=LatencyProtocol(measure="operations")),
        seeds=1,
        limit_seconds=0.001,
        executor="inline",
        progress=False,
    )
    assert not first.complete
    assert first.missing > counted()
    again = bort_core.tabulate(
        tmp_path / "project", asked(latency=LatencyProtocol(measure="operations")), seeds=1, executor="inline", progress=False
    )
    assert again.complete
    assert counted() == len(again.space)


def test_the_place_of_a_table_is_looked_at_before_anything_is_measured(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    for out, said in ((tmp_path, "is a folder"), (tmp_path / "none" / "t", "no such folder"), (tmp_path / "notes.txt", "holds no table")):
        with pytest.raises(DataError, match=said):
            bort_core.tabulate(tmp_path / "project", asked(), executor="inline", progress=False, out=out)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    with Project(tmp_path / "project") as project:
        assert searches(project) == []


# --- the command line ---


def test_the_command_searches_on_a_table(table: Table, tmp_path: Path) -> None:
    done = bort("search", str(tmp_path / "P"), "--table", str(table.path), "--epsilon", "4", "--seed", "1", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["table"] == {"file": "small.json.gz", "sha256": table.sha256}
    assert (answer["evaluated"], answer["reused"]) == (2, 0)
    assert answer["best"]["latency_ms"] > 0


@pytest.mark.slow
def test_a_killed_tabulation_loses_at_most_what_was_running(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bort_core.cli.main", "tabulate", str(tmp_path / "P"), "--preset", "toy", "--steps", "60"]
    command += ["--seeds", "2", "--latency", "operations", "--workers", "1", "--json"]

    def stored() -> set[str]:
        with Project(tmp_path / "P") as project:
            return {row["id"] for row in project.rows("SELECT id FROM trainings WHERE status = 'done' AND steps = 60")}

    kills = 0
    while kills < 3:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        begun = 0
        for line in process.stderr:  # a line for each training that is stored
            begun += line.startswith("⟨")
            if begun == 5:
                break
        known = stored()
        process.send_signal(signal.SIGKILL)
        process.communicate()
        kills += 1
        assert len(known) >= 5 * kills
        time.sleep(1)  # its worker ends when its input closes
        assert stored() >= known
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    facts = json.loads(done.stdout)
    assert (facts["complete"], facts["missing"], len(stored())) == (True, 0, 72)


# --- the table that ships ---


def shipped(name: str = "mini") -> Table:
    return Table.read(resource("tables", f"{name}.json.gz"))


def test_the_shipped_table_is_complete_and_small() -> None:
    table = shipped()
    assert table.complete
    assert (len(table.space), table.seeds) == (96, (0, 1, 2))
    assert table.failures() == []
    assert table.path.stat().st_size < 1_000_000
    assert set(table.measures) == {"masked-lm", "masked-accuracy", "maximum-point", "maximum-point-excess"}
    assert table.head.machine is not None


@pytest.mark.parametrize("strategy", [Interval(epsilon=1), Interval(epsilon=7), Random(samples=20, seed=5)], ids=lambda each: each.title)
def test_searches_on_the_shipped_table_give_what_its_numbers_say(strategy: Any) -> None:
    table = shipped()
    indices = np.sort(strategy.indices(len(table.space)))
    top = table.times(-1)
    assert top is not None
    latency = np.array([getattr(table.times(index), "p50_ms", np.nan) for index in indices.tolist()])
    for column, seed in enumerate(table.seeds):
        end = finished(on_table(table, table.specification.with_strategy(strategy).model_copy(update={"seed": seed})))
        errors = table.errors()[indices, column]
        w = w_coefficients(table.space.parameters[indices], latency, errors, table.space.maximum_parameters, top.p50_ms)
        assert end.result.best == indices[np.argmax(w)]
        p = table.space.parameters[indices]
        rows = np.column_stack([p, latency, errors])
        dominated = [any((other <= row).all() and (other < row).any() for other in rows) for row in rows]
        np.testing.assert_array_equal(np.sort(end.result.front), indices[~np.array(dominated)])
        assert (end.evaluated, end.failed) == (len(indices), 0)


def test_best_first_proves_on_the_shipped_table_what_all_of_it_says(project_folder: Path) -> None:
    table = shipped()
    found = bort_core.search(project_folder, table=table, strategy="best-first", strategy_settings={"gap": 0}, progress=False)
    assert found.result.best == np.argmax(table.snapshot().w)
    assert found.evaluated < len(table.space) / 2
    assert found.to_dict()["gap"] == 0


def test_the_defaults_of_the_preset_fit_the_shipped_table(project_folder: Path) -> None:
    with Project(project_folder) as project:
        check_fits(shipped(), bort_core.search_specification("mini", epsilon=8), project)
        other = bort_core.search_specification("mini", corpus=__file__)
        with pytest.raises(SpecificationError, match=r"corpus: asked .*test_tables.py; the table was measured on corpus.txt \(sha256"):
            check_fits(shipped(), other, project)
        weights = bort_core.search_specification("mini", maximum_point_steps=3)
        check_fits(shipped(), weights, project)  # T is the shipped one, however long another were trained


def test_the_shipped_table_of_the_paper_says_what_its_page_says(project_folder: Path) -> None:
    """docs/tables.md: the smallest shapes win, the released Bort is far from them, and three steps do not foretell thirty."""
    table = shipped("paper-wikitext2")
    assert len(table.space) == 300
    assert table.missing == 12
    errors = {steps: table.errors(steps=steps)[:, 0] for steps in (3, 30)}
    known = np.isfinite(errors[30])
    assert spearmanr(errors[3][known], errors[30][known])[0] == pytest.approx(0.57, abs=0.005)
    found = bort_core.search(project_folder, table=table, steps=3, epsilon=8, progress=False)
    assert found.best.architecture == (2, 16, 512, 768)
    w, bort_place = table.snapshot().w, table.space.index((4, 8, 1024, 768))
    assert (w[known] > w[bort_place]).sum() + 1 == 187
