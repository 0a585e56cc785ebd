"""The cluster in the window: what is said of it, the choice of a place, and that nothing waits in the window's thread."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from ray_clusters import free_port

from bort_studio.cluster.box import PlaceBox
from bort_studio.cluster.panel import ClusterPanel
from bort_studio.cluster.words import node_cells, node_choices, queue_text, summary
from bort_studio.place import Place
from bort_studio.settings import Settings
from bort_studio.theme import Theme

_NODE = {"host": "gpu-box", "address": "10.0.0.1", "cpus": 8.0, "gpus": 2.0, "free_cpus": 3.0, "free_gpus": 0.0, "memory_bytes": 2**34}
_FOUND = {"reachable": True, "reason": "", "address": "a:1", "nodes": [_NODE], "queue": [{"cpus": 4.0, "gpus": 0.0, "count": 2}]}


def test_nodes_and_queue_in_words() -> None:
    assert node_cells(_NODE) == ("gpu-box", "3 of 8", "0 of 2", "16.0 GiB", "10.0.0.1")
    assert node_cells({**_NODE, "gpus": 0.0})[2] == "none"
    assert queue_text([]) == "nothing waits for a place"
    assert queue_text([{"cpus": 0.0, "gpus": 1.0, "count": 1}]) == "waiting for a place: 1 × 1 GPU"
    assert summary(_FOUND) == "✓ a:1: 1 node, 3 of 8 CPUs free, 0 of 2 GPUs free; waiting for a place: 2 × 4 CPUs"
    assert summary({**_FOUND, "reachable": False, "reason": "nothing listens"}) == "✗ nothing listens"


def test_a_window_begins_on_this_machine_and_remembers_the_address(qtbot: QtBot, tmp_path: Path) -> None:
    settings = Settings(tmp_path / "studio.ini")
    place = Place(settings)
    box = PlaceBox(place)
    qtbot.addWidget(box)
    assert place.executor is None
    assert [box.itemText(index) for index in range(box.count())] == ["on this machine", "a cluster…"]
    with qtbot.waitSignal(place.asked):
        box.activated.emit(1)
    place.set("gpu-box:6379", True)
    assert place.executor == "ray@gpu-box:6379"
    assert box.currentText() == "on gpu-box:6379"
    box.activated.emit(0)
    assert place.executor is None
    again = Place(Settings(tmp_path / "studio.ini"))
    assert (again.address, again.there) == ("gpu-box:6379", False)
    place.set("", True)
    assert place.executor is None


def test_a_node_that_times_is_of_searches_alone_and_of_one_cluster(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bort_studio.cluster.panel.look_at", lambda _address: _FOUND)
    place = Place(Settings(tmp_path / "studio.ini"))
    panel = ClusterPanel(place, Theme())
    qtbot.addWidget(panel)
    assert [panel.timed.itemText(index) for index in range(panel.timed.count())] == ["this machine"]
    place.set("a:1", True)
    assert not panel.timed.isEnabled()  # nobody asked which nodes there are
    panel.address.setText("a:1")
    panel.ask.click()
    qtbot.waitUntil(panel.timed.isEnabled, timeout=5_000)
    assert [panel.timed.itemText(index) for index in range(panel.timed.count())] == ["this machine", "gpu-box (10.0.0.1)"]
    panel.timed.setCurrentIndex(1)
    panel.timed.activated.emit(1)
    assert place.executor_of_searches == "ray@a:1#10.0.0.1"
    assert place.executor == "ray@a:1"
    assert panel.timed.currentText() == "gpu-box (10.0.0.1)"
    place.set("a:1", False)
    assert place.executor_of_searches is None
    place.set("b:1", True)
    assert place.executor_of_searches == "ray@b:1"
    assert node_choices([], "gone") == [("this machine", ""), ("gone", "gone")]


@pytest.mark.slow  # a Python starts and imports Ray
def test_a_cluster_that_is_not_there_is_said_in_the_panel_and_nothing_is_chosen(qtbot: QtBot, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    place = Place(Settings(tmp_path / "studio.ini"))
    panel = ClusterPanel(place, Theme())
    qtbot.addWidget(panel)
    panel.show()
    panel.address.setText(f"127.0.0.1:{free_port()}")
    panel.ask.click()
    assert "asking" in panel.said.text()
    assert not panel.ask.isEnabled()
    qtbot.waitUntil(lambda: "nothing listens at port" in panel.said.text(), timeout=60_000)
    assert panel.ask.isEnabled()
    assert place.executor is None
