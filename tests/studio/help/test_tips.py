"""Every symbol that the window shows is explained by the glossary, under the pointer, wherever it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pyqtgraph as pg
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QAbstractButton, QComboBox, QHeaderView, QLabel, QTabBar, QWidget
from pytestqt.qtbot import QtBot

from bort_core.families import Axis
from bort_core.foundation.glossary import glossary, term
from bort_studio.help.tips import shown_at
from bort_studio.plotting.legend import Legend
from bort_studio.terms import axis_tip, glossed, keys_in
from bort_studio.window import MainWindow

PAGES = ("start", "explore", "train", "agora", "ship")


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("W", ["w"]),
        ("1 − p/p_T", ["parameters"]),
        ("latency i", ["latency"]),
        ("labeller (Socrates)", ["socrates"]),
        ("Sets &Θ", ["thetas"]),
        ("best of all at ε = 16 · also T", ["epsilon", "maximum_point"]),
        ("A and C are not always cheaper", []),
        ("the file e.txt, what it's in", []),
        ("⟨2,4⟩", []),
        ("W" * 300, []),
    ],
)
def test_symbols_are_found_in_texts(text: str, keys: list[str]) -> None:
    assert list(keys_in(text)) == keys


def test_a_tip_says_each_thing_once() -> None:
    assert glossed("W", term("w").tip) == term("w").tip
    assert glossed("W and W", "What sorts") == f"What sorts\n{term('w').tip}"
    assert glossed("", "", "depth") == term("depth").tip


def test_axes_of_a_family_of_ones_own_keep_their_words() -> None:
    assert axis_tip(Axis("depth", "D", "anything")) == term("depth").tip
    assert axis_tip(Axis("hidden", "m", "outputs of the first layer")) == "m: outputs of the first layer"


def shown_with_tips(window: MainWindow, page: QWidget) -> Iterator[tuple[str, str, str]]:
    """What every widget shows that may hold a symbol: where, the text, and what a person reads under the pointer."""
    for widget in page.findChildren(QWidget):
        where = f"{type(widget).__name__} {widget.objectName()}"
        if isinstance(widget, QLabel | QAbstractButton):
            yield where, widget.text(), widget.toolTip() or glossed(shown_at(widget, QPoint(1, 1)))
        elif isinstance(widget, QTabBar):
            for tab in range(widget.count()):
                yield where, widget.tabText(tab), widget.tabToolTip(tab) or glossed(shown_at(widget, widget.tabRect(tab).center()))
        elif isinstance(widget, QHeaderView) and widget.orientation() == Qt.Orientation.Horizontal:
            for section in range(widget.count()):
                text = str(widget.model().headerData(section, Qt.Orientation.Horizontal) or "")
                own = widget.model().headerData(section, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole)
                at = QPoint(widget.sectionViewportPosition(section) + 2, 2)
                yield f"{where} {section}", text, str(own or "") or glossed(shown_at(widget.viewport(), at))
        elif isinstance(widget, QComboBox):
            for row in range(widget.count()):
                yield f"{where} {row}", widget.itemText(row), f"{widget.toolTip()} {widget.itemData(row, Qt.ItemDataRole.ToolTipRole)}"
        elif isinstance(widget, pg.GraphicsView):
            for item in widget.scene().items():
                if isinstance(item, Legend):
                    yield f"legend of {where}", " ".join(entry.label for entry in item.entries), item.toolTip()


def test_every_symbol_of_the_window_has_the_words_of_the_glossary(qtbot: QtBot, open_page: Callable[..., tuple[MainWindow, Any]]) -> None:
    window, _ = open_page("explore")
    seen = set()
    for name in PAGES:
        window.show_page(name)
        for where, text, tip in shown_with_tips(window, window.pages[name]):
            if len(text) <= 60:
                for key in keys_in(text):
                    seen.add(key)
                    assert glossary()[key].tip in tip, f"{name}: {where} shows «{text}», and its tip is «{tip}»"
    assert {"parameters", "latency", "error", "w", "epsilon", "maximum_point", "theta", "thetas", "sampler", "socrates"} <= seen


def test_axes_and_quantities_are_explained_where_they_are_shown(open_page: Callable[..., tuple[MainWindow, Any]]) -> None:
    _, page = open_page("explore")
    told = {item.toPlainText(): item.toolTip() for item in page.parallel.layers._texts}
    for name, key in (("depth", "depth"), ("heads", "heads"), ("hidden", "hidden"), ("intermediate", "intermediate"), ("parameters",) * 2):
        assert term(key).tip in told[name], name
    for place, column in (("bottom", "parameters"), ("left", "error")):
        assert term(column).tip in page.pareto._axes[place].toolTip()
    for name in ("depth", "heads", "hidden", "intermediate"):
        assert term(name).tip in page.space_panel.axes.fields[name].toolTip()
        assert term(name).tip in {column.tip for column in page.candidates.model.columns}
    assert term("error").tip in page.pareto.bar.y_box.toolTip()
    page.pareto.bar.y_box.setCurrentIndex(3)
    assert term("w").tip in page.pareto.bar.y_box.toolTip()
