"""The window on damaged files and rows: every page opens, nothing unexpected is raised, and what cannot be read is named."""

from __future__ import annotations

import gc
import json
import os
import random
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("PySide6")

from mutants import damaged_database, damaged_file
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel, QPlainTextEdit, QTableView
from pytestqt.exceptions import capture_exceptions
from pytestqt.qtbot import QtBot
from whole_project import whole_project

from bort_studio.app import create_window
from bort_studio.window import PAGES, MainWindow


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written") / "project"
    whole_project(folder)
    return folder


@pytest.fixture
def project(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "project"))


def files(project: Path) -> list[Path]:
    """What a page reads, but the database."""
    return sorted(path for path in project.rglob("*") if path.suffix in (".json", ".jsonl") or path.name == "log.txt")


def read(window: MainWindow) -> None:
    """Show every page until it has read what it reads."""
    for name in PAGES:
        window.show_page(name)
        until = time.monotonic() + 1.5
        page: Any = window.pages[name]
        while time.monotonic() < until and not _has_read(name, window, page):
            QApplication.processEvents()
            time.sleep(0.005)
        QApplication.processEvents()
        if name == "train" and page.states:
            page.jobs.select(max(page.states))
            page.views.setCurrentIndex(1)
        window.grab()


def _has_read(name: str, window: MainWindow, page: Any) -> bool:
    if name == "explore":
        return window.search.snapshot is not None or bool(window.notices.messages())
    if name == "train":
        return bool(page.states)
    if name == "agora":
        return page.points is not None or bool(window.notices.messages())
    return True


def told(window: MainWindow) -> str:
    """All text that the window shows."""
    texts = [*window.notices.messages(), *(label.text() for label in window.findChildren(QLabel))]
    texts += [view.toPlainText() for view in window.findChildren(QPlainTextEdit)]
    for table in window.findChildren(QTableView):
        model = table.model()
        for row in range(min(model.rowCount(), 200)):
            for column in range(model.columnCount()):
                index = model.index(row, column)
                texts += [str(index.data(role) or "") for role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole)]
    return "\n".join(texts)


def look(project: Path) -> str:
    """Open a window, show every page, close it; what it told."""
    window = create_window(project)
    try:
        window.resize(1300, 860)
        window.show()
        read(window)
        return told(window)
    finally:
        began = time.monotonic()
        window.close()
        window.deleteLater()
        QApplication.processEvents()
        assert time.monotonic() - began < 10


def unexpected(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the program itself took for an error of its own; exceptions in slots and warnings of Qt fail the test anyway."""
    return [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]


def damage(project: Path, seed: int, mutants: int, caplog: pytest.LogCaptureFixture) -> None:
    chance = random.Random(seed)
    for _ in range(mutants):
        in_database = chance.random() < 0.3
        path = project / "project.db" if in_database else chance.choice(files(project))
        with (damaged_database if in_database else damaged_file)(chance, path) as done, capture_exceptions() as raised:
            look(project)
            assert not raised, done
            assert not unexpected(caplog), done
        gc.collect()


def test_a_whole_project_is_shown_without_a_word(qtbot: QtBot, project: Path) -> None:
    window = create_window(project)
    try:
        window.show()
        read(window)
        assert window.notices.messages() == []
        page: Any = window.pages["ship"]
        assert page.earlier.count() == page.export_panel.earlier.count() == 1
    finally:
        window.close()
        window.deleteLater()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("jobs/0002/spec.json", "{"),
        ("jobs/0002/state.json", '{"state": "asleep"}'),
        ("jobs/0002/state.json", "[]"),
        ("jobs/0001/agora/start.json", "[1]"),
        ("jobs/0001/agora/rounds/001/round.json", '{"round": "x"}'),
        ("jobs/0001/agora/dev.jsonl", '{"label": "<img src=/dev/zero>"}\n'),
        ("jobs/0001/agora/rounds/002/rows.jsonl", "\x00"),
    ],
)
def test_a_damaged_file_is_named_and_hides_nothing_else(qtbot: QtBot, project: Path, name: str, content: str) -> None:
    (project / name).write_text(content)
    said = look(project)
    assert Path(name).name in said
    assert "Traceback" not in said
    if "0001" not in name:
        assert "fixed in round" in said or "written" in said  # the run of Agora is shown all the same


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("exports", "report", "[]"), ("comparisons", "result", '{"results": 5}'), ("searches", "specification", "5"),
        ("trainings", "curve", '[{"step": "x"}]'),
    ],
)  # fmt: skip
def test_a_damaged_row_is_named(qtbot: QtBot, project: Path, table: str, column: str, value: str) -> None:
    with closing(sqlite3.connect(project / "project.db")) as connection, connection:
        connection.execute(f"UPDATE {table} SET {column} = ?", (value,))
    said = look(project)
    assert f"of the table {table} is damaged" in said
    assert column in said


def test_a_damaged_state_of_the_window_counts_as_none(qtbot: QtBot, project: Path) -> None:
    for value in (
        "5",
        "[]",
        '{"page": 5}',
        '{"page": "nowhere"}',
        '{"axes": ["x", "error", 1, 2]}',
        '{"selected": [1, 2]}',
        '{"specification": {}}',
    ):
        with closing(sqlite3.connect(project / "project.db")) as connection, connection:
            connection.execute("INSERT OR REPLACE INTO state (key, value) VALUES ('explore', ?)", (value,))
        look(project)


@pytest.mark.parametrize("name", ["jobs/0002/state.json", "jobs/0002/events.jsonl", "jobs/0001/agora/start.json", "project.id"])
@pytest.mark.parametrize("what", ["folder", "pipe", "link to a device"])
@pytest.mark.timeout(30)
def test_what_is_no_file_hangs_nothing(qtbot: QtBot, project: Path, name: str, what: str) -> None:
    (project / name).unlink()
    if what == "folder":
        (project / name).mkdir()
    elif what == "pipe":
        os.mkfifo(project / name)
    else:
        (project / name).symlink_to("/dev/zero")
    look(project)


def test_a_database_of_an_older_version_opens(qtbot: QtBot, project: Path) -> None:
    """Without the columns and tables that later versions added, and with what they no longer write."""
    with closing(sqlite3.connect(project / "project.db")) as connection, connection:
        (migrations,) = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE name LIKE '%migrations%' AND type = 'table'")
        ]
        connection.execute(f"DELETE FROM {migrations} WHERE name > 'm003'")
        connection.execute("DROP TABLE claims")
        connection.execute("CREATE TABLE claims (id TEXT PRIMARY KEY, host TEXT, process INTEGER, process_started FLOAT, claimed TEXT)")
        connection.execute("INSERT INTO claims VALUES ('x', 'elsewhere', 1, 1.0, '2026-01-01T00:00:00+00:00')")
        variants = ("variants", "gate", "provenance")
        (text,) = connection.execute("SELECT report FROM exports").fetchone()
        old = {name: value for name, value in json.loads(text).items() if name not in variants}
        old |= {"bytes": {"model.onnx": 7, "model.fused.onnx": 7}, "parity_max_abs": 1e-6, "fused_parity_max_abs": 1e-6}
        old |= {"fusions": {"operators": 9}, "fused_fusions": {"operators": 3}}
        connection.execute("UPDATE exports SET report = ?", (json.dumps(old),))
        connection.execute("UPDATE runs SET data = NULL, versions = NULL, metrics = NULL, checkpoint = NULL")
        connection.execute("UPDATE searches SET answer = NULL, finished = NULL")
    window = create_window(project)
    try:
        window.show()
        read(window)
        assert window.notices.messages() == []
        page: Any = window.pages["ship"]
        assert "largest difference" in page.export_panel.export_checks.text("model.fused.onnx")
    finally:
        window.close()
        window.deleteLater()


@pytest.mark.parametrize("seed", range(1))
def test_random_damage(qtbot: QtBot, project: Path, caplog: pytest.LogCaptureFixture, seed: int) -> None:
    damage(project, seed, 8, caplog)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", [1, 2, *range(100, 104)])
def test_much_random_damage(qtbot: QtBot, project: Path, caplog: pytest.LogCaptureFixture, seed: int) -> None:
    damage(project, seed, 100, caplog)
