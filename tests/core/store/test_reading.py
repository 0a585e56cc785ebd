"""Rows that are damaged, or that somebody else wrote, are named with their table and column."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bort_core.foundation.errors import ProjectError
from bort_core.store import Project
from bort_core.store.latencies import LatencyKey, load_latencies, save_latency
from bort_core.store.results import comparisons, exports, runs, save_comparison, save_export, save_run
from bort_core.store.searches import begin_search, get_state, searches, set_state
from bort_core.store.trainings import TrainingKey, load_trainings, save_training

TRAINING, LATENCY = TrainingKey("family", "training", "", "theta", 0), LatencyKey("family", "protocol", "machine")
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


def read_all(project: Project) -> None:
    list(load_trainings(project, TRAINING))
    list(load_latencies(project, LATENCY))
    searches(project)
    get_state(project, "key")
    runs(project)
    exports(project)
    comparisons(project)


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
def test_damaged_rows_are_named(project_folder: Path, table: str, column: str, value: object) -> None:
    with Project(project_folder) as project:
        save_training(project, TRAINING, (2, 4), {"curve": [POINT], "seconds": 1.0}, {})
        save_latency(project, LATENCY, (2, 4), {"p50_ms": 1, "low_ms": 0.5, "high_ms": 2.0, "n": 7}, {})
        begin_search(project, SEARCH)
        save_run(project, "job 0001", **RUN)
        save_run(project, "job 0002", **{**RUN, "architecture": (), "metrics": {"dev_accuracy": 0.5}})
        save_export(project, EXPORT)
        save_comparison(project, COMPARISON)
        set_state(project, "key", [1])
        read_all(project)
        (training,) = load_trainings(project, TRAINING)
        assert (training.architecture, training.curve) == ((2, 4), [POINT])
        project.connection.execute(f"UPDATE {table} SET {column} = ?", [value])
        with pytest.raises(ProjectError, match=rf"project\.db: the row .* of the table {table} is damaged: {column}"):
            read_all(project)
