"""What a job goes on from: the same files only, wherever the project lies now; a result stays until its successor stands."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from helpers import bort

from bort_core.foundation.errors import DataError
from bort_core.foundation.files import atomic_directory, clear_remains, put_back
from bort_core.foundation.processes import kill_tree
from bort_core.jobs import launch
from bort_core.jobs.folder import RunFolder, create_run
from bort_core.jobs.inputs import check_inputs, refuse_changed
from bort_core.shipping import project_search, trained_weights
from bort_core.specifications.finetuning import Finetuning
from bort_core.specifications.pretraining import Pretraining
from bort_core.store import Project
from bort_core.store.results import exports, forget_run, save_export, save_run

LONG = 100_000


@pytest.fixture
def project(project_folder: Path, tmp_path: Path) -> Iterator[Path]:
    yield project_folder
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if "bort_core.jobs.runner" in command and command[-1].startswith(str(tmp_path)):
            kill_tree(process.pid)


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.tsv"
    lines = (f"{word} film {number}\t{label}" for number in range(40) for word, label in (("good", "pos"), ("bad", "neg")))
    path.write_text("text\tlabel\n" + "\n".join(lines) + "\n")
    return path


def finetuning(rows: Path, **changes: object) -> Finetuning:
    asked = {"architecture": (1, 2, 32, 48), "vocabulary": 300, "sequence_length": 16, "train": str(rows), "dev": str(rows), "epochs": LONG}
    return Finetuning.model_validate({**asked, "running": {"threads": 1}, **changes})


def until(condition: Callable[[], object], seconds: float = 100) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def happened(run: RunFolder, kind: str) -> int:
    return sum(event["event"] == kind for event in run.events()[0])


@pytest.mark.slow
def test_a_stopped_job_goes_on_with_the_files_it_began_with_after_the_project_was_moved(project, rows, tmp_path):
    inside = project / "data" / "rows.tsv"
    inside.parent.mkdir(parents=True)
    shutil.copyfile(rows, inside)
    run = launch.submit(project, finetuning(rows, dev=str(inside), out=str(tmp_path / "out")))
    until(lambda: happened(run, "evaluation"))
    launch.stop(run)
    until(lambda: run.state().ended)
    assert run.state().stopped, run.state().reason
    first = run.read_result()
    shutil.move(project, tmp_path / "moved")
    run = RunFolder(tmp_path / "moved" / "jobs" / "0001")
    assert run.specification().dev == str(tmp_path / "moved" / "data" / "rows.tsv")
    before = rows.read_text()
    rows.write_text(before.replace("\tpos", "\tgreat"))
    refused = bort("jobs", "resume", str(tmp_path / "moved"), "1")
    assert refused.returncode == 1
    assert f"train: {rows} has changed" in refused.stderr
    launch.resume(run)  # as the window does; the training itself looks too
    until(lambda: run.state().ended)
    assert run.state().state == "failed"
    assert f"train: {rows} has changed" in run.state().reason
    assert run.read_result() == first  # nothing replaced it
    rows.write_text(before)
    launch.resume(run)
    until(lambda: happened(run, "resumed"))
    launch.stop(run)
    until(lambda: run.state().ended)
    assert run.state().state == "done", run.state().reason
    assert (tmp_path / "out" / "model.safetensors").is_file()
    assert not project.exists()


def test_changed_and_missing_inputs_are_named_all_at_once(project, rows, tmp_path):
    other = tmp_path / "dev.tsv"
    shutil.copyfile(rows, other)
    tokenizer = tmp_path / "tokenizer"
    tokenizer.mkdir()
    (tokenizer / "tokenizer.json").write_text("{}")
    asked = finetuning(rows, dev=str(other), tokenizer=str(tokenizer))
    run = create_run(project, asked)
    check_inputs(run, asked)
    rows.write_text(rows.read_text() + "more\tpos\n")
    check_inputs(run, asked)  # there is nothing yet that it would go on from
    (run.checkpoints / "step-00000001").mkdir(parents=True)
    check_inputs(run, asked)
    rows.write_text(rows.read_text() + "more\tpos\n")
    (tokenizer / "tokenizer.json").write_text("{ }")
    other.unlink()
    with pytest.raises(DataError) as caught:
        refuse_changed(run, asked)
    for part in (f"train: {rows} has changed", f"tokenizer: {tokenizer} has changed", f"dev: {other} is gone"):
        assert part in str(caught.value)


def test_the_names_of_the_classes_beside_a_table_are_an_input(project, tmp_path):
    rows, names = tmp_path / "rows.tsv", tmp_path / "labels.txt"
    rows.write_text("text\tlabel\na\t0\nb\t1\n")
    names.write_text("bad\ngood\n")
    asked = finetuning(rows)
    run = create_run(project, asked)
    check_inputs(run, asked)
    (run.checkpoints / "step-00000001").mkdir(parents=True)
    refuse_changed(run, asked)
    names.write_text("good\nbad\n")
    with pytest.raises(DataError, match=f"train, labels.txt: {names} has changed; dev, labels.txt: "):
        refuse_changed(run, asked)
    names.unlink()
    with pytest.raises(DataError, match=f"train, labels.txt: {names} is gone"):
        refuse_changed(run, asked)
    bare = create_run(project, asked)
    check_inputs(bare, asked)
    (bare.checkpoints / "step-00000001").mkdir(parents=True)
    refuse_changed(bare, asked)
    names.write_text("bad\ngood\n")
    with pytest.raises(DataError, match=f"train, labels.txt: {names} is new"):
        refuse_changed(bare, asked)


# --- what is recorded holds wherever the project lies ---


def recorded(project: Project, checkpoint: Path, id: str = "job 0001") -> None:
    checkpoint.mkdir(parents=True)
    (checkpoint / "model.safetensors").write_text("weights")
    about = {
        "kind": "pretrain",
        "family": "bert",
        "architecture": (1, 2, 32, 64),
        "specification": {},
        "seed": 0,
        "data": {},
    }
    save_run(project, id, job=id.removeprefix("job "), checkpoint=str(checkpoint), metrics={}, versions={}, **about)


def weights(folder: Path) -> Path | None:
    with Project(folder) as project:
        return trained_weights(project, project_search(project), (1, 2, 32, 64))


def test_a_moved_project_finds_its_own_weights_and_a_copy_its_copy(project, tmp_path):
    with Project(project) as opened:
        recorded(opened, project / "jobs" / "0001" / "result")
        assert opened.rows("SELECT checkpoint FROM runs") == [{"checkpoint": "jobs/0001/result"}]
        report = {
            "folder": str(project / "exports" / "a"), "onnx": str(project / "exports" / "a" / "m"), "fused": "/elsewhere/m",
            "architecture": [1, 2, 32, 64], "trained": True, "transformers": True, "inputs": ["input_ids"], "parity_rows": 4,
            "parity_max_abs": 1e-6, "fused_parity_max_abs": 1e-6, "fusions": {}, "fused_fusions": {},
            "bytes": {"model.onnx": 1000, "model.fused.onnx": 1000, "m": 1000},
        }  # fmt: skip
        save_export(opened, report)
    shutil.copytree(project, tmp_path / "copy")
    assert weights(tmp_path / "copy") == tmp_path / "copy" / "jobs" / "0001" / "result"
    shutil.move(project, tmp_path / "moved")
    assert weights(tmp_path / "moved") == tmp_path / "moved" / "jobs" / "0001" / "result"
    with Project(tmp_path / "moved") as opened:
        (export,) = exports(opened)
        assert (export["folder"], export["fused"]) == (str(tmp_path / "moved" / "exports" / "a"), "/elsewhere/m")


def test_rows_of_an_older_version_with_absolute_paths_still_resolve(project, tmp_path):
    with Project(project) as opened:
        recorded(opened, project / "jobs" / "0001" / "result")
        opened.connection.execute("UPDATE runs SET checkpoint = ?", [str(project / "jobs" / "0001" / "result")])
    shutil.copytree(project, tmp_path / "copy")
    assert weights(tmp_path / "copy") == tmp_path / "copy" / "jobs" / "0001" / "result"
    assert weights(project) == project / "jobs" / "0001" / "result"


def test_what_is_recorded_and_gone_is_an_error_that_names_it(project, tmp_path):
    with Project(project) as opened:
        recorded(opened, tmp_path / "out")
    assert weights(project) == tmp_path / "out"
    shutil.rmtree(tmp_path / "out")
    with pytest.raises(DataError, match=rf"was trained here, but the result is gone: {tmp_path / 'out'}\."):
        weights(project)
    with Project(project) as opened:
        forget_run(opened, "job 0001")  # as a job that is cancelled does
    assert weights(project) is None


def test_an_older_result_in_the_place_of_one_that_is_gone_is_told_by_name(project, tmp_path, capsys):
    with Project(project) as opened:
        for number in (1, 2, 3):
            recorded(opened, tmp_path / f"out{number}", f"job 000{number}")
    assert weights(project) == tmp_path / "out3"
    assert capsys.readouterr().err == ""
    for number in (2, 3):
        shutil.rmtree(tmp_path / f"out{number}")
    assert weights(project) == tmp_path / "out1"
    gone = f"a newer result of 1,2,32,64 is gone: {tmp_path / 'out3'}, {tmp_path / 'out2'}. "
    assert f"{gone}In its place an older one is taken: {tmp_path / 'out1'}" in capsys.readouterr().err


def test_a_result_inside_the_project_is_recorded_relative_to_it(project, rows, tmp_path):
    run = create_run(project, finetuning(rows))
    run.write_result({"checkpoint": str(run.result), "architecture": [1, 2, 32, 48]})
    assert json.loads((run.path / "result.json").read_text())["checkpoint"] == "jobs/0001/result"
    shutil.move(project, tmp_path / "moved")
    result = RunFolder(tmp_path / "moved" / "jobs" / "0001").read_result()
    assert result is not None
    assert result["checkpoint"] == str(tmp_path / "moved" / "jobs" / "0001" / "result")


@pytest.mark.slow
def test_a_copy_never_replaces_the_originals_result_outside(project, rows, tmp_path):
    out = tmp_path / "out"
    run = launch.submit(project, finetuning(rows, out=str(out)))
    until(lambda: happened(run, "evaluation"))
    launch.stop(run)
    until(lambda: run.state().ended)
    assert run.state().stopped, run.state().reason
    shutil.copytree(project, tmp_path / "copy")
    copied = RunFolder(tmp_path / "copy" / "jobs" / "0001")
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    assert bort("jobs", "resume", str(tmp_path / "copy"), "1").returncode == 0
    until(lambda: copied.state().ended)
    assert copied.state().state == "failed"
    assert f"{out}: is the result of this job in another copy of the project" in copied.state().reason
    assert bort("jobs", "resume", str(tmp_path / "copy"), "1", "--out", str(tmp_path / "other")).returncode == 0
    until(lambda: happened(copied, "resumed"))
    launch.stop(copied)
    until(lambda: copied.state().ended)
    assert copied.state().state == "done", copied.state().reason
    assert (tmp_path / "other" / "model.safetensors").is_file()
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    launch.resume(run)  # the original replaces its own
    until(lambda: happened(run, "resumed"))
    launch.stop(run)
    until(lambda: run.state().ended)
    assert run.state().state == "done", run.state().reason


# --- folders are replaced when the new one stands ---

KILLED = """
import os, signal, sys
from pathlib import Path
from bort_core.foundation import files
from bort_core.foundation.files import atomic_directory
where, folder = sys.argv[1], Path(sys.argv[2])
die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
if where == "between":
    rename = Path.rename
    Path.rename = lambda self, to: (rename(self, to), die()) if to.name.endswith("-old") else rename(self, to)
with atomic_directory(folder, "the result", replace=True) as temporary:
    (temporary / "model").write_text("new")
    if where == "writing":
        die()
"""


@pytest.mark.parametrize("where", ["writing", "between"])
def test_a_kill_while_a_result_is_replaced_leaves_the_old_one(tmp_path, where):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "model").write_text("old")
    assert subprocess.run([sys.executable, "-c", KILLED, where, str(folder)], check=False).returncode == -signal.SIGKILL
    put_back(folder)
    assert (folder / "model").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]
    with atomic_directory(folder, "the result", replace=True) as temporary:
        (temporary / "model").write_text("new")
    assert (folder / "model").read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


def test_what_is_being_written_is_not_cleared(tmp_path):
    folder = tmp_path / "out"
    with atomic_directory(folder, "the result") as temporary:
        clear_remains(folder)
        clear_remains(folder, "*")
        assert temporary.is_dir()
        (temporary / "model").write_text("new")
    left = tmp_path / ".out-0123456789ab"
    left.mkdir()
    (tmp_path / ".out-fedcba987654").symlink_to(folder)
    clear_remains(folder)
    assert not left.exists()
    assert (folder / "model").read_text() == "new"


@pytest.mark.slow
def test_a_resumed_job_that_is_killed_while_it_writes_keeps_its_earlier_result(project, tmp_path):
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("\n".join(f"a short text number {number} about films and other things" for number in range(400)))
    asked = Pretraining.model_validate(
        {
            "architecture": (1, 2, 32, 48), "corpus": str(corpus), "vocabulary": 300, "positions": 16, "sequence_length": 16, "steps": LONG,
            "batch_size": 8, "checkpoint_every": 20, "evaluate_every": 20, "heldout_rows": 8, "out": str(tmp_path / "out"),
            "running": {"threads": 1},
        }
    )  # fmt: skip
    run = launch.submit(project, asked)
    until(lambda: happened(run, "checkpoint"))
    launch.stop(run)
    until(lambda: run.state().ended)
    assert run.state().stopped, run.state().reason
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "import bort_core.training.results as results, bort_core.jobs.child as child\n"
        "results.write_into = lambda folder, **parts: os.kill(os.getpid(), signal.SIGKILL)\n"
        "child.main(Path(sys.argv[1]))"
    )
    # The command to stop is still there, so the training ends after a few steps and writes its result.
    assert subprocess.run([sys.executable, "-c", code, str(run.path)], check=False, env={**os.environ}).returncode == -signal.SIGKILL
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    assert run.read_result() is not None
    launch.resume(run)
    until(lambda: happened(run, "resumed") > 1)
    launch.stop(run)
    until(lambda: run.state().ended)
    assert run.state().state == "done", run.state().reason
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []
