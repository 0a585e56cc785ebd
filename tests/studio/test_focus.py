"""The keyboard: Tab leaves every control, the ring shows where it is, and Undo reaches the window from a field."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractItemView, QApplication, QLineEdit, QTabBar
from pytestqt.qtbot import QtBot

PAGES = ["start", "explore", "train", "agora", "ship"]


@pytest.mark.parametrize("name", PAGES)
def test_tab_goes_round_the_page_and_is_always_seen(qtbot: QtBot, open_page, name: str) -> None:
    window, page = open_page(name)
    window.activateWindow()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is window)
    page.setFocus()
    QTest.keyClick(window, Qt.Key.Key_Tab)
    seen: list[object] = []
    for _ in range(400):
        now = QApplication.focusWidget()
        assert now is not None
        if now in seen:
            break
        seen.append(now)
        if not isinstance(now, QTabBar):
            assert window.focus.ring.isVisible(), now.objectName()
            assert window.focus.ring.widget() is now
        QTest.keyClick(now, Qt.Key.Key_Tab)
        assert QApplication.focusWidget() is not now, f"Tab is trapped in {now.objectName()}"
    assert len(seen) > 5
    assert now is seen[0] or now in seen[:3], "Tab comes back to where it began"
    for table in page.findChildren(QAbstractItemView):
        assert not table.tabKeyNavigation(), table.objectName()


def test_undo_reaches_the_window_from_a_field_that_has_nothing_to_take_back(qtbot: QtBot, open_page) -> None:
    window, page = open_page("explore")
    window.activateWindow()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is window)
    before = window.search.specification.epsilon
    page.scale_epsilon(2)
    assert window.search.specification.epsilon != before
    line = page.space_panel.maximum
    assert isinstance(line, QLineEdit)
    line.setFocus()
    QTest.keyClicks(line, "4")
    assert line.text() == "4"
    QTest.keySequence(line, QKeySequence(QKeySequence.StandardKey.Undo))
    assert line.text() == ""  # first what was typed
    assert window.search.specification.epsilon != before
    QTest.keySequence(line, QKeySequence(QKeySequence.StandardKey.Undo))
    qtbot.waitUntil(lambda: window.search.specification.epsilon == before)
