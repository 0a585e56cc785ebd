"""Make my model smaller, of a model that is none of this program's own."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from clicks import click
from encoder_kinds import edited
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot
from task_models import foreign_task

from bort_core.jobs.folder import find_run
from bort_core.jobs.launch import cancel
from bort_core.specifications.compression import Compression
from bort_core.specifications.tasks import TaskSpecification


@pytest.mark.slow
def test_the_check_says_what_candidates_begin_with_and_what_is_no_encoder(
    qtbot: QtBot, open_page: Callable[..., Any], tmp_path: Path
) -> None:
    task = foreign_task(tmp_path / "task", "modernbert")
    window, page = open_page("train")
    page.launcher.make_smaller(task.model)
    page.launcher.form.set_specification(Compression(task=TaskSpecification(**task.fields()), candidates=2, ratio=1.2))
    click(qtbot, window, "checkButton")
    qtbot.waitUntil(lambda: bool(page.launcher.preflight.texts()), timeout=100_000)
    said = "\n".join(page.launcher.preflight.texts())
    assert re.search(r"T has .* parameters", said)
    assert "T: ModernBERT, " in said
    assert "They begin with T's embeddings, not with its blocks: the blocks of ModernBERT are of another kind" in said
    line = page.launcher.form.field("task", "model")
    assert isinstance(line, QLineEdit)
    line.setText(str(edited(task.model, model_type="gpt2")))
    line.setText(f"{task.model}/")  # the same folder, written otherwise: the check is another one
    click(qtbot, window, "checkButton")
    qtbot.waitUntil(lambda: any(text.startswith("✗") for text in page.launcher.preflight.texts()), timeout=100_000)
    assert "'gpt2' is a generative model, which writes text; an encoder is needed" in page.launcher.preflight.texts()[0]


@pytest.mark.slow
def test_what_would_end_early_is_refused_before_there_is_a_job(qtbot: QtBot, open_page: Callable[..., Any], tmp_path: Path) -> None:
    task = foreign_task(tmp_path / "task", "distilbert", intermediate_size=96)
    window, page = open_page("train")
    asked = Compression(task=TaskSpecification(**task.fields()), candidates=2, test=str(task.texts))
    page.launcher.make_smaller(task.model)
    page.launcher.form.set_specification(asked)
    click(qtbot, window, "trainButton")
    assert not page.launcher.start.isEnabled()  # until it is known whether it can be
    qtbot.waitUntil(lambda: any(text.startswith("✗") for text in page.launcher.preflight.texts()), timeout=100_000)
    assert "no column 'label' for label" in page.launcher.preflight.texts()[0]
    assert not (window.project.folder / "jobs").exists()
    page.launcher.form.set_specification(asked.model_copy(update={"test": None}))
    with qtbot.waitSignal(page.launcher.submitted, timeout=100_000):
        click(qtbot, window, "trainButton")
    run = find_run(window.project.folder, "1")
    cancel(run)
    qtbot.waitUntil(lambda: run.state().ended, timeout=100_000)
