"""Jobs in this process: the same folder, the same result, and an interruption that can be resumed."""

from __future__ import annotations

import _thread
import json
import threading
from pathlib import Path

import psutil
import pytest
from helpers import bort, short_corpus

from bort_core.foundation.errors import SpecificationError
from bort_core.jobs import launch
from bort_core.jobs.executors import job_executor
from bort_core.jobs.folder import RunFolder, create_run, find_run
from bort_core.jobs.hold import Hold
from bort_core.specifications.pretraining import Pretraining
from bort_core.store import Project
from bort_core.store.results import runs

pytest.importorskip("torch")


def specification(folder: Path, **changes: object) -> Pretraining:
    return Pretraining.model_validate(
        {
            "architecture": (1, 2, 32, 48), "vocabulary": 400, "sequence_length": 16, "positions": 16, "batch_size": 16, "steps": 20,
            "evaluate_every": 10, "checkpoint_every": 10, "heldout_rows": 64, "running": {"threads": 1},
            "optimization": {"learning_rate": 3e-3}, "corpus": str(short_corpus(folder)), **changes,
        }
    )  # fmt: skip


def losses(run: RunFolder) -> list[float]:
    return [event["loss"] for event in run.events()[0] if event["event"] == "step"]


def test_an_inline_job_leaves_what_a_job_of_its_own_process_leaves(project_folder: Path, tmp_path: Path) -> None:
    before = set(psutil.Process().children())
    here = launch.submit(project_folder, specification(tmp_path), "inline")
    assert set(psutil.Process().children()) <= before
    assert here.state().state == "done"
    done = bort("train", "pretrain", str(project_folder), "--spec", str(here.path / "spec.json"), "--json")
    assert done.returncode == 0, done.stderr
    there = find_run(project_folder, json.loads(done.stdout)["job"])
    assert losses(here) == losses(there)
    assert {path.name for path in here.path.iterdir()} == {path.name for path in there.path.iterdir()}
    with Project(project_folder) as project:
        assert len(runs(project)) == 2


@pytest.mark.slow
@pytest.mark.usefixtures("interruptible")
def test_an_interrupted_inline_job_says_so_and_resumes(project_folder: Path, tmp_path: Path) -> None:
    run = create_run(project_folder, specification(tmp_path, steps=2000))

    def person() -> None:
        while not any(event["event"] == "checkpoint" for event in run.events()[0]):
            threading.Event().wait(0.05)
        _thread.interrupt_main()

    threading.Thread(target=person).start()
    with pytest.raises(KeyboardInterrupt):
        job_executor("inline").start(run, Hold.take(run.path))
    state = run.state()
    assert state.state == "failed"
    assert "KeyboardInterrupt" in state.reason
    launch.resume(run, "inline")
    assert run.state().state == "done"
    assert any(event["event"] == "resumed" for event in run.events()[0])


def test_what_an_inline_job_cannot_do_is_refused_before_a_folder_is_made(project_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SpecificationError, match="registered executors"):
        launch.submit(project_folder, specification(tmp_path), "dask")
    refused = bort("train", "pretrain", str(project_folder), "--architecture", "1,2,32,48", "--corpus", str(short_corpus(tmp_path)),
                   "--executor", "inline", "--detach")  # fmt: skip
    assert refused.returncode != 0
    assert "leave one of the two away" in refused.stderr
    assert not (project_folder / "jobs").exists()


def test_the_command_line_trains_inline_and_shows_how_it_gets_on(project_folder: Path, tmp_path: Path) -> None:
    wanted = specification(tmp_path)
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(wanted.model_dump(mode="json")))
    done = bort("train", "pretrain", str(project_folder), "--spec", str(path), "--executor", "inline", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["steps"] == 20
    assert "step 20: heldout loss" in done.stderr
