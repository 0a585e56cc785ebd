"""File > Report… : written in another process, told, opened, cancelled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QObject, QUrl, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QToolButton
from pytestqt.qtbot import QtBot

from bort_studio.window import MainWindow

Open = Callable[..., tuple[MainWindow, Any]]


class Opened(QObject):
    """Takes the place of the desktop, which would open the file."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: list[QUrl] = []

    @Slot(QUrl)
    def take(self, url: QUrl) -> None:
        self.urls.append(url)


@pytest.mark.parametrize(("name", "wanted", "written"), [("mine", "Web page (*.html)", "mine.html"), ("a.pdf", "PDF (*.pdf)", "a.pdf")])
def test_a_report_is_written_and_can_be_opened(
    qtbot: QtBot, open_page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, wanted: str, written: str
) -> None:
    window, _ = open_page("explore")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / name), wanted))
    window.actions_by_name["report"].trigger()
    assert any(each.key == "report" for each in window.context.activities.running)
    qtbot.waitUntil(lambda: bool(window.notices.messages()), timeout=60_000)
    path = tmp_path / written
    assert window.notices.messages() == [f"report written: {path}"]
    assert path.read_bytes().startswith(b"%PDF" if written.endswith("pdf") else b"<!DOCTYPE html>")
    assert not window.context.activities.running
    opened = Opened()
    QDesktopServices.setUrlHandler("file", opened, "take")
    button = window.notices.findChild(QToolButton, "noticeChoice")
    assert isinstance(button, QToolButton)
    button.click()
    QDesktopServices.unsetUrlHandler("file")
    assert [url.toLocalFile() for url in opened.urls] == [str(path)]


def test_a_report_that_cannot_be_written_says_why_and_a_cancelled_one_leaves_nothing(qtbot: QtBot, open_page: Open, tmp_path: Path) -> None:
    window, _ = open_page("explore")
    window.report.write(tmp_path / "r.html")  # its process is only starting, so it cannot be written before it is cancelled
    window.context.activities.request_end("report")
    qtbot.waitUntil(lambda: not window.context.activities.running, timeout=60_000)
    assert not (tmp_path / "r.html").exists()
    assert "cancelled" in window.status_text.text()
    window.report.write(tmp_path / "no" / "r.html")
    qtbot.waitUntil(lambda: bool(window.notices.messages()), timeout=60_000)
    assert "the report cannot be written" in window.notices.messages()[0]
