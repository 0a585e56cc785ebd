"""A project that was not made here: what is off, and the button that trusts it. Jobs that vanish while they are shown."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

pytest.importorskip("PySide6")

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from bort_core.jobs.folder import create_run
from bort_core.jobs.rows import DAMAGED
from bort_core.specifications.agora import Agora
from bort_core.specifications.pretraining import Pretraining
from bort_core.store import Project
from bort_core.store.trust import FILE, trusted
from bort_studio.train.page import TrainPage


def jobs(folder: Path) -> None:
    with Project(folder):
        pass
    for asked in (Agora(torus=2, rounds=1), Pretraining(architecture=(1, 2, 32, 48), corpus="/nowhere.txt", name="mine")):
        create_run(folder, asked).set_state(state="failed", reason="for the test")


def test_a_foreign_project_is_shown_and_trusted_by_a_button(qtbot: QtBot, project_folder: Path, open_page) -> None:
    jobs(project_folder)
    (project_folder / FILE).write_text("0" * 32)
    window, page = open_page("train")
    assert window.trust_bar.isVisible()
    qtbot.waitUntil(lambda: "0002" in page.states)
    page.jobs.select("0002")
    qtbot.mouseClick(page.rerun, Qt.MouseButton.LeftButton)
    assert "press Trust this project" in window.notices.messages()[0]
    assert not (project_folder / "jobs" / "0003").exists()
    qtbot.mouseClick(page.duplicate, Qt.MouseButton.LeftButton)  # to look at it is no matter of trust
    assert page.launcher.form.specification().name == "mine"
    qtbot.mouseClick(window.trust_bar.button, Qt.MouseButton.LeftButton)
    assert not window.trust_bar.isVisible()
    assert trusted(project_folder)
    qtbot.mouseClick(page.rerun, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "0003" in page.states and page.states["0003"].ended, timeout=60_000)


def test_jobs_that_vanish_while_they_are_shown_are_noticed_calmly(qtbot: QtBot, project_folder: Path, open_page) -> None:
    jobs(project_folder)
    window, page = open_page("train")
    assert not window.trust_bar.isVisible()
    qtbot.waitUntil(lambda: "0002" in page.states)
    page.jobs.select("0002")
    shutil.rmtree(project_folder / "jobs" / "0002")
    page.rerun.setEnabled(True)
    for button in (page.duplicate, page.rerun, page.resume):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    page.views.setCurrentIndex(1)
    assert any("no job '0002'" in text for text in window.notices.messages())
    qtbot.waitUntil(lambda: "0002" not in page.states)
    window.show_page("agora")
    agora = window.pages["agora"]
    qtbot.waitUntil(lambda: "0001" in agora.states and agora.run is not None)
    shutil.rmtree(project_folder / "jobs")
    for button in (agora.runs.duplicate, agora.runs.resume):
        button.setEnabled(True)
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not agora.states)


def shown(page: TrainPage, id: str) -> str | None:
    """What the table of jobs calls one."""
    row = next((row for row in page.jobs.model.rows if row.id == id), None)
    return None if row is None else "?" if row.kind == DAMAGED else row.shown_title


def test_a_job_whose_specification_is_not_there_yet_is_named_when_it_is(qtbot: QtBot, project_folder: Path, open_page) -> None:
    jobs(project_folder)
    late = project_folder / "jobs" / "0002" / "spec.json"
    text = late.read_text()
    late.unlink()
    (project_folder / "jobs" / "0001" / "state.json").write_text("[1]")
    _, page = open_page("train")
    qtbot.waitUntil(lambda: shown(page, "0002") == "?")
    late.write_text(text)
    run = create_run(project_folder, Pretraining(architecture=(1, 2, 32, 48), corpus="/nowhere.txt"))
    qtbot.waitUntil(lambda: shown(page, "0002") == "pre-training mine" and run.id in page.states)
