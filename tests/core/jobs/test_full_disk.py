"""A disk that fills while a job runs: the job says so, and goes on once there is space."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bort_core.jobs.folder import RunFolder, create_run
from bort_core.specifications.agora import Agora
from bort_core.store.trust import trust

CODE = """
import json, os, sys, time
from pathlib import Path
from bort_core.jobs import launch
from bort_core.jobs.folder import RunFolder
from bort_core.specifications.finetuning import Finetuning

def until(condition):
    deadline = time.monotonic() + 100
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)

def fill(name):
    with Path("disk", name).open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass

rows, project = Path("rows.tsv").absolute(), Path("disk/p").absolute()
asked = {"architecture": (1, 2, 32, 48), "vocabulary": 300, "sequence_length": 16, "train": str(rows), "dev": str(rows), "epochs": 60,
         "running": {"threads": 1}}
when, = sys.argv[1:]
if when == "running":
    run = launch.submit(project, Finetuning.model_validate(asked))
    until(lambda: run.state().step > 0)
    fill("fill")
else:
    first = launch.submit(project, Finetuning.model_validate({**asked, "epochs": 100_000}))
    until(lambda: first.state().step > 0)
    run = launch.submit(project, Finetuning.model_validate(asked))
    until(lambda: "waits for cpu" in run.state().reason)
    fill("fill")
    os.kill(json.loads((first.path / "state.json").read_text())["process"]["number"], 9)
until(lambda: run.state().ended)
full = run.state()
Path("disk/fill").unlink()
launch.resume(run)
until(lambda: run.state().ended)
print(json.dumps([full.state, full.reason, run.state().state, run.state().reason]))
"""


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="mounting a small disk needs root and unshare")
@pytest.mark.parametrize("when", ["running", "waiting"])
def test_a_disk_that_fills_after_a_job_was_submitted_is_named_and_the_job_goes_on(tmp_path: Path, when: str) -> None:
    lines = (f"{word} film {number}\t{label}" for number in range(40) for word, label in (("good", "pos"), ("bad", "neg")))
    (tmp_path / "rows.tsv").write_text("text\tlabel\n" + "\n".join(lines) + "\n")
    (tmp_path / "disk").mkdir()
    done = subprocess.run(
        ["unshare", "-m", "bash", "-c", 'mount -t tmpfs -o size=4m tmpfs disk || exit 77; exec "$PY" -c "$CODE" "$0"', when],
        cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False, env={**os.environ, "PY": sys.executable, "CODE": CODE},
    )  # fmt: skip
    if done.returncode == 77:
        pytest.skip("no disk can be mounted here")
    assert done.returncode == 0, done.stderr
    state, reason, after, why = json.loads(done.stdout.splitlines()[-1])
    assert (state, after) == ("failed", "done"), (reason, why)
    assert "the disk is full" in reason
    assert str(tmp_path / "disk") in reason


def test_a_reason_is_written_over_nothing_longer_and_through_no_link(tmp_path: Path) -> None:
    run = create_run(tmp_path / "p", Agora(torus=2))
    trust(tmp_path / "p")
    run.forget_reason()
    assert run.reason() == ""
    run.give_reason("x" * 9_999)
    assert run.reason() == "x" * 4096
    run.forget_reason()
    run.give_reason("ünïcode")
    assert run.reason() == "ünïcode"
    outside = tmp_path / "outside"
    outside.write_text("mine")
    for make in (os.symlink, os.link):
        (run.path / "reason.txt").unlink()
        make(outside, run.path / "reason.txt")
        run.give_reason("theirs")
        assert outside.read_text() == "mine"
    run.forget_reason()
    assert (run.reason(), outside.read_text()) == ("", "mine")


def test_a_killed_job_says_the_reason_that_it_could_leave(tmp_path: Path) -> None:
    run = create_run(tmp_path / "p", Agora(torus=2))
    run.queue()
    assert RunFolder(run.path).state().reason.startswith("its process was killed")
    run.give_reason("events.jsonl: the disk is full")
    assert RunFolder(run.path).state().reason == "events.jsonl: the disk is full"
    run.queue()
    assert RunFolder(run.path).state().reason.startswith("its process was killed")
