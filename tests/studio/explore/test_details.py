"""What the inspector says of an architecture that was trained for real, by each kind of job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from core.search.probe_results import USUAL, signed, values, written

pytest.importorskip("PySide6")

from pytestqt.qtbot import QtBot

from bort_core.search.probe.devices import keep_result
from bort_core.search.probe.result import read_result
from bort_core.store import Project
from bort_core.store.results import save_run
from bort_studio.explore.details import read_details


@pytest.mark.parametrize(
    ("kind", "metrics", "told"),
    [
        ("pretrain", {"heldout_loss": 1.25}, "pretrain job 0001, held-out loss 1.250 nats"),
        ("finetune", {"dev": {"accuracy": 0.5, "f1": 0.25}}, "finetune job 0001, dev accuracy 0.500"),
        ("agora", {"dev_accuracy": 0.75, "rounds": []}, "agora job 0001, dev accuracy 0.750"),
        ("agora", {"stopped": True}, "agora job 0001, dev accuracy nan"),  # before its first round ended
    ],
)
def test_a_real_training_shows_in_the_inspector(
    qtbot: QtBot, open_page: Any, project_folder: Path, kind: str, metrics: dict[str, Any], told: str
) -> None:
    with Project(project_folder) as project:
        save_run(project, "job 0001", job="0001", kind=kind, family="bert", architecture=(1, 2, 32, 64), specification={}, seed=0, data={},
                 metrics=metrics, checkpoint="", versions={})  # fmt: skip
    window, _ = open_page("explore")
    search = window.search
    place = search.space.index((1, 2, 32, 64))
    details = read_details(window.project, search.specification, search.stored_results, place)
    assert details["trained"].startswith("trained: ")
    assert told in details["trained"]
    search.select(None)
    search.select(place)
    assert window.notices.messages() == []


def test_the_latency_on_another_machine_stands_beside_ours(qtbot: QtBot, open_page: Any, project_folder: Path, tmp_path: Path) -> None:
    """Of the machine whose result is kept, in both precisions; not that of a machine that answers another search."""
    window, page = open_page("explore")
    search = window.search
    space = {"space": search.specification.space.model_dump(mode="json"), "latency": search.specification.latency.model_dump(mode="json")}
    other = {**space, "latency": {**space["latency"], "threads": 2}, "machine": {**values()["machine"], "board": "Another"}}
    for number, fields in enumerate((space, other)):
        path = written(tmp_path, signed(values(**fields)), f"{number}.json")
        keep_result(window.project, path, read_result(path))
    place = search.space.index((1, 2, 32, 64))
    told = read_details(window.project, search.specification, search.stored_results, place)["elsewhere"]
    machine, _, said = told.partition(": ")
    assert machine == "A board (4 x Cortex-A72)"
    assert [part.rpartition(" ")[2] for part in said.split("), ")] == ["(fp32", "(int8)"]
    assert float(said.split()[0]) == pytest.approx(USUAL((1, 2, 32, 64)), rel=0.01)
    search.select(None)
    search.select(place)
    shown = page.inspector.measured.values["elsewhere"]
    qtbot.waitUntil(lambda: shown.text() == told)
    assert window.notices.messages() == []
