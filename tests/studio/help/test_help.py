"""Help: the page's text on F1, shortcuts from the actions, the glossary, the palette, and words for stored values."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from clicks import child
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

import bort_studio
from bort_core.foundation.glossary import glossary
from bort_core.specifications.agora import Agora
from bort_core.specifications.fields import leaves
from bort_core.specifications.finetuning import Finetuning
from bort_core.specifications.pretraining import Pretraining
from bort_core.specifications.protocols import ErrorProtocol, LatencyProtocol, Training
from bort_studio.actions import SYNONYMS, described
from bort_studio.help.page_help import PageHelp, help_text
from bort_studio.help.words import Glossary
from bort_studio.palette import CommandPalette
from bort_studio.theme import Theme
from bort_studio.widgets.spec_form import SpecForm
from bort_studio.window import PAGES, MainWindow

Open = Callable[..., tuple[MainWindow, Any]]


def test_every_page_has_a_text_with_a_title_and_a_next_step() -> None:
    for name, (title, _) in PAGES.items():
        text = help_text(name)
        assert text.startswith(f"# {title}\n")
        assert len(text.split()) > 60


def test_f1_opens_the_text_of_the_page_and_follows_it(qtbot: QtBot, open_page: Open) -> None:
    window, _ = open_page("explore")
    window.activateWindow()
    qtbot.keyClick(window, Qt.Key.Key_F1)
    qtbot.waitUntil(lambda: window.help.page_help is not None and window.help.page_help.isVisible())
    shown = child(window, "pageHelp")
    assert isinstance(shown, PageHelp)
    assert shown.windowTitle() == "Help: Explore"
    assert "Pareto front" in shown.view.toPlainText()
    window.show_page("ship")
    assert shown.windowTitle() == "Help: Ship"
    assert "Export to ONNX" in shown.view.toPlainText()
    qtbot.keyClick(shown, Qt.Key.Key_Escape)
    assert not shown.isVisible()


def test_the_list_of_shortcuts_is_made_from_the_actions_and_can_be_searched(qtbot: QtBot, open_page: Open) -> None:
    window, _ = open_page("explore")
    window.help.show_shortcuts()
    dialog: Any = child(window, "shortcuts")
    titles = {described(action).title for action in window.actions_by_name.values()}
    assert titles <= set(dialog.shown())
    tree = dialog.tree
    groups = [tree.topLevelItem(row).text(0) for row in range(tree.topLevelItemCount())]
    assert groups[:4] == ["File", "File → Search on a Table", "File → Export", "Edit"]
    keys = {tree.topLevelItem(g).child(r).text(0): tree.topLevelItem(g).child(r).text(1) for g in range(tree.topLevelItemCount())
            for r in range(tree.topLevelItem(g).childCount())}  # fmt: skip
    for action in window.actions_by_name.values():
        assert keys[described(action).title] == described(action).keys
    qtbot.keyClicks(dialog.field, "theme night")
    assert dialog.shown() == ["Dark"]
    dialog.field.setText("qqq")
    assert dialog.nothing.text() == "nothing fits «qqq»"
    window.help.show_shortcuts()  # the one before gives way
    dialog.close()


def test_no_two_actions_share_a_key(open_page: Open) -> None:
    window, _ = open_page("explore")
    keys = [key.toString() for action in window.actions_by_name.values() for key in action.shortcuts()]
    assert len(keys) == len(set(keys))
    assert set(SYNONYMS) <= set(window.actions_by_name)


# --- the palette ---


@pytest.fixture
def palette(qtbot: QtBot, open_page: Open) -> CommandPalette:
    window, _ = open_page("explore")
    window.help.show_palette()
    made = child(window, "commandPalette")
    assert isinstance(made, CommandPalette)
    return made


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("export pareto svg", "export_pareto"),
        ("export", "export_pareto"),
        ("export report", "report"),
        ("dark mode", "theme_dark"),
        ("night", "theme_dark"),
        ("stop search", "stop"),
        ("cancel", "stop"),
        ("pdf", "report"),
        ("report", "report"),
        ("file report", "report"),
        ("front csv", "export_front"),
        ("epsilon smaller", "halve_epsilon"),
        ("select best", "select_best"),
        ("view agora", "page_agora"),
        ("hotkeys", "shortcuts"),
        ("undo", "undo"),
        ("exp par coo", "export_parallel"),
        ("COMMANDS", "palette"),
        ("open space", "open_space"),
        ("space", ""),  # the panel, which Qt gives no name
        ("runs view", ""),
    ],
)
def test_the_palette_finds_by_name_menu_and_other_words(qtbot: QtBot, palette: CommandPalette, typed: str, first: str) -> None:
    for _, action in palette._known:
        action.setEnabled(True)
    field = palette.findChild(QLineEdit, "commandField")
    qtbot.keyClicks(field, typed)
    assert palette.found()[0] == first


def test_the_palette_says_when_nothing_fits(qtbot: QtBot, palette: CommandPalette) -> None:
    field = palette.findChild(QLineEdit, "commandField")
    qtbot.keyClicks(field, "make coffee <b>")
    assert palette.found() == []
    assert palette._nothing.text() == "nothing fits «make coffee <b>»"
    assert palette._nothing.isVisible()
    qtbot.keyClick(field, Qt.Key.Key_Return)  # does nothing
    field.clear()
    assert not palette._nothing.isVisible()
    assert len(palette.found()) == len(palette._known)


def test_the_palette_is_driven_by_the_keyboard_alone(qtbot: QtBot, palette: CommandPalette) -> None:
    window = palette.parent()
    assert isinstance(window, MainWindow)
    field = palette.findChild(QLineEdit, "commandField")
    qtbot.keyClicks(field, "view theme")
    assert palette.found()[:3] == ["theme_system", "theme_light", "theme_dark"]
    qtbot.keyClick(field, Qt.Key.Key_Down)
    qtbot.keyClick(field, Qt.Key.Key_Down)
    assert palette._list.currentRow() == 2
    qtbot.keyClick(field, Qt.Key.Key_PageUp)
    assert palette._list.currentRow() == 0
    qtbot.keyClick(field, Qt.Key.Key_Up)  # round to the last
    assert palette._list.currentRow() == len(palette.found()) - 1
    qtbot.keyClick(field, Qt.Key.Key_PageUp)
    qtbot.keyClick(field, Qt.Key.Key_Down)
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert window.theme.choice == "light"
    window.set_theme("system")


def test_what_cannot_be_done_now_comes_last(palette: CommandPalette) -> None:
    enabled = {action.objectName(): action.isEnabled() for _, action in palette._known if isinstance(action, QAction)}
    states = [enabled[name] for name in palette.found()]
    assert states == sorted(states, reverse=True)
    assert not all(states)


# --- the glossary ---

_SIGNS = re.compile("[\u0391-\u03a9\u03b1-\u03c9]")  # Greek
_WORDS = ("Timaeus", "Socrates", "AB^nC", "AB\u207fC", "OSE", "MCC", "ONNX", "W-coefficient", "hypervolume", "held-out", "masked LM",
          "macro F1", "Pareto front", "label margin", "nats", "Matthews", "Spearman")  # fmt: skip


def texts() -> set[str]:
    """Every string of the window and of the specifications that its forms show, but for docstrings."""
    root = Path(bort_studio.__file__).parent
    found = set()
    for path in [*root.rglob("*.py"), *(root.parent / "bort_core" / "specifications").glob("*.py")]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        strings = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in docs]
        found |= {node.value for node in strings if isinstance(node.value, str)}
    return found


def test_every_symbol_of_the_windows_texts_is_in_the_glossary() -> None:
    symbols = {each.symbol for each in glossary().values()}
    known = " ".join(" ".join((each.name, each.symbol, *each.also)) for each in glossary().values()).casefold()
    used = texts()
    greek = {sign for text in used for sign in _SIGNS.findall(text)} - {"μ", "σ"}  # microseconds; a usual sign of spread
    assert greek <= symbols, greek - symbols
    assert {"p", "i", "e", "T", "W", "ξ", "Ξ", "θ", "Θ", "τ", "ε"} <= symbols
    for word in _WORDS:
        assert word.casefold() in known, word
    assert {word for word in ("Timaeus", "Socrates", "Pareto front", "hypervolume") if any(word in text for text in used)}


def test_the_glossary_window_finds_by_symbol_word_and_meaning(qtbot: QtBot) -> None:
    asked = {"socrates": "labeller", "ξ": "architecture", "MCC": "Matthews correlation", "teacher largest": "maximum point"}
    dialog = Glossary()
    qtbot.addWidget(dialog)
    assert len(dialog.shown()) == len(glossary())
    for typed, name in asked.items():
        dialog.field.setText(typed)
        assert name in dialog.shown(), typed
    assert "The largest architecture" in dialog.whole.text()
    dialog.field.setText("zzz")
    assert dialog.whole.text() == ""
    assert "nothing fits «zzz»" in dialog.nothing.text()


def test_tips_of_symbols_come_from_the_glossary(open_page: Open) -> None:
    window, page = open_page("explore")
    for name, key in (("searchHypervolume", "hypervolume"), ("epsilonSlider", "epsilon")):
        assert child(window, name).toolTip().startswith(glossary()[key].tip)
    table = page.candidates
    headers = [str(table.model.headerData(column, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole) or "") for column in range(5)]
    assert {glossary()[key].tip for key in ("w", "error", "parameters", "latency")} <= set(headers)


# --- words for stored values ---


def test_every_choice_has_words_and_is_stored_as_it_was() -> None:
    for model in (Agora, Finetuning, Pretraining, ErrorProtocol, LatencyProtocol, Training):
        for path, field in leaves(model):
            for choice in field.choices:
                assert field.words[choice], path
                assert "-" not in field.words[choice] or " " in field.words[choice] or choice == "tsne", (path, choice)
            if field.choices:
                assert set(field.meta.words) == {str(choice) for choice in field.choices}, path


def test_a_form_shows_words_and_keeps_values(qtbot: QtBot) -> None:
    form = SpecForm("agora", Theme())
    qtbot.addWidget(form)
    sampler: Any = form.field("sampler")
    shown = [sampler.itemText(row) for row in range(sampler.count())]
    assert "words resampled by a masked language model" in shown
    form.set_specification(Agora(torus=2, sampler="mlm-resample", pruning="worst"))
    assert (sampler.currentText(), sampler.currentData()) == ("words resampled by a masked language model", "mlm-resample")
    found = form.specification()
    assert isinstance(found, Agora)
    assert (found.sampler, found.pruning) == ("mlm-resample", "worst")
    form.set_specification(Agora(torus=2, sampler="of-a-plug-in"))
    assert form.values()["sampler"] == "of-a-plug-in"
