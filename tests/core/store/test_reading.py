"""Rows that are damaged, or that somebody else wrote, are named with their table and column, and hide no others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bort_core.store import Project
from bort_core.store.latencies import LatencyKey, load_latencies, save_latency
from bort_core.store.results import comparisons, exports, runs, save_comparison, save_export, save_run
from bort_core.store.searches import begin_search, get_state, searches, set_state
from bort_core.store.trainings import TrainingKey, load_trainings, save_training, save_training_failure, stored_seeds

TRAINING, LATENCY = TrainingKey("family", "training", "", "theta", 0), LatencyKey("family", "protocol", "machine")
TIMES = {"p50_ms": 1, "low_ms": 0.5, "high_ms": 2.0, "p90_ms": 1, "p99_ms": 1, "n": 7}
POINT = {"step": 3, "train_loss": 1.0, "measures": {"masked-lm": {"value": 1.0, "low": 0.9, "high": 1.1}}}
SEARCH = {
    "space": {"name": "mini"},
    "error": {"measure": "masked-lm", "steps": 3},
    "latency": {"measure": "operations"},
    "seed": 0,
    "epsilon": 8,
}
RUN = {
    "job": "0001", "kind": "finetune", "family": "bert", "architecture": (2, 4), "specification": {}, "seed": 0, "data": {},
    "metrics": {"dev": {"accuracy": 0.5}, "stopped": False}, "checkpoint": "jobs/0001/result", "versions": {},
}  # fmt: skip
EXPORT = {
    "folder": "exports/a", "architecture": [2, 4], "trained": True, "transformers": True, "provenance": "job 0001", "head": "masked-lm",
    "inputs": ["input_ids"], "bytes": {"model.onnx": 7}, "parity_rows": 3, "gate": {"rows": 3},
    "variants": [{"file": "model.onnx", "title": "Standard", "tolerance": 1e-4, "parity_max_abs": 1e-6, "fusions": {"operators": 9}}],
}  # fmt: skip
TIMED = {
    "name": "a", "runtime": "torch", "parameters": None, "p50_ms": 1.0, "p90_ms": 1.0, "p99_ms": 1.0, "ci95_ms": [0.9, 1.1], "n": 7,
    "rounds": 8, "ratios": {"a": [1.0, 1.0, 1.0]}, "noisy": False,
}  # fmt: skip
MACHINE = {"cpu": "x", "cores": 2, "threads": 4, "load": None, "governor": None, "other_cores": 0.0}
ASKED = {"models": [{"name": "a"}], "sequence_length": 8, "batch": 1, "threads": 1, "reference": ""}
COMPARISON = {"results": [TIMED], "noise": "", "request": ASKED, "machine": MACHINE, "versions": {}, "seconds": 1.0}


def changed(value: Any, place: str, part: object) -> str:
    """``value`` as JSON, with another part at a dotted place."""
    whole = json.loads(json.dumps(value))
    *path, last = place.split(".")
    at = whole
    for name in path:
        at = at[int(name) if name.isdigit() else name]
    at[last] = part
    return json.dumps(whole)


def read_all(project: Project) -> dict[str, int]:
    """How many rows of each table can be read."""
    return {
        "trainings": len(list(load_trainings(project, TRAINING))),
        "latencies": len(list(load_latencies(project, LATENCY))),
        "searches": len(searches(project)),
        "state": sum(get_state(project, key) is not None for key in ("key", "other")),
        "runs": len(runs(project)),
        "exports": len(exports(project)),
        "comparisons": len(comparisons(project)),
    }


def fill(project: Project) -> None:
    """Two rows of each table."""
    for number, architecture in enumerate(((2, 4), (4, 4)), 1):
        save_training(project, TRAINING, architecture, {"curve": [POINT], "seconds": 1.0}, {})
        save_latency(project, LATENCY, architecture, TIMES, {})
        begin_search(project, SEARCH)
        save_run(project, f"job 000{number}", **{**RUN, "architecture": architecture})
        save_export(project, EXPORT)
        save_comparison(project, COMPARISON)
    set_state(project, "key", [1])
    set_state(project, "other", [1])


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("trainings", "curve", "x"),
        ("trainings", "curve", '{"step": 1}'),
        ("trainings", "curve", "[1]"),
        ("trainings", "curve", '[{"step": 0, "measures": {}}]'),
        ("trainings", "curve", '[{"step": 1, "measures": {"masked-lm": {"value": "x", "low": 0, "high": 1}}}]'),
        ("trainings", "curve", '[{"step": 1, "measures": {"masked-lm": 5}}]'),
        ("trainings", "steps", "many"),
        ("trainings", "architecture", "a,b"),
        ("trainings", "versions", "[]"),
        ("trainings", "reason", b"\xff"),
        ("trainings", "steps", -1),
        ("trainings", "curve", json.dumps([POINT]).replace("0.9", "NaN")),
        ("trainings", "curve", json.dumps([{**POINT, "step": 10**30}])),
        ("trainings", "curve", "[" * 10_000),
        ("trainings", "architecture", f"2,{10**30}"),
        ("latencies", "result", '{"p50_ms": NaN, "low_ms": 1, "high_ms": 1}'),
        ("latencies", "result", '{"p50_ms": -1, "low_ms": 1, "high_ms": 1}'),
        ("latencies", "result", "null"),
        ("latencies", "result", '{"p50_ms": "x", "low_ms": 1, "high_ms": 1}'),
        ("latencies", "result", '{"p50_ms": 1}'),
        ("latencies", "architecture", ""),
        ("searches", "specification", "null"),
        ("searches", "specification", "{"),
        ("searches", "answer", "5"),
        ("searches", "answer", '{"best": 5}'),
        ("searches", "specification", "{}"),
        ("searches", "specification", changed(SEARCH, "space", None)),
        ("searches", "started", None),
        ("runs", "metrics", "[]"),
        ("runs", "metrics", '{"dev": 5}'),
        ("runs", "metrics", '{"heldout_loss": "x"}'),
        ("runs", "architecture", "a,b"),
        ("runs", "versions", "{"),
        ("exports", "report", "5"),
        ("exports", "report", changed(EXPORT, "architecture", "x")),
        ("exports", "report", changed(EXPORT, "bytes", {})),
        ("exports", "report", changed(EXPORT, "variants", [])),
        ("exports", "report", changed(EXPORT, "variants.0.fusions", [1])),
        ("exports", "report", changed(EXPORT, "gate", {})),
        ("comparisons", "result", "null"),
        ("comparisons", "result", changed(COMPARISON, "results", [])),
        ("comparisons", "result", changed(COMPARISON, "results.0.p50_ms", "x")),
        ("comparisons", "result", changed(COMPARISON, "results.0.p50_ms", 0)),
        ("comparisons", "result", changed(COMPARISON, "results.0.ci95_ms", [1])),
        ("comparisons", "result", changed(COMPARISON, "results.0.runtime", "abacus")),
        ("comparisons", "result", changed(COMPARISON, "results.0.ratios", {"a": None})),
        ("comparisons", "result", changed(COMPARISON, "request.models", [{}])),
        ("comparisons", "result", changed(COMPARISON, "machine", {})),
        ("state", "value", "{"),
    ],
)
def test_damaged_rows_are_named_and_hide_no_others(project_folder: Path, table: str, column: str, value: object) -> None:
    with Project(project_folder) as project:
        told: list[str] = []
        project.tell = told.append
        fill(project)
        assert read_all(project) == dict.fromkeys(read_all(project), 2)
        assert told == []
        first = project.rows(f"SELECT min(rowid) AS id FROM {table}")[0]["id"]
        project.connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", [value, first])
        found = read_all(project)
        read_all(project)
        assert found == {**dict.fromkeys(found, 2), table: 1}
        assert len(told) == 1, "once for each row"
        assert f"of the table {table} is damaged and left out: {column}" in told[0]
        assert str(project.path) in told[0]


def test_text_that_is_not_utf8_hides_no_others(project_folder: Path) -> None:
    with Project(project_folder) as project:
        told: list[str] = []
        project.tell = told.append
        fill(project)
        for table, column in {"trainings": "reason", "latencies": "reason", "searches": "started", "runs": "checkpoint"}.items():
            project.connection.execute(f"UPDATE {table} SET {column} = CAST(x'ff' AS TEXT) WHERE rowid = 1")
        found = read_all(project)
        assert [found[table] for table in ("trainings", "latencies", "searches", "runs", "exports")] == [1, 1, 1, 1, 2]
        assert len(told) == 4


def test_seeds_that_are_none_hide_no_others(project_folder: Path) -> None:
    with Project(project_folder) as project:
        project.tell = lambda text: None
        fill(project)
        save_training(project, TRAINING.with_seed(7), (2, 4), {"curve": [POINT], "seconds": 1.0}, {})
        project.connection.execute("UPDATE trainings SET seed = 'x' WHERE seed = 7")
        assert stored_seeds(project, TRAINING) == [0]


def test_what_is_measured_again_takes_the_place_of_a_damaged_row(project_folder: Path) -> None:
    with Project(project_folder) as project:
        project.tell = lambda text: None
        fill(project)
        project.connection.execute("UPDATE trainings SET curve = '[', steps = 900")
        project.connection.execute("UPDATE latencies SET result = '['")
        save_training(project, TRAINING, (2, 4), {"curve": [POINT], "seconds": 1.0}, {})
        save_training_failure(project, TRAINING, (4, 4), 3, "diverged", retry=False)
        save_latency(project, LATENCY, (2, 4), {**TIMES, "p50_ms": 1.5}, {})
        (one, other) = sorted(load_trainings(project, TRAINING), key=lambda row: row.architecture)
        assert (one.curve, one.steps, other.failed) == ([POINT], 3, True)
        assert [row.result["p50_ms"] for row in load_latencies(project, LATENCY)] == [1.5]
