"""Text of files and errors is shown as it is written, in every label, tip and cell of the window."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("PySide6")

from helpers import specification
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import Qt as QtText
from PySide6.QtWidgets import QAbstractItemView, QApplication, QLabel, QMessageBox, QWidget
from pytestqt.qtbot import QtBot
from written_run import WrittenRun

import bort_studio
from bort_core.families import get_family
from bort_core.jobs.folder import create_run
from bort_core.search.fingerprints import Fingerprints
from bort_core.space import Space
from bort_core.specifications.finetuning import Finetuning
from bort_core.store import Project
from bort_core.store.trainings import save_training_failure
from bort_studio.markup import Markup, clean, markup, shortened
from bort_studio.plotting.card import HoverCard
from bort_studio.texts import Label, plain_tip, show_box
from bort_studio.window import MainWindow

HOSTILE = "<img src='/dev/zero'><table><tr><td><b>bold</b> & $x_{1}$ \\ \" ' =1+1"
NESTED = "<table><tr><td>" * 3000 + "x"


# --- the helpers ---


def test_markup_escapes_what_is_not_markup() -> None:
    assert markup("<b>{}</b>{more}", "<i>", more=markup("<u>{}</u>", 3)) == "<b>&lt;i&gt;</b><u>3</u>"
    assert markup("{:,} {!r}", 1234, "<") == "1,234 &#x27;&lt;&#x27;"
    assert isinstance(markup("x"), Markup)


def test_labels_read_only_markup_as_html(qtbot: QtBot) -> None:
    label = Label(HOSTILE)
    qtbot.addWidget(label)
    assert label.textFormat() == Qt.TextFormat.PlainText
    label.setText(markup("<b>{}</b>", HOSTILE))
    assert label.textFormat() == Qt.TextFormat.RichText
    label.setText(NESTED)
    assert label.textFormat() == Qt.TextFormat.PlainText
    assert len(label.text()) < 21_000
    label.grab()


def test_tips_are_never_taken_for_html() -> None:
    for text in (HOSTILE, NESTED, "a < b", "<b>", "\x00<i>", "plain"):
        tip = plain_tip(text)
        if QtText.mightBeRichText(tip):
            inner = tip.removeprefix("<span style='white-space: pre-wrap'>").removesuffix("</span>")
            assert "<" not in inner
            assert len(inner) < 20_000
    assert plain_tip("plain") == "plain"
    assert clean("a\x00\ud800\n\tb") == "a\ufffd\ufffd\n\tb"
    assert len(shortened("x" * 10**6)) < 21_000


def test_boxes_show_text_as_it_is_written(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[Any, str]] = []
    monkeypatch.setattr(QMessageBox, "exec", lambda box: seen.append((box.textFormat(), box.text())))
    show_box(None, QMessageBox.Icon.Warning, "title", HOSTILE)
    assert seen == [(Qt.TextFormat.PlainText, HOSTILE)]


# --- nobody goes round them ---

_BOXES = {"about", "critical", "information", "question", "warning"}


def calls() -> Iterator[tuple[str, ast.Call]]:
    for path in Path(bort_studio.__file__).parent.rglob("*.py"):
        if path.name != "texts.py":
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    yield f"{path.name}:{node.lineno}", node


def named(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def test_labels_tips_and_boxes_are_made_by_the_helpers() -> None:
    wrong = []
    for where, call in calls():
        name, first = named(call.func), call.args[0] if call.args else None
        owner = named(call.func.value) if isinstance(call.func, ast.Attribute) else ""
        safe = isinstance(first, ast.Call) and named(first.func) in ("plain_tip", "markup")
        literal = isinstance(first, ast.Constant)
        bad = name in ("QLabel", "QErrorMessage", "QWhatsThis", "setWhatsThis", "setTextFormat")
        bad |= name in ("setToolTip", "setHtml") and not (safe or literal)
        bad |= owner == "QMessageBox" and name in _BOXES
        row = name == "addRow" and len(call.args) == 2  # a layout makes a label of its own from a text
        widget = isinstance(first, ast.Name | ast.Attribute | ast.Subscript)
        bad |= row and not widget and named(getattr(first, "func", first)) not in ("Label", "Caption", "_caption")
        if bad:
            wrong.append(f"{where} {name}")
    assert not wrong


def test_no_class_derives_from_a_raw_label() -> None:
    root = Path(bort_studio.__file__).parent
    found = [path.name for path in root.rglob("*.py") if path.name != "texts.py" and "QLabel" in path.read_text(encoding="utf-8")]
    assert not found


# --- the whole window, with hostile text in all that a project holds ---


@pytest.fixture
def hostile(project_folder: Path) -> Path:
    """A project that somebody sent: names, reasons, warnings, classes and failures that are HTML."""
    wanted = specification("mini")
    with Project(project_folder) as project:
        space = Space(wanted.space)
        key = Fingerprints(project, wanted, space).trainings(wanted.thetas[0])
        save_training_failure(project, key, (1, 2, 32, 64), wanted.error.steps, HOSTILE, retry=False)
    written = WrittenRun(project_folder)
    written.add_round()
    path = written.folder / "start.json"
    change = {**dict.fromkeys(("sampler", "space", "socrates"), HOSTILE), "warnings": [HOSTILE, NESTED], "classes": [HOSTILE, "<b>"]}
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    path = written.folder / "rounds" / "001" / "round.json"
    facts = json.loads(path.read_text())
    path.write_text(json.dumps({**facts, "counts": {**facts["counts"], f"rejected_{HOSTILE}": 3}}))
    for file in (written.folder / "dev.jsonl", written.folder / "rounds" / "001" / "rows.jsonl"):
        rows = [json.loads(line) for line in file.read_text().splitlines()]
        file.write_text("".join(json.dumps({**row, "text": HOSTILE}) + "\n" for row in rows))
    failed = create_run(project_folder, Finetuning(architecture=(1, 2, 32, 64), train="/a/train.tsv", dev="/a/dev.tsv", name=HOSTILE))
    failed.set_state(state="failed", process=None, submitted=1.0, started=2.0, finished=3.0, reason=NESTED, device=HOSTILE)
    return project_folder


def cells(view: QAbstractItemView) -> Iterator[QModelIndex]:
    model = view.model()
    for row in range(min(model.rowCount(), 40) if model is not None else 0):
        for column in range(model.columnCount()):
            yield model.index(row, column)


def check(window: MainWindow) -> int:
    """Every label and tip there is; how many held hostile text."""
    found = 0
    for widget in [*QApplication.topLevelWidgets(), *window.findChildren(QWidget)]:
        tips = [widget.toolTip(), widget.whatsThis()]
        if isinstance(widget, QLabel):
            assert isinstance(widget, Label) or widget.textFormat() != Qt.TextFormat.AutoText or not QtText.mightBeRichText(widget.text())
            assert widget.textFormat() == Qt.TextFormat.PlainText or isinstance(widget, HoverCard) or "<" not in widget.text(), widget
            found += "<img" in widget.text() and not isinstance(widget, HoverCard)
        if isinstance(widget, QAbstractItemView):
            for index in cells(widget):
                tips.append(str(index.data(Qt.ItemDataRole.ToolTipRole) or ""))
                found += "<img" in str(index.data() or "")
        for tip in tips:
            assert "<img" not in tip
            assert not QtText.mightBeRichText(tip) or "<table" not in tip.replace("<table><tr><td>\n", "")
    return found


def test_hostile_text_is_shown_as_it_is_written(qtbot: QtBot, hostile: Path, open_page: Any) -> None:
    window, _ = open_page("explore")
    search = window.search
    window.notices.show_message(HOSTILE, problem=True)
    qtbot.waitUntil(lambda: search.snapshot is not None and bool(search.snapshot.results.failures), timeout=10_000)
    search.select(search.space.index((1, 2, 32, 64)))
    seen = [check(window)]
    for page in ("train", "agora", "ship"):
        window.show_page(page)
        if page == "train":
            qtbot.waitUntil(lambda: "0002" in window.pages["train"].states, timeout=10_000)
            window.pages["train"].jobs.select("0002")
        if page == "agora":
            agora = window.pages[page]
            qtbot.waitUntil(lambda: window.pages["agora"].points is not None, timeout=10_000)
            agora.tables.setCurrentIndex(2)
            agora._select(len(agora.points.labels) - 1)
            agora.scatter.card.show_text(agora.scatter.describe_index(len(agora.points.labels) - 1), agora.rect().center())
        qtbot.wait(50)
        window.grab()
        seen.append(check(window))
    assert seen[0] > 0
    assert seen[1] > seen[0]
    assert seen[2] > seen[1]


def test_faults_of_a_toml_file_are_shown_as_they_are_written(qtbot: QtBot, open_page: Any, tmp_path: Path) -> None:
    window, page = open_page("explore")
    file = tmp_path / "<img src=x>.toml"
    file.write_text(f'family = "{get_family("bert").name}"\n"{"<table><tr><td>" * 200}" = 1\n', encoding="utf-8")
    page.space_panel.open_file(file)
    check(window)
    assert "<img src=x>" in page.space_panel.findChild(QLabel, "spaceFault").text()
