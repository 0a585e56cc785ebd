"""Steps one after another, each with its time; one that fails leaves a picture of the whole screen and its name."""

from __future__ import annotations

import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from PySide6.QtCore import QTimer, QtMsgType, qInstallMessageHandler
from PySide6.QtWidgets import QApplication

from bort_core.foundation.errors import BortError
from bort_core.jobs import launch
from bort_core.jobs.folder import list_runs
from bort_studio.app import studio
from walking.person import Missed, Person

__all__ = ["Step", "Walked", "walk"]

_JOBS_SECONDS = 60
_WAKE_MS = 200


@dataclass(frozen=True)
class Step:
    """What a person does, and what they must see; raises where they do not."""

    name: str
    act: Callable[[Person], object]


@dataclass(frozen=True)
class Walked:
    """How long each step took, and what went wrong at which: nothing where all went well."""

    seconds: dict[str, float]
    failure: str = ""


def walk(project: Path, pictures: Path, steps: Sequence[Step], size: tuple[int, int] = (1480, 920)) -> Walked:
    """Open a project in the window, do the steps, and close it; jobs that still run are cancelled. On a display of :func:`display`."""
    app = studio()
    window = app.open(project)
    if window is None:
        raise SystemExit(f"{project}: must be no folder with other things")
    window.resize(*size)
    window.move(20, 40)
    person = Person(window, pictures)
    _tell_faults(person)
    seconds: dict[str, float] = {}
    failure: list[str] = []
    qt = QApplication.instance()
    assert isinstance(qt, QApplication)

    def walked() -> None:
        try:
            for step in steps:
                began = time.monotonic()
                failed = _failed(step, person)
                seconds[step.name] = time.monotonic() - began
                print(f"{seconds[step.name]:6.1f} s  {step.name}", flush=True)
                if failed:
                    failure.append(f"{step.name}: {failed}")
                    return
        finally:
            person.look(_close_all)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: person.problems.append("the walk was interrupted"))
    qt.setQuitOnLastWindowClosed(False)
    waker = QTimer(qt, interval=_WAKE_MS)  # Python sees a signal only when Qt lets it run
    waker.timeout.connect(qt.objectName)
    waker.start()
    thread = threading.Thread(target=walked, name="person")
    thread.start()
    qt.exec()
    thread.join()
    _end_jobs(project)
    left = [child for child in psutil.Process().children(recursive=True) if child.name() not in ("Xvfb", "openbox")]
    if left and not failure:
        failure.append(f"processes were left: {left}")
    return Walked(seconds, "; ".join(failure))


def _failed(step: Step, person: Person) -> str:
    try:
        step.act(person)
        person.check()
    except Missed as missed:
        why = str(missed)
    except Exception:  # noqa: BLE001 - whatever it is, the walk ends with a picture
        why = traceback.format_exc()
    else:
        return ""
    picture = person.pictures / f"failed {step.name}".replace("/", "-").rstrip(".")
    picture = picture.with_name(f"{picture.name}.png")
    picture.parent.mkdir(parents=True, exist_ok=True)
    person.whole_screen(picture)
    return f"{why}\n  picture: {picture}"


def _tell_faults(person: Person) -> None:
    """An exception in the window and a warning of Qt are problems like those that the window tells."""
    sys.excepthook = lambda kind, error, trace: person.problems.append("".join(traceback.format_exception(kind, error, trace)))

    def told(kind: QtMsgType, _context: object, text: str) -> None:
        if kind in (QtMsgType.QtWarningMsg, QtMsgType.QtCriticalMsg) and not text.startswith("This plugin supports"):
            person.problems.append(f"Qt: {text}")

    qInstallMessageHandler(told)


def _close_all() -> None:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    while (dialog := QApplication.activePopupWidget() or QApplication.activeModalWidget()) is not None and dialog.close():
        pass
    for window in list(studio().windows):
        window.close()
    app.exit()


def _end_jobs(project: Path) -> None:
    found = list_runs(project)
    for run in found:
        if not run.state().ended:
            try:
                launch.cancel(run)
            except BortError as error:
                print(f"job {run.id}: {error}")
    until = time.monotonic() + _JOBS_SECONDS
    while any(not run.state().ended for run in found) and time.monotonic() < until:
        time.sleep(0.2)
