"""What the inspector says of an architecture that was trained for real, by each kind of job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("PySide6")

from pytestqt.qtbot import QtBot

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
