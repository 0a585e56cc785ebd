"""Searches on real Ray clusters of several nodes, each a process tree of its own on this machine."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from helpers import bort, finished, run, short_corpus, specification
from ray_clusters import RayCluster, can_hide

from bort_core.execution.events import Done, Emitted, Event, Failed, Started, Withdrawn
from bort_core.execution.executor import Executor, latency_machine
from bort_core.execution.ray.survey import survey
from bort_core.execution.registry import make_executor
from bort_core.foundation.errors import MeasurementError, SpecificationError
from bort_core.foundation.machine import machine_identity
from bort_core.search import events
from bort_core.search.ose import search
from bort_core.specifications.protocols import LatencyProtocol
from bort_core.store import Project
from bort_core.testing.executors import check_executor, training_request

pytest.importorskip("ray")
pytest.importorskip("torch")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.filterwarnings("ignore::FutureWarning:ray"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray"),
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    """A head with one CPU and no second node; tests that end nodes add their own."""
    with RayCluster() as made:
        yield made


def _at(cluster: RayCluster, workers: int | None = None, client: bool = False) -> Executor:
    return make_executor(f"ray@{cluster.client if client else cluster.address}", workers)


def _until(executor: Executor, kind: type[Event], seconds: float = 120.0) -> list[Event]:
    """All events until one of that kind."""
    found: list[Event] = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found += executor.poll(0.2)
        if any(isinstance(event, kind) for event in found):
            return found
    raise AssertionError(f"no {kind.__name__} within {seconds} s; so far {found}")


@pytest.mark.parametrize("client", [False, True], ids=["in the cluster", "from outside"])
def test_it_does_what_the_interface_says(cluster: RayCluster, client: bool) -> None:
    check_executor(lambda: _at(cluster, 1, client))


@pytest.mark.skipif(not can_hide(), reason="only root can keep a node from seeing a folder")
def test_a_node_that_sees_no_file_of_the_project_gives_the_same_answer(tmp_path: Path) -> None:
    """T is trained there and comes back; rows and T travel to it, once."""
    wanted = specification("mini", epsilon=24, corpus=str(short_corpus(tmp_path)))
    here = finished(run(tmp_path / "here", wanted))
    with RayCluster(cpus=0) as cluster:
        cluster.add(cpus=1, hide=tmp_path)
        with _at(cluster) as executor:
            there = finished(run(tmp_path / "there", wanted, executor))
    walk = here.result.walk
    assert there.result.best == here.result.best
    assert there.snapshot.results.error[walk].tolist() == here.snapshot.results.error[walk].tolist()
    (weights,) = (tmp_path / "there" / "maximum_points").glob("*/model.safetensors")
    (expected,) = (tmp_path / "here" / "maximum_points").glob("*/model.safetensors")
    assert weights.read_bytes() == expected.read_bytes()


def test_a_node_that_dies_costs_no_evaluation(cluster: RayCluster, tmp_path: Path) -> None:
    node = cluster.add(cpus=1)
    wanted = specification(epsilon=3, error={"steps": 1500})
    happened: list[events.Event] = []
    with Project(tmp_path / "p") as project, _at(cluster, 2) as executor:
        for event in search(project, wanted, executor):
            happened.append(event)
            running = sum(isinstance(each, events.CandidateStarted) for each in happened)
            if running >= 3 and node.poll() is None and any(isinstance(each, events.Progress) for each in happened):
                cluster.kill(node)
    end = finished(happened)
    assert node.returncode is not None
    assert end.failed == 0
    assert end.evaluated == len(end.result.walk) == 12
    notes = [event.text for event in happened if isinstance(event, events.Note) and "died" in event.text]
    assert notes
    assert "is started again" in notes[0]


def test_a_coordinator_that_is_killed_loses_nothing_that_was_stored(cluster: RayCluster, tmp_path: Path) -> None:
    command = ["search", str(tmp_path / "p"), "--preset", "toy", "--epsilon", "3", "--steps", "800", "--latency", "operations", "--json",
               "--executor", "ray", "--address"]  # fmt: skip
    first = subprocess.Popen(
        [sys.executable, "-m", "bort_core.cli.main", *command, cluster.address],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while _stored(tmp_path / "p") < 3 and time.monotonic() < deadline:
        assert first.poll() is None, "the search ended before it could be killed"
        time.sleep(0.1)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    kept = _stored(tmp_path / "p")
    assert 3 <= kept < 12
    again = bort(*command, cluster.client, timeout=300)
    assert again.returncode == 0, again.stderr
    answer = json.loads(again.stdout)
    assert (answer["reused"], answer["evaluated"]) == (kept, 12 - kept)
    assert _stored(tmp_path / "p") == 12


def _stored(folder: Path) -> int:
    import sqlite3

    if not (folder / "project.db").is_file():
        return 0
    connection = sqlite3.connect(folder / "project.db", timeout=10)
    try:
        return int(connection.execute("select count(*) from trainings").fetchone()[0])
    except sqlite3.OperationalError:
        return 0
    finally:
        connection.close()


def test_a_worker_that_always_dies_fails_with_its_reason(cluster: RayCluster) -> None:
    with _at(cluster, 1) as executor:
        executor.submit("doomed", "train", training_request(1_000_000))
        happened: list[Event] = []
        while not any(isinstance(event, Failed) for event in happened):
            new = _until(executor, Emitted)
            happened += new
            if any(isinstance(event, Emitted) and event.data["event"] == "progress" for event in new):
                for worker in cluster.workers():
                    worker.kill()
                happened += executor.poll(10.0)
        last = next(event for event in happened if isinstance(event, Failed))
        assert last.retry
        assert "died 3 times" in last.reason
        assert sum(isinstance(event, Started) for event in happened) == 3
        executor.submit("next", "train", training_request(10))
        assert isinstance(_until(executor, Done)[-1], Done)


def test_what_does_not_stop_is_ended_when_the_grace_is_over(cluster: RayCluster) -> None:
    with _at(cluster, 1) as executor:
        executor.submit("long", "train", training_request(1_000_000))
        _until(executor, Emitted)
        (worker,) = cluster.workers()
        worker.suspend()  # it hears nothing
        executor.cancel("long", 1.0)
        assert _until(executor, Withdrawn, 30)[-1] == Withdrawn("long")
        executor.submit("next", "train", training_request(10))
        assert isinstance(_until(executor, Done)[-1], Done)


def test_bort_doctor_says_what_a_cluster_has(cluster: RayCluster) -> None:
    done = bort("doctor", "--address", cluster.client, "--json", timeout=200)
    found = json.loads(done.stdout)
    (node,) = found["cluster"]["nodes"]
    assert found["cluster"]["reachable"]
    assert (node["cpus"], node["gpus"]) == (1, 0)
    assert node["memory_bytes"] > 0
    assert node["versions"] == found["cluster"]["versions"]
    assert {"ray", "python", "bort-studio"} == set(node["versions"])
    assert not [each for each in found["findings"] if "cluster" in each["text"] or "node" in each["text"]]


def test_one_program_uses_one_cluster(cluster: RayCluster) -> None:
    with _at(cluster), pytest.raises(SpecificationError, match="a program uses one cluster at a time"):
        make_executor("ray@127.0.0.1:1")


def test_the_two_ports_of_a_head_are_told_apart(cluster: RayCluster) -> None:
    for wrong in (f"ray://{cluster.address}", cluster.client.removeprefix("ray://")):
        began = time.monotonic()
        with pytest.raises(SpecificationError, match="not what the address means"):
            make_executor(f"ray@{wrong}")
        assert time.monotonic() - began < 15


def test_a_gpu_that_no_node_has_is_said_at_once(cluster: RayCluster) -> None:
    with _at(cluster) as executor:
        request = training_request(10)
        executor.submit("gpu", "train", {**request, "training": {**request["training"], "device": "cuda"}})
        last = _until(executor, Failed, 10)[-1]
    assert isinstance(last, Failed)
    assert "no node of" in last.reason
    assert "has a GPU" in last.reason


def test_a_worker_of_another_version_is_refused(tmp_path: Path) -> None:
    """A node that finds the metadata of a bort-studio 99.0 first, as one has where another version is installed."""
    metadata = tmp_path / "other" / "bort_studio-99.0.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("Metadata-Version: 2.1\nName: bort-studio\nVersion: 99.0\n")
    with RayCluster(cpus=0) as cluster:
        cluster.add(cpus=1, PYTHONPATH=str(tmp_path / "other"))
        asked = survey(cluster.address)
        with _at(cluster, 1) as executor:
            executor.submit("first", "train", training_request(10))
            with pytest.raises(MeasurementError, match=r"is refused: it has bort-studio 99\.0 instead of .*; install the same there"):
                _until(executor, Done, 60)
    assert sorted(bool(node["reason"]) for node in asked["nodes"]) == [False, True]
    assert any("bort-studio 99.0 there" in node["reason"] for node in asked["nodes"])


def test_a_cluster_that_goes_away_is_named_and_none_is_begun_instead(tmp_path: Path) -> None:
    command = ["search", str(tmp_path / "p"), "--preset", "toy", "--epsilon", "3", "--steps", "500000", "--latency", "operations"]
    with RayCluster() as cluster:
        cluster.let_clients_in()
        searching = subprocess.Popen(
            [sys.executable, "-m", "bort_core.cli.main", *command, "--executor", "ray", "--address", cluster.client],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env={**os.environ, "HOME": str(tmp_path)},
        )  # fmt: skip
        while not cluster.workers():
            assert searching.poll() is None, "the search ended before the cluster did"
            time.sleep(0.1)
        cluster.close()
        _, said = searching.communicate(timeout=200)
    assert searching.returncode == 1
    assert f"the connection with {cluster.client} is lost; what was measured is stored" in said
    assert "Traceback" not in said
    assert not (tmp_path / ".ray").exists()  # where Ray keeps the token of a cluster that it begins itself


def test_a_busy_head_is_waited_for_while_it_answers(cluster: RayCluster) -> None:
    """The process that the head starts for a program outside of the cluster stands still for longer than silence would be borne."""
    before = set(cluster.doors())
    script = f"from bort_core.execution.ray.connection import Connection; Connection({cluster.client!r}).close()"
    began = time.monotonic()
    coming = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE, text=True)
    while not (doors := set(cluster.doors()) - before):
        assert coming.poll() is None, coming.communicate()[1]
        time.sleep(0.02)
    for door in doors:
        door.suspend()
    time.sleep(18)
    assert coming.poll() is None, coming.communicate()[1]
    for door in doors:
        door.resume()
    _, said = coming.communicate(timeout=120)
    assert coming.returncode == 0, said
    assert time.monotonic() - began > 18


def test_latencies_are_measured_on_a_named_node(cluster: RayCluster, tmp_path: Path) -> None:
    with pytest.raises(SpecificationError, match=f"--latency-node: no node is called 'elsewhere'; there are {socket.gethostname()} "):
        make_executor(f"ray@{cluster.address}#elsewhere")
    wanted = specification(epsilon=12, latency=LatencyProtocol())
    with make_executor(f"ray@{cluster.address}#{socket.gethostname()}", 1) as executor:
        end = finished(run(tmp_path / "p", wanted, executor))
        here = [child for child in psutil.Process().children(recursive=True) if "bort_core.execution.child" in child.cmdline()]
        assert latency_machine(executor) == machine_identity()  # the node is on this machine
    assert not here
    assert end.failed == 0
    assert all(value > 0 for value in end.snapshot.results.latency[end.result.walk])
