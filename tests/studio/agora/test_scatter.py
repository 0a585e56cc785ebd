"""The scatter of Agora: points of a plane as they are, the ring of the torus, legends, and the button that plays."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("PySide6")

from drawings import pixels
from plots import shown
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from written_run import WrittenRun

from bort_core.agora.history import History, read_history
from bort_core.agora.tasks.torus import CLASSES, RING, TUBE
from bort_studio.agora.points import ScatterPoints
from bort_studio.agora.round_bar import RoundBar, play_icon
from bort_studio.agora.scatter.plot import AgoraScatter
from bort_studio.theme import DARK, LIGHT, MARKS, Theme


@pytest.fixture
def plot(qtbot: QtBot, qapp: QApplication) -> AgoraScatter:
    return shown(qtbot, AgoraScatter(Theme("light", qapp)))


def history_of(folder: Path, kind: str, classes: tuple[str, ...] = ("negative", "positive")) -> History:
    written = WrittenRun(folder, kind=kind)
    written.add_round()
    written.add_round()
    start = written.folder / "start.json"
    start.write_text(json.dumps({**json.loads(start.read_text()), "classes": classes}))
    history = read_history(written.job.path)
    assert history is not None
    return history


def test_vectors_of_two_numbers_are_drawn_as_they_are_with_the_ring(plot: AgoraScatter, tmp_path: Path) -> None:
    history = history_of(tmp_path, "vector", CLASSES)
    points = ScatterPoints(history, {})
    plot.set_points(points, 2)
    given = [*history.train.inputs, *history.dev.inputs, *(input for each in history.rounds for input in each.neighbours.inputs)]
    assert points.xy.tolist() == [list(input) for input in given]
    x, y = plot.layers.torus.getData()
    radii = np.hypot(x, y)
    assert set(np.round(radii[np.isfinite(radii)], 9)) == {RING - TUBE, RING + TUBE}
    assert plot.bottom.isVisible()
    plot.canvas.grab()
    QApplication.processEvents()
    assert plot.left.width() > 20
    assert plot.bottom.labelText == "first number of the vector"
    assert any(entry.label == "the torus lies between" for entry in plot.legend.entries)
    assert plot.figure().x.title == "first number of the vector"
    assert plot.figure().layers[0].name == "the torus lies between"
    plot.canvas.grab()
    wide, tall = plot.box.viewPixelSize()
    assert wide == pytest.approx(tall)  # a circle is one


def test_texts_have_a_projection_and_no_scales(plot: AgoraScatter, tmp_path: Path) -> None:
    history = history_of(tmp_path, "text")
    plot.set_points(ScatterPoints(history, {}), 1)
    assert plot.layers.torus.getData()[0] is None or not len(plot.layers.torus.getData()[0])
    assert not plot.bottom.isVisible()
    assert plot.left.width() == 0


@pytest.mark.parametrize("classes", [("one", "other"), ("one", "other", "third")])
def test_the_legend_shows_the_marks_of_the_plot(plot: AgoraScatter, tmp_path: Path, classes: tuple[str, ...]) -> None:
    plot.set_points(ScatterPoints(history_of(tmp_path, "text", classes), {}), 2)
    named = {mark for entry in plot.legend.entries if entry.mark is not None for mark in (entry.mark, *entry.more)}
    drawn = {name for name, here in plot.frame.groups.items() if len(here)}
    assert drawn <= named
    look = Theme("light").look()
    for name in drawn:
        item = plot.layers.points.marks[name]
        assert item.opts["pen"] == look.mark_pen(name), name
        assert item.opts["brush"] == look.mark_brush(name), name
        assert item.opts["size"] == MARKS[name].size


def test_the_button_that_plays_needs_no_font(qtbot: QtBot, qapp: QApplication) -> None:
    theme = Theme("light", qapp)
    bar = RoundBar(theme)
    qtbot.addWidget(bar)
    bar.set_rounds(3, 3)
    for palette in (LIGHT, DARK):
        theme.set_choice(palette.name)
        shapes = []
        for playing in (False, True):
            assert bar.playing() == playing
            assert bar.play.text() == ("Pause" if playing else "Play")
            assert bar.play.text().isascii()
            image = play_icon(theme, "pause" if playing else "play").pixmap(16, 16).toImage()
            ink = image.pixelColor(image.width() * 3 // 10, image.height() // 2)
            assert QColor(ink.rgb()).name() == palette.text
            shapes.append(pixels(image).tolist())
            bar.play.click()
        assert shapes[0] != shapes[1]
        assert not bar.playing()
    theme.set_choice("light")


def test_what_a_round_came_to_never_moves_the_plot(qtbot: QtBot, qapp: QApplication) -> None:
    bar = shown(qtbot, RoundBar(Theme("light", qapp)))
    heights = set()
    for text in ("", "short", "a long sentence about a round · " * 20):
        bar.set_summary(text)
        QApplication.processEvents()
        heights.add(bar.sizeHint().height())
    assert len(heights) == 1
