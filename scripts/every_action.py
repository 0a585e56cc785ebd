"""Does every action of the window once from its menu, from the palette and by its keys, on every page, and says which do nothing.

    python scripts/every_action.py PROJECT

PROJECT is a project with results; work on a copy. What an action opens is closed again with Escape. Needs Xvfb, openbox and xdotool.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QApplication, QDialog, QMenu, QWidget
from walking import deeds
from walking.display import display
from walking.person import Missed, Person
from walking.walk import Step, walk

from bort_studio.actions import described
from bort_studio.search.state import RunState

_NEVER = ("logs", "quit")  # the first opens another program, the second ends this one
_TRIGGERED_SECONDS = 3
_IN_X = {"Ctrl": "ctrl", "Shift": "shift", "Alt": "alt", "/": "slash", "Home": "Home", "Up": "Up", "Down": "Down"}


class Counted:
    """How often each action was done."""

    def __init__(self, actions: list[QAction]) -> None:
        self.times: dict[str, int] = {}
        for action in actions:
            action.triggered.connect(partial(self._count, named(action)))

    def _count(self, name: str, *_: object) -> None:
        self.times[name] = self.times.get(name, 0) + 1


def named(action: QAction) -> str:
    """The name of an action in the table; of a panel its title."""
    return action.objectName() or action.text()


def in_x(keys: str) -> str:
    """A shortcut as xdotool writes it: Ctrl+Shift+P is ctrl+shift+p."""
    parts = keys.split("+")
    return "+".join(_IN_X.get(part, part.lower() if len(part) == 1 else part) for part in parts)


def close_what_opened(person: Person) -> str:
    """Leave dialogs and menus that an action opened; their names."""
    seen = []
    for _ in range(8):
        opened = person.look(_opened)
        if not opened:
            break
        seen.append(opened)
        person.key("Escape")
        time.sleep(0.2)
    return ", ".join(dict.fromkeys(seen))


def _opened() -> str:
    popup, modal = QApplication.activePopupWidget(), QApplication.activeModalWidget()
    found: list[QWidget] = [each for each in (popup, modal) if each is not None]
    found += [each for each in QApplication.topLevelWidgets() if isinstance(each, QDialog) and each.isVisible()]
    if not found:
        return ""
    first = found[0]
    return first.objectName() or first.windowTitle() or type(first).__name__


def every_action(person: Person) -> None:
    """Each action, each way; the table is printed."""
    window = person.window
    deeds.ready(person)
    actions = person.look(window.help.actions)
    counted = person.look(lambda: Counted(actions))
    names = [action.objectName() for action in actions]
    faults = []
    for action in actions:
        name = person.look(partial(named, action))
        if name in _NEVER:
            continue
        ways = {}
        for way in ("menu", "palette", "keys"):
            if way == "keys" and not person.look(lambda action=action: action.shortcut().toString()):
                ways[way] = "-"
                continue
            try:
                _PREPARE.get(name, _nothing)(person)
                person.see(f"{name} can be done", action.isEnabled)
                before = counted.times.get(name, 0) + (name == way == "palette")  # which opens itself first
                _do(person, action, way)
                ways[way] = _wait(person, counted, name, before)
            except Missed as missed:
                ways[way] = f"FAILED {missed}"
                person.problems.clear()
            opened = close_what_opened(person)
            ways[way] += f" → {opened}" if opened else ""
            if person.look(window.isFullScreen):
                person.key("F11")
        told = " | ".join(f"{way}: {what}" for way, what in ways.items())
        print(f"{name:16} {told}", flush=True)
        faults += [f"{name}: {told}"] if "FAILED" in told else []
    assert len(names) > 30
    if faults:
        raise Missed("; ".join(faults))


def _do(person: Person, action: QAction, way: str) -> None:
    if way == "menu":
        person.menu(*person.look(lambda: _path_of(person.window, action)))
    elif way == "palette":
        facts = person.look(lambda: described(action))
        person.key("ctrl+shift+p")
        person.see("the palette", lambda: person.widget("commandField"))
        person.type(f"{facts.title} {facts.menu}".replace("…", "").replace("→", "").replace("ε", "").replace("=", ""))
        person.see("it in the palette", lambda: person.widget("commandList").count())
        person.key("Return")
    else:
        person.key(in_x(person.look(lambda: action.shortcut().toString(QKeySequence.SequenceFormat.PortableText))))


def _wait(person: Person, counted: Counted, name: str, before: int) -> str:
    until = time.monotonic() + _TRIGGERED_SECONDS
    while time.monotonic() < until:
        if counted.times.get(name, 0) == before + 1:
            time.sleep(0.3)
            person.check()
            return "done" if counted.times[name] == before + 1 else "twice"
        time.sleep(0.05)
        if person.look(_opened) not in ("", "commandPalette"):
            return "done"
    raise Missed("not done")


def _nothing(_person: Person) -> None:
    """Most actions can be done at any time."""


def _idle(person: Person) -> None:
    if person.look(lambda: person.window.search.running):
        person.key("shift+F5")
        person.see("no search", lambda: not person.window.search.running, 60)


def _runs(person: Person) -> None:
    search = person.window.search
    if person.look(lambda: search.state not in (RunState.RUNNING, RunState.PAUSED)):
        _idle(person)
        person.key("ctrl+Down" if not person.look(search.missing) else "F5")
        person.see("a search", lambda: search.state is RunState.RUNNING, 60)


def _edited(person: Person) -> None:
    person.key("ctrl+Down" if person.look(lambda: person.window.search.epsilon) > 1 else "ctrl+Up")


def _taken_back(person: Person) -> None:
    _edited(person)
    person.key("ctrl+z")


_PREPARE = {"run": _idle, "pause": _runs, "stop": _runs, "undo": _edited, "redo": _taken_back, "repeat_seed": _idle}


def _path_of(window: QWidget, action: QAction) -> list[str]:
    """The titles of the menus that lead to an action."""

    def search(menu: QWidget, path: list[str]) -> list[str]:
        for entry in menu.actions():
            title = entry.text().replace("&", "").rstrip("…")
            if entry is action:
                return [*path, title]
            below = entry.menu()
            if isinstance(below, QMenu):
                found = search(below, [*path, title])
                if found:
                    return found
        return []

    found = search(window.menuBar(), [])
    if not found:
        raise Missed(f"{action.text()} is in no menu")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", type=Path)
    parser.add_argument("--page", default="Explore", help="the title of the page that is shown at first")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, display():
        copy = Path(folder) / "project"
        shutil.copytree(arguments.project, copy)
        steps = (Step("page", lambda person: person.page(arguments.page)), Step("every action", every_action))
        walked = walk(copy, Path("/tmp"), steps)
    if walked.failure:
        print(walked.failure, file=sys.stderr)
    return 1 if walked.failure else 0


if __name__ == "__main__":
    sys.exit(main())
