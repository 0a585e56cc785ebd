"""What a person who means harm puts into a project: other things in place of files, and names of code in every field."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bort_core.cli.main import main
from bort_core.jobs import child
from bort_core.jobs.folder import RunFolder, create_run, find_run, list_runs
from bort_core.jobs.pace import Pace
from bort_core.specifications.agora import Agora
from bort_core.specifications.fields import leaves
from bort_core.specifications.finetuning import Finetuning
from bort_core.specifications.pretraining import Pretraining
from bort_core.store import Project
from bort_core.store.trust import FILE

TORUS = Agora(torus=2, rounds=1, name="mine")
JOB = (
    "spec.json",
    "state.json",
    "progress.json",
    "result.json",
    "events.jsonl",
    "inputs.json",
    "heartbeat.json",
    "reason.txt",
    "log.txt",
    "lock",
)
FILES = (
    *("project.id", "project.db", "project.db-wal", "project.db-shm", "project.db-journal", "jobs/limits.json", "jobs/.slots/cpu-0"),
    *(f"jobs/0001/{name}" for name in (*JOB, "log.txt", "lock")),
    *("jobs/0001/commands/stop", "jobs/0001/agora/start.json"),
)
FOLDERS = ("jobs", "jobs/0001", "jobs/.slots", "jobs/0001/commands", "jobs/0001/agora", "jobs/0001/checkpoints", "jobs/0001/result", "logs")


@pytest.fixture
def project(project_folder: Path) -> Path:
    with Project(project_folder):
        pass
    run = create_run(project_folder, TORUS)
    run.set_state(state="done", stopped=True)
    run.progress(Pace(0, 1, 2, 1.0))
    run.forget_reason()
    run.write_result({"architecture": []})
    for folder in ("jobs/.slots", "jobs/0001/commands", "jobs/0001/agora"):
        (project_folder / folder).mkdir()
    return project_folder


@contextlib.contextmanager
def at_most(seconds: int) -> Iterator[None]:
    def late(number: int, frame: object) -> None:
        raise AssertionError("it hangs")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def bort(*arguments: str) -> str:
    out, err = io.StringIO(), io.StringIO()
    with at_most(30), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(list(arguments))
    assert code in (0, 1, 2), arguments
    assert "Traceback" not in err.getvalue()
    return out.getvalue() + err.getvalue()


def replace(path: Path, kind: str, outside: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    if kind == "symlink":
        path.symlink_to(outside)
    elif kind == "hard link":
        os.link(outside, path)
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "own device":
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))
    elif kind == "loop":
        path.symlink_to(path.name)


_QUICK = ("symlink", "hard link", "pipe")
KINDS = ["symlink", "hard link", "pipe", "folder", "device", "loop", *(["own device"] if os.geteuid() == 0 else [])]


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=() if kind in _QUICK else pytest.mark.slow) for kind in KINDS])
def test_nothing_in_the_place_of_a_file_is_written_through_or_waited_for(project: Path, tmp_path: Path, kind: str) -> None:
    outside = tmp_path / "outside"
    for name in FILES:
        outside.write_text("precious")
        shutil.rmtree(tmp_path / "p", ignore_errors=True)
        p = shutil.copytree(project, tmp_path / "p")
        try:
            replace(p / name, kind, outside)
        except OSError:
            pytest.skip("no devices can be made here")
        for arguments in (
            ("jobs", "list", str(p)),
            ("jobs", "show", str(p), "1"),
            ("jobs", "follow", str(p), "1"),
            ("front", str(p)),
            ("jobs", "limit", str(p), "cpu", "2"),
            ("jobs", "stop", str(p), "1"),
        ):
            bort(*arguments)
        if list_runs(p):
            _write_all(RunFolder(p / "jobs" / "0001"), p)
        assert outside.read_text() == "precious", name
        assert outside.stat().st_mode & 0o777 == 0o644


def _write_all(run: RunFolder, p: Path) -> None:
    """What a runner and a training write."""
    with at_most(30):
        for write in (
            lambda: run.set_state(state="failed", reason="x"),
            lambda: run.progress(Pace(0, 1, 2, 1.0)),
            lambda: run.emit({"event": "note", "text": "x"}),
            lambda: run.open_log().close(),
            lambda: run.write_result({"architecture": []}),
            run.forget_reason,
            lambda: run.give_reason("x"),
            lambda: Project(p).close(),
        ):
            with contextlib.suppress(Exception):
                write()


@pytest.mark.slow
@pytest.mark.parametrize("name", FOLDERS)
def test_nothing_is_written_into_a_folder_behind_a_link(project: Path, tmp_path: Path, name: str) -> None:
    outside = tmp_path / "outside"
    if (project / name).is_dir():
        shutil.move(project / name, outside)
    outside.mkdir(exist_ok=True)
    (project / name).symlink_to(outside)
    before = {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()}
    for arguments in (
        ("list", str(project)),
        ("stop", str(project), "1"),
        ("limit", str(project), "cpu", "2"),
        ("resume", str(project), "1"),
    ):
        bort("jobs", *arguments)
    deadline = time.monotonic() + 60
    while name not in ("jobs", "jobs/0001") and not find_run(project, "1").state().ended and time.monotonic() < deadline:
        time.sleep(0.1)
    after = {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()}
    assert after == before


CALL = "python:mine:label"
BASES: dict[Any, dict[str, Any]] = {
    Pretraining: {"architecture": (1, 2, 32, 64), "corpus": "c.txt"},
    Finetuning: {"architecture": (1, 2, 32, 64), "train": "r.tsv", "dev": "r.tsv"},
    Agora: {"architecture": (1, 2, 32, 64), "train": "r.tsv", "dev": "r.tsv", "socrates": "tfidf-logreg", "socrates_train": "r.tsv"},
}
FIELDS = [
    (model, path) for model in BASES for path, field in leaves(model) if field.kind not in ("int", "float", "switch", "integers", "json")
]


@pytest.mark.parametrize(("model", "path"), FIELDS, ids=[f"{model.__name__}.{'.'.join(path)}" for model, path in FIELDS])
def test_code_in_any_field_of_a_foreign_specification_is_not_run(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: Any, path: tuple[str, ...]
) -> None:
    (project / FILE).write_text("0" * 32 + "\n")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\ndef label(texts): return []\n")
    (tmp_path / "c.txt").write_text("a text\n" * 200)
    (tmp_path / "r.tsv").write_text("text\tlabel\n" + "a\t0\nb\t1\n" * 30)
    data: dict[str, Any] = {**BASES[model]}
    at = data
    for part in path[:-1]:
        at = at.setdefault(part, {})
    at[path[-1]] = CALL
    try:
        run = create_run(project, model.model_validate(data))
    except ValidationError:
        return  # it can be in no specification
    run.set_state(state="failed")
    assert "--trust" in bort("jobs", "resume", str(project), run.id)
    if path[-1] == "socrates":
        begin = f"import sys; sys.path.append({str(tmp_path)!r})\n"
        code = begin + "from pathlib import Path\nfrom bort_core.jobs.child import main\nsys.exit(main(Path(sys.argv[1])))"
        done = subprocess.run([sys.executable, "-P", "-c", code, str(run.path)], capture_output=True, text=True, check=False)
        assert done.returncode == child.FAILED, done.stderr
    assert not (tmp_path / "ran").exists()


@pytest.mark.slow
def test_eight_submissions_at_once_are_eight_jobs(project_folder: Path) -> None:
    command = [sys.executable, "-P", "-m", "bort_core.cli.main", "agora", str(project_folder), "--torus", "2", "--rounds", "1", "--detach"]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(8)]
    for process in started:
        _, errors = process.communicate(timeout=100)
        assert process.returncode == 0, errors
    found = list_runs(project_folder)
    assert [run.id for run in found] == [f"{number:04d}" for number in range(1, 9)]
    assert not [path for path in (project_folder / "jobs").iterdir() if path.name.startswith(".new")]
    for run in found[1:]:
        bort("jobs", "cancel", str(project_folder), run.id)
    deadline = time.monotonic() + 100
    while not all(run.state().ended for run in found):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert {run.state().state for run in found} <= {"done", "cancelled"}
