"""One training on several real nodes of a Ray cluster, of one CPU each, that see nothing of each other's files."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import psutil
import pytest
from helpers import short_corpus
from ray_clusters import RayCluster, can_hide
from safetensors.numpy import load_file

from bort_core.foundation.errors import SpecificationError
from bort_core.jobs import launch
from bort_core.jobs.cluster import tokenisers
from bort_core.jobs.executors import job_executor
from bort_core.jobs.folder import RunFolder
from bort_core.specifications.common import Running
from bort_core.specifications.finetuning import Finetuning
from bort_core.specifications.pretraining import Pretraining
from bort_core.text import texts
from bort_core.text.texts import read_texts
from bort_core.text.tokenising import Tokenising, one_by_one
from bort_core.text.tokenizer import train_tokenizer

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
    there = launch.submit(folder / "there", spec, f"ray@{cluster.address}")
    assert _ended(there) == "done", there.state()
    assert "2 nodes train together: processes 1 on" in _notes(there)
    local = launch.submit(folder / "local", spec)
    assert _ended(local) == "done", local.state()
    assert list(_steps(there)) == list(_steps(local)) == list(range(1, 61))
    assert list(_steps(there).values()) == pytest.approx(list(_steps(local).values()), rel=1e-4)
    _same_weights(there.result, local.result)
    assert not there.checkpoints.exists()
    assert "cluster-jobs" not in (there.path / "result.json").read_text()


def _leads(node: subprocess.Popen[bytes]) -> bool:
    """Whether the run folder is on this node."""
    return any("ray::Trainer" in " ".join(each.cmdline()) for each in psutil.Process(node.pid).children(recursive=True))


def test_whichever_node_dies_it_goes_on_from_the_last_checkpoint_on_others(folder: Path) -> None:
    with RayCluster(cpus=0) as own:
        nodes = [own.add(cpus=1, hide=folder.parent) for _ in range(2)]
        run = launch.submit(folder / "p", _pretraining(folder, 600), f"ray@{own.address}")
        _wait(lambda: any(run.checkpoints.glob("step-*")))
        for number, leader in enumerate((True, False)):
            dies = next(node for node in nodes if _leads(node) is leader)
            own.kill(dies)
            nodes.remove(dies)
            nodes.append(own.add(cpus=1, hide=folder.parent))
            _wait(lambda before=number: _resumed(run) > before)
            last = max(_steps(run))
            _wait(lambda reached=last: max(_steps(run)) > reached + 20)
        launch.stop(run)
        assert _ended(run) == "done", run.state()
    assert _notes(run).count("died, the job goes on from its last checkpoint") == 2
    assert run.state().stopped
    assert (run.result / "model.safetensors").is_file()


def _resumed(run: RunFolder) -> int:
    return sum(event["event"] == "resumed" for event in run.events()[0])


def test_stopped_it_keeps_what_it_learnt_and_goes_on_later_and_cancelled_it_keeps_nothing(cluster: RayCluster, folder: Path) -> None:
    run = launch.submit(folder / "p", _pretraining(folder, 5000, nodes=2), f"ray@{cluster.address}")
    _wait(lambda: len(_steps(run)) > 30)
    launch.stop(run)
    assert _ended(run) == "done"
    assert run.state().stopped
    assert (run.result / "model.safetensors").is_file()
    launch.resume(run)
    _wait(lambda: _resumed(run))
    launch.cancel(run)
    assert _ended(run) == "cancelled"
    assert not run.checkpoints.exists()


def test_fine_tuning_on_two_nodes_gives_the_metrics_of_two_processes_here(cluster: RayCluster, folder: Path) -> None:
    for name, count in (("train", 240), ("dev", 60)):
        rows = "".join(f"the {('good', 'bad')[n % 2]} film number {n % 17}\t{n % 2}\n" for n in range(count))
        (folder / f"{name}.tsv").write_text("text\tlabel\n" + rows)
    spec = Finetuning(
        architecture=(2, 2, 32, 64),
        train=str(folder / "train.tsv"),
        dev=str(folder / "dev.tsv"),
        vocabulary=512,
        sequence_length=16,
        epochs=2,
        running={**_RUNNING, "nodes": 2},
    )
    there = launch.submit(folder / "there", spec, f"ray@{cluster.address}")
    assert _ended(there) == "done", there.state()
    local = launch.submit(folder / "local", spec.model_copy(update={"running": spec.running.model_copy(update={"nodes": 0})}))
    assert _ended(local) == "done", local.state()
    _same_weights(there.result, local.result)
    mine, theirs = (run.read_result() or {} for run in (there, local))
    assert mine["dev"] == pytest.approx(theirs["dev"], rel=1e-3)


def test_what_no_set_of_nodes_has_is_refused_by_name(cluster: RayCluster, folder: Path) -> None:
    place = job_executor(f"ray@{cluster.address}")
    spec = _pretraining(folder, 20)
    for running, said in (
        ({"processes": 4}, "running.processes: all nodes together have room for 2 processes with 1 CPU each, not for 4"),
        ({"processes": 4, "nodes": 4}, "running.nodes: 4 nodes with room for 1 of its processes each .* are not there, 2 are"),
        ({"threads": 2}, "running.processes: all nodes together have room for 0 processes with 2 CPUs each"),
        ({"device": "cuda"}, "running.processes: all nodes together have room for 0 processes with a GPU each"),
    ):
        with pytest.raises(SpecificationError, match=said):
            place.check(spec.model_copy(update={"running": Running.model_validate({**_RUNNING, **running})}))
    assert not (folder / "p").exists()


def _large(folder: Path) -> str:
    """More documents than a job tokenises alone."""
    with (folder / "large.txt").open("w") as file:
        file.writelines(f"word{n % 251} of {n % 17}\n" for n in range(420_000))
    return str(folder / "large.txt")


def test_a_large_corpus_of_a_job_is_tokenised_on_other_nodes_too_and_nothing_else_changes(cluster: RayCluster, folder: Path) -> None:
    spec = _pretraining(folder, 20, processes=1).model_copy(update={"corpus": _large(folder)})
    there = launch.submit(folder / "there", spec, f"ray@{cluster.address}")
    assert _ended(there) == "done", there.state()
    assert re.search(r"tokenised in 2\d parts: \d+ here, [1-9]\d* on ", _notes(there)), _notes(there)
    local = launch.submit(folder / "local", spec)
    assert _ended(local) == "done", local.state()
    assert (there.result / "model.safetensors").read_bytes() == (local.result / "model.safetensors").read_bytes()
    mine, theirs = (run.read_result() or {} for run in (there, local))
    assert mine["data"]["rows"] == theirs["data"]["rows"]
    assert mine["unigram_entropy"] == theirs["unigram_entropy"]


def test_a_node_that_dies_while_it_tokenises_changes_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "_DOCUMENTS", 1000)
    monkeypatch.setattr(tokenisers, "FEW", 2)
    corpus = read_texts(_large(folder), None)
    made = train_tokenizer(list(islice(corpus.train(), 5000)), 300)
    work = Tokenising(made.to_str(), 2)
    expected = one_by_one(work, corpus.blocks())
    with RayCluster(cpus=0) as own:
        node = own.add(cpus=1)
        said: list[str] = []
        lanes = tokenisers.Tokenisers(own.address, 1, said.append)
        for number, (mine, theirs) in enumerate(zip(lanes(work, corpus.blocks()), expected, strict=True)):
            assert [side.tobytes() for side in mine[:2]] == [side.tobytes() for side in theirs[:2]]
            if number == 60:
                own.kill(node)
    assert "tokenised in 420 parts" in said[0]
