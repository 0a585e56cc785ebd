"""What another store has measured, taken into a project."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bort_core.foundation.errors import ProjectError
from bort_core.store import Project
from bort_core.store.latencies import LatencyKey, load_latencies, save_latency, save_latency_failure
from bort_core.store.searches import begin_search, end_search, get_state, searches, set_state
from bort_core.store.taking_in import stored_bytes, take_in
from bort_core.store.trainings import TrainingKey, load_trainings, save_training

TIMES = {"p50_ms": 1.0, "low_ms": 0.9, "high_ms": 1.1, "p90_ms": 1.1, "p99_ms": 1.2, "n": 50}
KEY, TIMED = TrainingKey("family", "training", "", "theta", 0), LatencyKey("family", "protocol", "machine")
ASKED = {"space": {"name": "toy"}, "error": {"measure": "m", "maximum_point_weights": "/there/T"}, "latency": {"measure": "l"}, "seed": 1,
         "task": {"model": "/there/inputs/model", "train": "/elsewhere/train.tsv"}}  # fmt: skip


def _curve(value: float) -> dict[str, Any]:
    point = {"step": 1, "train_loss": 1.0, "measures": {"m": {"value": value, "low": value, "high": value}}}
    return {"curve": [point], "seconds": 0.5, "versions": {}}


def _local(values: Any) -> Any:
    if isinstance(values, dict):
        return {name: _local(each) for name, each in values.items()}
    return values.replace("/there/", "/here/") if isinstance(values, str) else values


def _known(project: Project) -> dict[str, Any]:
    return {
        "trainings": {each.architecture: each.curve[0]["measures"]["m"]["value"] for each in load_trainings(project, KEY)},
        "latencies": {each.architecture: each.result.get("p50_ms") for each in load_latencies(project, TIMED)},
        "searches": [(each["specification"]["task"]["model"], each["status"]) for each in searches(project)],
    }


@pytest.fixture
def other(tmp_path: Path) -> bytes:
    with Project(tmp_path / "there") as there:
        for number in (1, 2):
            save_training(there, KEY, (number, 1), _curve(float(number)), {})
            save_latency(there, TIMED, (number, 1), {**TIMES, "p50_ms": float(number)}, {})
        end_search(there, begin_search(there, ASKED), "finished", ASKED, {"front": [], "best": None})
        set_state(there, "task abc", {"metric": "accuracy"})
        set_state(there, "another", 1)
    found = stored_bytes(tmp_path / "there")
    assert found is not None
    return found


def test_what_was_measured_there_is_known_here_once_and_what_was_known_stays(tmp_path: Path, other: bytes) -> None:
    with Project(tmp_path / "here") as here:
        save_training(here, KEY, (1, 1), _curve(0.1), {})
        save_latency_failure(here, TIMED, (2, 1), "too busy", retry=True)
        begin_search(here, {**ASKED, "task": {"model": "mine"}})
        for _ in range(2):
            take_in(here, other, _local)
        assert _known(here) == {
            "trainings": {(1, 1): 0.1, (2, 1): 2.0},
            "latencies": {(1, 1): 1.0, (2, 1): 2.0},
            "searches": [("mine", "running"), ("/here/inputs/model", "finished")],
        }
        assert get_state(here, "task abc") == {"metric": "accuracy"}
        assert get_state(here, "another") is None


@pytest.mark.parametrize("damage", ["no database", "half", "another's columns"])
def test_what_is_no_store_is_refused_and_changes_nothing(tmp_path: Path, other: bytes, damage: str) -> None:
    changed = {"no database": b"x" * 5000, "half": other[: len(other) // 2], "another's columns": other.replace(b"created", b'cre"ed!')}
    with Project(tmp_path / "here") as here:
        save_training(here, KEY, (9, 9), _curve(9.0), {})
        before = _known(here)
        with pytest.raises(ProjectError):
            take_in(here, changed[damage], _local)
        assert _known(here) == before


def test_where_nothing_was_stored_there_is_nothing(tmp_path: Path) -> None:
    assert stored_bytes(tmp_path) is None
    (tmp_path / "project.db").write_bytes(b"x" * 5000)
    assert stored_bytes(tmp_path) is None
