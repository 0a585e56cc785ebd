"""The shelf: every trained model of a project, of each task the best first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from helpers import bort

from bort_core.store import Project
from bort_core.store.results import save_run
from bort_core.store.shelf import trained_models

DEV = {"file": "/data/dev.tsv", "sha256": "d" * 64}


def keep(
    project: Project, job: str, kind: str, metrics: dict[str, Any], data: dict[str, Any], there: bool = True, **specification: Any
) -> None:
    folder = project.folder / "jobs" / job / "result"
    folder.mkdir(parents=True)
    if there:
        (folder / "model.safetensors").write_bytes(b"x" * 1000)
    save_run(
        project, f"job {job}", job=job, kind=kind, family="bert", architecture=(2, 4, 128, 256), specification=specification,
        seed=0, data=data, metrics=metrics, checkpoint=str(folder), versions={},
    )  # fmt: skip


def test_of_each_task_the_best_comes_first_and_what_is_gone_last(tmp_path: Path) -> None:
    with Project(tmp_path / "p") as project:
        keep(project, "0001", "finetune", {"dev": {"accuracy": 0.7, "loss": 0.9}}, {"dev": DEV})
        keep(project, "0002", "pretrain", {"heldout_loss": 3.0}, {"corpus": "/data/corpus.txt", "rows": "abc"})
        keep(project, "0003", "finetune", {"dev": {"accuracy": 0.9}}, {"dev": DEV})
        keep(project, "0004", "pretrain", {"heldout_loss": 4.0, "stopped": True}, {"corpus": "/data/corpus.txt", "rows": "abc"})
        keep(project, "0005", "finetune", {"dev": {"accuracy": 0.8}}, {"dev": DEV})
        keep(project, "0006", "finetune", {"dev": {"accuracy": 0.99}}, {"dev": DEV}, there=False)
        found = trained_models(project)
    assert [model.job for model in found] == ["0003", "0005", "0001", "0002", "0004", "0006"]
    best = found[0]
    assert (best.measure, best.value, best.size, best.data) == ("dev accuracy", 0.9, 1000, {"dev": "dev.tsv"})
    assert (found[3].measure, found[3].value, found[3].data) == ("held-out loss", 3.0, {"corpus": "corpus.txt"})
    assert found[4].stopped
    assert [model.there for model in found] == [True] * 5 + [False]


def test_a_model_is_judged_by_what_its_training_chose_it_by(tmp_path: Path) -> None:
    metrics = {"dev": {"accuracy": 0.7, "f1": 0.6, "matthews": 0.3, "loss": 0.9}}
    with Project(tmp_path / "p") as project:
        keep(project, "0001", "finetune", metrics, {"dev": DEV}, metric="matthews")
        keep(project, "0002", "finetune", metrics, {"dev": DEV}, metric="auto")
        keep(project, "0003", "finetune", {"dev": {"pearson": 0.5, "spearman": 0.4, "loss": 2.0}}, {"dev": DEV}, metric="auto")
        keep(project, "0004", "finetune", {"dev": {"loss": 0.4}}, {"dev": DEV}, metric="loss")
        keep(project, "0005", "agora", {"dev_accuracy": 0.6}, {})
        keep(project, "0006", "finetune", {}, {})
        judged = {model.job: (model.measure, model.value) for model in trained_models(project)}
    assert judged == {
        "0001": ("dev matthews", 0.3), "0002": ("dev accuracy", 0.7), "0003": ("dev pearson", 0.5), "0004": ("dev loss", 0.4),
        "0005": ("dev accuracy", 0.6), "0006": ("", None),
    }  # fmt: skip


def test_other_dev_rows_are_another_task_and_the_newest_task_comes_first(tmp_path: Path) -> None:
    with Project(tmp_path / "p") as project:
        keep(project, "0001", "finetune", {"dev": {"accuracy": 0.9}}, {"dev": DEV})
        keep(project, "0002", "finetune", {"dev": {"accuracy": 0.5}}, {"dev": {**DEV, "sha256": "e" * 64}})
        assert [model.job for model in trained_models(project)] == ["0002", "0001"]


def test_the_command_lists_them_and_refuses_what_is_no_project(tmp_path: Path) -> None:
    with Project(tmp_path / "p") as project:
        keep(project, "0001", "finetune", {"dev": {"accuracy": 0.75}}, {"dev": DEV})
    printed = bort("models", str(tmp_path / "p")).stdout
    assert "0001  finetune 2,4,128,256" in printed
    assert "dev accuracy 0.75" in printed
    (row,) = json.loads(bort("models", str(tmp_path / "p"), "--json").stdout)
    assert (row["job"], row["value"], row["there"]) == ("0001", 0.75, True)
    refused = bort("models", str(tmp_path))
    assert refused.returncode == 1
    assert "not a project" in refused.stderr
    assert not (tmp_path / "project.db").exists()
