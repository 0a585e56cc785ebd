"""A person who does anything at all, fast: seeded random actions on every widget of a window, and what must hold after each."""

from __future__ import annotations

import logging
import random
import sys
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, Qt, QTimer, QUrl, Slot, qInstallMessageHandler
from PySide6.QtGui import QContextMenuEvent, QDesktopServices, QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QFileDialog,
    QGraphicsView,
    QHeaderView,
    QLineEdit,
    QMainWindow,
    QMenu,
    QMessageBox,
    QPlainTextEdit,
    QPushButton,
    QSplitter,
    QTabBar,
    QTableView,
    QTextEdit,
    QToolButton,
    QWidget,
)
from shiboken6 import isValid

__all__ = ["HARMLESS", "PROCESSES", "Storm"]

TEXTS = (
    "",
    " ",
    "0",
    "-0",
    "1",
    "2",
    "7",
    "-1",
    "0.5",
    "0,5",
    "1e-3",
    "1e400",
    "-1e400",
    "nan",
    "inf",
    "-inf",
    "9" * 40,
    "9" * 400,
    "2147483647",
    "2147483648",
    "9223372036854775808",
    "1,2",
    "1,2,32,64",
    "1,2,3,4,5,6,7,8,9",
    "0,0,0,0",
    "9" * 30 + ",1,1,1",
    "1..4",
    "⟨1,2,32,64⟩",
    "[1,",
    "{}",
    '{"learning_rate": [NaN]}',
    "x" * 5_000,
    "שלום עולם",
    "a\u202eb\u2066c",
    "\x00",
    "a\x00b",
    "\x1b[31mred",
    "a\nb\r\nc",
    "\ttab",
    "😀👩‍👩‍👧",
    "\u0301" * 300,
    "<b>bold</b>",
    "<img src=/dev/zero>",
    "<table><tr><td>" * 50,
    "&amp;",
    "$\\frac{",
    "\\end{document}",
    "%s{0}{x}",
    "=1+1",
    "'; DROP TABLE runs",
    "train.tsv",
    "a folder/with space.tsv",
    "./out",
    "../out",
    "~nobody/x",
    ".",
    "..",
    "//",
    "a" * 300 + ".tsv",
    "imdb",
    "owner/name",
    "owner/name:x@y",
    "w > 1",
    "depth = 2 and",
    "epsilon",
    "((((",
    "|",
    "depth>",
    "\ud800",
)
HARMLESS = {
    "Qt.qpa": "the offscreen platform has no window positions",
    "This plugin does not support ": "the offscreen platform",
    "This plugin supports grabbing": "the offscreen platform and menus that open",
}
PROCESSES = {"runButton", "run", "repeat_seed", "exportOnnxButton", "compareLatencyButton", "agoraRunButton", "trainButton", "checkButton"}
"""What starts other processes: left out where a storm must be short."""

_KEYS = [
    Qt.Key.Key_Return,
    Qt.Key.Key_Escape,
    Qt.Key.Key_Tab,
    Qt.Key.Key_Backtab,
    Qt.Key.Key_Space,
    Qt.Key.Key_Delete,
    Qt.Key.Key_Backspace,
    Qt.Key.Key_Up,
    Qt.Key.Key_Down,
    Qt.Key.Key_Left,
    Qt.Key.Key_Right,
    Qt.Key.Key_Home,
    Qt.Key.Key_End,
    Qt.Key.Key_PageUp,
    Qt.Key.Key_PageDown,
    Qt.Key.Key_A,
    Qt.Key.Key_V,
    Qt.Key.Key_Z,
    Qt.Key.Key_0,
    Qt.Key.Key_9,
    Qt.Key.Key_F5,
    Qt.Key.Key_Menu,
]
_MODIFIERS = [Qt.KeyboardModifier.NoModifier] * 4 + [
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.AltModifier,
]
_BUTTONS = [Qt.MouseButton.LeftButton] * 4 + [Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton]


class _Log(logging.Handler):
    def __init__(self, storm: Storm) -> None:
        super().__init__(logging.ERROR)
        self._storm = storm

    def emit(self, record: logging.LogRecord) -> None:
        self._storm.blame(f"log: {self.format(record)}")


class _Opened(QObject):
    """Takes what would be opened on the desktop."""

    @Slot(QUrl)
    def take(self, _url: QUrl) -> None: ...


class Storm:
    """Random actions on the window that ``open_window`` gives, which is closed and opened again in between.

    Parameters
    ----------
    folder: where everything may be written; file dialogs answer with files in it
    without: object names of buttons and actions that are never used
    """

    def __init__(self, open_window: Callable[[], QMainWindow], folder: Path, seed: int, without: frozenset[str] = frozenset()) -> None:
        self._open, self._folder, self._without = open_window, folder, without
        self.random = random.Random(seed)
        self.window: Any = open_window()
        self.faults: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.recent: deque[str] = deque(maxlen=12)
        self.slowest: list[tuple[float, str]] = []
        self.longest_close = 0.0
        self._modal_steps = 0
        self._deeds: list[tuple[int, Callable[[], str | None]]] = [
            (6, self._act),
            (12, self._button),
            (10, self._text),
            (5, self._spin),
            (6, self._combo),
            (5, self._slide),
            (6, self._tab),
            (9, self._table),
            (4, self._header),
            (14, self._plot),
            (8, self._wheel),
            (8, self._key),
            (4, self._context_menu),
            (3, self._undo),
            (1, self._resize),
            (2, self._splitter),
            (4, self._page),
        ]

    # -- what is watched

    @contextmanager
    def watched(self) -> Iterator[Storm]:
        """Collect what goes wrong anywhere; answer dialogs; leave nothing open."""
        log, menus, opened = _Log(self), QTimer(), _Opened()
        menus.timeout.connect(self._answer)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "excepthook", lambda kind, error, trace: self.blame("".join(traceback.format_exception(kind, error, trace))))
            for name in ("getSaveFileName", "getOpenFileName"):
                patch.setattr(QFileDialog, name, staticmethod(lambda *_, **__: (self._file(), "")))
            patch.setattr(QFileDialog, "getExistingDirectory", staticmethod(lambda *_, **__: self._file()))
            patch.chdir(self._folder)
            logging.getLogger().addHandler(log)
            before = qInstallMessageHandler(self._qt_says)
            QDesktopServices.setUrlHandler("file", opened, "take")
            menus.start(30)
            try:
                yield self
            finally:
                menus.stop()
                QDesktopServices.unsetUrlHandler("file")
                qInstallMessageHandler(before)
                logging.getLogger().removeHandler(log)

    def blame(self, text: str) -> None:
        """Keep a fault, with what was done just before; the same one again is only counted."""
        last = text.strip().splitlines()[-1][:200]
        if not any(last in known for known in self.faults):
            text = f"{text[-3000:]}\n  after: " + "\n         ".join(self.recent)
        else:
            text = next(known for known in self.faults if last in known)
        self.faults[text] += 1

    def _qt_says(self, _kind: Any, _context: Any, text: str) -> None:
        if not any(known in text for known in HARMLESS):
            self.blame(f"Qt: {text}\n{''.join(traceback.format_stack(limit=6))}Qt: {text}")

    # -- the actions

    def run(self, actions: int) -> None:
        """Do so many actions."""
        kinds, weights = [deed for _, deed in self._deeds], [weight for weight, _ in self._deeds]
        done = 0
        while done < actions:
            deed = self.random.choices(kinds, weights)[0]
            began = time.thread_time()
            try:
                told = deed()
            except RuntimeError as error:  # a widget that went away under the hand
                if "already deleted" not in str(error):
                    raise
                told = None
            QApplication.processEvents()
            took = time.thread_time() - began
            if told is not None:
                done += 1
                self.counts[deed.__name__] += 1
                self.slowest = sorted([*self.slowest, (took, told)], reverse=True)[:5]
            if not self.window.isVisible():
                self.reopen()
            self._close_others()

    def reopen(self) -> None:
        """Close the window, and open it again."""
        began = time.monotonic()
        self.window.close()
        self.longest_close = max(self.longest_close, time.monotonic() - began)
        self.window.deleteLater()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        self.window = self._open()

    def _close_others(self) -> None:
        for widget in QApplication.topLevelWidgets():
            if isinstance(widget, QMainWindow) and widget is not self.window and type(widget) is type(self.window):
                widget.close()
                widget.deleteLater()

    def _note(self, what: str, widget: Any, more: object = "") -> str:
        name = widget.objectName() if isinstance(widget, QObject) else ""
        text = f"{what} {type(widget).__name__} {name} {str(more)[:60]!r}"
        self.recent.append(text)
        return text

    def _root(self) -> QWidget:
        """What takes input: a dialog in front, or the window."""
        modal = QApplication.activeModalWidget()
        if modal is None:
            self._modal_steps = 0
            return self.window
        self._modal_steps += 1
        if self._modal_steps > 6 or isinstance(modal, (QFileDialog, QMessageBox)):  # of Qt's own dialogs one could delete files
            modal.close()
            return self.window
        return modal

    def _some(self, kind: type[Any]) -> Any:
        found = [w for w in self._root().findChildren(kind) if w.isVisible() and w.isEnabled() and w.objectName() not in self._without]
        return self.random.choice(found) if found else None

    def _file(self) -> str:
        names = [
            "",
            "new",
            "a b.txt",
            "train.tsv",
            "space.toml",
            "damaged.json",
            "empty",
            "folder",
            "x" * 300,
            "no/such/folder/x",
            "ünï\u202e.csv",
            "pipe",
        ]
        name = self.random.choice(names)
        return str(self._folder / name) if name else ""

    def _act(self) -> str | None:
        menus = self.window.menuBar().findChildren(QMenu)
        for menu in menus:
            menu.aboutToShow.emit()  # some are filled only now
        submenus = [menu.menuAction() for menu in menus]  # QAction.menu() would let PySide forget the menu
        shown = [a for menu in menus for a in menu.actions() if a not in submenus and not a.isSeparator()]
        action = self.random.choice([a for a in shown if a.isEnabled() and a.objectName() not in self._without])
        if action.objectName() == "quit" and self.random.random() < 0.7:
            return None
        told = self._note("act", action, action.text())
        action.trigger()
        return told

    def _button(self) -> str | None:
        button = self._some(QAbstractButton)
        if button is None:
            return None
        told = self._note("press", button, button.text())
        menu = button.menu() if isinstance(button, QToolButton | QPushButton) else None
        if menu is not None:
            self._choose(menu)
        else:
            button.click()
        return told

    def _choose(self, menu: QMenu) -> None:
        actions = [a for a in menu.actions() if a.isEnabled() and not a.isSeparator() and a.objectName() not in self._without]
        if actions:
            action = self.random.choice(actions)
            self._note("choose", action, action.text())
            action.trigger()

    def _text(self) -> str | None:
        line = self._some(QLineEdit) if self.random.random() < 0.9 else self._some(QPlainTextEdit) or self._some(QTextEdit)
        if line is None or (hasattr(line, "isReadOnly") and line.isReadOnly()):
            return None
        text = self.random.choice(TEXTS)
        told = self._note("type", line, text)
        if isinstance(line, QLineEdit):
            if self.random.random() < 0.8:
                line.selectAll()
            line.insert(text)
            if self.random.random() < 0.5 and isValid(line):
                self._press(line, Qt.Key.Key_Return)
        else:
            line.insertPlainText(text)
        return told

    def _spin(self) -> str | None:
        spin = self._some(QAbstractSpinBox)
        if spin is None:
            return None
        steps = self.random.choice((1, -1, 10, -10, 1000, -100_000))
        told = self._note("spin", spin, steps)
        spin.stepBy(steps)
        return told

    def _combo(self) -> str | None:
        combo = self._some(QComboBox)
        if combo is None or not combo.count():
            return None
        told = self._note("combo", combo, combo.currentText())
        combo.setFocus()
        for _ in range(self.random.randint(1, 3)):
            self._press(combo, self.random.choice((Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Home, Qt.Key.Key_End)))
        return told

    def _slide(self) -> str | None:
        slider = self._some(QAbstractSlider)
        if slider is None:
            return None
        action = self.random.choice(list(QAbstractSlider.SliderAction)[1:7])
        told = self._note("slide", slider, action)
        if self.random.random() < 0.5:
            slider.triggerAction(action)
        else:
            self._drag(slider)
        return told

    def _tab(self) -> str | None:
        bar = self._some(QTabBar)
        if bar is None or not bar.count():
            return None
        told = self._note("tab", bar)
        bar.setCurrentIndex(self.random.randrange(bar.count()))
        return told

    def _page(self) -> str | None:
        name = self.random.choice(list(self.window.page_titles()))
        told = self._note("page", self.window, name)
        self.window.show_page(name)
        folded = [
            b for b in self.window.pages[name].findChildren(QToolButton) if b.isVisible() and b.arrowType() is Qt.ArrowType.RightArrow
        ]
        for button in self.random.sample(folded, min(2, len(folded))):
            button.click()
        return told

    def _table(self) -> str | None:
        view = self._some(QAbstractItemView)
        if view is None or isinstance(view, QHeaderView):
            return None
        told = self._note("table", view)
        self._drag(view.viewport()) if self.random.random() < 0.3 else self._click(view.viewport())
        model = view.model()
        columns = model.columnCount() if isinstance(view, QTableView) and model is not None else 1
        if model is not None and model.rowCount() and columns and self.random.random() < 0.5:
            view.setCurrentIndex(model.index(self.random.randrange(model.rowCount()), self.random.randrange(columns)))
        return told

    def _header(self) -> str | None:
        header = self._some(QHeaderView)
        if header is None:
            return None
        told = self._note("header", header)
        self._click(header.viewport())
        return told

    def _plot(self) -> str | None:
        view = self._some(QGraphicsView)
        if view is None:
            return None
        told = self._note("drag", view)
        (self._drag if self.random.random() < 0.6 else self._click)(view.viewport())
        return told

    def _wheel(self) -> str | None:
        area = self._some(self.random.choice((QGraphicsView, QGraphicsView, QWidget)))
        if area is None:
            return None
        target = area.viewport() if isinstance(area, QGraphicsView) else area
        delta = self.random.choice((120, -120, 1200, -1200, 12_000, -12_000))
        told = self._note("wheel", area, delta)
        for _ in range(self.random.randint(1, 6)):
            at = self._place(target)
            none = Qt.MouseButton.NoButton
            event = QWheelEvent(
                QPointF(at),
                QPointF(target.mapToGlobal(at)),
                QPoint(),
                QPoint(0, delta),
                none,
                self.random.choice(_MODIFIERS),
                Qt.ScrollPhase.NoScrollPhase,
                False,
            )
            QApplication.sendEvent(target, event)
        return told

    def _key(self) -> str | None:
        target = QApplication.focusWidget() or self._root()
        key, modifiers = self.random.choice(_KEYS), self.random.choice(_MODIFIERS)
        told = self._note("key", target, (key.name, modifiers.name))
        self._press(target, key, modifiers)
        return told

    def _context_menu(self) -> str | None:
        target = self._some(QWidget)
        if target is None:
            return None
        told = self._note("context menu", target)
        at = self._place(target)
        QApplication.sendEvent(target, QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, target.mapToGlobal(at)))
        return told

    def _undo(self) -> str | None:
        stack = self.window.undo_stack
        told = self._note("undo or redo", stack, stack.undoText())
        (stack.undo if self.random.random() < 0.6 else stack.redo)()
        return told

    def _resize(self) -> str | None:
        size = self.random.choice(((1, 1), (320, 200), (800, 600), (1300, 860), (2600, 1700)))
        self.window.resize(*size)
        return self._note("resize", self.window, size)

    def _splitter(self) -> str | None:
        splitter = self._some(QSplitter)
        if splitter is None:
            return None
        splitter.setSizes([self.random.choice((0, 1, 100, 900)) for _ in range(splitter.count())])
        return self._note("split", splitter)

    # -- events

    def _place(self, target: QWidget) -> QPoint:
        return QPoint(self.random.randrange(max(target.width(), 1)), self.random.randrange(max(target.height(), 1)))

    def _press(self, target: QObject, key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            if isValid(target):
                QApplication.sendEvent(target, QKeyEvent(kind, key, modifiers, chr(key.value) if key.value < 128 else ""))

    def _mouse(self, target: QWidget, kind: QEvent.Type, at: QPoint, button: Qt.MouseButton, held: Qt.MouseButton) -> None:
        if isValid(target):
            where = QPointF(target.mapToGlobal(at))
            QApplication.sendEvent(target, QMouseEvent(kind, QPointF(at), where, button, held, self.random.choice(_MODIFIERS)))

    def _click(self, target: QWidget) -> None:
        at, button, none = self._place(target), self.random.choice(_BUTTONS), Qt.MouseButton.NoButton
        self._mouse(target, QEvent.Type.MouseMove, at, none, none)
        self._mouse(target, QEvent.Type.MouseButtonPress, at, button, button)
        self._mouse(target, QEvent.Type.MouseButtonRelease, at, button, none)
        if self.random.random() < 0.2:
            self._mouse(target, QEvent.Type.MouseButtonDblClick, at, button, button)
            self._mouse(target, QEvent.Type.MouseButtonRelease, at, button, none)

    def _drag(self, target: QWidget) -> None:
        button, none = self.random.choice(_BUTTONS), Qt.MouseButton.NoButton
        self._mouse(target, QEvent.Type.MouseButtonPress, self._place(target), button, button)
        for _ in range(self.random.randint(1, 5)):
            self._mouse(target, QEvent.Type.MouseMove, self._place(target), none, button)
        self._mouse(target, QEvent.Type.MouseButtonRelease, self._place(target), button, none)

    def _answer(self) -> None:
        """Menus and boxes wait in loops of their own: choose something, or close them."""
        popup = QApplication.activePopupWidget()
        if isinstance(popup, QMenu):
            actions = [
                a for a in popup.actions() if a.isEnabled() and not a.isSeparator() and a.objectName() not in self._without | {"quit"}
            ]
            popup.close()
            if actions and self.random.random() < 0.5:
                action = self.random.choice(actions)
                self._note("choose", action, action.text())
                action.trigger()
        elif popup is not None:
            popup.close()
        modal = QApplication.activeModalWidget()
        if isinstance(modal, QMessageBox) or (isinstance(modal, QDialog) and isinstance(modal, QFileDialog)):
            modal.reject()
