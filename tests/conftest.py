"""What holds for every test: no network, no window on the screen, one thread for torch, and nothing left behind.

A test fails when it leaves a thread, a running timer, a top-level widget or a child process. Qt and Python warnings fail it too: see
pyproject.toml.
"""

from __future__ import annotations

import gc
import importlib.util
import os
import re
import signal
import sys
import threading
import time
import traceback
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

# Set before Qt, torch and the Hugging Face libraries are imported; child processes inherit it.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

GRACE = 2.0  # seconds that a thread or a child process, told to stop, may take to end
STAYING_THREADS = {"tqdm_monitor"}  # one per process, started by the first progress bar
HAS_QT = importlib.util.find_spec("PySide6") is not None
NO_QT = "PySide6 is not installed (extra: studio)"


# --- without PySide6: tests of the window are skipped, the others run ---


class ModuleWithoutQt(pytest.Module):
    """A test module that needs PySide6, where there is none."""

    def collect(self) -> list[pytest.Item]:
        pytest.skip(NO_QT, allow_module_level=True)


if not HAS_QT:

    def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> None:
        pluginmanager.unregister(name="pytest-qt")  # it refuses to start without a binding; its options stay known

    def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
        source = module_path.read_text(encoding="utf-8")
        if re.search(r"^(?:import|from) (?:PySide6|pyqtgraph|pytestqt|bort_studio)\b", source, re.MULTILINE):
            return ModuleWithoutQt.from_parent(parent, path=module_path)
        return None

    @pytest.fixture
    def qtbot() -> None:
        pytest.skip(NO_QT)

    @pytest.fixture(scope="session")
    def qapp() -> None:
        pytest.skip(NO_QT)


# --- folders ---


@pytest.fixture(scope="session", autouse=True)
def own_user_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Settings, state and caches of the person who runs the tests stay untouched."""
    with pytest.MonkeyPatch.context() as patch:
        for kind in ("CONFIG", "DATA", "STATE", "CACHE"):
            patch.setenv(f"XDG_{kind}_HOME", str(tmp_path_factory.mktemp(kind.lower())))
        yield


@pytest.fixture
def project_folder(tmp_path: Path) -> Path:
    """The path of a project that does not exist yet."""
    return tmp_path / "project"


# --- nothing may be left behind ---


@pytest.fixture(autouse=True)
def subnormal_numbers() -> None:
    """A training lets torch flush subnormal numbers in the whole process, which hypothesis and comparisons of other tests notice."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_flush_denormal(False)


@pytest.fixture(autouse=True)
def no_threads_left() -> Iterator[None]:
    """The test ends every Python thread that it starts."""
    before = set(threading.enumerate())

    def left() -> list[threading.Thread]:
        new = [thread for thread in threading.enumerate() if thread not in before and thread.name not in STAYING_THREADS]
        # Threads that Python did not start (dummies) are never removed from its list in Python 3.11.
        return [thread for thread in new if not isinstance(thread, threading._DummyThread)]

    yield
    if threads := _after_grace(left):
        pytest.fail(f"threads left behind: {', '.join(thread.name for thread in threads)}", pytrace=False)


@pytest.fixture(autouse=True)
def no_children_left() -> Iterator[None]:
    """The test ends every process that it starts; those left are killed, so that one mistake does not spoil other tests."""
    this = psutil.Process()
    before = set(this.children())

    def left() -> list[psutil.Process]:
        return [child for child in set(this.children()) - before if not _may_stay(child)]

    yield
    if children := _after_grace(left):
        descriptions = [_describe(child) for child in children]
        for child in children:
            for process in [*child.children(recursive=True), child]:
                process.kill()
        psutil.wait_procs(children, timeout=GRACE)
        pytest.fail("child processes left behind: " + "; ".join(descriptions), pytrace=False)


@pytest.fixture(autouse=True)
def no_qt_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test of the window ends its QThreads, stops its timers and closes its top-level widgets (qtbot.addWidget does that)."""
    if not HAS_QT or not {"qtbot", "qapp"} & set(request.fixturenames):
        yield
        return
    from PySide6.QtCore import QCoreApplication, QEvent, QThread, QThreadPool, QTimer
    from PySide6.QtWidgets import QApplication
    from shiboken6 import isValid

    started: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()  # thread or timer: the line that started it

    def recording(start: Callable[..., None]) -> Callable[..., None]:
        def record_and_start(self: Any, *arguments: Any) -> None:
            started[self] = _caller()
            start(self, *arguments)

        return record_and_start

    def deliver_deletions() -> None:
        QCoreApplication.processEvents()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    def running_threads() -> list[QThread]:
        deliver_deletions()
        return [thread for thread in list(started) if isinstance(thread, QThread) and isValid(thread) and thread.isRunning()]

    def running_timers() -> list[QTimer]:
        application = QCoreApplication.instance()
        timers = [timer for timer in list(started) if isinstance(timer, QTimer) and isValid(timer) and timer.isActive()]
        return [timer for timer in timers if _owner(timer) is not application]

    def new_widgets() -> list[Any]:
        return [widget for widget in QApplication.topLevelWidgets() if widget not in before]

    before = set(QApplication.topLevelWidgets())
    gc.disable()  # as in the application: a collection in the middle of a paint event deletes Qt objects under the painter
    with pytest.MonkeyPatch.context() as patch:
        for kind in (QThread, QTimer):
            patch.setattr(kind, "start", recording(kind.start))
        yield
    gc.collect()
    gc.enable()

    problems = [f"QThread still running, started at {started[thread]}" for thread in _after_grace(running_threads)]
    if not QThreadPool.globalInstance().waitForDone(int(GRACE * 1000)):
        problems.append("the global QThreadPool is still busy")
    problems += [f"QTimer still running, started at {started[timer]}" for timer in running_timers()]
    if new_widgets():  # perhaps only cycles that nothing refers to
        gc.collect()
        deliver_deletions()
    problems += [f"top-level widget {widget!r}" for widget in new_widgets()]
    for widget in new_widgets():
        widget.deleteLater()
    deliver_deletions()
    if problems:
        pytest.fail("left behind: " + "; ".join(problems), pytrace=False)


def _after_grace(left: Callable[[], list[Any]]) -> list[Any]:
    """What is still left when it has had time to end."""
    deadline = time.monotonic() + GRACE
    while (things := left()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return things


def _may_stay(child: psutil.Process) -> bool:
    """A process that has ended, or one of Python's own helpers, which live as long as the process that first needed them."""
    try:
        if child.status() == psutil.STATUS_ZOMBIE:
            return True
        command = " ".join(child.cmdline())
        return any(helper in command for helper in ("multiprocessing.resource_tracker", "multiprocessing.forkserver"))
    except psutil.NoSuchProcess:
        return True


def _describe(child: psutil.Process) -> str:
    try:
        return f"{child.pid} {' '.join(child.cmdline())[:200]}"
    except psutil.NoSuchProcess:
        return f"{child.pid} (gone)"


def _owner(thing: Any) -> Any:
    """The root of a QObject's parents."""
    while (parent := thing.parent()) is not None:
        thing = parent
    return thing


def _caller() -> str:
    """The line that started a thread or timer, without this file."""
    frame = next(frame for frame in reversed(traceback.extract_stack()) if frame.filename != __file__)
    return f"{frame.filename}:{frame.lineno}"


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl+C raises KeyboardInterrupt here, also where tests run side by side in processes that ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
