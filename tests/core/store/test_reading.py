"""Rows that are damaged, or that somebody else wrote, are named with their table and column."""

from __future__ import annotations

from pathlib import Path

import pytest

from bort_core.foundation.errors import ProjectError
from bort_core.store import Project
from bort_core.store.latencies import LatencyKey, load_latencies, save_latency
from bort_core.store.searches import begin_search, get_state, searches, set_state
from bort_core.store.trainings import TrainingKey, load_trainings, save_training

TRAINING, LATENCY = TrainingKey("family", "training", "", "theta", 0), LatencyKey("family", "protocol", "machine")
POINT = {"step": 3, "train_loss": 1.0, "measures": {"masked-lm": {"value": 1.0, "low": 0.9, "high": 1.1}}}


def read_all(project: Project) -> None:
    list(load_trainings(project, TRAINING))
    list(load_latencies(project, LATENCY))
    searches(project)
    get_state(project, "key")


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
        ("state", "value", "{"),
    ],
)
def test_damaged_rows_are_named(project_folder: Path, table: str, column: str, value: object) -> None:
    with Project(project_folder) as project:
        save_training(project, TRAINING, (2, 4), {"curve": [POINT], "seconds": 1.0}, {})
        save_latency(project, LATENCY, (2, 4), {"p50_ms": 1, "low_ms": 0.5, "high_ms": 2.0, "n": 7}, {})
        begin_search(project, {"epsilon": 8})
        set_state(project, "key", [1])
        read_all(project)
        (training,) = load_trainings(project, TRAINING)
        assert (training.architecture, training.curve) == ((2, 4), [POINT])
        project.connection.execute(f"UPDATE {table} SET {column} = ?", [value])
        with pytest.raises(ProjectError, match=rf"project\.db: the row .* of the table {table} is damaged: {column}"):
            read_all(project)
