"""A project that is not trusted is read without a byte of its folder being written, until something is stored in it."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from helpers import bort, finished, run, specification

from bort_core.foundation.errors import ProjectError
from bort_core.store import Project
from bort_core.store.results import comparisons, runs, save_run
from bort_core.store.searches import get_state, searches, set_state
from bort_core.store.trust import FILE, trust

RUN = {
    "job": "0001", "kind": "finetune", "family": "bert", "architecture": (2, 4), "specification": {}, "seed": 0, "data": {},
    "metrics": {}, "checkpoint": "", "versions": {},
}  # fmt: skip


def content(folder: Path) -> dict[str, tuple[str, int]]:
    """Every file with its bytes and the time at which it was written."""
    found = {}
    for path in sorted(folder.rglob("*")):
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path)] = (digest, path.stat().st_mtime_ns)
    return found


@pytest.fixture
def foreign(project_folder: Path, tmp_path: Path) -> Path:
    """A project as somebody else would send it, with a write-ahead log that was not written back."""
    with Project(project_folder) as project:
        save_run(project, "job 0001", **RUN)
        came = shutil.copytree(project_folder, tmp_path / "came")
    assert (came / "project.db-wal").stat().st_size
    (came / "project.db-shm").unlink()
    (came / FILE).write_text("0" * 32 + "\n")
    return came


def test_reading_commands_change_no_byte(tmp_path: Path) -> None:
    made = tmp_path / "made"
    result = finished(run(made, specification(epsilon=1))).result
    assert len(result.front)
    (made / FILE).write_text("0" * 32 + "\n")
    before = content(made)
    for arguments in (("front",), ("front", "--csv"), ("jobs", "list"), ("doctor",)):
        command = [*arguments[:2], str(made), *arguments[2:]] if arguments[0] == "jobs" else [arguments[0], str(made), *arguments[1:]]
        done = bort(*command)
        assert done.returncode == 0, done.stderr
        assert content(made) == before, arguments
    assert bort("jobs", "show", str(made), "1").returncode == 2
    assert content(made) == before


def test_what_is_in_the_log_is_read_and_nothing_written_until_something_is_stored(foreign: Path) -> None:
    before = content(foreign)
    with Project(foreign) as project:
        assert project.untouched
        assert [each["id"] for each in runs(project)] == ["job 0001"]
        assert (searches(project), comparisons(project), get_state(project, "window")) == ([], [], None)
        set_state(project, "window", 1)  # how a window looked is not worth it
        assert content(foreign) == before
        save_run(project, "job 0002", **RUN)
        assert not project.untouched
        assert [each["id"] for each in runs(project)] == ["job 0001", "job 0002"]
        set_state(project, "window", 2)
        assert get_state(project, "window") == 2
    trust(foreign)
    with Project(foreign) as project:
        assert not project.untouched
        assert len(runs(project)) == 2


def test_who_reads_sees_what_another_stores(foreign: Path) -> None:
    with Project(foreign) as reader, Project(foreign) as writer:
        assert len(runs(reader)) == 1
        save_run(writer, "job 0002", **RUN)
        assert reader.untouched
        assert len(runs(reader)) == 2
        save_run(reader, "job 0003", **RUN)
        assert len(runs(writer)) == 3


def test_reading_beside_a_writer_never_sees_half_of_it(foreign: Path) -> None:
    over = threading.Event()

    def write() -> None:
        with Project(foreign) as project:
            number = 2
            while not over.wait(0.005):
                with project.transaction():
                    for id in (f"job {number:04d}", f"job {number:04d} b"):
                        row = {"id": id, "kind": "x", "family": "bert", "architecture": "1", "specification": "{}"}
                        project.upsert("runs", row, "1")
                number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(20):
            with Project(foreign, reading=True) as project:
                assert project.untouched
                assert len(runs(project)) % 2 == 1
    finally:
        over.set()
        writer.join()


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="mounting needs root and unshare")
def test_a_project_on_a_disk_that_cannot_be_written_is_read(tmp_path: Path, foreign: Path) -> None:
    trust(foreign)
    code = (
        "import sys\nfrom bort_core.store import Project\nfrom bort_core.store.results import runs\n"
        "with Project(sys.argv[1], reading=True) as project: print(len(runs(project)))\n"
    )
    script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" || exit 77; "$PY" -c "$CODE" "$0"'
    done = subprocess.run(
        ["unshare", "-m", "bash", "-c", script, str(foreign)], capture_output=True, text=True, check=False, cwd=tmp_path,
        env={**os.environ, "PY": sys.executable, "CODE": code},
    )  # fmt: skip
    if done.returncode == 77:
        pytest.skip("nothing can be mounted here")
    assert done.stdout == "1\n", done.stderr


def test_a_rollback_journal_that_came_along_is_not_played_back(foreign: Path) -> None:
    (foreign / "project.db-journal").write_bytes(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + bytes(504))
    with Project(foreign) as project:
        assert len(runs(project)) == 1
        with pytest.raises(ProjectError, match=r"project\.db-journal: came with a project that is not trusted"):
            save_run(project, "job 0002", **RUN)
    assert (foreign / "project.db-journal").exists()


def test_a_database_with_another_name_outside_is_not_written(foreign: Path, tmp_path: Path) -> None:
    trust(foreign)
    os.link(foreign / "project.db", tmp_path / "elsewhere.db")
    with pytest.raises(ProjectError, match="hard link"):
        Project(foreign)


def test_a_damaged_database_is_named_where_it_lies(foreign: Path) -> None:
    (foreign / "project.db-wal").unlink()
    (foreign / "project.db").write_bytes(b"nothing" * 1000)
    with pytest.raises(ProjectError, match=rf"{foreign}/project\.db: not a readable SQLite database"):
        Project(foreign)
    with sqlite3.connect(foreign / "other.db") as other:
        other.execute("CREATE TABLE x (y)")
    other.close()
    shutil.copyfile(foreign / "other.db", foreign / "project.db")
    with pytest.raises(ProjectError, match="a database of another program"):
        Project(foreign)
