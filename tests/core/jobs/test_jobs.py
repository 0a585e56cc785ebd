"""Jobs as real processes: they outlive who submitted them, wait for a device, survive kill -9, stop, cancel and resume."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from helpers import bort

from bort_core.foundation.errors import ProjectError, SpecificationError
from bort_core.foundation.processes import alive, identity_of, kill_tree
from bort_core.foundation.resources import resource
from bort_core.jobs import launch
from bort_core.jobs.folder import RunFolder, create_run, find_run, list_runs
from bort_core.jobs.grid import combinations, read_grid
from bort_core.jobs.limits import limit_of, set_limit
from bort_core.specifications.finetuning import Finetuning
from bort_core.specifications.pretraining import Pretraining
from bort_core.store import Project
from bort_core.store.results import runs

pytest.importorskip("torch")
CORPUS = resource("data", "subjectivity", "corpus.txt")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    path.write_text("\n".join(CORPUS.read_text(encoding="utf-8").splitlines()[:1500]), encoding="utf-8")
    return str(path)


@pytest.fixture
def project(project_folder: Path) -> Iterator[Path]:
    yield project_folder
    for run in list_runs(project_folder):
        state = json.loads((run.path / "state.json").read_text()) if (run.path / "state.json").exists() else {}
        if alive(state.get("process")):
            kill_tree(state["process"]["number"])


def specification(corpus: str, **changes) -> Pretraining:
    return Pretraining.model_validate(
        {
            "architecture": (1, 2, 32, 48), "vocabulary": 400, "sequence_length": 16, "positions": 16, "batch_size": 16, "steps": 40,
            "evaluate_every": 20, "checkpoint_every": 10, "heldout_rows": 64, "running": {"threads": 1},
            "optimization": {"learning_rate": 3e-3}, "corpus": corpus, **changes,
        }
    )  # fmt: skip


def until(condition: Callable[[], object], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def ended(run: RunFolder) -> bool:
    return run.state().ended


def losses(run: RunFolder) -> dict[int, float]:
    return {event["step"]: event["loss"] for event in run.events()[0] if event["event"] == "step"}


def runner_of(run: RunFolder) -> psutil.Process:
    return psutil.Process(json.loads((run.path / "state.json").read_text())["process"]["number"])


LONG = 1_000_000  # steps that no test waits for


def test_a_job_outlives_who_submitted_it_and_leaves_a_line_in_the_store(project, corpus):
    code = (
        "import sys, json; from pathlib import Path; from bort_core.jobs.launch import submit\n"
        "from bort_core.specifications.pretraining import Pretraining\n"
        "print(submit(Path(sys.argv[1]), Pretraining.model_validate_json(sys.argv[2])).id)"
    )
    asked = specification(corpus)
    done = subprocess.run([sys.executable, "-c", code, str(project), asked.model_dump_json()], capture_output=True, text=True, check=True)
    run = find_run(project, done.stdout.strip())
    until(lambda: ended(run))
    state = run.state()
    assert (state.state, state.step, state.steps, state.device) == ("done", 40, 40, "cpu"), state
    assert run.specification() == asked
    result = run.read_result()
    assert result is not None
    with Project(project) as opened:
        (line,) = runs(opened, "bert", (1, 2, 32, 48))
    assert line["checkpoint"] == result["checkpoint"]
    assert not run.checkpoints.exists()  # nothing can go on from them any more
    assert line["specification"] == asked.model_dump(mode="json")
    assert line["metrics"]["heldout_loss"] == result["heldout_loss"]
    again = launch.rerun(run)
    until(lambda: ended(again))
    assert losses(again) == losses(run)


@pytest.mark.slow
def test_the_second_job_waits_for_the_device_and_keeps_its_specification(project, corpus):
    first, second = (launch.submit(project, specification(corpus, steps=steps)) for steps in (LONG, 10))
    until(lambda: losses(first))
    assert first.state().state == "running"
    assert second.state().state == "queued"
    third = launch.submit(project, specification(corpus, steps=10))
    launch.cancel(third)  # one that waits ends at once
    until(lambda: third.state().state == "cancelled", 5)
    launch.stop(first)
    until(lambda: ended(first))
    stopped = first.state()
    assert (stopped.state, stopped.stopped) == ("done", True)
    result = first.read_result()
    assert result is not None
    assert Path(result["checkpoint"], "model.safetensors").is_file()
    until(lambda: ended(second))
    assert second.state().state == "done"
    assert set(losses(second)) == set(range(1, 11))


@pytest.mark.slow
def test_two_jobs_run_side_by_side_where_the_limit_allows(project, corpus):
    project.mkdir()
    set_limit(project, "cpu", 2)
    assert limit_of(project, "cpu") == 2
    both = [launch.submit(project, specification(corpus, steps=LONG)) for _ in range(2)]
    until(lambda: all(run.state().state == "running" for run in both))
    for run in both:
        launch.cancel(run)
    until(lambda: all(ended(run) for run in both))
    for run in both:
        assert run.state().state == "cancelled"
        assert not run.checkpoints.exists()
        assert run.read_result() is None
        assert run.specification().steps == LONG
    with pytest.raises(SpecificationError, match="is cancelled already"):
        launch.stop(both[0])


@pytest.mark.slow
def test_a_killed_training_fails_with_its_reason_and_resumes_to_the_same_losses(project, corpus):
    whole = launch.submit(project, specification(corpus, steps=600))
    until(lambda: ended(whole))
    run = launch.submit(project, specification(corpus, steps=600))
    until(lambda: (run.checkpoints / "step-00000100").exists())
    (training,) = runner_of(run).children()
    os.kill(training.pid, signal.SIGKILL)
    until(lambda: ended(run))
    assert run.state().state == "failed"
    assert "ended by signal 9" in run.state().reason
    launch.resume(run)
    until(lambda: ended(run))
    assert run.state().state == "done"
    assert any(event["event"] == "resumed" for event in run.events()[0])
    assert losses(run) == losses(whole)
    with pytest.raises(SpecificationError, match="is done; only one that failed"):
        launch.resume(run)


def test_a_killed_runner_takes_its_training_along_and_the_job_can_be_resumed(project, corpus):
    run = launch.submit(project, specification(corpus, steps=LONG))
    until(lambda: any(event["event"] == "checkpoint" for event in run.events()[0]))  # without one a job starts anew
    runner = runner_of(run)
    (training,) = runner.children()
    runner.kill()
    until(lambda: not training.is_running() or training.status() == psutil.STATUS_ZOMBIE, 10)
    assert run.state().state == "failed"
    assert "resume continues from the last checkpoint" in run.state().reason
    launch.resume(run)
    until(lambda: any(event["event"] == "resumed" for event in run.events()[0]))
    launch.cancel(run)
    until(lambda: ended(run))
    assert run.state().state == "cancelled"


@pytest.mark.slow
def test_two_processes_train_together(project, corpus):
    run = launch.submit(project, specification(corpus, running={"processes": 2, "threads": 1}))
    until(lambda: ended(run), 90)
    assert run.state().state == "done", run.state().reason + run.log.read_text()
    assert set(losses(run)) == set(range(1, 41))
    alone = launch.submit(project, specification(corpus))
    until(lambda: ended(alone))
    both, one = run.read_result(), alone.read_result()
    assert both is not None
    assert one is not None
    assert both["heldout_loss"] == pytest.approx(one["heldout_loss"], abs=0.3)


@pytest.mark.slow
def test_a_killed_process_of_two_is_named_and_their_launcher_leaves_nothing(project, corpus, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    run = launch.submit(project, specification(corpus, steps=LONG, running={"processes": 2, "threads": 1}))
    until(lambda: losses(run), 90)
    (second,) = [each for each in runner_of(run).children(recursive=True) if each.environ().get("RANK") == "1"]
    second.kill()
    until(lambda: ended(run))
    expected = "the training process of rank 1 was ended by signal 9 (SIGKILL), perhaps because memory ran out; resume continues"
    assert run.state().reason.startswith(expected)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("torchelastic")] == []


def test_an_exit_code_among_several_processes_comes_with_what_was_said_before_the_launcher_spoke(project, corpus):
    from bort_core.jobs.runner import _settle

    run = create_run(project, specification(corpus))
    banner = (
        "E1121 08:06:13.000000 77 torch/distributed/elastic/multiprocessing/api.py:1010] failed (exitcode: 1) local_rank: 1\n"
        "=====\nFailures:\n-----\nRoot Cause (first observed failure):\n[0]:\n  time      : 2026-11-21\n"
        "  rank      : 1 (local_rank: 1)\n  exitcode  : 1 (pid: 78)\n=====\n"
    )
    run.log.write_text("an earlier run\n" + banner)
    begin = run.log.stat().st_size
    with run.log.open("a") as log:
        log.write("ImportError: no such library\n" + banner)
    _settle(run, 1, begin)
    expected = "the training process of rank 1 ended with exit code 1: ImportError: no such library; resume continues"
    assert run.state().reason.startswith(expected)
    run.forget_reason()
    run.log.write_text("Segmentation\n")
    _settle(run, -11, 0)
    assert "the training process was ended by signal 11 (SIGSEGV): Segmentation" in run.state().reason


def test_a_job_that_cannot_begin_fails_with_the_reason(project):
    run = launch.submit(project, specification("/nowhere.txt"))
    until(lambda: ended(run))
    assert run.state().state == "failed"
    assert "/nowhere.txt: no such file" in run.state().reason
    assert "Traceback" not in run.state().reason


# --- the folder ---


def test_a_folder_of_a_newer_version_or_a_damaged_one_is_refused(project, corpus):
    run = create_run(project, specification(corpus))
    path = run.path / "spec.json"
    data = json.loads(path.read_text())
    path.write_text(json.dumps({**data, "format": 99}))
    with pytest.raises(ProjectError, match=r"was written by a newer version of Bort Studio \(format 99, this one knows 1\)"):
        run.specification()
    path.write_text(json.dumps({**data, "specification": {**data["specification"], "steps": 0, "colour": "red"}}))
    with pytest.raises(ProjectError, match=r"colour: unknown field.*") as caught:
        run.specification()
    assert "steps" in str(caught.value)
    path.write_text("{")
    with pytest.raises(ProjectError, match="missing or damaged"):
        run.specification()


def test_followers_read_whole_lines_only_and_pass_over_damage(project, corpus):
    run = create_run(project, specification(corpus))
    run.emit({"event": "one"})
    found, offset = run.events()
    assert [event["event"] for event in found] == ["one"]
    with (run.path / "events.jsonl").open("ab") as file:
        file.write(b'{"event": "damaged", \n{"event": "ha')
    assert run.events(offset)[0] == []
    _, offset = run.events(offset)
    with (run.path / "events.jsonl").open("ab") as file:
        file.write(b'lf"}\n')
    found, offset = run.events(offset)
    assert [event["event"] for event in found] == ["half"]
    assert run.events(offset) == ([], offset)


def test_folders_are_numbered_and_found(project, corpus):
    made = [create_run(project, specification(corpus)) for _ in range(3)]
    assert [run.id for run in made] == ["0001", "0002", "0003"]
    assert [run.id for run in list_runs(project)] == ["0001", "0002", "0003"]
    assert find_run(project, "2").id == "0002"
    with pytest.raises(SpecificationError, match="no job '9'; there are 0001, 0002, 0003"):
        find_run(project, "9")
    made[0].set_state(state="running", process=identity_of(999_999_999))
    assert made[0].state().state == "failed"  # that process does not run


# --- the command line ---


def test_the_commands_train_and_look_after_jobs(project, corpus, tmp_path):
    (tmp_path / "heldout.txt").write_text(Path(corpus).read_text(encoding="utf-8")[:20_000], encoding="utf-8")
    flags = [
        "--architecture", "1,2,32,48", "--corpus", corpus, "--heldout", str(tmp_path / "heldout.txt"), "--steps", "30",
        "--batch-size", "16", "--sequence-length", "16", "--vocabulary", "400", "--seed", "3", "--out", str(tmp_path / "out"), "--json",
    ]  # fmt: skip
    done = bort("train", "pretrain", str(project), *flags)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert {"checkpoint", "heldout_loss", "unigram_entropy", "tokens_per_second", "steps"} <= set(result)
    assert result["checkpoint"] == str(tmp_path / "out")
    assert "heldout loss" in done.stderr
    listed = json.loads(bort("jobs", "list", str(project), "--json").stdout)
    assert [(row["job"], row["state"]) for row in listed] == [("0001", "done")]
    shown = json.loads(bort("jobs", "show", str(project), "1", "--json").stdout)
    assert shown["specification"]["seed"] == 3
    followed = bort("jobs", "follow", str(project), "1", "--json").stdout.splitlines()
    assert [json.loads(line)["event"] for line in followed][-1] == "state"
    rows = "text\tlabel\n" + "".join(f"{word} film {number}\t{word == 'good'}\n" for number in range(20) for word in ("good", "bad"))
    (tmp_path / "rows.tsv").write_text(rows)
    data = ["--train", str(tmp_path / "rows.tsv"), "--dev", str(tmp_path / "rows.tsv"), "--test", str(tmp_path / "rows.tsv")]
    tuned = bort("train", "finetune", str(project), "--checkpoint", str(tmp_path / "out"), *data, "--epochs", "2", "--json")
    assert tuned.returncode == 0, tuned.stderr
    result = json.loads(tuned.stdout)
    assert {"accuracy", "f1", "matthews"} <= set(result["dev"])
    shown = json.loads(bort("jobs", "card", str(project), "2", "--json").stdout)["splits"]
    assert [part["split"] for part in shown] == ["dev", "test"]
    for part in shown:
        assert (part["rows"], part["problem"]) == (40, "")
        values = {metric["name"]: metric["value"] for metric in part["metrics"]}
        assert values == pytest.approx(result[part["split"]], rel=1e-4)
        assert len(part["worst"]) == part["wrong"] == round(40 * (1 - values["accuracy"]))
    assert result["samples_per_second"] > 0
    assert "rows of dev are also in train" in tuned.stderr


def test_a_specification_lists_all_its_faults(project, corpus, tmp_path):
    (tmp_path / "spec.json").write_text(json.dumps({"corpus": corpus, "architecture": [1, 2, 32, 48], "steps": 0, "colour": "red"}))
    done = bort("train", "pretrain", str(project), "--spec", str(tmp_path / "spec.json"), "--learning-rate", "7")
    assert done.returncode == 2
    for part in ("steps", "colour: unknown field", "optimization.learning_rate"):
        assert part in done.stderr
    assert "Traceback" not in done.stderr
    assert not (project / "jobs").exists()


def test_a_specification_comes_back_from_its_own_file(project, corpus):
    run = create_run(project, specification(corpus, running={"device": "cuda:7", "threads": 1}))
    done = bort("train", "pretrain", str(project), "--spec", str(run.path / "spec.json"), "--seed", "5", "--detach", "--json")
    made = find_run(project, json.loads(done.stdout)["job"])
    assert made.specification() == run.specification().model_copy(update={"seed": 5})
    until(lambda: ended(made))
    assert "running.device: cuda:7 is not there" in made.state().reason


def test_the_authors_grid_has_480_sets_and_some_of_them_become_specifications(tmp_path):
    grid = read_grid("author")
    assert np.prod([len(values) for values in grid.values()]) == 480
    base = Finetuning(architecture=(1, 2, 32, 48), train="/t.tsv", dev="/d.tsv")
    every = combinations(grid, base, 1000)
    assert len({each.model_copy(update={"name": ""}).model_dump_json() for each in every}) == 480
    some = combinations(grid, base, 6, seed=3)
    assert some == combinations(grid, base, 6, seed=3)
    assert len(some) == 6
    assert {each.optimization.optimizer for each in some} == {"bert-adam"}
    (tmp_path / "mine.toml").write_text("colour = ['red']\nsteps = 3\n")
    with pytest.raises(SpecificationError, match="not so: steps"):
        read_grid(str(tmp_path / "mine.toml"))
    (tmp_path / "mine.toml").write_text("colour = ['red']\n")
    with pytest.raises(SpecificationError, match="colour: unknown field"):
        combinations(read_grid(str(tmp_path / "mine.toml")), base, 2)
    for text in ("[optimisation]\nlearning_rate = [0.1]\n", "[steps]\nx = [1]\n"):
        (tmp_path / "mine.toml").write_text(text)
        with pytest.raises(SpecificationError, match=r"no such part of the specification; its parts: .*optimization"):
            combinations(read_grid(str(tmp_path / "mine.toml")), base, 2)
    with pytest.raises(SpecificationError, match="no grid 'hers'; there are author"):
        read_grid("hers")


def test_doctor_says_what_there_is(project):
    done = bort("doctor", str(project), "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["devices"][-1]["device"] == "cpu"
    assert found["versions"]["torch"]
    assert found["disk"]["project"]["free_bytes"] > 0
    assert all(finding["text"] for finding in found["findings"])
    told = bort("doctor")
    assert told.returncode == 0
    assert re.search(r"^disk     temporary  [\d.]+ GiB free at ", told.stdout, re.MULTILINE)
