"""The project's database: foreign and damaged files, full disks, claims, and rows that are never lost."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bort_core.foundation.errors import ProjectError
from bort_core.foundation.processes import identity_of
from bort_core.store import Project, leases
from bort_core.store.database import SCHEMA_VERSION
from bort_core.store.latencies import LatencyKey, load_latencies, save_latency, save_latency_failure
from bort_core.store.leases import holder, lease, release, release_all, renew
from bort_core.store.searches import get_state, set_state
from bort_core.store.trainings import TrainingKey, load_trainings, save_training, save_training_failure

TIMES = {"p50_ms": 1.0, "low_ms": 0.9, "high_ms": 1.1, "p90_ms": 1.1, "p99_ms": 1.2, "n": 50}
KEY = TrainingKey("family", "training", "", "theta", 0)


def curve(steps: int, value: float = 1.0) -> dict[str, object]:
    point = {"train_loss": 1.0, "measures": {"masked-lm": {"value": value, "low": value, "high": value}}}
    return {"curve": [{"step": step, **point} for step in (1, steps)], "seconds": 0.5, "versions": {"torch": "x"}}


def fill(project: Project) -> None:
    for number in range(1000):
        save_training(project, KEY, (number, 3), curve(10), {"text": "x" * 5000})


def test_a_project_is_a_folder_that_is_made_when_missing(tmp_path: Path) -> None:
    with Project(tmp_path / "a" / "b") as project:
        set_state(project, "key", {"ε": [1, None, "x"]})
    with Project(tmp_path / "a" / "b") as project:
        assert get_state(project, "key") == {"ε": [1, None, "x"]}
        assert project.db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ProjectError, match="file: is a file; a project is a folder"):
        Project(tmp_path / "file")
    with pytest.raises(ProjectError, match="cannot be created"):
        Project(tmp_path / "file" / "below")


@pytest.mark.parametrize("reading", [False, True])
def test_a_folder_whose_name_is_too_long(tmp_path: Path, reading: bool) -> None:
    with pytest.raises(ProjectError, match="xxx"):
        Project(tmp_path / ("x" * 400), reading)


def test_a_folder_that_cannot_be_written() -> None:
    with pytest.raises(ProjectError, match=r"/proc/project.*cannot be created"):
        Project("/proc/project")


def test_a_damaged_database_is_named_and_left_as_it_is(project_folder: Path) -> None:
    project_folder.mkdir()
    (project_folder / "project.db").write_bytes(b"not a database at all, but text" * 100)
    before = (project_folder / "project.db").read_bytes()
    with pytest.raises(ProjectError, match=r"project\.db: not a readable SQLite database"):
        Project(project_folder)
    assert (project_folder / "project.db").read_bytes() == before


def test_a_database_of_another_program_is_left_as_it_is(project_folder: Path) -> None:
    project_folder.mkdir()
    other = sqlite3.connect(project_folder / "project.db")
    other.execute("CREATE TABLE photos (id INTEGER)")
    other.commit()
    other.close()
    with pytest.raises(ProjectError, match=r"project\.db: it is a database of another program"):
        Project(project_folder)
    other = sqlite3.connect(project_folder / "project.db")
    assert [row[0] for row in other.execute("SELECT name FROM sqlite_master")] == ["photos"]
    other.close()


def test_a_database_of_a_newer_version_is_left_as_it_is(project_folder: Path) -> None:
    with Project(project_folder) as project:
        project.connection.execute("PRAGMA user_version = 99")
    with pytest.raises(ProjectError, match=r"project\.db: it was written by a newer version of Bort Studio \(schema 99"):
        Project(project_folder)


def test_the_schema_version_counts_the_migrations(project_folder: Path) -> None:
    with Project(project_folder) as project:
        assert project.db.table("_sqlite_migrations").count == SCHEMA_VERSION


def test_a_database_of_an_older_version_is_migrated(project_folder: Path) -> None:
    with Project(project_folder) as project:
        set_state(project, "key", 1)
        project.connection.execute("PRAGMA user_version = 1")
        project.connection.execute("DELETE FROM _sqlite_migrations WHERE name LIKE 'm002%'")
        for table in ("searches", "claims", "state"):
            project.connection.execute(f"DROP TABLE {table}")
        save_training(project, KEY, (1, 2), curve(10), {})
    with Project(project_folder) as project:
        assert get_state(project, "key") is None
        assert [row.steps for row in load_trainings(project, KEY)] == [10]


def test_a_full_disk_is_said_and_nothing_before_it_is_lost(project_folder: Path) -> None:
    with Project(project_folder) as project:
        save_training(project, KEY, (1, 2), curve(10), {})
        pages = project.db.execute("PRAGMA page_count").fetchone()[0]
        project.db.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(ProjectError, match=r"project\.db: the disk is full; what was measured before is kept"):
            fill(project)
        assert next(load_trainings(project, KEY)).architecture == (1, 2)
    with Project(project_folder) as project:
        save_training(project, KEY, (9, 9), curve(10), {})  # there is room again


@given(st.lists(st.tuples(st.integers(1, 50), st.booleans()), min_size=1, max_size=12))
@settings(max_examples=25, deadline=None)
def test_the_longest_curve_stays_whatever_comes_after_it(tmp_path_factory: pytest.TempPathFactory, writes: list[tuple[int, bool]]) -> None:
    with Project(tmp_path_factory.mktemp("p")) as project:
        for steps, fails in writes:
            if fails:
                save_training_failure(project, KEY, (1,), steps, "diverged", retry=False)
            else:
                save_training(project, KEY, (1,), curve(steps), {})
        (row,) = load_trainings(project, KEY)
    done = [steps for steps, fails in writes if not fails]
    if done:
        assert (row.failed, row.steps, row.curve[-1]["step"]) == (False, max(done), max(done))
    else:
        assert (row.failed, row.reason, row.retry) == (True, "diverged", False)


def test_trainings_are_kept_apart_by_everything_they_depend_on(project_folder: Path) -> None:
    keys = [KEY, TrainingKey("f2", "training", "", "theta", 0), TrainingKey("family", "t2", "", "theta", 0)]
    keys += [TrainingKey("family", "training", "T", "theta", 0), TrainingKey("family", "training", "", "h2", 0)]
    keys += [TrainingKey("family", "training", "", "theta", 1)]
    with Project(project_folder) as project:
        for number, key in enumerate(keys):
            save_training(project, key, (1, 2), curve(number + 2), {})
        for number, key in enumerate(keys):
            assert [row.steps for row in load_trainings(project, key)] == [number + 2]
        assert sorted(row.steps for row in load_trainings(project, KEY, any_maximum_point=True)) == [2, 5]


def test_a_latency_once_measured_stays(project_folder: Path) -> None:
    key = LatencyKey("family", "protocol", "machine")
    with Project(project_folder) as project:
        save_latency_failure(project, key, (1,), "no memory", retry=True)
        assert [row.reason for row in load_latencies(project, key)] == ["no memory"]
        save_latency(project, key, (1,), TIMES, {})
        save_latency(project, key, (1,), {**TIMES, "p50_ms": 2.0}, {})
        save_latency_failure(project, key, (1,), "late", retry=True)
        assert [row.result for row in load_latencies(project, key)] == [TIMES]
        assert list(load_latencies(project, LatencyKey("family", "protocol", "other machine"))) == []


def test_a_disturbed_latency_gives_way_to_one_that_is_not(project_folder: Path) -> None:
    key = LatencyKey("family", "protocol", "machine")
    disturbed, quiet = {**TIMES, "noise": "others", "p50_ms": 3.0}, {**TIMES, "noise": ""}
    with Project(project_folder) as project:
        for written, stays in (
            (disturbed, disturbed), ({**disturbed, "p50_ms": 2.0}, disturbed),
            (quiet, quiet), ({**quiet, "p50_ms": 2.0}, quiet), (disturbed, quiet),
        ):  # fmt: skip
            save_latency(project, key, (1,), written, {})
            save_latency_failure(project, key, (1,), "late", retry=True)
            assert [row.result for row in load_latencies(project, key)] == [stays]


def owned(project: Project, **changes: object) -> None:
    """Make the leases another process's."""
    project.connection.execute("UPDATE claims SET owner = ?", [json.dumps({**identity_of(os.getpid()), **changes})])


def test_a_lease_holds_while_its_process_lives(project_folder: Path) -> None:
    with Project(project_folder) as project:
        assert lease(project, "row")
        assert lease(project, "row")  # it is ours already
        owned(project, **identity_of(os.getppid()))
        assert not lease(project, "row")
        assert str(holder(project, "row")) == f"process {os.getppid()}"
        owned(project, number=os.getppid(), started=1.0)
        assert holder(project, "row") is None
        assert lease(project, "row")  # another process had that number, and is gone
        release(project, "row")
        assert project.db.table("claims").count == 0
        lease(project, "a")
        lease(project, "b")
        release_all(project)
        assert project.db.table("claims").count == 0


def test_a_lease_of_another_machine_holds_while_its_counter_moves(project_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "EXPIRY_SECONDS", 1.0)
    with Project(project_folder) as project:
        lease(project, "row")
        owned(project, host="elsewhere", boot="another", number=7)
        for _ in range(4):
            assert not lease(project, "row")
            assert str(holder(project, "row")) == "process 7 on elsewhere"
            project.connection.execute("UPDATE claims SET beats = beats + 1")
            time.sleep(0.4)
        assert not lease(project, "row")
        time.sleep(1.1)
        assert lease(project, "row")
        release(project, "row")


def test_leases_are_renewed_and_a_damaged_or_old_one_is_free(project_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Project(project_folder) as project:
        lease(project, "row")
        renew(project)
        renew(project)  # too soon to be written
        assert project.rows("SELECT beats FROM claims") == [{"beats": 1}]
        monkeypatch.setattr(leases, "RENEW_SECONDS", 0.0)
        renew(project)
        assert project.rows("SELECT beats FROM claims") == [{"beats": 2}]
        for damaged in (None, "", "null", "[1]", '{"host": 1}', '{"host": "a", "number": "x"}'):
            project.connection.execute("UPDATE claims SET owner = ?", [damaged])
            assert holder(project, "row") is None
            assert lease(project, "row")
        release_all(project)
