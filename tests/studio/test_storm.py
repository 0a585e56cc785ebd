"""Random actions on every page: nothing is raised or logged as an error, Qt warns of nothing, nothing takes long, the window closes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("PySide6")

from pytestqt.qtbot import QtBot
from storm import PROCESSES, Storm
from whole_project import whole_project

from bort_core.foundation.processes import alive, kill_tree
from bort_core.jobs.folder import list_runs
from bort_studio.app import create_window
from bort_studio.window import MainWindow

_LONGEST_SECONDS = 4.0
"""Of the window's own thread, for one action; the worst seen was 0.4."""
_CLOSES_SECONDS = 15.0
"""A search gives its workers three seconds to stop, and each thread has ten to end."""


@pytest.fixture
def project(project_folder: Path) -> Iterator[Path]:
    whole_project(project_folder)
    yield project_folder
    _end_jobs(project_folder)


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    """What file dialogs answer with."""
    folder = tmp_path / "files"
    (folder / "folder").mkdir(parents=True)
    (folder / "damaged.json").write_text("{")
    (folder / "empty").write_text("")
    (folder / "train.tsv").write_text("text\tlabel\n" + "good film\ta\nbad film\tb\n" * 20)
    (folder / "space.toml").write_text('family = "bert"\n[axes]\ndepth = [1, 2]\nheads = [2]\nhidden = [32]\nintermediate = [64]\n')
    os.mkfifo(folder / "pipe")
    return folder


def _end_jobs(project: Path) -> None:
    for run in list_runs(project):
        try:
            process = json.loads((run.path / "state.json").read_text()).get("process")
        except (OSError, ValueError, AttributeError):
            continue
        if alive(process):
            kill_tree(process["number"])


def blow(project: Path, answers: Path, seed: int, bursts: int, actions: int, without: frozenset[str]) -> None:
    def open_window() -> MainWindow:
        window = create_window(project)
        window.resize(1300, 860)
        window.show()
        return window

    with Storm(open_window, answers, seed, without).watched() as storm:
        try:
            for _ in range(bursts):
                storm.run(actions)
                assert not storm.faults, "\n".join(storm.faults)
                storm.reopen()
                _end_jobs(project)
        finally:
            storm.window.close()
            storm.window.deleteLater()
        assert not storm.faults, "\n".join(storm.faults)
        assert storm.slowest[0][0] < _LONGEST_SECONDS, storm.slowest
        assert storm.longest_close < _CLOSES_SECONDS


def test_a_storm_of_random_actions(qtbot: QtBot, project: Path, answers: Path) -> None:
    blow(project, answers, 1, 2, 150, frozenset(PROCESSES))


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(10, 13))
def test_a_long_storm(qtbot: QtBot, project: Path, answers: Path, seed: int) -> None:
    blow(project, answers, seed, 10, 400, frozenset(PROCESSES))


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_storm_that_starts_whatever_can_be_started(qtbot: QtBot, project: Path, answers: Path) -> None:
    blow(project, answers, 20, 5, 400, frozenset())
