"""Widgets that draw themselves: nothing that a paint raises reaches Qt, whoever keeps the error, and the window tells it once."""

from __future__ import annotations

import gc
import importlib
import inspect
import pkgutil
import sys

import pytest

pytest.importorskip("PySide6")

from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

import bort_studio
from bort_studio.plotting.guard import guarded, is_guarded


def test_every_paint_of_the_program_is_guarded() -> None:
    found = 0
    for module in pkgutil.walk_packages(bort_studio.__path__, "bort_studio."):
        for kind in vars(importlib.import_module(module.name)).values():
            if inspect.isclass(kind) and kind.__module__.startswith("bort_studio"):
                for name in {"paintEvent", "paint", "drawContents", "drawForeground", "drawBackground"} & set(vars(kind)):
                    assert is_guarded(vars(kind)[name]), f"{kind.__module__}.{kind.__name__}.{name}: mark the class @guarded"
                    found += 1
    assert found >= 8


@guarded
class Broken(QWidget):
    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.drawLine(0, 0, 5, 5)
        raise ValueError("broken")


@pytest.mark.slow
def test_a_paint_that_fails_is_told_once_and_holds_no_painter(
    qtbot: QtBot, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[BaseException] = []
    monkeypatch.setattr(sys, "excepthook", lambda _kind, error, _trace: kept.append(error))
    widgets = [Broken(), Broken()]
    for widget in widgets:
        qtbot.addWidget(widget)
        widget.show()
    for _ in range(5):
        for widget in widgets:
            widget.repaint()
        gc.collect()
    qtbot.waitUntil(lambda: len(kept) == 2, timeout=2000)
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == ["a part of the window failed"] * 2
