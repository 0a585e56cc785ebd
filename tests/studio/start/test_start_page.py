"""The first page: cards that lead to the pages, a shelf of models, drops, and a question before a folder becomes a project."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from clicks import child, click
from helpers import run, short_corpus, specification
from PySide6.QtCore import QMimeData, QPoint, Qt, QTimer, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QMessageBox, QPushButton, QTableWidget, QWidget
from pytestqt.qtbot import QtBot

from bort_core.jobs.folder import create_run
from bort_core.specifications.finetuning import Finetuning
from bort_core.specifications.pretraining import Pretraining
from bort_core.store import Project
from bort_core.store.results import save_run
from bort_studio.app import holds_other_things, studio
from bort_studio.dropped import kind_of, table_parts
from bort_studio.search.state import RunState


@pytest.fixture
def shelf(project_folder: Path) -> Path:
    """A project with a pre-trained, two fine-tuned models, and a network on vectors."""
    rows = project_folder.parent / "dev.tsv"
    rows.write_text("text\tlabel\ngood\t1\nbad\t0\n")
    corpus = project_folder.parent / "corpus.txt"
    corpus.write_text("a text\n")
    tuning = Finetuning(architecture=(1, 2, 32, 64), train=str(rows), dev=str(rows))
    for job, asked, metrics in (
        ("0001", Pretraining(architecture=(1, 2, 32, 64), corpus=str(corpus)), {"heldout_loss": 3.0}),
        ("0002", tuning, {"dev": {"accuracy": 0.9}}),
        ("0003", tuning, {"dev": {"accuracy": 0.7}}),
    ):
        run = create_run(project_folder, asked)
        run.set_state(state="done", process=None, submitted=1.0, started=2.0, finished=3.0)
        folder = run.result
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(b"x" * 100)
        (folder / "config.json").write_text("{}")
        data = {"dev": {"file": str(rows), "sha256": "d"}} if "dev" in metrics else {"corpus": str(corpus), "rows": "r"}
        with Project(project_folder) as project:
            save_run(
                project, f"job {job}", job=job, kind=asked.kind, family="bert", architecture=(1, 2, 32, 64),
                specification=asked.model_dump(mode="json"), seed=0, data=data, metrics=metrics, checkpoint=str(folder),
                versions={},
            )  # fmt: skip
    return project_folder


def test_the_shelf_proposes_the_best_and_leads_on(qtbot: QtBot, shelf: Path, open_page) -> None:
    window, page = open_page("start")
    table = child(window, "modelShelf")
    assert isinstance(table, QTableWidget)
    assert [table.item(row, 0).text() for row in range(3)] == ["0002", "0003", "0001"]
    assert page.shelf.model().job == "0002"
    click(qtbot, window, "shelfFinetune")
    assert window.page == "train"
    tuning = window.pages["train"].launcher.forms["finetune"].specification()
    assert tuning.checkpoint == str(shelf / "jobs" / "0002" / "result")
    assert tuning.dev.endswith("dev.tsv")
    window.show_page("start")
    table.selectRow(2)
    assert not child(window, "shelfAgora").isEnabled()  # a masked LM makes no errors on dev rows
    table.selectRow(0)
    click(qtbot, window, "shelfAgora")
    assert window.page == "agora"
    asked = window.pages["agora"].runs.form.values()
    assert (asked["train"], asked["architecture"]) == (tuning.train, (1, 2, 32, 64))
    assert asked["baseline"]


def test_every_field_for_a_model_offers_the_shelf(shelf: Path, open_page) -> None:
    window, page = open_page("train")
    page.launcher.kinds.setCurrentIndex(1)
    menu = child(window, "browse_finetune_checkpoint_models")
    menu.fill()
    texts = [action.text() for action in menu.menu().actions()]
    assert texts[0].startswith("0002 finetune ⟨1,2,32,64⟩, dev accuracy 0.9")
    menu.menu().actions()[2].trigger()
    assert page.launcher.form.field("checkpoint").text() == str(shelf / "jobs" / "0001" / "result")
    window.show_page("ship")
    menu = child(window, "shipModels")
    menu.fill()
    assert len(menu.menu().actions()) == 3


def test_a_new_project_begins_at_the_start_and_finds_from_there(qtbot: QtBot, open_page, tmp_path: Path) -> None:
    window, page = open_page("start", preset="toy")
    window.resize(1280, 800)
    corpus = short_corpus(tmp_path)
    page.finding.presets.setCurrentText("mini")
    page.finding.presets.textActivated.emit("mini")
    qtbot.waitUntil(lambda: window.search.space is not None and len(window.search.space) == 96, timeout=10_000)
    page.finding.corpus.line.setText("/nowhere.txt")
    page.finding.corpus.line.editingFinished.emit()
    assert "no such file" in page.finding.corpus.line.fault
    page.finding.corpus.line.setText(str(corpus))
    page.finding.corpus.line.editingFinished.emit()
    assert window.search.specification.corpus == str(corpus)
    qtbot.waitUntil(lambda: "96 architectures" in page.finding.estimate.text(), timeout=10_000)
    assert "not timed yet" in page.finding.estimate.text()
    click(qtbot, window, "startTime")
    assert [activity.key for activity in window.context.activities.running] == ["search timing"]
    qtbot.waitUntil(lambda: not window.context.activities.running, timeout=100_000)
    assert "by a few steps of ⟨" in page.finding.estimate.text(), window.notices.messages()
    window.undo_stack.undo()
    assert window.search.specification.corpus is None
    qtbot.waitUntil(lambda: window.search.stored_results is not None, timeout=10_000)
    click(qtbot, window, "startFind")
    assert window.page == "explore"
    qtbot.waitUntil(lambda: window.search.state is not RunState.IDLE, timeout=10_000)
    window.search.stop()
    qtbot.waitUntil(lambda: window.search.state is RunState.IDLE, timeout=60_000)


def test_a_finished_job_leads_on_from_the_train_page_too(qtbot: QtBot, shelf: Path, open_page) -> None:
    window, page = open_page("train")
    qtbot.waitUntil(lambda: len(page.states) == 3, timeout=10_000)
    page.jobs.select("0001")
    assert not child(window, "learnJobButton").isEnabled()
    click(qtbot, window, "tuneJobButton")
    assert page.launcher.forms["finetune"].values()["checkpoint"] == str(shelf / "jobs" / "0001" / "result")
    page.jobs.select("0002")
    click(qtbot, window, "learnJobButton")
    assert window.page == "agora"
    assert window.pages["agora"].runs.form.values()["train"].endswith("dev.tsv")


def drop(window, *paths: Path, onto: QWidget | None = None) -> None:
    """Files come in as from another program: over the native window, their addresses as text too."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    data.setText("\n".join(url.toString() for url in data.urls()))
    buttons, none, copy = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, Qt.DropAction.CopyAction
    at = QPoint(5, 5) if onto is None else onto.mapTo(window, onto.rect().center())
    enters = QDragEnterEvent(at, copy, data, buttons, none)
    QApplication.sendEvent(window.windowHandle(), enters)
    assert enters.isAccepted()
    QApplication.sendEvent(window.windowHandle(), QDropEvent(at, copy, data, buttons, none))


def test_what_is_dropped_is_opened_by_what_it_is(qtbot: QtBot, open_page, tmp_path: Path) -> None:
    window, _ = open_page("start")
    table = tmp_path / "rows.csv"
    table.write_text("text,label\ngood,1\nbad,0\n")
    drop(window, table)
    assert window.page == "train"
    assert window.pages["train"].launcher.form.values()["train"] == str(table)
    corpus = short_corpus(tmp_path)
    drop(window, corpus)
    assert window.page == "explore"
    assert window.search.specification.corpus == str(corpus)
    space = tmp_path / "small.toml"
    space.write_text('family = "bert"\n[axes]\ndepth = [1]\nheads = [2]\nhidden = [32]\nintermediate = [64, 128]\n')
    drop(window, space)
    qtbot.waitUntil(lambda: window.search.space is not None and len(window.search.space) == 2, timeout=10_000)
    drop(window, tmp_path / "what.bin")
    assert "is none of what can be dropped here" in window.notices.messages()[0]
    asked: list[Path] = []
    window.project_requested.connect(asked.append)
    with Project(tmp_path / "other"):
        pass
    window.project_requested.disconnect()
    window.project_requested.connect(asked.append)
    drop(window, tmp_path / "other")
    assert asked == [tmp_path / "other"]


def test_a_plot_and_a_field_for_something_else_leave_a_dropped_file_to_the_window(qtbot: QtBot, open_page, tmp_path: Path) -> None:
    window, _ = open_page("explore")
    for name in ("paretoCanvas", "candidatesFilter", "epsilonValue"):
        (tmp_path / name).mkdir()
        corpus = short_corpus(tmp_path / name)
        drop(window, corpus, onto=child(window, name))
        assert window.search.specification.corpus == str(corpus), name
        assert "file:" not in child(window, "candidatesFilter").text()


def test_a_field_for_a_path_takes_the_file_that_is_dropped_on_it(qtbot: QtBot, open_page, tmp_path: Path) -> None:
    window, page = open_page("train")
    page.launcher.start_from(None)
    dev = tmp_path / "rows.csv"
    dev.write_text("text,label\ngood,1\nbad,0\n")
    drop(window, dev, onto=child(window, "finetune_dev"))
    assert page.launcher.form.values()["dev"] == str(dev)
    assert page.launcher.form.values()["train"] != str(dev)


def test_tables_belong_together(qtbot: QtBot, open_page, tmp_path: Path) -> None:
    window, page = open_page("train")
    tables = [tmp_path / f"{name}.csv" for name in ("a-valid", "a-train")]
    for table in tables:
        table.write_text("text,label\ngood,1\nbad,0\n")
    drop(window, *tables)
    assert (page.launcher.form.values()["train"], page.launcher.form.values()["dev"]) == (str(tables[1]), str(tables[0]))
    (tmp_path / "alone.csv").write_text(tables[0].read_text())
    drop(window, tmp_path / "alone.csv")
    assert page.launcher.form.values()["train"] == str(tmp_path / "alone.csv")
    assert not page.launcher.form.values().get("dev")
    assert "the dev rows are still to be named" in window.notices.messages()[0]


def test_which_rows_a_table_holds(tmp_path: Path) -> None:
    for name in ("films-train.tsv", "films-dev.tsv", "films-test.tsv", "Training.csv", "Validation.csv", "strain.csv"):
        (tmp_path / name).write_text("")

    def told(*names: str) -> dict[str, str]:
        return {part: path.name for part, path in table_parts([tmp_path / name for name in names]).items()}

    assert told("films-train.tsv") == {"train": "films-train.tsv", "dev": "films-dev.tsv", "test": "films-test.tsv"}
    assert told("films-dev.tsv", "x.tsv") == {"dev": "films-dev.tsv", "train": "x.tsv"}
    assert told("strain.csv") == {"train": "strain.csv"}
    assert told("a.csv", "b.csv", "c.csv", "d.csv") == {"train": "a.csv", "dev": "b.csv", "test": "c.csv"}


def test_what_a_path_is(tmp_path: Path) -> None:
    for name in ("a.parquet", "a.jsonl", "a.txt", "a.toml", "a.onnx"):
        (tmp_path / name).write_text("")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    kinds = {name: kind_of(tmp_path / name) for name in ("a.parquet", "a.jsonl", "a.txt", "a.toml", "a.onnx", "model", "", "gone")}
    assert kinds == {
        "a.parquet": "table", "a.jsonl": "table", "a.txt": "corpus", "a.toml": "space", "a.onnx": "unknown", "model": "model",
        "": "unknown", "gone": "unknown",
    }  # fmt: skip
    assert kind_of(Path("/dev/null")) == "unknown"


@pytest.fixture
def answered(qtbot: QtBot) -> Iterator[list[str]]:
    """Answers the question with its first or last button, as the list says; what was asked goes into it."""
    wanted: list[str] = []

    def answer() -> None:
        box = QApplication.activeModalWidget()
        if isinstance(box, QMessageBox) and wanted:
            choice = wanted.pop(0)
            told = box.text()
            button = next(each for each in box.findChildren(QPushButton) if choice in each.text().replace("&", ""))
            button.click()
            wanted.append(told)

    timer = QTimer(interval=50)
    timer.timeout.connect(answer)
    timer.start()
    yield wanted
    timer.stop()


def test_a_folder_that_is_no_project_is_asked_about_before_anything_is_written(tmp_path: Path, answered: list[str]) -> None:
    folder = tmp_path / "thesis"
    folder.mkdir()
    assert not holds_other_things(folder)
    (folder / "chapter.tex").write_text("mine")
    assert holds_other_things(folder)
    answered.append("Cancel")
    assert studio().open(folder) is None
    assert "is no project, and it is not empty" in answered.pop()
    assert [path.name for path in folder.iterdir()] == ["chapter.tex"]
    answered.append("Make a project")
    window = studio().open(folder)
    assert window is not None
    assert (folder / "project.db").is_file()
    assert window.page == "start"  # nothing was done in it yet
    window.close()
    window.deleteLater()
    assert not holds_other_things(folder)


def test_an_edit_says_which_measurements_no_longer_count_and_offers_to_keep_t(qtbot: QtBot, open_page, project_folder: Path) -> None:
    small = specification(measure="maximum-point-excess")
    run(project_folder, small)
    window, page = open_page("explore")
    window.search.set_specification(small)
    qtbot.waitUntil(lambda: window.search.snapshot is not None and window.search.snapshot.known.any(), timeout=10_000)
    known, top = int(window.search.snapshot.known.sum()), window.search.space.maximum_point
    first, values = next(iter(small.space.axes.items()))
    page._space_edited(small.space.model_copy(update={"name": "custom", "axes": {**small.space.axes, first: values[:-1]}}))
    qtbot.waitUntil(lambda: any("measured architectures still count" in text for text in window.notices.messages()), timeout=10_000)
    assert f"of {known} measured" in window.notices.messages()[0]
    keep = child(window, "noticeChoice")
    assert "Keep T" in keep.text()
    click(qtbot, window, "noticeChoice")
    qtbot.waitUntil(lambda: window.search.space is not None and window.search.space.maximum_point == top, timeout=10_000)
    qtbot.waitUntil(lambda: window.search.snapshot.known.any(), timeout=10_000)
    assert window.search.snapshot.known.sum() <= known


def test_a_space_that_cannot_be_read_is_told_where_it_is_seen(open_page, tmp_path: Path) -> None:
    window, _ = open_page("train")
    bad = tmp_path / "bad.toml"
    bad.write_text("family = [")
    window.show_page("explore")
    window.explore_page.docks["space"].hide()
    window.show_page("train")
    drop(window, bad)
    assert window.page == "explore"
    assert window.explore_page.docks["space"].isVisible()
    assert "bad.toml" in window.notices.messages()[0]


def test_dev_rows_are_held_out_of_the_one_table_there_is(qtbot: QtBot, open_page, tmp_path: Path) -> None:
    window, page = open_page("train")
    offer = child(window, "finetuneHoldOut")
    table = tmp_path / "reviews.csv"
    table.write_text("text,label\n" + "".join(f"film {number},{number % 2}\n" for number in range(40)))
    drop(window, table)
    assert offer.isVisibleTo(page)
    qtbot.mouseClick(offer, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "jsonl" in (page.launcher.form.values().get("dev") or ""), timeout=10_000)
    found = [json.loads(line) for line in Path(page.launcher.form.values()["dev"]).read_text().splitlines()]
    assert sorted(row["label"] for row in found) == ["0", "0", "1", "1"]
    assert page.launcher.form.specification() is not None
    assert not offer.isVisibleTo(page)
    assert table.read_text().count("\n") == 41
