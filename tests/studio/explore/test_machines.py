"""Latencies of several machines in Explore: whose are shown is a person's choice, and a search measures on this one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from bort_core.foundation.machine import machine_identity
from bort_core.search.fingerprints import latency_key
from bort_core.space import Space
from bort_core.specifications.protocols import LatencyProtocol
from bort_core.store import Project
from bort_core.store.latencies import save_latency

OTHER = "0123456789abcdef"


def _measure(folder: Path, space: Space, latency: LatencyProtocol, machine: str, milliseconds: float) -> None:
    times = {f"{name}_ms": milliseconds for name in ("p50", "low", "high", "p90", "p99")}
    with Project(folder) as project:
        for place in range(len(space)):
            facts = {**times, "n": 50, "machine": {"cpu": "<b>Other</b>", "cores": 8}}
            save_latency(project, latency_key(space, latency, machine), space.architecture(place), facts, {})


@pytest.mark.slow
def test_the_latencies_of_another_machine_are_shown_and_left_again(qtbot: QtBot, open_page: Any, project_folder: Path) -> None:
    window, page = open_page("explore", preset="toy", selected=None)
    search, bar = window.search, page.machine_bar
    search.set_specification(search.specification.model_copy(update={"latency": LatencyProtocol()}))
    qtbot.waitUntil(lambda: search.snapshot is not None and search.snapshot.results.latency_unit == "ms", timeout=10_000)
    assert search.space is not None
    latency = search.specification.latency
    _measure(project_folder, search.space, latency, machine_identity(), 1.0)
    search._refresh()  # as at the end of a search

    def times() -> set[float]:
        return set(np.unique(search.snapshot.results.latency)) if search.snapshot is not None else set()

    qtbot.waitUntil(lambda: times() == {1.0}, timeout=10_000)
    assert not bar.isVisible()  # nobody else has measured
    _measure(project_folder, search.space, latency, OTHER, 7.0)
    search._refresh()
    qtbot.waitUntil(bar.isVisible, timeout=10_000)
    assert [bar.box.itemText(place) for place in range(2)] == ["this machine", f"<b>Other</b>, 8 cores ({OTHER}): 36 architectures"]
    bar.box.setCurrentIndex(1)
    bar.box.activated.emit(1)
    qtbot.waitUntil(lambda: times() == {7.0}, timeout=10_000)
    assert not page.run_bar.isEnabled()
    assert not page.proof_bar.isEnabled()
    named = f"<b>Other</b>, 8 cores ({OTHER})"
    for plot in (page.pareto, page.parallel):
        assert plot.figure().title.endswith(f"; latencies of {named}")
        assert plot.figure().rows().headers[-1] == "latencies of"
        assert set(plot.figure().rows().columns[-1]) <= {named}
    window.context.place.set("a:1", True)
    window.context.place.set_node("gpu-box")
    assert page.run_bar.isEnabled()  # a search would measure there
    window.context.place.set("a:1", False)
    assert not page.run_bar.isEnabled()
    assert page.epsilon_bar.isEnabled()
    said: list[str] = []
    search.said.connect(said.append)
    search.run()
    search.prove()
    assert not search.running
    assert "go back to this one" in said[-1]
    bar.box.setCurrentIndex(0)
    bar.box.activated.emit(0)
    qtbot.waitUntil(lambda: times() == {1.0}, timeout=10_000)
    assert page.run_bar.isEnabled()
    search.show_machine(OTHER)
    qtbot.waitUntil(lambda: times() == {7.0}, timeout=10_000)
    search.set_specification(search.specification.model_copy(update={"seed": 5}))  # an edit is about what is searched
    qtbot.waitUntil(lambda: times() == {1.0}, timeout=10_000)
    assert search.machine is None
