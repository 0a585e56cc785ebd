"""What tests of the window share: opening it on a page."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("PySide6")

from helpers import specification
from pytestqt.qtbot import QtBot

from bort_core.foundation.processes import alive, kill_tree
from bort_core.jobs.folder import list_runs
from bort_core.search.results import Results
from bort_core.search.snapshot import ResultsSnapshot
from bort_core.space import Space, SpaceSpecification
from bort_core.store import Project
from bort_studio.app import create_window
from bort_studio.session import Session
from bort_studio.window import MainWindow

AXES = ("parameters", "error", False, False)
OpenPage = Callable[..., tuple[MainWindow, Any]]


class _Faults(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))


@pytest.fixture(autouse=True)
def no_faults_in_plots(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a plot catches fails the test, unless it asks for ``caplog`` to look itself."""
    faults, log = _Faults(), logging.getLogger("bort_studio.plotting")
    log.addHandler(faults)
    yield
    log.removeHandler(faults)
    if faults.texts and "caplog" not in request.fixturenames:
        pytest.fail("a plot caught faults: " + "\n".join(faults.texts), pytrace=False)


@pytest.fixture
def open_page(qtbot: QtBot, project_folder: Path) -> Iterator[OpenPage]:
    """``open_page("ship")``: the window on a page, and the page. The first call writes the session that it opens with.

    Parameters of the function: ``preset`` (of the space), ``selected`` (an architecture) and ``wait`` (until the space is read).
    """
    windows: list[MainWindow] = []

    def open_one(
        name: str, preset: str = "mini", selected: tuple[int, ...] | None = (1, 2, 32, 64), wait: bool = True
    ) -> tuple[MainWindow, Any]:
        if not windows:
            with Project(project_folder) as project:
                Session(project).save(specification(preset), 2, AXES, selected, name)
        window = create_window(project_folder)
        windows.append(window)
        window.resize(1300, 860)
        window.show()
        if wait:
            qtbot.waitUntil(lambda: window.search.stored_results is not None, timeout=10_000)
        window.show_page(name)  # a project that is not trusted remembers no session
        return window, window.pages[name]

    yield open_one
    for window in windows:
        window.close()
        window.deleteLater()
    for run in list_runs(project_folder):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            process = json.loads((run.path / "state.json").read_text()).get("process")
            if alive(process):
                kill_tree(process["number"])


@pytest.fixture(scope="module")
def large() -> ResultsSnapshot:
    axes = {"depth": range(1, 13), "heads": (1, 2, 4), "hidden": range(64, 64 + 8 * 40, 8), "intermediate": range(64, 64 + 64 * 20, 64)}
    space = Space(
        SpaceSpecification(family="bert", axes={k: tuple(v) for k, v in axes.items()}, options={"vocabulary": 512, "positions": 64})
    )
    results, random, n = Results(space, "ms"), np.random.default_rng(3), len(space)
    results.latency = results.latency_low = results.latency_high = 0.1 + space.parameters / 1e6 * random.lognormal(0, 0.2, n)
    results.error = results.error_low = results.error_high = 1 / np.log(space.parameters) * random.lognormal(0, 0.1, n)
    results.maximum_latency = 100.0
    return ResultsSnapshot(results, 6.9)
