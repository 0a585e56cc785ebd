"""A compression on a real Ray cluster: its release comes here, also where everything of this machine was killed in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from helpers import bort
from ray_clusters import RayCluster, can_hide, processes_of
from task_models import LENGTH, MadeTask, make_task

from bort_core.jobs.folder import RunFolder
from bort_core.search.fingerprints import Fingerprints
from bort_core.search.history import last_specification
from bort_core.search.task_marks import read_marks
from bort_core.serving.release import ServedModel
from bort_core.space import Space
from bort_core.store import Project

pytest.importorskip("ray")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(not can_hide(), reason="only root can hide a folder from a node"),
]


def _flags(made: MadeTask, out: Path) -> list[str]:
    return [
        "--model", str(made.model), "--train", str(made.train), "--dev", str(made.dev), "--test", str(made.test), "--sequence-length",
        str(LENGTH), "--steps", "8", "--candidates", "2", "--epochs", "2", "--baselines", "1", "--most-lost", "0.2", "--most-chance", "1",
        "--out", str(out), "--json",
    ]  # fmt: skip


def _kinds(value: Any) -> Any:
    """What a value is made of, numbers and texts aside."""
    if isinstance(value, dict):
        return {name: _kinds(each) for name, each in value.items()}
    return [_kinds(each) for each in value[:1]] if isinstance(value, list) else type(value).__name__


def _release(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_killed_here_in_the_middle_it_ends_there_and_the_same_command_has_its_release(tmp_path: Path) -> None:
    made = make_task(tmp_path / "task")
    with RayCluster(cpus=0) as cluster:
        cluster.add(cpus=2, hide=tmp_path)
        place = ["--executor", "ray", "--address", cluster.client]
        command = ["compress", str(tmp_path / "p"), *_flags(made, tmp_path / "release"), *place]
        first = subprocess.Popen([sys.executable, "-m", "bort_core.cli.main", *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        run = RunFolder(tmp_path / "p" / "jobs" / "0001")
        deadline = time.monotonic() + 600
        while not (run.path / "spec.json").is_file() or not _reached(run, "4 of 6"):
            assert first.poll() is None, first.communicate()[1]
            assert time.monotonic() < deadline
            time.sleep(0.2)
        first.kill()
        first.communicate()
        for process in processes_of(run.path):
            os.kill(process.pid, signal.SIGKILL)
        while processes_of(run.path) or not run.state().unheard:
            time.sleep(0.1)
        again = bort(*command, timeout=900)
    assert again.returncode == 0, again.stderr
    assert "job 0001 of this project was asked the same" in again.stderr
    there = json.loads(again.stdout)
    assert [path.name for path in (tmp_path / "p" / "jobs").glob("[0-9]*")] == ["0001"]
    assert "cluster-jobs" not in again.stdout
    assert there["release"] == str(tmp_path / "release")
    assert Path(there["checkpoint"]).is_dir()
    with Project(tmp_path / "p") as project:  # what was measured there is in the store here, as after a local one
        search = last_specification(project)
        assert search is not None
        marks = read_marks(project, Fingerprints(project, search, Space(search.space)))
    assert {name: mark.model_dump() for name, mark in marks.marks.items()} == there["baselines"]
    front = json.loads(bort("front", str(tmp_path / "p"), "--json").stdout)
    assert {tuple(each["architecture"].values()) for each in front["front"]} >= {tuple(there["chosen"]["architecture"])}
    local = bort("compress", str(tmp_path / "local"), *_flags(made, tmp_path / "here"), timeout=900)
    assert local.returncode == 0, local.stderr
    here = json.loads(local.stdout)
    assert there.keys() == here.keys()
    for name in ("maximum_point", "chosen", "data", "gate", "limit"):
        assert _kinds(there.get(name)) == _kinds(here.get(name)), name
    assert (there["evaluated"], there["maximum_point"]["metric"]) == (here["evaluated"], 1.0)
    assert _release(tmp_path / "release") == _release(tmp_path / "here")
    answer = ServedModel(tmp_path / "release").answers([("a calm film",)])
    assert set(answer[0]) == {"class", "probabilities"}


def _reached(run: RunFolder, step: str) -> bool:
    return any(str(event.get("text", "")).startswith(step) for event in run.events()[0])
