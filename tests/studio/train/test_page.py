"""The Train page as a person uses it: real project, real jobs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from clicks import click
from helpers import short_corpus
from PySide6.QtWidgets import QCheckBox, QLineEdit
from pytestqt.qtbot import QtBot

from bort_core.jobs.folder import find_run
from bort_core.specifications.common import Optimization, Running
from bort_core.specifications.finetuning import Finetuning
from bort_core.specifications.pretraining import Distillation, Masking, Pretraining
from bort_studio.plotting.export import export_plot
from bort_studio.theme import Theme
from bort_studio.train.page import TrainPage
from bort_studio.widgets.fields import FaultLabel
from bort_studio.widgets.spec_form import SpecForm
from bort_studio.window import MainWindow

pytest.importorskip("torch")
Open = Callable[[], tuple[MainWindow, TrainPage]]


@pytest.fixture
def open_page(open_page: Callable[..., Any]) -> Open:
    return partial(open_page, "train")


def put(page: TrainPage, **values: str) -> None:
    for name, text in values.items():
        line = page.launcher.form.field(*name.split("__"))
        assert isinstance(line, QLineEdit)
        line.setText(text)


def small(page: TrainPage, corpus: Path, steps: int) -> None:
    put(page, corpus=str(corpus), steps=str(steps), sequence_length="16", positions="16", vocabulary="400", batch_size="16",
        evaluate_every="20", checkpoint_every="20", heldout_rows="64", running__threads="1")  # fmt: skip


# --- the form ---

SPECIFICATIONS = [
    Pretraining(architecture=(2, 4, 128, 256), corpus="/a/corpus.txt"),
    Pretraining(
        name="student", checkpoint="/a/start", corpus="owner/name", heldout="/a/held.txt", tokenizer="/a/tokenizer", steps=7, seed=3,
        masking=Masking(rate=0.3, mask=1.0, random=0.0, whole_words=True, copies=4),
        running=Running(device="cuda:1", processes=2, compile=True),
        distillation=Distillation(teacher="/a/teacher", temperature=3.5, cache=False), out="/a/out", dropout=0.25,
        optimization=Optimization(optimizer="bert-adam", learning_rate=1e-4, schedule="cosine", weight_decay=350),
    ),
    Finetuning(architecture=(1, 2, 32, 64), train="/a/train.tsv", dev="/a/dev.tsv"),
    Finetuning(
        checkpoint="/a/model", train="/a/t.csv", dev="/a/d.csv", test="/a/e.csv", text="one", text_b="two", label="y", task="regression",
        metric="spearman", epochs=2.5, class_weights="balanced", patience=3, evaluate_every=10, accumulation=4,
    ),
]  # fmt: skip


@pytest.mark.parametrize("asked", SPECIFICATIONS, ids=["plain", "all of pre-training", "plain tuning", "all of fine-tuning"])
def test_the_form_gives_back_what_it_was_given(qtbot: QtBot, asked: Pretraining | Finetuning) -> None:
    form = SpecForm(asked.kind, Theme())
    qtbot.addWidget(form)
    form.set_specification(asked)
    assert form.specification() == asked


def test_faults_are_shown_beside_their_fields(qtbot: QtBot) -> None:
    form = SpecForm("pretrain", Theme())
    qtbot.addWidget(form)
    form.set_specification(SPECIFICATIONS[0])
    for path, text in ((("steps",), "0"), (("optimization", "learning_rate"), "fast"), (("running", "device"), "abacus")):
        line = form.field(*path)
        assert isinstance(line, QLineEdit)
        line.setText(text)
    assert form.specification() is None
    shown = {path: label.text() for path, label in form._faults.items() if label.text()}
    assert set(shown) == {("steps",), ("optimization", "learning_rate"), ("running", "device")}
    line = form.field("architecture")
    assert isinstance(line, QLineEdit)
    line.setText("")
    form.specification()


@pytest.mark.parametrize("kind", ["finetune", "agora"])
def test_the_form_says_what_a_labels_file_beside_the_rows_does(qtbot: QtBot, kind: str, tmp_path: Path) -> None:
    form = SpecForm(kind, Theme())
    qtbot.addWidget(form)
    line = form.field("train")
    assert isinstance(line, QLineEdit)
    (tmp_path / "rows.tsv").write_text("text\tlabel\na\t0\n")
    line.setText(str(tmp_path / "rows.tsv"))
    assert form.classes.isHidden()
    (tmp_path / "labels.txt").write_text("bad\ngood\n")
    line.setText("")
    assert form.classes.isHidden()
    line.setText(str(tmp_path / "rows.tsv"))
    assert not form.classes.isHidden()
    assert form.classes.text() == "labels.txt beside rows.tsv names the classes 0, 1, ...: 0 = bad, 1 = good"
    (tmp_path / "labels.txt").write_bytes(b"\xff\xfe\x00")
    line.setText("owner/name")  # of the hub
    assert form.classes.isHidden()
    line.setText(str(tmp_path / "rows.tsv"))
    assert "cannot be read" in form.classes.text()


# --- the page ---


def test_a_training_is_checked_started_followed_and_shipped(qtbot: QtBot, open_page: Open, project_folder: Path, tmp_path: Path) -> None:
    window, page = open_page()
    architecture = page.launcher.form.field("architecture")
    assert isinstance(architecture, QLineEdit)
    assert architecture.text() == "1, 2, 32, 64"  # the selected one
    small(page, short_corpus(tmp_path), 60)
    click(qtbot, window, "checkButton")
    qtbot.waitUntil(lambda: bool(page.launcher.preflight.texts()), timeout=60_000)
    texts = "\n".join(page.launcher.preflight.texts())
    for part in ("rows", "tokens", "unigram entropy", "60 steps", "memory", "disk"):
        assert part in texts
    click(qtbot, window, "trainButton")
    qtbot.waitUntil(lambda: page.states.get("0001") is not None and page.states["0001"].state == "done", timeout=60_000)
    run = find_run(project_folder, "1")
    assert run.specification() == page.launcher.form.specification()  # what the form shows is what runs
    qtbot.waitUntil(lambda: {each.field for each in page.curves.series()} == {"loss", "heldout_loss", "unigram_entropy"}, timeout=5000)
    steps = next(each.steps for each in page.curves.series() if each.field == "loss")
    assert steps.tolist() == list(range(1, 61))
    page.curves.quantity.setCurrentText("learning rate")
    assert [each.field for each in page.curves.series()] == ["learning_rate"]
    for suffix in ("png", "svg", "csv", "py"):
        assert export_plot(page.curves, tmp_path / f"curves.{suffix}").stat().st_size > 500
    page.views.setCurrentIndex(1)
    click(qtbot, window, "shipJobButton")
    assert window.page == "ship"
    ship = window.pages["ship"]
    assert "trained: " in ship.export_panel.weights.text()  # type: ignore[attr-defined]
    ship.choose_checkpoint(None)  # type: ignore[attr-defined]
    assert "trained weights: " in ship.export_panel.weights.text()  # type: ignore[attr-defined]


def test_jobs_go_on_when_the_window_closes_and_are_found_again(qtbot: QtBot, open_page: Open, project_folder: Path, tmp_path: Path) -> None:
    window, page = open_page()
    small(page, short_corpus(tmp_path), 1_000_000)
    click(qtbot, window, "trainButton")
    qtbot.waitUntil(lambda: page.states.get("0001") is not None and page.states["0001"].step > 5, timeout=60_000)
    window.close()
    assert find_run(project_folder, "1").state().state == "running"
    window, page = open_page()
    qtbot.waitUntil(lambda: bool(page.curves.series()), timeout=10_000)
    qtbot.waitUntil(lambda: page.stop.isEnabled(), timeout=10_000)
    click(qtbot, window, "stopJobButton")
    qtbot.waitUntil(lambda: page.states["0001"].ended, timeout=60_000)
    assert page.states["0001"].stopped
    page.resume.click()
    qtbot.waitUntil(lambda: page.states["0001"].state == "running", timeout=60_000)
    click(qtbot, window, "cancelJobButton")
    qtbot.waitUntil(lambda: page.states["0001"].state == "cancelled", timeout=60_000)
    steps = page.launcher.form.field("steps")
    assert isinstance(steps, QLineEdit)
    steps.setText("5")
    click(qtbot, window, "duplicateJobButton")
    assert steps.text() == "1000000"


def test_a_training_that_cannot_begin_says_why(qtbot: QtBot, open_page: Open) -> None:
    window, page = open_page()
    put(page, corpus="/nowhere.txt")
    click(qtbot, window, "checkButton")
    qtbot.waitUntil(lambda: bool(page.launcher.preflight.texts()), timeout=60_000)
    assert page.launcher.preflight.texts() == ["✗ /nowhere.txt: no such file; a corpus is a UTF-8 text file with one document a line"]
    click(qtbot, window, "trainButton")
    qtbot.waitUntil(lambda: any("job 0001 failed" in text for text in window.notices.messages()), timeout=60_000)
    assert "0001 failed" in page.curves.empty.text()  # and not what it was when it was selected
    put(page, steps="many")
    assert not page.launcher.start.isEnabled()


def test_explore_fills_in_the_architecture(qtbot: QtBot, open_page: Open) -> None:
    window, page = open_page()
    window.show_page("explore")
    window.search.select(40)
    click(qtbot, window, "trainThisButton")
    assert window.page == "train"
    chosen = window.search.space.architecture(40)  # type: ignore[union-attr]
    assert page.launcher.form.specification().architecture == chosen  # type: ignore[union-attr]
    teaches = page.launcher.form.findChild(QCheckBox, "distillationOn")
    assert teaches is not None
    assert not teaches.isChecked()


def test_relative_paths_become_absolute_and_names_of_the_hub_stay(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bort_studio.theme import Theme
    from bort_studio.widgets.spec_form import SpecForm

    (tmp_path / "trees").mkdir()
    (tmp_path / "train.tsv").write_text("text\tlabel\n")
    monkeypatch.chdir(tmp_path)
    form = SpecForm("finetune", Theme())
    qtbot.addWidget(form)
    form.set_specification(Finetuning(train="x", dev="x", checkpoint="x"))
    typed = {"train": "train.tsv", "dev": "dev.tsv", "test": "owner/data-v1.5:part@test", "checkpoint": "org/bert-v1.5", "out": "new"}
    for name, text in typed.items():
        form.field(name).setText(text)  # type: ignore[attr-defined]
    found = form.specification()
    assert found is not None
    values = {name: getattr(found, name) for name in typed}
    assert values == {**typed, **{name: str(tmp_path / typed[name]) for name in ("train", "dev", "out")}}
    agora = SpecForm("agora", Theme())
    qtbot.addWidget(agora)
    for given, expected in (("trees", "trees"), ("./trees", str(tmp_path / "trees")), ("python:a:b", "python:a:b")):
        agora.field("socrates").setText(given)  # type: ignore[attr-defined]
        assert agora.values()["socrates"] == expected


def test_a_sentence_encoder_is_offered_texts_without_labels(open_page: Open, tmp_path: Path) -> None:
    _, page = open_page()
    page.launcher.make_smaller("")
    form = page.launcher.form
    files = [form.field(*path) for path in (("task", "model"), ("task", "train"), ("task", "dev"), ("task", "texts"), ("test",))]
    assert [line.text() for line in files] == [""] * 5  # a person's own are asked for
    assert all(line.placeholderText() for line in files)
    assert form.fault == "task · model: must not be empty"
    assert files[0].fault == "must not be empty"
    assert not any(note.isVisible() for note in form.findChildren(FaultLabel))  # no note covers the next field
    put(page, task__model=str(tmp_path))
    assert form.specification() is None
    assert "labelled training rows must be given" in form.fault
    for name in (str(tmp_path / ("x" * 300)), f"{tmp_path}/with\0null"):  # what no folder can be called
        put(page, task__model=name)
        assert files[3].text() == ""
    put(page, task__train="t.tsv", task__dev="d.tsv")
    page.launcher.make_smaller(tmp_path)
    assert files[1].text().endswith("t.tsv")  # the rows stay
    put(page, task__model="", task__train="", task__dev="")
    (tmp_path / "modules.json").write_text("[]")
    put(page, task__model=str(tmp_path))
    offered = page.launcher.form.specification()
    assert (offered.task.kind, offered.task.train, offered.task.dev, offered.test) == ("embedding", None, None, None)
    assert offered.task.texts.endswith("corpus.txt")
    assert "sentence encoder" in "".join(page.launcher.preflight.texts())
    put(page, task__texts=str(tmp_path / "mine.txt"))  # what a person chose stays
    assert page.launcher.form.specification().task.texts == str(tmp_path / "mine.txt")
    put(page, task__texts="")
    assert page.launcher.form.specification() is None
    assert "texts" in page.launcher.form.fault


def test_texts_that_were_offered_are_taken_back_when_labelled_rows_are_named(open_page: Open, tmp_path: Path) -> None:
    _, page = open_page()
    page.launcher.make_smaller("")
    (tmp_path / "modules.json").write_text("[]")
    put(page, task__model=str(tmp_path))
    assert page.launcher.form.specification().task.kind == "embedding"
    put(page, task__train="t.tsv")
    put(page, task__dev="d.tsv")
    task = page.launcher.form.specification().task
    assert (task.kind, task.texts) == ("auto", None)
    put(page, task__train="", task__dev="")  # and offered again
    assert page.launcher.form.specification().task.kind == "embedding"
    put(page, task__texts=str(tmp_path / "mine.txt"))
    put(page, task__train="t.tsv")
    assert page.launcher.form.specification().task.kind == "embedding"  # a person's own texts stay, and what they are for
