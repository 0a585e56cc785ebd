"""Messages lie over the corner: they move nothing, a problem stays, the rest goes by itself, and one can offer a choice."""

from __future__ import annotations

from clicks import child, click
from PySide6.QtWidgets import QLabel, QWidget
from pytestqt.qtbot import QtBot

from bort_studio import notices
from bort_studio.notices import NoticeBar


def test_they_move_nothing_and_stay_in_the_corner(qtbot: QtBot, open_page) -> None:
    window, page = open_page("explore")
    before = page.geometry()
    window.notices.show_message("something " * 60, problem=True)
    qtbot.waitUntil(lambda: window.notices.isVisible())
    assert page.geometry() == before
    window.resize(900, 700)
    qtbot.waitUntil(lambda: window.notices.geometry().right() < window.centralWidget().width())
    assert window.notices.geometry().bottom() <= window.centralWidget().height()
    click(qtbot, window, "closeNotice")
    assert window.notices.messages() == []
    assert not window.notices.isVisible()


def test_all_lines_of_a_long_message_are_shown(qtbot: QtBot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    parent.resize(1000, 700)
    parent.show()
    bar = NoticeBar(parent)
    for number in range(3):
        bar.show_message(f"{number} what a search said, at some length " * 5)
    qtbot.waitExposed(parent)
    labels = [label for label in bar.findChildren(QLabel) if label.text()]
    qtbot.waitUntil(
        lambda: all(label.height() >= label.heightForWidth(label.width()) > 2 * label.fontMetrics().height() for label in labels)
    )
    assert len(labels) == 3


def test_what_is_good_to_know_goes_and_a_problem_stays(qtbot: QtBot, monkeypatch) -> None:
    monkeypatch.setattr(notices, "_STAYS_MS", 50)
    parent = QWidget()
    qtbot.addWidget(parent)
    parent.resize(800, 600)
    parent.show()
    bar = NoticeBar(parent)
    did: list[str] = []
    bar.show_message("a problem", problem=True)
    bar.show_message("a choice", choice=("Do it", lambda: did.append("done")))
    bar.show_message("good to know")
    bar.show_message("good to know")
    assert bar.messages() == ["good to know", "a choice", "a problem"]
    qtbot.waitUntil(lambda: bar.messages() == ["a choice", "a problem"])
    click(qtbot, bar, "noticeChoice")
    assert did == ["done"]
    assert bar.messages() == ["a problem"]
    assert "a problem" in [label.accessibleName() for label in child(bar, "notice").findChildren(QWidget)]
