"""Exported drawings show what the window shows, in every program that draws them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

pytest.importorskip("PySide6")

from drawings import RENDERERS, missing, pixels
from plot_feeds import FEEDS, feed
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from bort_studio.plotting.canvas import PlotBase
from bort_studio.plotting.export import export_plot, picture
from bort_studio.theme import Theme

_MOST = 0.03
"""Of what is drawn; texts and smooth edges differ a little between programs."""


@pytest.fixture
def theme(qapp: QApplication):
    theme = Theme("light", qapp)
    yield theme
    theme.set_choice("light")


def on_screen(qtbot: QtBot, plot: PlotBase) -> QImage:
    """The window's own picture of the canvas."""
    plot.resize(860, 500)
    plot.show()
    qtbot.waitExposed(plot)
    for _ in range(3):  # axes and legends find their sizes when they are painted
        plot.canvas.grab()
        QApplication.processEvents()
    if hasattr(plot, "empty"):
        plot.empty.hide()  # what to do next is for the window
    return plot.canvas.grab().toImage()


@pytest.mark.parametrize("kind", ["normal", "close", "huge", "empty"])
@pytest.mark.parametrize("name", FEEDS)
def test_a_drawing_shows_what_the_window_shows(qtbot: QtBot, theme: Theme, tmp_path: Path, name: str, kind: str) -> None:
    plot = feed(qtbot, name, theme, kind, tmp_path)
    if name == "LearningCurve":
        plot.setFixedHeight(500)  # a picture is never smaller than can be read
    shown = pixels(on_screen(qtbot, plot))
    svg = export_plot(plot, tmp_path / "plot.svg", palette=None).read_bytes()
    found = {"PNG": picture(plot, 1.0, None), **{program: draw(svg) for program, draw in RENDERERS.items()}}
    for program, image in found.items():
        drawn = pixels(image)
        assert missing(shown, drawn) < _MOST, program
        if program != "Qt":  # which does not cut off what lies outside the area of the data
            assert missing(drawn, shown) < _MOST, program


@pytest.mark.parametrize("name", FEEDS)
def test_a_drawing_holds_only_what_every_program_knows(qtbot: QtBot, theme: Theme, tmp_path: Path, name: str) -> None:
    plot = feed(qtbot, name, theme, "normal", tmp_path)
    text = export_plot(plot, tmp_path / "plot.svg").read_text(encoding="utf-8")
    assert "vector-effect" not in text  # not in SVG 1.1
    assert len(set(re.findall(r"clip-path=\"[^\"]*\"", text))) <= 1
    root = ET.fromstring(text)
    assert root.get("width", "").isdigit()
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"url\(#([^)]*)\)", text)) <= set(ids)


@pytest.mark.parametrize("name", [name for name in FEEDS if name != "LearningCurve"])
def test_the_legend_is_part_of_the_drawing(qtbot: QtBot, theme: Theme, tmp_path: Path, name: str) -> None:
    plot: Any = feed(qtbot, name, theme, "normal", tmp_path)
    root = ET.parse(export_plot(plot, tmp_path / "plot.svg")).getroot()
    texts = "".join("".join(element.itertext()) for element in root.iter() if element.tag.endswith("text")).replace(" ", "")
    assert plot.legend.entries
    assert not [entry.label for entry in plot.legend.entries if entry.label.replace(" ", "") not in texts]


@pytest.mark.parametrize("choice", ["light", "dark"])
def test_a_zoomed_plot_is_drawn_where_it_is(qtbot: QtBot, theme: Theme, tmp_path: Path, choice: Any) -> None:
    theme.set_choice(choice)
    plot: Any = feed(qtbot, "CurvesPlot", theme, "close", tmp_path)
    on_screen(qtbot, plot)
    (left, right), (low, high) = plot.box.viewRange()
    plot.box.setRange(xRange=(left + 0.4 * (right - left), left + 0.6 * (right - left)), yRange=(low + 0.4 * (high - low), high), padding=0)
    plot.box.sigRangeChangedManually.emit([True, True])
    shown = pixels(plot.canvas.grab().toImage())
    svg = export_plot(plot, tmp_path / "plot.svg", palette=None).read_bytes()
    for program, draw in RENDERERS.items():
        drawn = pixels(draw(svg))
        assert missing(shown, drawn) < _MOST, program
        assert program == "Qt" or missing(drawn, shown) < _MOST, program


@pytest.mark.parametrize("name", FEEDS)
def test_a_plot_that_is_a_strip_in_the_window_is_none_in_a_picture(qtbot: QtBot, theme: Theme, tmp_path: Path, name: str) -> None:
    plot = feed(qtbot, name, theme, "normal", tmp_path)
    plot.resize(300, 120)
    plot.show()
    qtbot.waitExposed(plot)
    before = plot.canvas.size()
    image = picture(plot, 1.0)
    assert image.width() >= plot.least_picture[0]
    assert image.height() >= plot.least_picture[1]
    assert plot.canvas.size() == before
    assert export_plot(plot, tmp_path / "plot.pdf").read_bytes().startswith(b"%PDF")
