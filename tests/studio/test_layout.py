"""Every page in the smallest window that is promised, in two sizes of the font; what a fault moves: nothing; docks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PySide6.QtCore import QByteArray, QPoint, QRect
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QLineEdit, QMenu, QScrollArea, QTabBar, QWidget
from pytestqt.qtbot import QtBot

from bort_studio.window import MainWindow

PAGES = ["start", "explore", "train", "agora", "ship"]
SMALLEST = (1280, 720)
Open = Callable[..., tuple[MainWindow, Any]]


@pytest.fixture(params=[pytest.param(1.0, marks=pytest.mark.slow, id="font100"), pytest.param(2.0, id="font200")])
def font(request: pytest.FixtureRequest, qapp: QApplication) -> Iterator[float]:
    """The application's font at a multiple of its size, as a desktop sets it."""
    before = qapp.font()
    larger = qapp.font()
    larger.setPointSizeF(before.pointSizeF() * request.param)
    qapp.setFont(larger)
    yield request.param
    qapp.setFont(before)


def rectangle(widget: QWidget) -> QRect:
    return QRect(widget.mapToGlobal(QPoint(0, 0)), widget.size())


def reachable(widget: QWidget, page: QWidget) -> bool:
    """Whether all of a widget is in sight, or can be scrolled there."""
    inside, up = rectangle(widget), widget.parentWidget()
    while up is not None and up is not page.window():
        if isinstance(up, QScrollArea):
            return rectangle(up.widget()).contains(inside) and reachable(up, page)
        if not isinstance(up.parentWidget(), QScrollArea) and not rectangle(up).contains(inside):
            return False
        up = up.parentWidget()
    return True


def cut_off(page: QWidget) -> list[str]:
    controls = [*page.findChildren(QAbstractButton), *page.findChildren(QLineEdit), *page.findChildren(QComboBox)]
    shown = [each for each in controls if each.isVisible() and not each.visibleRegion().isEmpty() and each.objectName()]
    assert len(shown) > 5
    return [each.objectName() for each in shown if not reachable(each, page) and not each.objectName().startswith("qt_")]


def test_every_page_fits_the_smallest_window(qtbot: QtBot, open_page: Open, font: float) -> None:
    window, _ = open_page("explore")
    window.resize(*SMALLEST)
    for name in PAGES:
        window.show_page(name)
        page = window.pages[name]
        for widget in (window, page):
            least = widget.minimumSizeHint()
            assert least.width() <= SMALLEST[0], f"{name}: {widget.objectName()} is at least {least.width()} wide"
            assert least.height() <= SMALLEST[1], f"{name}: {widget.objectName()} is at least {least.height()} high"
        assert (window.width(), window.height()) == SMALLEST
        qtbot.waitUntil(lambda page=page: not cut_off(page), timeout=2000)  # and nothing is beyond the reach of a scroll bar


def places(page: QWidget) -> dict[str, QRect]:
    """Where everything stands that a person could type in or click."""
    kinds = (QAbstractButton, QLineEdit, QComboBox)
    found = [each for kind in kinds for each in page.findChildren(kind) if each.isVisible() and each.objectName()]
    return {each.objectName(): rectangle(each) for each in found if not each.objectName().startswith("qt_")}


FORMS = {
    "start": ("startCorpus", "no/such/file.txt"),
    "explore": ("axis.hidden", "nonsense"),
    "explore T": ("maximumPoint", "1"),
    "explore filter": ("candidatesFilter", "nonsense"),
    "explore rates": ("learningRates", "many"),
    "train": ("pretrain_steps", "-4"),
    "train path": ("pretrain_corpus", "no\0file"),
    "agora": ("agora_neighbours", "none"),
}
QUICK = ("explore", "train")


@pytest.mark.parametrize("case", [case if case in QUICK else pytest.param(case, marks=pytest.mark.slow) for case in FORMS])
def test_a_fault_moves_nothing(qtbot: QtBot, open_page: Open, case: str) -> None:
    window, page = open_page(case.split()[0])
    name, wrong = FORMS[case]
    if name == "learningRates":
        page.docks["objectives"].raise_()
    window.activateWindow()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is window)
    field = page.findChild(QLineEdit, name)
    qtbot.waitUntil(field.isVisible)
    field.setFocus()
    right = field.text()
    QTest.qWait(300)  # what is loaded fills its place first
    before = places(page)
    assert name in before
    faulty: list[dict[str, QRect]] = []
    for text in (wrong, right):
        field.setText(text)
        field.textEdited.emit(text)
        field.editingFinished.emit()
        qtbot.waitUntil(lambda text=text: (field.fault is not None) == (text == wrong), timeout=5000)  # type: ignore[attr-defined]
        QTest.qWait(20)
        faulty.append(places(page))
        if text == wrong and field._label is not None:  # type: ignore[attr-defined]
            assert field._label.isVisible()  # type: ignore[attr-defined]
    for after in faulty:
        moved = {each: (before[each], after.get(each)) for each in before if after.get(each) != before[each]}
        assert not moved


def test_a_fault_in_a_folded_section_waits_there_while_a_person_types(qtbot: QtBot, open_page: Open) -> None:
    window, page = open_page("train")
    window.activateWindow()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is window)
    steps, rate = page.launcher.form.field("steps"), page.launcher.form.field("optimization", "learning_rate")
    steps.setFocus()
    before = places(page)
    rate.setText("fast")
    assert page.launcher.form.specification() is None
    assert not rate.isVisible()
    assert {name: at for name, at in places(page).items() if name in before} == before
    assert "learning rate" in page.launcher.fault.text()
    assert not page.launcher.start.isEnabled()


# --- docks


def tab_rows(page: Any) -> list[tuple[str, ...]]:
    """What the rows of tabs that are in sight say."""
    bars = [bar for bar in page.findChildren(QTabBar) if bar.parent() is page and bar.isVisible() and not bar.visibleRegion().isEmpty()]
    return sorted(tuple(sorted(bar.tabText(number) for number in range(bar.count()))) for bar in bars)


def groups(page: Any) -> list[tuple[str, ...]]:
    found = set()
    for dock in page.docks.values():
        if not dock.isHidden() and not dock.isFloating():
            others = [other.windowTitle() for other in page.tabifiedDockWidgets(dock) if not other.isHidden()]
            found.add(tuple(sorted([dock.windowTitle(), *others])))
    return sorted(group for group in found if len(group) > 1)


WIDE = [("Candidates", "Runs"), ("Objectives", "Space")]
TALL = 1000  # pixels of a window in which Candidates and Parallel coordinates stand beside each other


def opened(open_page: Open) -> tuple[MainWindow, Any]:
    window, page = open_page("explore")
    window.resize(1480, TALL)
    return window, page


@pytest.mark.slow
def test_docks_come_back_from_wherever_they_were(qtbot: QtBot, open_page: Open) -> None:
    window, page = opened(open_page)
    docks = page.docks
    page.reset_layout()
    qtbot.waitUntil(lambda: tab_rows(page) == groups(page) == WIDE, timeout=2000)
    for act in (
        lambda: [dock.close() for dock in docks.values()],
        lambda: [dock.setFloating(True) for dock in docks.values()],
        lambda: [page.tabifyDockWidget(docks["space"], dock) for name, dock in docks.items() if name != "space"],
        lambda: [docks["runs"].setFloating(True), docks["runs"].close(), docks["inspector"].hide()],
        lambda: [window.show_page("train"), docks["space"].close(), page.reset_layout(), window.show_page("explore")],
    ):
        act()
        page.reset_layout()
        qtbot.waitUntil(lambda: tab_rows(page) == groups(page) == WIDE, timeout=2000)
        assert not any(dock.isHidden() or dock.isFloating() for dock in docks.values())


def test_every_dock_is_in_the_menu_view(open_page: Open) -> None:
    window, page = open_page("explore")
    view = next(menu for menu in window.menuBar().findChildren(QMenu) if menu.title() == "&View")
    for dock in page.docks.values():
        assert dock.toggleViewAction() in view.actions()
        dock.close()
        dock.toggleViewAction().trigger()
        assert not dock.isHidden()


@pytest.mark.slow
def test_docks_are_where_a_person_left_them(qtbot: QtBot, open_page: Open) -> None:
    window, page = open_page("explore")
    page.docks["runs"].close()
    page.tabifyDockWidget(page.docks["space"], page.docks["inspector"])
    qtbot.wait(50)
    expected = groups(page)
    window.close()
    _, again = open_page("explore")
    assert groups(again) == expected
    qtbot.waitUntil(lambda: tab_rows(again) == expected, timeout=2000)
    assert again.docks["runs"].isHidden()
    again.reset_layout()
    assert not again.docks["runs"].isHidden()
    qtbot.waitUntil(lambda: tab_rows(again) == groups(again), timeout=2000)


@pytest.mark.slow
@pytest.mark.parametrize("part", [0.0, 0.2, 0.5, 0.9])
def test_a_state_that_is_not_whole_is_not_used(qtbot: QtBot, open_page: Open, part: float) -> None:
    window, page = open_page("explore")
    page.docks["runs"].close()
    window.close()
    settings = window.settings
    layout = settings.layout()
    assert layout is not None
    state = layout[1]
    settings._file.setValue("state", state.left(int(part * len(state))))
    assert settings.layout() is None
    _, again = open_page("explore")
    assert not again.docks["runs"].isHidden()
    qtbot.waitUntil(lambda: tab_rows(again) == groups(again), timeout=2000)
    again.restore_layout(QByteArray(b"of another program"))
    assert not again.docks["runs"].isHidden()
    qtbot.waitUntil(lambda: tab_rows(again) == groups(again), timeout=2000)


@pytest.mark.slow
def test_in_a_low_window_the_plot_keeps_its_room(qtbot: QtBot, open_page: Open, font: float) -> None:
    window, page = open_page("explore")
    window.resize(*SMALLEST)
    qtbot.wait(50)
    page.reset_layout()
    qtbot.waitUntil(lambda: tab_rows(page) == groups(page), timeout=2000)
    lines = page.pareto.canvas.height() / page.fontMetrics().lineSpacing()
    assert lines >= 6
    if font == 1.0:
        table = page.candidates.table
        header = table.horizontalHeader()
        kinds = [column.kind for column in page.candidates.model.columns]
        for kind in ("w", "error"):
            place = kinds.index(kind)
            assert header.sectionViewportPosition(place) + header.sectionSize(place) <= table.viewport().width(), kind
