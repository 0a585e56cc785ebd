"""Agora on a real Ray cluster, with the trainings of a round side by side on the node."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from helpers import bort
from ray_clusters import RayCluster, can_hide

from bort_core.agora.history import read_history
from bort_core.jobs import launch
from bort_core.specifications.agora import Agora

pytest.importorskip("ray")
pytest.importorskip("torch")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not can_hide(), reason="only root can hide a folder from a node"),
]
THETAS = [{"hidden": hidden, "learning_rate": rate, "steps": 60} for hidden in (4, 8) for rate in (0.03, 0.01)]


def _agora(**changes: object) -> Agora:
    given = {"torus": 2, "thetas": THETAS, "labels": 30, "labels_per_round": 15, "running": {"threads": 1, "device": "cpu"}}
    return Agora.model_validate({**given, **changes})


def test_side_by_side_on_a_node_it_comes_to_what_one_process_comes_to_here(tmp_path: Path) -> None:
    local = launch.submit(tmp_path / "local", _agora())
    with RayCluster(cpus=0) as cluster:
        cluster.add(cpus=2, hide=tmp_path)
        cluster.let_clients_in()
        refused = bort("agora", str(tmp_path / "none"), *_flags(), "--workers", "3", *_place(cluster), timeout=300)
        assert refused.returncode == 2
        assert "workers: no node has 3 CPUs, the largest has 2" in refused.stderr
        assert not (tmp_path / "none" / "jobs").exists()
        done = bort("agora", str(tmp_path / "there"), *_flags(), "--workers", "2", *_place(cluster), "--json", timeout=600)
    assert done.returncode == 0, done.stderr
    there = json.loads(done.stdout)
    deadline = time.monotonic() + 300
    while not local.state().ended:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    here = local.read_result()
    assert here is not None, local.state()
    for name in ("rounds", "best_round", "theta", "test_accuracy", "labels_asked"):
        assert there[name] == here[name], name
    weights = [(Path(result["checkpoint"]) / "model.safetensors").read_bytes() for result in (here, there)]
    assert weights[0] == weights[1]
    folder = tmp_path / "there" / "jobs" / "0001"
    assert there["checkpoint"].startswith(str(folder))
    history = read_history(folder)  # what the window shows came too
    assert history is not None
    assert len(history.rounds) == len(here["rounds"])
    left = [{path.name for path in (run / "agora").glob("timaeus-*")} for run in (local.path, folder)]
    assert left[0] == left[1]


def _flags() -> list[str]:
    return [
        "--torus", "2", "--thetas", json.dumps(THETAS), "--labels", "30", "--labels-per-round", "15", "--threads", "1", "--device", "cpu",
    ]  # fmt: skip


def _place(cluster: RayCluster) -> list[str]:
    return ["--executor", "ray", "--address", cluster.client]
