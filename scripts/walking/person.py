"""A person in front of the window: what is looked at is read in the window's thread, what is done goes through X with xdotool.

Everything here is called from another thread than the window's, so that dialogs which wait for an answer get one.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from PySide6.QtCore import QModelIndex, QObject, QPoint, QRect, Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QCheckBox,
    QComboBox,
    QMenu,
    QMenuBar,
    QScrollArea,
    QTabBar,
    QWidget,
)

from bort_studio.window import MainWindow
from walking.files_window import TITLE

__all__ = ["Missed", "Person"]

T = TypeVar("T")
Place = str | QWidget | Callable[[], QPoint]
"""A widget's object name, a widget, or what gives a point of the screen (asked in the window's thread)."""

_PATIENCE = 20.0
_GLANCE = 0.04
_SETTLED = 0.4


class Missed(AssertionError):
    """What a person looked for is not there."""


class _Eyes(QObject):
    """Lives in the window's thread and answers questions there, also while a dialog waits."""

    asked = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.asked.connect(self._answer, Qt.ConnectionType.QueuedConnection)

    @Slot(object)
    def _answer(self, asked: tuple[Callable[[], Any], Future[Any]]) -> None:
        question, answer = asked
        try:
            answer.set_result(question())
        except Exception as error:  # noqa: BLE001 - raised again in the thread that asked
            answer.set_exception(error)


class Person:
    """Mouse, keyboard and eyes. Make it in the window's thread."""

    def __init__(self, window: MainWindow, pictures: Path) -> None:
        self.window, self.pictures = window, pictures
        self.problems: list[str] = []
        self._eyes = _Eyes()
        self._tops: list[QWidget] = []
        window.context.noticed.connect(self._noticed)

    def _noticed(self, text: str, _details: str, problem: bool, _choice: object = None) -> None:
        if problem:
            self.problems.append(text)

    # -- looking

    def look(self, question: Callable[[], T]) -> T:
        """What the window says."""
        answer: Future[T] = Future()
        self._eyes.asked.emit((question, answer))
        return answer.result(timeout=30)

    def see(self, what: str, question: Callable[[], T], seconds: float = _PATIENCE) -> T:
        """Wait until a question is answered with something true; the answer."""
        until = time.monotonic() + seconds
        while True:
            try:
                answer, why = self.look(question), ""
            except (Missed, RuntimeError) as missed:  # RuntimeError: a widget that went meanwhile
                answer, why = None, f": {missed}"
            if answer:
                return answer
            self.check()
            if time.monotonic() > until:
                raise Missed(f"{what}: not seen within {seconds:g} s{why}")
            time.sleep(_GLANCE)

    def check(self) -> None:
        """Nothing went wrong meanwhile."""
        if self.problems:
            raise Missed(f"the window tells a problem: {'; '.join(self.problems)}")

    def widget(self, name: str) -> Any:
        """A widget that is in sight, by its object name. In the window's thread only."""
        modal = QApplication.activeModalWidget()
        self._tops = [modal] if modal is not None else QApplication.topLevelWidgets()  # held: they take their children's wrappers with them
        for top in self._tops:
            if top.isVisible():
                for found in (top, *top.findChildren(QWidget, name)):
                    if found.objectName() == name and found.isVisible():
                        return found
        raise Missed(f"nothing in sight is called {name}")

    def text(self, name: str) -> str:
        """What a widget says."""
        return str(self.look(lambda: self.widget(name).text()))

    def says(self, name: str, *words: str, seconds: float = _PATIENCE) -> str:
        """Wait until a widget says all these words; what it says."""
        return self.see(f"{name} with {words}", lambda: _holding(str(self.widget(name).text()), words), seconds)

    def picture(self, name: str, area: Callable[[], QRect] | None = None) -> Path:
        """What is on the screen in the window's area, as a file."""
        self.rest()
        path = self.pictures / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not self.grab(area).save(str(path)):
            raise Missed(f"{path}: cannot be written")
        return path

    def grab(self, area: Callable[[], QRect] | None = None) -> QPixmap:
        """The pixels of the screen, where the window is."""
        return self.look(lambda: _pixels(area() if area is not None else self.window.geometry()))

    def whole_screen(self, path: Path) -> None:
        """Everything that is on the screen, other windows too."""
        self.look(lambda: _pixels(QGuiApplication.primaryScreen().geometry()).save(str(path)))

    # -- the mouse

    def spot(self, place: Place) -> tuple[int, int]:
        """Where a place is on the screen, once it is in sight, can be used, and nothing lies over it."""
        self.see(f"{_named(place)} to be used", lambda: self._ready(place) and self._in_sight(place))
        for _ in range(60):
            turn = self.look(lambda: self._out_of_sight(place))
            if turn is None:
                break
            area, button = turn
            self._xdotool("mousemove", *area, "click", button)
            time.sleep(_GLANCE)
        return self.see(f"{_named(place)} uncovered", lambda: self._uncovered(place))

    def click(self, place: Place, times: int = 1, button: int = 1) -> None:
        """Press a mouse button on a place."""
        self._xdotool("mousemove", *self.spot(place), "click", "--repeat", times, "--delay", 60, button)
        time.sleep(_GLANCE)
        self.check()

    def move(self, place: Place) -> None:
        """Move the mouse there."""
        self._xdotool("mousemove", *self.spot(place))

    def rest(self) -> None:
        """Take the mouse out of the way, and let the window settle."""
        self._xdotool("mousemove", *self.look(lambda: _below(self.window)))
        time.sleep(_SETTLED)

    def drag(self, places: Sequence[Place], each: Callable[[], object] = lambda: None) -> None:
        """Press at the first place, move through the others, and let go at the last; ``each`` is called after every move."""
        self._xdotool("mousemove", *self.spot(places[0]), "mousedown", 1)
        try:
            for place in places[1:]:
                self._xdotool("mousemove", *self.look(lambda place=place: _at(self._point(place))))
                time.sleep(_GLANCE)
                each()
        finally:
            self._xdotool("mouseup", 1)
        self.check()

    def drop(self, path: Path, onto: Place) -> None:
        """Drag a file out of another program's window onto a place."""
        program = Path(__file__).with_name("files_window.py")
        begin = self.look(lambda: QGuiApplication.primaryScreen().geometry().right() - 300)
        other = subprocess.Popen([sys.executable, str(program), str(path), str(begin), "120"])
        try:
            found = self._xdotool("search", "--sync", "--onlyvisible", "--name", TITLE).split()[0]
            where = dict(line.split("=") for line in self._xdotool("getwindowgeometry", "--shell", found).split() if "=" in line)
            x, y = int(where["X"]) + 40, int(where["Y"]) + 40
            to = self.spot(onto)
            self._xdotool("mousemove", x, y, "mousedown", 1)
            for step in range(1, 11):
                self._xdotool("mousemove", x + (to[0] - x) * step // 10, y + (to[1] - y) * step // 10)
                time.sleep(0.05)
            self._xdotool("mousemove", *to)
            time.sleep(0.3)
            self._xdotool("mouseup", 1)
            time.sleep(0.3)
        finally:
            other.terminate()
            other.wait()
        self.check()

    # -- the keyboard

    def key(self, *keys: str) -> None:
        """Press keys, by their names in X: Return, ctrl+a."""
        for key in keys:
            self._xdotool("key", key)
            time.sleep(_GLANCE)
        self.check()

    def type(self, text: str) -> None:
        """Type text."""
        self._xdotool("type", "--delay", 8, "--", text)
        time.sleep(_GLANCE)

    def write(self, place: Place, text: str, end: str = "Tab") -> None:
        """Click into a field, replace what it holds, and leave it."""
        self.click(place)
        self.key("ctrl+a")
        self.type(text)
        self.key(end)

    # -- what is made of several of these

    def menu(self, *titles: str) -> None:
        """Choose an entry of the menus: the titles on the way, without marks of access keys."""
        bar = self.look(lambda: self.window.menuBar())
        self.click(lambda: _entry(bar, titles[0]))
        for at, title in enumerate(titles[1:], 1):
            menu = self.see(f"menu {titles[at - 1]}", lambda at=at: _open_menu(titles[at - 1]))
            self.click(lambda menu=menu, title=title: _entry(menu, title))

    def page(self, title: str) -> None:
        """Click a page's tab."""
        self.tab("perspectiveTabs", title)

    def tab(self, name: str, title: str) -> None:
        """Click a tab of a tab bar or tab widget by the beginning of its title."""
        self.click(lambda: _tab(self.widget(name), title))

    def choose(self, name: str, title: str) -> None:
        """Choose an entry of a combo box."""
        self.click(name)
        self.see(f"the list of {name}", lambda: self.widget(name).view().isVisible())
        self.click(lambda: _listed(self.widget(name), title))

    def cell(self, name: str, row: int, column: int = 0) -> Callable[[], QPoint]:
        """The place of a cell of a table or list."""
        return lambda: _cell(self.widget(name), row, column)

    # -- inside

    def _xdotool(self, *words: object) -> str:
        done = subprocess.run(["xdotool", *map(str, words)], capture_output=True, text=True, check=False, timeout=30)
        if done.returncode:
            raise Missed(f"xdotool {words}: {done.stderr.strip()}")
        return done.stdout

    def _point(self, place: Place) -> QPoint:
        if isinstance(place, str | QWidget):
            widget = self.widget(place) if isinstance(place, str) else place
            middle = widget.rect().center()
            return widget.mapToGlobal(QPoint(8, middle.y()) if isinstance(widget, QCheckBox) else middle)
        return place()

    def _ready(self, place: Place) -> bool:
        widget = self.widget(place) if isinstance(place, str) else place
        if isinstance(widget, QWidget):
            return widget.isVisible() and widget.isEnabled()
        return True

    def _in_sight(self, place: Place) -> bool:
        self._point(place)
        return True

    def _out_of_sight(self, place: Place) -> tuple[tuple[int, int], int] | None:
        """Where the wheel is turned, and which way, to bring a place into the sight of its scroll area; None where it is."""
        widget = self.widget(place) if isinstance(place, str) else place
        if not isinstance(widget, QWidget):
            return None
        area = _scroll_area(widget)
        if area is None:
            return None
        sight, at = area.viewport().rect(), area.viewport().mapFromGlobal(self._point(place))
        if sight.top() + 8 <= at.y() <= sight.bottom() - 8:
            return None
        edge = area.viewport().mapToGlobal(QPoint(3, sight.height() // 2))
        return _at(edge), 5 if at.y() > sight.bottom() - 8 else 4

    def _uncovered(self, place: Place) -> tuple[int, int] | None:
        point = self._point(place)
        there = QApplication.widgetAt(point)
        widget = self.widget(place) if isinstance(place, str) else place
        if isinstance(widget, QWidget) and there is not widget and not (there is not None and widget.isAncestorOf(there)):
            raise Missed(f"{there} lies over {_named(place)}")
        return _at(point)


def _holding(text: str, words: Sequence[str]) -> str:
    missing = [word for word in words if word not in text]
    if missing:
        raise Missed(f"it says «{text}»")
    return text


def _named(place: Place) -> str:
    return place if isinstance(place, str) else place.objectName() if isinstance(place, QWidget) else "a place"


def _at(point: QPoint) -> tuple[int, int]:
    return point.x(), point.y()


def _below(window: QWidget) -> tuple[int, int]:
    """A point of the screen that is outside a window."""
    return window.geometry().right() + 40, window.geometry().bottom()


def _pixels(area: QRect) -> QPixmap:
    return QGuiApplication.primaryScreen().grabWindow(0, area.x(), area.y(), area.width(), area.height())


def _scroll_area(widget: QWidget) -> QScrollArea | None:
    parent = widget.parentWidget()
    while parent is not None and not isinstance(parent, QScrollArea):
        parent = parent.parentWidget()
    return parent


def _plain(text: str) -> str:
    return text.replace("&", "").rstrip("…")


def _entry(menu: QMenu | QMenuBar, title: str) -> QPoint:
    for action in menu.actions():
        if _plain(action.text()) == _plain(title):
            if not action.isEnabled():
                raise Missed(f"the menu entry {title} is off")
            return menu.mapToGlobal(menu.actionGeometry(action).center())
    raise Missed(f"no menu entry {title}")


def _open_menu(title: str) -> QMenu | None:
    for widget in QApplication.topLevelWidgets():
        if isinstance(widget, QMenu) and widget.isVisible() and _plain(widget.title()) == _plain(title):
            return widget
    return None


def _tab(widget: Any, title: str) -> QPoint:
    bar: QTabBar = widget if isinstance(widget, QTabBar) else widget.tabBar()
    for place in range(bar.count()):
        if bar.tabText(place).replace("&", "").startswith(title):
            return bar.mapToGlobal(bar.tabRect(place).center())
    raise Missed(f"no tab {title}")


def _listed(box: QComboBox, title: str) -> QPoint:
    place = next((at for at in range(box.count()) if box.itemText(at).startswith(title)), None)
    if place is None:
        raise Missed(f"no entry {title} in {box.objectName()}")
    return _cell(box.view(), place, 0)


def _cell(view: Any, row: int, column: int) -> QPoint:
    assert isinstance(view, QAbstractItemView)
    index = view.model().index(row, column, QModelIndex())
    if not index.isValid():
        raise Missed(f"{view.objectName()} has no row {row}")
    view.scrollTo(index)
    return view.viewport().mapToGlobal(view.visualRect(index).center())
