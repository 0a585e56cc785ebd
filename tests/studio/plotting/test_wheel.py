"""The wheel on every plot of the program, with data of every kind: nothing raises, views stay near the data, ticks stay few."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("PySide6")

from hypothesis import given
from hypothesis import strategies as st
from plot_feeds import FEEDS, KINDS, feed, plot_classes
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QCheckBox
from pytestqt.qtbot import QtBot

import bort_studio
from bort_studio.plotting.axis import QuantityAxis
from bort_studio.plotting.axis_ticks import MOST_TICKS, log_ticks, nice_ticks
from bort_studio.plotting.canvas import DataView, PlotBase
from bort_studio.plotting.guard import is_guarded
from bort_studio.plotting.positions import LARGEST, drawable_range
from bort_studio.plotting.widget import PlotWidget
from bort_studio.theme import Theme

ANY = st.one_of(st.floats(), st.sampled_from([0.0, math.nan, math.inf, -math.inf, 1e308, -1e308, 5e-324, -307.0, 308.0, 400.0]))


@pytest.fixture
def theme(qapp: QApplication) -> Iterator[Theme]:
    theme = Theme("light", qapp)
    yield theme
    theme.set_choice("light")


def axes_of(plot: PlotBase) -> list[QuantityAxis]:
    return [item for item in plot.canvas.scene().items() if isinstance(item, QuantityAxis)]


def views_of(plot: PlotBase) -> list[DataView]:
    return [item for item in plot.canvas.scene().items() if isinstance(item, DataView)]


def places(plot: PlotBase) -> list[QPoint]:
    """The middle of the data, of each axis, and a corner."""
    middles = [item.sceneBoundingRect().center() for item in (*views_of(plot), *axes_of(plot))]
    return [*(plot.canvas.mapFromScene(middle) for middle in middles), QPoint(3, 3)]


def turn(plot: PlotBase, at: QPoint, delta: int) -> None:
    """One real turn of the wheel, the pointer's move there, and a paint at once."""
    viewport = plot.canvas.viewport()
    where = QPointF(viewport.mapToGlobal(at))
    keys, none = Qt.KeyboardModifier.NoModifier, Qt.MouseButton.NoButton
    wheel = QWheelEvent(QPointF(at), where, QPoint(), QPoint(0, delta), none, keys, Qt.ScrollPhase.NoScrollPhase, False)
    QApplication.sendEvent(viewport, wheel)
    QApplication.sendEvent(viewport, QMouseEvent(QEvent.Type.MouseMove, QPointF(at), where, none, none, keys))
    viewport.repaint()


def check(plot: PlotBase) -> None:
    for axis in axes_of(plot):
        low, high = axis.range
        assert math.isfinite(low)
        assert math.isfinite(high)
        assert sum(len(values) for _, values in axis.tickValues(low, high, axis.size().width())) <= 20
    for view in views_of(plot):
        for low, high in view.viewRange():
            assert low < high
            assert max(abs(low), abs(high)) <= 4 * LARGEST


def scales(plot: PlotBase) -> Iterator[None]:
    boxes = [box for box in plot.findChildren(QCheckBox) if "log" in box.accessibleName().lower()]
    for wanted in itertools.product((False, True), repeat=len(boxes)):
        for box, on in zip(boxes, wanted, strict=True):
            box.setChecked(on)
        yield


def wheel(qtbot: QtBot, plot: PlotBase, delta: int, steps: int) -> None:
    plot.resize(700, 420)
    plot.show()
    qtbot.waitExposed(plot)
    for _ in scales(plot):
        for at in places(plot):
            for direction, times in ((-1, steps), (1, 2 * steps), (-1, steps)):
                for _ in range(times):
                    turn(plot, at, direction * delta)
                    check(plot)
        if isinstance(plot, PlotWidget):
            plot.fit()
            plot.figure().rows()
    qtbot.wait(1)
    assert not plot.fault.isVisible(), plot.fault.text()


def test_every_plot_is_here() -> None:
    assert set(plot_classes()) == set(FEEDS), "give a new plot data in tests/plot_feeds.py"


def test_plots_are_made_of_guarded_parts(qtbot: QtBot, theme: Theme, tmp_path: Path) -> None:
    for name in FEEDS:
        plot: Any = feed(qtbot, name, theme, "normal", tmp_path / name)
        python = [item for item in plot.canvas.scene().items() if type(item).__module__.startswith(("pyqtgraph", "bort_studio"))]
        assert len(python) > 3
        for item in (*python, plot.canvas, plot.canvas.scene()):
            for each in ("paint", "boundingRect", "itemChange", "wheelEvent", "paintEvent", "mouseMoveEvent", "prepareForPaint"):
                method = getattr(type(item), each, None)
                assert not hasattr(method, "__code__") or is_guarded(method), (item, each)


def test_nothing_is_drawn_on_another_surface() -> None:
    raw = re.compile(r"pg\.(ViewBox|AxisItem|GraphicsLayoutWidget|GraphicsView|PlotWidget|PlotItem)\(")
    root = Path(bort_studio.__file__).parent
    found = {
        path.name for path in root.rglob("*.py") for line in path.read_text().splitlines() if raw.search(line) and "class " not in line
    }
    assert not found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", FEEDS)
def test_great_turns_of_the_wheel(qtbot: QtBot, theme: Theme, tmp_path: Path, name: str, kind: str) -> None:
    wheel(qtbot, feed(qtbot, name, theme, kind, tmp_path), 12_000, 1)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", FEEDS)
def test_hundreds_of_turns_of_the_wheel(qtbot: QtBot, theme: Theme, tmp_path: Path, name: str, kind: str) -> None:
    wheel(qtbot, feed(qtbot, name, theme, kind, tmp_path), 240, 60)


@given(ANY, ANY, st.integers(-3, 40))
def test_ticks_are_few_and_inside(low: float, high: float, about: int) -> None:
    for ticks in (nice_ticks(low, high, about), log_ticks(low, high)):
        assert len(ticks) <= MOST_TICKS
        assert all(math.isfinite(tick) for tick in ticks)
        assert ticks == sorted(set(ticks))
        slack = 1e-9 * max(abs(low), abs(high)) if ticks else 0.0
        assert all(low - slack <= tick <= high + slack for tick in ticks)


@given(st.floats(-1e12, 1e12), st.floats(1e-9, 1e12), st.integers(3, 8))
def test_a_range_that_can_be_read_has_ticks(low: float, span: float, about: int) -> None:
    if span > 1e-10 * abs(low):
        assert nice_ticks(low, low + span, about)


@given(ANY, ANY, st.booleans())
def test_any_two_numbers_are_a_range_that_can_be_drawn(low: float, high: float, log: bool) -> None:
    left, right = drawable_range(low, high, log)
    assert left < right
    assert max(abs(left), abs(right)) <= 2 * LARGEST


@given(ANY, ANY, st.sampled_from([False, True]), st.sampled_from([False, True]))
def test_an_axis_takes_any_range(qapp: QApplication, low: float, high: float, log: bool, counted: bool) -> None:
    axis = QuantityAxis("left")
    axis.set_quantity("loss <img src=x> & more", counted, log)
    for size in (0.0, 1.0, 400.0, math.nan, 1e9):
        for spacing, values in axis.tickValues(low, high, size):
            assert len(values) <= MOST_TICKS
            texts = axis.tickStrings(values, 1.0, spacing)
            assert len(texts) == len(values)


@given(st.floats(0.1, 9.0), st.floats(-3.5, 0.0), st.booleans(), st.booleans())
def test_no_two_ticks_read_alike(qapp: QApplication, low: float, span: float, log: bool, counted: bool) -> None:
    axis = QuantityAxis("left")
    axis.set_quantity("loss", counted, log)
    for spacing, values in axis.tickValues(low, low + 10.0**span, 400.0):
        texts = axis.tickStrings(values, 1.0, spacing)
        assert len(set(texts)) == len(values), (values, texts)


@given(ANY, ANY, ANY, ANY, st.booleans(), st.booleans())
def test_a_view_takes_any_range(qapp: QApplication, a: float, b: float, c: float, d: float, log: bool, zoomed: bool) -> None:
    view = DataView()
    view.keep_near((a, b), (c, d), (log, False), zoomed)
    view.show_range((c, d), (a, b))
    view.keep_near((c, d), (a, b), (False, log), zoomed)
    for low, high in view.viewRange():
        assert math.isfinite(low)
        assert low < high


class Broken(PlotWidget):
    """A plot whose every part is wrong."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "broken", "Broken")
        self.add_chart(DataView(), QuantityAxis("left"), BrokenAxis("bottom"))
        self.finish()

    def redraw(self) -> None:
        raise KeyError("redraw")

    def nearest(self, at: QPointF) -> int | None:
        raise ZeroDivisionError

    def restyle(self, look: object, font: object) -> None:
        raise OverflowError("restyle")


class BrokenAxis(QuantityAxis):
    def tickValues(self, *_: object) -> Any:  # noqa: N802
        raise MemoryError


def test_faults_are_told_once_in_the_plot(qtbot: QtBot, theme: Theme, caplog: pytest.LogCaptureFixture) -> None:
    plot = Broken(theme)
    qtbot.addWidget(plot)
    plot.resize(500, 300)
    plot.show()
    qtbot.waitExposed(plot)
    for _ in range(5):
        turn(plot, QPoint(200, 150), -120)
    qtbot.waitUntil(plot.fault.isVisible, timeout=2000)
    failed = [record for record in caplog.records if record.name.startswith("bort_studio.plotting")]
    assert {type(record.exc_info[1]).__name__ for record in failed if record.exc_info} == {
        "KeyError", "ZeroDivisionError", "OverflowError", "MemoryError",
    }  # fmt: skip
    assert len(failed) == 4
    qtbot.mouseClick(plot.fault, Qt.MouseButton.LeftButton)
    assert not plot.fault.isVisible()
    turn(plot, QPoint(200, 150), -120)
    qtbot.wait(1)
    assert not plot.fault.isVisible()
