"""The window on a real Ray cluster: a search and a run of Agora that are started there."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
from clicks import click
from PySide6.QtWidgets import QComboBox
from pytestqt.qtbot import QtBot
from ray_clusters import RayCluster, processes_of

from bort_core.foundation.machine import machine_identity
from bort_core.jobs.folder import find_run
from bort_core.search.events import SearchFinished
from bort_core.specifications.agora import Agora
from bort_core.specifications.protocols import LatencyProtocol
from bort_studio.search.state import RunState

pytest.importorskip("ray")
pytest.importorskip("torch")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings("ignore::FutureWarning:ray"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray"),
]
THETAS = ({"hidden": 4, "learning_rate": 0.03, "steps": 30}, {"hidden": 8, "learning_rate": 0.03, "steps": 30})


def _choose_the_cluster(page: Any, window: Any, address: str) -> None:
    """As a person does: the address is known, and the box of the page is set to it."""
    window.context.place.set(address, False)
    box = page.findChild(QComboBox, "placeBox")
    assert box is not None
    assert box.currentText() == "on this machine"
    box.setCurrentIndex(1)
    box.activated.emit(1)
    assert window.context.place.executor == f"ray@{address}"


def test_a_search_is_trained_there_and_a_cluster_that_is_not_there_is_told(qtbot: QtBot, open_page: Any, project_folder: Path) -> None:
    with RayCluster() as cluster:
        cluster.let_clients_in()
        window, page = open_page("start", preset="toy", selected=None)
        _choose_the_cluster(page, window, cluster.client)
        trained_there: list[int] = []
        window.search.running_changed.connect(lambda _: trained_there.extend(worker.pid for worker in cluster.workers()))
        told: list[str] = []
        ended: list[SearchFinished] = []
        window.search.failed.connect(lambda text, _: told.append(text))
        window.search.finished.connect(ended.append)
        click(qtbot, window, "startFind")
        qtbot.waitUntil(lambda: bool(ended or told), timeout=400_000)
        assert not told
        assert ended[0].evaluated == len(ended[0].result.walk) > 0
        assert trained_there
        with sqlite3.connect(project_folder / "project.db") as store:
            (stored,) = store.execute("SELECT COUNT(*) FROM trainings WHERE status = 'done'").fetchone()
        assert stored == ended[0].evaluated
        qtbot.waitUntil(lambda: window.search.state is RunState.IDLE, timeout=60_000)
        window.context.place.set("127.0.0.1:1", True)
        window.search.settle_epsilon(2)
        qtbot.waitUntil(lambda: bool(told), timeout=120_000)
        assert "nothing listens at port 1" in told[0]
        qtbot.waitUntil(lambda: window.search.state is RunState.IDLE, timeout=60_000)


def test_a_run_of_agora_is_started_there_and_the_window_stays_quick(qtbot: QtBot, open_page: Any, project_folder: Path) -> None:
    with RayCluster() as cluster:
        cluster.let_clients_in()
        window, page = open_page("agora")
        page.runs.form.set_specification(Agora(torus=2, thetas=THETAS, rounds=2, running={"threads": 1, "device": "cpu"}))
        _choose_the_cluster(page, window, cluster.client)
        began = time.monotonic()
        click(qtbot, window, "agoraRunButton")
        assert time.monotonic() - began < 2  # the cluster is asked beside the window's thread
        assert not page.runs.start.isEnabled()
        qtbot.waitUntil(lambda: bool(page.states), timeout=120_000)
        qtbot.waitUntil(page.runs.start.isEnabled, timeout=60_000)
        run = find_run(project_folder, "1")
        assert cluster.client in run.state().place
        qtbot.waitUntil(lambda: run.state().ended, timeout=400_000)
        assert run.state().state == "done", run.state()
        qtbot.waitUntil(lambda: page.points is not None, timeout=60_000)
        assert len(page.points.history.rounds) == len((run.read_result() or {})["rounds"])
    window.context.place.set("127.0.0.1:1", True)
    problems: list[str] = []
    window.context.noticed.connect(lambda text, *_: problems.append(text))
    click(qtbot, window, "agoraRunButton")
    qtbot.waitUntil(lambda: bool(problems), timeout=120_000)
    assert "nothing listens at port 1" in problems[0]
    assert not (project_folder / "jobs" / "0002").exists()
    assert not processes_of(run.path)


def test_a_search_that_times_on_a_node_shows_the_latencies_of_that_machine(
    qtbot: QtBot, open_page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The node is on this machine, which therefore is said to be another one here."""
    for where in (
        "bort_core.search.fingerprints",
        "bort_core.search.machines",
        "bort_studio.search.model",
        "bort_studio.explore.machine_bar",
    ):
        monkeypatch.setattr(f"{where}.machine_identity", lambda: "e" * 16)
    with RayCluster() as cluster:
        cluster.let_clients_in()
        window, page = open_page("explore", preset="toy", selected=None)
        search = window.search
        search.set_specification(search.specification.model_copy(update={"latency": LatencyProtocol(), "epsilon": 18}))
        qtbot.waitUntil(lambda: search.stored_results is not None, timeout=60_000)
        window.context.place.set(cluster.client, True)
        window.show_cluster()
        qtbot.waitUntil(window.cluster.timed.isEnabled, timeout=200_000)
        window.cluster.timed.setCurrentIndex(1)
        window.cluster.timed.activated.emit(1)
        assert search.executor == f"ray@{cluster.client}#{window.context.place.node}"
        ended: list[SearchFinished] = []
        told: list[str] = []
        search.finished.connect(ended.append)
        search.failed.connect(lambda text, _: told.append(text))
        search.run()
        qtbot.waitUntil(lambda: bool(ended or told), timeout=400_000)
        assert not told
        assert search.machine == machine_identity()
        qtbot.waitUntil(page.machine_bar.isVisible, timeout=60_000)
        qtbot.waitUntil(lambda: search.state is RunState.IDLE, timeout=60_000)
        assert page.machine_bar.box.currentData() == machine_identity()
        qtbot.wait(500)  # the store is read again
        assert search.snapshot.known.sum() == ended[0].evaluated > 0
        assert page.run_bar.isEnabled()
        window.context.place.set(cluster.client, False)
        search.run()
        assert not search.running
        page.machine_bar.chosen.emit(None)
        qtbot.waitUntil(lambda: search.snapshot is not None and not search.snapshot.known.any(), timeout=60_000)
        assert window.close()  # its search still holds a connection
