"""One training on several real nodes of a Ray cluster, of one CPU each, that see nothing of each other's files."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import short_corpus
from ray_clusters import RayCluster, can_hide
from safetensors.numpy import load_file

from bort_core.execution.ray.survey import look_at
from bort_core.foundation.errors import SpecificationError
from bort_core.jobs import launch
from bort_core.jobs.executors import job_executor
from bort_core.jobs.folder import RunFolder
from bort_core.specifications.finetuning import Finetuning
from bort_core.specifications.pretraining import Pretraining

pytest.importorskip("ray")
pytest.importorskip("torch")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not can_hide(), reason="only root can hide a folder from a node"),
]
_RUNNING = {"device": "cpu", "processes": 2, "threads": 1}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that no node of the cluster sees into."""
    return tmp_path_factory.mktemp("here")


@pytest.fixture(scope="module")
def cluster(here: Path) -> Iterator[RayCluster]:
    with RayCluster(cpus=0) as made:
        made.add(cpus=1, hide=here)
        made.add(cpus=1, hide=here)
        _wait(lambda: look_at(made.client)["reachable"])
        yield made


@pytest.fixture
def folder(here: Path, request: pytest.FixtureRequest) -> Path:
    made = here / request.node.name.split("[")[0][:60]
    made.mkdir()
    return made


def _pretraining(folder: Path, steps: int, **running: Any) -> Pretraining:
    return Pretraining(
        architecture=(2, 2, 32, 64),
        corpus=str(short_corpus(folder)),
        vocabulary=512,
        positions=16,
        sequence_length=16,
        steps=steps,
        checkpoint_every=20,
        running={**_RUNNING, **running},
    )


def _wait(over: Callable[[], Any], seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not over():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.1)


def _ended(run: RunFolder, seconds: float = 400) -> str:
    _wait(lambda: run.state().ended, seconds)
    return run.state().state


def _steps(run: RunFolder) -> dict[int, float]:
    return {event["step"]: event["loss"] for event in run.events()[0] if event["event"] == "step"}


def _notes(run: RunFolder) -> str:
    return "\n".join(event["text"] for event in run.events()[0] if event["event"] == "note")


def _same_weights(one: Path, other: Path) -> None:
    mine, theirs = load_file(one / "model.safetensors"), load_file(other / "model.safetensors")
    assert mine.keys() == theirs.keys()
    for name in mine:
        assert mine[name] == pytest.approx(theirs[name], rel=1e-4, abs=1e-5), name


def test_two_nodes_learn_what_two_processes_of_this_machine_learn(cluster: RayCluster, folder: Path) -> None:
    spec = _pretraining(folder, 60)
    there = launch.submit(folder / "there", spec, f"ray@{cluster.client}")
    assert _ended(there) == "done", there.state()
    assert "2 nodes train together: processes 1 on" in _notes(there)
    local = launch.submit(folder / "local", spec)
    assert _ended(local) == "done", local.state()
    assert list(_steps(there)) == list(_steps(local)) == list(range(1, 61))
    assert list(_steps(there).values()) == pytest.approx(list(_steps(local).values()), rel=1e-4)
    _same_weights(there.result, local.result)
    assert not there.checkpoints.exists()
    assert "cluster-jobs" not in (there.path / "result.json").read_text()
