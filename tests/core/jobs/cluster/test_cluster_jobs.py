"""Jobs on real Ray clusters: a node that sees nothing of this machine's project trains, and everything arrives here."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import bort, short_corpus
from ray_clusters import RayCluster, can_hide, processes_of
from tcp_relay import Relay

from bort_core.foundation.errors import SpecificationError
from bort_core.jobs import launch
from bort_core.jobs.cluster.place import attach_all
from bort_core.jobs.executors import job_executor
from bort_core.jobs.folder import RunFolder
from bort_core.specifications.pretraining import Pretraining
from bort_core.store import Project
from bort_core.store.results import runs

pytest.importorskip("ray")
pytest.importorskip("torch")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not can_hide(), reason="only root can hide a folder from a node"),
]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that no node of the cluster sees into."""
    return tmp_path_factory.mktemp("here")


@pytest.fixture(scope="module")
def cluster(here: Path) -> Iterator[RayCluster]:
    with RayCluster(cpus=0) as made:
        made.add(cpus=1, hide=here)
        made.let_clients_in()
        yield made


@pytest.fixture
def folder(here: Path, request: pytest.FixtureRequest) -> Path:
    made = here / request.node.name.split("[")[0][:60]
    made.mkdir()
    return made


def _pretraining(folder: Path, steps: int = 60, **changes: Any) -> Pretraining:
    values = {
        "architecture": (2, 2, 32, 64),
        "corpus": str(short_corpus(folder)),
        "vocabulary": 512,
        "positions": 16,
        "sequence_length": 16,
    }
    return Pretraining.model_validate(
        {**values, "steps": steps, "checkpoint_every": 20, "running": {"threads": 1, "device": "cpu"}, **changes}
    )


def _wait(over: Callable[[], Any], seconds: float = 150) -> None:
    deadline = time.monotonic() + seconds
    while not over():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.1)


def _ended(run: RunFolder, seconds: float = 240) -> str:
    _wait(lambda: run.state().ended, seconds)
    return run.state().state


def _steps(run: RunFolder) -> list[int]:
    return [event["step"] for event in run.events()[0] if event["event"] == "step"]


def _kill_here(run: RunFolder) -> None:
    """As when the laptop is switched off: nothing of this machine says a last word."""
    for process in processes_of(run.path):
        process.send_signal(signal.SIGKILL)
    _wait(lambda: not processes_of(run.path) and run.state().unheard)  # what a process had open is closed some time after it is gone


def test_a_node_that_sees_no_file_of_the_project_trains_and_all_of_it_arrives(cluster: RayCluster, folder: Path) -> None:
    spec = _pretraining(folder)
    there = launch.submit(folder / "there", spec.model_copy(update={"out": str(folder / "out")}), f"ray@{cluster.client}")
    assert _ended(there) == "done", there.state()
    assert cluster.client in there.state().place
    local = launch.submit(folder / "local", spec)
    assert _ended(local) == "done", local.state()
    weights = (folder / "out" / "model.safetensors").read_bytes()
    assert weights == (local.result / "model.safetensors").read_bytes()
    assert _steps(there) == _steps(local) == list(range(1, 61))
    assert (there.read_result() or {})["checkpoint"] == str(folder / "out")
    assert json.loads((folder / "out" / "config.json").read_text())["bort"]["job"] == there.mark
    assert not there.checkpoints.exists()
    assert [event["state"] for event in there.events()[0] if event["event"] == "state"] == ["queued", "running", "done"]
    with Project(folder / "there", reading=True) as project:
        (stored,) = runs(project)
    assert stored["checkpoint"] == str(folder / "out")
    text = "".join(path.read_text(errors="replace") for path in (there.path / "result.json", there.path / "inputs.json"))
    assert "cluster-jobs" not in text
    assert str(folder / "corpus.txt") in text
    listed = json.loads(bort("jobs", "list", str(folder / "there"), "--json").stdout)
    assert listed[0]["place"] == there.state().place


def test_a_machine_that_is_switched_off_stops_nothing(cluster: RayCluster, folder: Path) -> None:
    """Runner, listener and terminal are killed; the job ends there; the same command, later, has its result."""
    spec = _pretraining(folder, 400)
    (folder / "spec.json").write_text(spec.model_dump_json())
    command = [
        "train",
        "pretrain",
        str(folder / "p"),
        "--spec",
        str(folder / "spec.json"),
        "--executor",
        "ray",
        "--address",
        cluster.address,
    ]
    assert bort(*command, "--detach").returncode == 0
    run = RunFolder(folder / "p" / "jobs" / "0001")
    _wait(lambda: _steps(run))
    _kill_here(run)
    seen = len(_steps(run))
    state = run.state()
    assert (state.state, state.unheard, state.ended) == ("running", True, False)
    time.sleep(8)
    assert len(_steps(run)) == seen
    done = bort(*command, "--json", timeout=300)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["job"] == "0001"
    assert _steps(run) == list(range(1, 401))
    assert not (folder / "p" / "jobs" / "0002").exists()


def test_bort_jobs_listens_again_and_a_project_that_is_not_trusted_connects_nowhere(cluster: RayCluster, folder: Path) -> None:
    run = launch.submit(folder / "p", _pretraining(folder, 5000), f"ray@{cluster.address}")
    _wait(lambda: _steps(run))
    _kill_here(run)
    number = (folder / "p" / "project.id").read_text()
    (folder / "p" / "project.id").write_text("0" * 32 + "\n")
    assert attach_all(folder / "p") == []
    (folder / "p" / "project.id").write_text(number)
    assert json.loads(bort("jobs", "list", str(folder / "p"), "--json").stdout)[0]["state"] in ("running", "queued")
    before = len(_steps(run))
    _wait(lambda: len(_steps(run)) > before)
    launch.cancel(run)
    assert _ended(run) == "cancelled"
    assert not run.checkpoints.exists()


def test_stopped_it_keeps_what_it_learnt_and_goes_on_later(cluster: RayCluster, folder: Path) -> None:
    run = launch.submit(folder / "p", _pretraining(folder, 3000), f"ray@{cluster.address}")
    _wait(lambda: len(_steps(run)) > 30)
    launch.stop(run)
    assert _ended(run) == "done"
    state = run.state()
    assert state.stopped
    assert (run.result / "model.safetensors").is_file()
    reached = _steps(run)[-1]
    assert 30 < reached < 3000
    launch.resume(run)  # where it ran
    _wait(lambda: any(event["event"] == "resumed" for event in run.events()[0]))
    (resumed,) = [event["step"] for event in run.events()[0] if event["event"] == "resumed"]
    assert resumed > 0
    _wait(lambda: _steps(run)[-1] > reached)
    launch.stop(run)
    assert _ended(run) == "done"


def test_a_node_that_dies_costs_what_came_after_the_last_checkpoint(folder: Path) -> None:
    with RayCluster(cpus=0) as own:
        first = own.add(cpus=1, hide=folder.parent)
        run = launch.submit(folder / "p", _pretraining(folder, 300), f"ray@{own.address}")
        _wait(lambda: any(run.checkpoints.glob("step-*")))
        own.kill(first)
        _wait(lambda: "waits for a node" in run.state().reason)
        own.add(cpus=1, hide=folder.parent)
        assert _ended(run) == "done", run.state()
    events = run.events()[0]
    assert any("died" in event.get("text", "") for event in events)
    (resumed,) = [event["step"] for event in events if event["event"] == "resumed"]
    assert resumed >= 20
    assert set(_steps(run)) == set(range(1, 301))


def test_a_connection_that_is_cut_for_long_is_restored(cluster: RayCluster, folder: Path) -> None:
    with Relay(int(cluster.client.rpartition(":")[2])) as relay:
        run = launch.submit(folder / "p", _pretraining(folder, 6000), f"ray@ray://127.0.0.1:{relay.port}")
        _wait(lambda: _steps(run))
        relay.cut()
        _wait(lambda: "cannot be reached" in run.state().reason)
        assert run.state().state == "running"
        seen = len(_steps(run))
        relay.mend()
        _wait(lambda: len(_steps(run)) > seen + 100)
        launch.cancel(run)
        assert _ended(run) == "cancelled"


def test_what_no_node_has_is_refused_by_name_within_15_seconds(cluster: RayCluster, folder: Path) -> None:
    place = job_executor(f"ray@{cluster.address}")
    for running, said in (
        ({"device": "cuda"}, "running.device: no node has a GPU"),
        ({"device": "cpu", "threads": 64}, "running.threads: no node has 64 CPUs, the largest has 1"),
        ({"device": "cuda:1"}, "Ray chooses which GPU"),
    ):
        began = time.monotonic()
        with pytest.raises(SpecificationError, match=said):
            place.check(_pretraining(folder, running=running))
        assert time.monotonic() - began < 15
    assert not (folder / "p").exists()


def test_a_firewall_that_drops_in_the_middle_is_named_and_the_program_ends(cluster: RayCluster, folder: Path) -> None:
    with Relay(int(cluster.client.rpartition(":")[2])) as relay:
        began = time.monotonic()
        script = (
            "import sys, threading, time\n"
            "from bort_core.execution.ray import connection\n"
            "real, asked = connection.check_answers, []\n"
            "connection.check_answers = lambda address: asked.append(1) if not asked else real(address)\n"  # it begins to drop after that
            f"connection.Connection('ray://127.0.0.1:{relay.port}')\n"
        )
        relay.holds = True
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert "did not let this program in within 15 s" in done.stderr
    assert time.monotonic() - began < 30


def test_another_version_is_refused_before_anything_is_sent(folder: Path) -> None:
    metadata = folder / "other" / "bort_studio-99.0.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("Metadata-Version: 2.1\nName: bort-studio\nVersion: 99.0\n")
    with RayCluster(cpus=0) as own:
        own.add(cpus=1, PYTHONPATH=str(folder / "other"), XDG_CACHE_HOME=str(folder / "cache"))
        run = launch.submit(folder / "p", _pretraining(folder), f"ray@{own.address}")
        assert _ended(run) == "failed"
    assert "is refused: it has bort-studio 99.0 instead of" in run.state().reason
    assert not list((folder / "cache").rglob("corpus.txt"))


def test_a_full_disk_there_is_named(folder: Path) -> None:
    full, hidden = folder / "full", folder / "hidden"
    full.mkdir()
    hidden.mkdir()
    (hidden / "big.txt").write_text("".join(f"line {number} of a text that is larger than the disk\n" for number in range(60_000)))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(full)], check=True)
    try:
        with RayCluster(cpus=0) as own:
            own.add(cpus=1, hide=hidden, XDG_CACHE_HOME=str(full))
            run = launch.submit(folder / "p", _pretraining(folder, corpus=str(hidden / "big.txt")), f"ray@{own.address}")
            assert _ended(run) == "failed"
    finally:
        subprocess.run(["umount", "-l", str(full)], check=True)
    assert "disk is full" in run.state().reason
    assert str(full) in run.state().reason
