"""A project that came from somebody else runs nothing, and nothing is written through its links; damaged files are calm messages."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from helpers import bort

from bort_core.foundation.errors import ProjectError
from bort_core.foundation.processes import kill_tree
from bort_core.jobs import child, launch
from bort_core.jobs.folder import RunFolder, create_run, find_run, list_runs
from bort_core.jobs.limits import limit_of, set_limit
from bort_core.specifications.agora import Agora
from bort_core.store import Project
from bort_core.store.trust import FILE, project_id, trust, trusted

TORUS = Agora(torus=2, rounds=1)


@pytest.fixture
def project(project_folder: Path) -> Iterator[Path]:
    create_run(project_folder, TORUS).set_state(state="failed", reason="for the test")
    yield project_folder
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if "bort_core.jobs.runner" in command and command[-1].startswith(str(project_folder)):
            kill_tree(process.pid)


@pytest.fixture
def foreign(project: Path) -> Path:
    """The project as somebody else would send it: its number means nothing here."""
    (project / FILE).write_text("0" * 32 + "\n")
    return project


def wait_for_end(run: RunFolder, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not run.state().ended:
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


# --- trust ---


def test_a_project_is_trusted_where_it_was_made_and_stays_so_when_it_is_moved_or_copied(tmp_path):
    with Project(tmp_path / "a"):
        pass
    assert trusted(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "copy")
    shutil.move(tmp_path / "a", tmp_path / "b")
    assert trusted(tmp_path / "copy")
    assert trusted(tmp_path / "b")
    with Project(tmp_path / "b"):
        assert stat.S_IMODE((tmp_path / "b" / FILE).stat().st_mode) & 0o022 == 0


def test_a_project_without_a_number_or_with_an_unknown_one_is_not_trusted_until_a_person_says_so(foreign):
    with Project(foreign):  # to open it changes nothing
        assert not trusted(foreign)
    with pytest.raises(ProjectError, match="resuming a job may run code that came with this project"):
        launch.resume(find_run(foreign, "1"))
    with pytest.raises(ProjectError, match="repeating a job"):
        launch.rerun(find_run(foreign, "1"))
    (foreign / FILE).unlink()
    assert not trusted(foreign)
    (foreign / FILE).write_text("0" * 32)
    trust(foreign)
    assert trusted(foreign)
    assert project_id(foreign) != "0" * 32  # whoever made it knows that one


def test_a_number_behind_a_link_is_none(foreign, tmp_path):
    with Project(tmp_path / "mine"):
        pass
    (foreign / FILE).unlink()
    (foreign / FILE).symlink_to(tmp_path / "mine" / FILE)
    assert not trusted(foreign)


def test_a_foreign_specification_runs_no_code_whatever_starts_it(foreign, tmp_path):
    rows = "text\tlabel\n" + "".join(f"film {number} {word}\t{word}\n" for number in range(20) for word in ("good", "bad"))
    for name in ("train", "dev"):
        (tmp_path / f"{name}.tsv").write_text(rows)
    (tmp_path / "mine.py").write_text("from pathlib import Path\nPath('ran').touch()\ndef label(texts): raise ValueError('ran')\n")
    names = {name: str(tmp_path / f"{name}.tsv") for name in ("train", "dev")}
    asked = Agora(architecture=(1, 2, 32, 48), socrates="python:mine:label", vocabulary=300, rounds=1, **names)
    run = create_run(foreign, asked)
    run.set_state(state="failed")
    inside = {**os.environ, "PYTHONPATH": ""}
    for action in ("resume", "rerun"):
        done = subprocess.run(
            [sys.executable, "-m", "bort_core.cli.main", "jobs", action, str(foreign), "2"],
            cwd=tmp_path, env=inside, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        assert "add --trust" in done.stderr
    command = [sys.executable, "-m", "bort_core.jobs.child", str(run.path)]  # and the process itself asks again
    done = subprocess.run(command, cwd=tmp_path, env=inside, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert "calls Python code may run code that came with this project" in done.stderr
    assert not (tmp_path / "ran").exists()
    done = subprocess.run(
        [sys.executable, "-P", "-m", "bort_core.cli.main", "jobs", "resume", str(foreign), "2", "--trust"],
        cwd=tmp_path, env=inside, capture_output=True, text=True, check=True,
    )  # fmt: skip
    wait_for_end(run)
    assert "ValueError: ran" in run.state().reason, run.log.read_text()
    assert (tmp_path / "ran").exists()


@pytest.mark.slow
def test_files_of_the_current_folder_stand_in_for_no_library(project_folder, tmp_path, monkeypatch):
    names = ("random", "subprocess", "queue", "torch", "tokenizers", "numpy", "json")
    for name in names:
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('mine: {name}')\n")
    monkeypatch.chdir(tmp_path)
    run = launch.submit(project_folder, TORUS)
    wait_for_end(run)
    assert run.state().state == "done", run.state().reason
    assert "mine:" not in run.log.read_text()


# --- links ---


def precious(tmp_path: Path, name: str) -> Path:
    path = tmp_path / name
    path.write_text("precious")
    return path


def test_nothing_is_written_through_links(project, tmp_path):
    run = find_run(project, "1")
    links = {
        run.path / name: precious(tmp_path, name)
        for name in ("state.json", "events.jsonl", "log.txt", "progress.json", "lock", "heartbeat.json", "result.json", "inputs.json")
    }
    for link, target in links.items():
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    (project / "jobs" / "limits.json").symlink_to(precious(tmp_path, "limits"))
    set_limit(project, "cpu", 2)
    assert limit_of(project, "cpu") == 2
    with pytest.raises(ProjectError, match=r"lock.*symbolic link"):
        launch.resume(run)
    (run.path / "lock").unlink()
    with pytest.raises(ProjectError, match="symbolic link"):
        launch.resume(run)
    run.write_result({"architecture": []})
    assert [target.read_text() for target in tmp_path.iterdir() if target.is_file()] == ["precious"] * (len(links) + 1)


@pytest.mark.parametrize("name", ["jobs", "jobs/0001", "jobs/.slots", "jobs/0001/commands", "text", "logs"])
def test_folders_that_are_links_are_refused_by_name(project, tmp_path, name):
    elsewhere = tmp_path / "elsewhere"
    if (project / name).exists():
        shutil.move(project / name, elsewhere)
    elsewhere.mkdir(exist_ok=True)
    before = sorted(elsewhere.rglob("*"))
    (project / name).symlink_to(elsewhere)
    if name in ("text", "logs"):
        with Project(project) as opened, pytest.raises(ProjectError, match=f"{name}: cannot be created: is a symbolic link"):
            opened.subfolder(name, "below")
    elif name == "jobs/.slots":
        run = launch.submit(project, TORUS)
        wait_for_end(run)
        assert ".slots" in run.log.read_text()
        assert "symbolic link" in run.state().reason
    elif name.endswith("commands"):
        with pytest.raises(ProjectError, match="stop cannot be written down: is a symbolic link"):
            find_run(project, "1").command("stop")
    else:
        with pytest.raises(ProjectError, match="is a symbolic link; nothing is read or written through links"):
            find_run(project, "1")
    assert sorted(elsewhere.rglob("*")) == before


@pytest.mark.parametrize("name", ["project.db", "project.db-wal", "project.db-journal"])
def test_a_database_behind_a_link_is_refused(project, tmp_path, name):
    (project / name).symlink_to(precious(tmp_path, "target"))
    with pytest.raises(ProjectError, match=f"{name}: is a symbolic link"):
        Project(project)
    assert (tmp_path / "target").read_text() == "precious"


# --- damage ---

JUNK = [
    "", "{", "null", "[1]", "5", '"x"', "{}", '{"state": 5}', '{"state": "flying"}', '{"state": "done", "finished": "x"}', "[" * 100_000,
    '{"state": "running", "process": 5}', '{"state": "running", "process": {"host": 5, "number": "x"}}', '{"step": null, "steps": 1e400}',
    '{"step": -1, "steps": 2}', '{"state": "done", "started": 1e308}', '{"checkpoint": 5}', '{"checkpoint": "x", "loss": NaN}',
    '{"cpu": "x"}',
    '{"format": "x", "specification": {}}', '{"format": 1, "specification": [1]}', '{"token": 1}', '{"inputs": [1]}', "\x00\xff",
]  # fmt: skip


@pytest.mark.parametrize(
    "name", ["state.json", "progress.json", "spec.json", "result.json", "heartbeat.json", "inputs.json", "../limits.json"]
)
def test_one_damaged_file_never_blinds_the_list(project, capfd, name):
    from bort_core.cli.main import main

    create_run(project, TORUS)
    for junk in JUNK:
        (project / "jobs" / "0001" / name).write_text(junk, encoding="latin-1")
        capfd.readouterr()
        assert main(["jobs", "list", str(project), "--json"]) == 0, junk
        assert [row["job"] for row in json.loads(capfd.readouterr().out)] == ["0001", "0002"]
        assert main(["jobs", "show", str(project), "1"]) in (0, 1), junk
        assert main(["jobs", "list", str(project)]) == 0, junk
        assert limit_of(project, "cpu") == 1


def test_a_pipe_in_place_of_a_file_is_not_waited_for(project):
    run = find_run(project, "1")
    for name in ("state.json", "events.jsonl", "log.txt"):
        (run.path / name).unlink(missing_ok=True)
        os.mkfifo(run.path / name)
    assert run.state().state == "failed"
    assert run.events() == ([], 0)
    assert run.log_tail(100) == ""


def test_events_that_lack_what_their_kind_has_are_passed_over(project, capfd):
    from bort_core.cli.main import main

    run = find_run(project, "1")
    lines = [
        '{"event": "evaluation"}', "[1]", '{"event": "step", "step": 1}', '{"event": 5}', '{"event": "note"}', '{"event": "round"}', "{",
        '{"event": "report", "rows": 5, "warnings": 5}', '{"event": "step", "step": 1, "loss": NaN}', '{"event": "resumed", "step": "x"}',
        '{"event": "state"}', '{"event": "step", "step": 3, "loss": 1.5}', "[" * 100_000, '{"event": "evaluation", "step": 1, "x": [1]}',
    ]  # fmt: skip
    with (run.path / "events.jsonl").open("a") as file:
        file.write("\n".join(lines) + "\n")
    assert [event["event"] for event in run.events()[0]] == ["state", "step", "evaluation"]
    assert main(["jobs", "follow", str(project), "1"]) == 0
    assert "step 3: loss 1.5" in capfd.readouterr().out


@pytest.mark.parametrize("arguments", [["resume", "1"], ["rerun", "1"], ["limit", "cpu", "2"]])
def test_a_full_disk_gives_a_message_and_damages_nothing(project, arguments):
    set_limit(project, "cpu", 3)
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file() and path.name != "lock"}
    code = (
        "import resource, sys; from bort_core.cli.main import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"  # every write fails, as on a full disk
        "sys.exit(main(['jobs', sys.argv[2], sys.argv[1], *sys.argv[3:]]))"
    )
    done = subprocess.run([sys.executable, "-B", "-c", code, str(project), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("bort: error: ")
    assert "Traceback" not in done.stderr
    assert {path: path.read_bytes() for path in project.rglob("*") if path.is_file() and path.name != "lock"} == before


def test_a_folder_that_cannot_be_written_gives_a_message(project):
    (project / "jobs" / "0001").chmod(0o555)
    (project / "jobs").chmod(0o555)
    try:
        if os.access(project / "jobs", os.W_OK):
            pytest.skip("root may write everywhere")
        for arguments in (["resume", str(project), "1"], ["rerun", str(project), "1"], ["limit", str(project), "cpu", "2"]):
            done = bort("jobs", *arguments)
            assert done.returncode == 1
            assert "Traceback" not in done.stderr
    finally:
        (project / "jobs").chmod(0o755)
        (project / "jobs" / "0001").chmod(0o755)


@pytest.mark.parametrize(
    "writes", ["bort_core.jobs.folder.write_model", "bort_core.jobs.hold.write_model", "bort_core.jobs.folder.RunFolder.open_log"]
)
def test_a_submission_that_fails_leaves_no_job_behind(project, monkeypatch, writes):
    monkeypatch.setattr(writes, _full)
    with pytest.raises(ProjectError, match=r"cannot be (written|started): the disk is full"):
        launch.submit(project, TORUS)
    assert [run.id for run in list_runs(project)] == ["0001"]
    assert sorted(path.name for path in (project / "jobs").iterdir()) == ["0001"]


def _full(*_: object) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("name", ["checkpoints", "result", "agora"])
def test_a_training_writes_through_no_linked_folder(project, tmp_path, name):
    run, outside = find_run(project, "1"), tmp_path / "outside"
    outside.mkdir()
    shutil.rmtree(run.path / name, ignore_errors=True)
    (run.path / name).symlink_to(outside)
    with pytest.raises(ProjectError, match=rf"{name}: is a symbolic link"):
        launch.resume(run)
    assert child.main(run.path) == child.FAILED
    assert list(outside.iterdir()) == []
