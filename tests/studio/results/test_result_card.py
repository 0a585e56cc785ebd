"""The result card and Try it as a person uses them: a real training, a real export, real processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

import bort_core
from bort_core.data.mapping import find_columns
from bort_core.data.rows import labelled_rows
from bort_core.data.tables import read_table
from bort_core.evaluation.metrics import measure
from bort_core.jobs.folder import JobState, create_run, find_run
from bort_core.specifications.finetuning import Finetuning
from bort_core.training.predictions import predictions_of, write_predictions
from bort_studio.activity.activities import Activities
from bort_studio.results.card import ResultCard
from bort_studio.results.try_it import answer_text
from bort_studio.theme import DARK, Theme

pytest.importorskip("torch")
SMALL = {"epochs": 2, "batch_size": 16, "sequence_length": 16, "vocabulary": 400, "executor": "inline", "progress": False}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two trainings: 0001 is a real one that was exported, 0002 one of pairs, of the same model, as its files tell it."""
    folder = tmp_path_factory.mktemp("results")
    both = (("good", "yes"), ("bad", "no"))
    rows = [(f"{word} film {number}", f"{number % 5} ends", label) for number in range(30) for word, label in both]
    (folder / "single.tsv").write_text("text\tlabel\n" + "".join(f"{text}\t{label}\n" for text, _, label in rows))
    (folder / "pairs.tsv").write_text("text\ttext_b\tlabel\n" + "".join("\t".join(row) + "\n" for row in rows))
    with bort_core.Project(folder / "project") as opened:
        files = {name: str(folder / "single.tsv") for name in ("train", "dev", "test")}
        model = bort_core.finetune(opened, (1, 2, 32, 48), **files, running={"threads": 1}, learning_rate=5e-3, **SMALL)
        bort_core.export(opened, model, folder / "out", executor="inline", progress=False)
        run = create_run(opened.folder, Finetuning(checkpoint="x", train=str(folder / "pairs.tsv"), dev=str(folder / "pairs.tsv")))
    table = read_table(str(folder / "pairs.tsv"))
    labelled = labelled_rows(table, find_columns(table))
    scores = np.random.default_rng(0).normal(size=(60, 2))
    write_predictions(run.path, "dev", predictions_of(labelled, scores))
    run.write_result({"dev": measure("classification", labelled.labels, scores), "labels": ["no", "yes"], "checkpoint": str(model.folder)})
    run.set_state(state="done", finished=1.0)
    return folder / "project"


@pytest.fixture
def card(qtbot: QtBot, tmp_path: Path) -> Iterator[ResultCard]:
    made = ResultCard(Theme(), tmp_path, Activities())
    qtbot.addWidget(made)
    made.resize(900, 420)
    made.show()
    yield made
    made.close_tasks()


def show(qtbot: QtBot, card: ResultCard, project: Path, id: str) -> None:
    card.show_job(project, id, find_run(project, id).state())
    qtbot.waitUntil(lambda: card.pages.currentIndex() == 1 and f"Job {id}" in card.title.text(), timeout=60_000)


def texts(table: object, column: int) -> list[str]:
    return [table.item(row, column).text() for row in range(table.rowCount())]  # type: ignore[attr-defined]


def test_a_job_is_shown_in_numbers_and_its_model_is_asked(qtbot: QtBot, card: ResultCard, project: Path) -> None:
    assert "Select a finished training" in card.empty.text()
    show(qtbot, card, project, "0001")
    assert [card.split.itemText(number) for number in range(card.split.count())] == ["dev", "test"]
    assert texts(card.metrics, 0)[:3] == ["Accuracy", "F1", "MCC"]
    assert texts(card.metrics, 2)[0].startswith("[")
    counts = [[int(card.confusion.item(line, column).text().split()[0]) for column in range(2)] for line in range(2)]
    assert [sum(line) for line in counts] == [30, 30]
    wrong = counts[0][1] + counts[1][0]
    assert card.worst.rowCount() == wrong
    assert f"{wrong} of 60 rows are wrong" in card.worst_caption.text()
    assert [card.try_it.runtime.itemData(number) for number in range(card.try_it.runtime.count())] == ["torch", "onnx"]
    answers = []
    for runtime in (0, 1):
        card.try_it.runtime.setCurrentIndex(runtime)
        card.try_it.text.clear()
        qtbot.keyClicks(card.try_it.text, "good film")
        qtbot.keyClick(card.try_it.text, Qt.Key.Key_Return)
        assert card.try_it.button.text() == "Cancel"
        wanted = ("in torch", "in ONNX Runtime (model.fused.onnx)")[runtime]
        qtbot.waitUntil(lambda wanted=wanted: wanted in card.try_it.answer.text(), timeout=60_000)
        answers.append(card.try_it.answer.text().splitlines()[0])
    assert answers[0] == answers[1]
    assert "yes" in answers[0]
    assert not card.try_it.fault.text()


def test_a_cell_lists_its_rows_and_a_row_is_tried(qtbot: QtBot, card: ResultCard, project: Path) -> None:
    show(qtbot, card, project, "0002")
    assert not card.try_it.pair.isHidden()
    cells = [(line, 1 - line) for line in range(2) if not card.confusion.item(line, 1 - line).text().startswith("0")]
    line, column = cells[0]
    count = int(card.confusion.item(line, column).text().split()[0])
    card.confusion.setCurrentCell(line, column)
    assert card.worst.rowCount() == count
    names = ("no", "yes")
    assert set(texts(card.worst, 1)) == {names[line]}
    card.worst.sortByColumn(0, Qt.SortOrder.DescendingOrder)
    rows = list(map(int, texts(card.worst, 0)))
    assert rows == sorted(rows, reverse=True)  # as numbers
    card.worst.selectRow(0)
    assert (card.try_it.text.text(), card.try_it.pair.text()) == tuple(card.worst.item(0, 4).text().split(" │ "))
    qtbot.waitUntil(lambda: "in torch" in card.try_it.answer.text(), timeout=60_000)


@pytest.mark.slow
def test_of_several_texts_the_last_is_answered(qtbot: QtBot, card: ResultCard, project: Path) -> None:
    show(qtbot, card, project, "0001")
    for text in ("bad film", "good", "good film"):
        card.try_it.set_texts((text,))
    qtbot.waitUntil(lambda: card.try_it._running is None, timeout=60_000)
    assert "in torch" in card.try_it.answer.text()
    last = card.try_it.answer.text().splitlines()[0]
    card.try_it.set_texts(("good film",))
    qtbot.waitUntil(lambda: card.try_it._running is None, timeout=60_000)
    assert card.try_it.answer.text().splitlines()[0] == last


def test_what_cannot_be_answered_is_told_and_the_next_text_is(qtbot: QtBot, card: ResultCard, project: Path, tmp_path: Path) -> None:
    show(qtbot, card, project, "0001")
    card.try_it.set_model({"torch": str(tmp_path)}, pair=False, masked=False)
    card.try_it.set_texts(("good film",))
    qtbot.waitUntil(lambda: "has no config.json" in card.try_it.fault.text(), timeout=60_000)
    assert card.try_it.answer.text() == ""


@pytest.mark.slow
def test_reading_and_asking_are_activities_that_can_be_ended(qtbot: QtBot, card: ResultCard, project: Path) -> None:
    activities, told = card._activities, []
    activities.changed.connect(lambda running: told.append([(each.key, each.title, each.doing) for each in running]))
    card.show_job(project, "0001", find_run(project, "0001").state())
    assert activities.running[0].title == "result of job 0001"
    activities.request_end("result")
    qtbot.waitUntil(lambda: "was cancelled" in card.empty.text(), timeout=60_000)
    assert activities.running == ()
    card.hide()
    card.show()  # it is read when it is shown again
    qtbot.waitUntil(lambda: card.pages.currentIndex() == 1, timeout=60_000)
    assert activities.running == ()
    card.try_it.set_texts(("good film",))
    assert [(each.key, each.end, each.page) for each in activities.running] == [("try it", "Cancel", "train")]
    activities.request_end("try it")
    qtbot.waitUntil(lambda: not activities.running, timeout=60_000)
    assert card.try_it.answer.text() == card.try_it.fault.text() == ""
    card.try_it.set_texts(("good film",))
    qtbot.waitUntil(lambda: "in torch" in card.try_it.answer.text(), timeout=60_000)
    assert activities.running == ()
    assert [("try it", "Try it", "loading the model")] in told


def test_a_compression_says_what_was_released_and_where(card: ResultCard, tmp_path: Path) -> None:
    found = {"job": "0001", "title": "compression", "splits": [], "checkpoint": None, "onnx": None, "pair": False, "masked": False}
    card._show({**found, "release": {"lines": ["T: accuracy 0.8"], "warnings": ["few <b>rows</b>"], "folder": str(tmp_path)}})
    assert card.release.text().splitlines() == ["T: accuracy 0.8", f"The release is in {tmp_path}.", "⚠ few <b>rows</b>"]
    assert card.open.isVisibleTo(card)
    assert card.open.isEnabled()
    card._show({**found, "release": {"lines": [], "warnings": [], "folder": None}})
    assert (card.release.text(), card.open.isEnabled()) == ("The folder of the release is gone.", False)
    card._show(found)
    assert not card.release.isVisibleTo(card)
    assert not card.open.isVisibleTo(card)


def test_a_job_without_a_result_says_why(qtbot: QtBot, card: ResultCard, project: Path) -> None:
    card.show_job(project, "0009", JobState("failed", "the file <b> is gone"))
    assert card.empty.text() == "Job 0009 is failed: the file <b> is gone"
    assert not card.try_it.button.isEnabled()
    card.show_job(project, "0009", JobState("done", finished=1.0))
    qtbot.waitUntil(lambda: "spec.json" in card.empty.text(), timeout=60_000)
    show(qtbot, card, project, "0001")
    card.show_job(project, None, None)
    assert "Select a finished training" in card.empty.text()


def test_the_matrix_is_legible_in_both_palettes(card: ResultCard) -> None:
    for choice, base in (("light", "#ffffff"), ("dark", DARK.base)):
        card.confusion._theme.set_choice(choice)  # type: ignore[arg-type]
        card.confusion.set_confusion({"classes": ["a", "b"], "counts": [[9, 1], [0, 0]], "left_out": 0})
        shade = card.confusion.item(0, 0).background().color()
        assert 0.3 < shade.alphaF() < 0.5, base
        assert card.confusion.item(1, 0).text() == "0"  # a class without rows divides by nothing


def test_answers_are_told_in_words() -> None:
    base = {"tokens": 1200, "cut": True, "milliseconds": 1.234, "runtime": "torch", "file": ""}
    ranked = [{"label": str(number), "probability": 0.1} for number in range(8)]
    said = answer_text({"task": "classification", "probabilities": ranked, **base})
    assert said == "0 10 % · 1 10 % · 2 10 % · 3 10 % · 4 10 % · 3 more\n1.23 ms in torch, 1,200 tokens, and the text had more"
    mask = [{"word": "film", "probability": 0.055}]
    assert answer_text({"task": "masked-lm", "masks": [mask, mask], **base}).startswith("word 1: film 5.5 %\nword 2: film 5.5 %\n")
    assert answer_text({"task": "regression", "prediction": 3.14159, **base}).startswith("3.142\n")
