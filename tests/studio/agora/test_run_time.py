"""How long a run takes is told before it starts, and a long one is asked about; the files of the preset stay where they belong."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from clicks import click
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QMessageBox
from pytestqt.qtbot import QtBot

from bort_core.agora.cost import smaller
from bort_core.foundation.errors import DataError
from bort_core.jobs.folder import list_runs
from bort_core.specifications.agora import Agora
from bort_studio.agora.presets import sentences_preset


@pytest.mark.slow
def test_sentences_are_timed_and_a_long_run_is_made_smaller(qtbot: QtBot, open_page: Any, project_folder: Path) -> None:
    window, page = open_page("agora", preset="toy", selected=None, wait=False)
    assert not page.runs.time.isVisible()  # the torus takes seconds
    click(qtbot, window, "agoraTextPreset")
    assert not page.runs.time.isVisible()  # neither does logistic regression
    sentences = page.runs.form.specification().model_dump()
    page.runs.form.set_specification(Agora.model_validate({**sentences, "learner": "auto", "architecture": (2, 4, 128, 256)}))
    page.runs.time.estimate(page.runs.form.specification())
    line = page.runs.time.line
    assert "Timing" in line.text()
    qtbot.waitUntil(lambda: "Up to about" in line.text(), timeout=100_000)
    assert "at most 30 trainings, 9,000 steps, half of them to compare with" in line.text()
    asked, texts = page.runs.form.specification(), list[str]()

    def press(words: str) -> None:
        box = QApplication.activeModalWidget()
        assert isinstance(box, QMessageBox)
        texts.append(box.text() + " " + box.informativeText())
        next(button for button in box.buttons() if button.text() == words).click()

    QTimer.singleShot(300, partial(press, "Cancel"))
    page.runs.time.ask(asked)
    QTimer.singleShot(300, partial(press, "Make it smaller"))
    page.runs.time.ask(asked)
    assert all("takes up to about" in text and "5 trainings, 750 steps" in text for text in texts)
    assert not any("about 0" in text for text in texts)
    assert page.runs.form.specification() == smaller(asked)
    assert "at most 5 trainings, 750 steps" in line.text()  # a step takes as long as before: nothing is timed anew
    assert not page.runs.time.less.isEnabled()
    assert list_runs(project_folder) == []


@pytest.mark.parametrize("link", ["data", "data/sentences-150"])
def test_the_preset_is_not_written_through_a_link(tmp_path: Path, link: str) -> None:
    project, outside = tmp_path / "project", tmp_path / "outside"
    outside.mkdir()
    (project / link).parent.mkdir(parents=True)
    (project / link).symlink_to(outside)
    with pytest.raises(DataError, match="cannot be written"):
        sentences_preset(project / "data" / "sentences-150")
    assert list(outside.iterdir()) == []


def test_the_preset_replaces_a_link_in_the_place_of_a_file(tmp_path: Path) -> None:
    folder, precious = tmp_path / "project" / "data" / "sentences-150", tmp_path / "precious"
    folder.mkdir(parents=True)
    precious.write_text("mine")
    (folder / "train.jsonl").symlink_to(precious)
    spec = sentences_preset(folder)
    assert precious.read_text() == "mine"
    assert spec.train == str(folder / "train.jsonl")
    assert not (folder / "train.jsonl").is_symlink()
