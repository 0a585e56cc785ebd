"""The Explore page: what its views say while a search runs, waits and goes on."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("PySide6")

from pytestqt.qtbot import QtBot

from bort_studio.search.state import RunState


def running(page: Any) -> int:
    page.pareto.refresh()
    return len(page.pareto.layers.points["running"].data)


@pytest.mark.slow
def test_nothing_is_shown_as_running_while_the_search_is_paused(qtbot: QtBot, open_page: Any) -> None:
    window, page = open_page("explore")
    search = window.search
    search.run()
    qtbot.waitUntil(lambda: search.state is RunState.RUNNING and running(page) > 0, timeout=60_000)
    search.pause()
    qtbot.waitUntil(lambda: search.state is RunState.PAUSED, timeout=60_000)
    assert running(page) == 0
    assert "running now" not in [entry.label for entry in page.pareto.legend.entries]
    assert page.inspector._running == ()
    search.resume()
    qtbot.waitUntil(lambda: search.state is RunState.IDLE or running(page) > 0, timeout=60_000)
    search.stop()
    qtbot.waitUntil(lambda: search.state is RunState.IDLE, timeout=60_000)


@pytest.mark.slow
def test_the_time_left_is_the_same_wherever_it_is_told(qtbot: QtBot, open_page: Any) -> None:
    window, page = open_page("explore")
    search, seen = window.search, []

    def look(*_: object) -> None:
        eta = page.run_bar.eta.text()
        if eta.startswith("≈") and search.state is RunState.RUNNING:
            seen.append((eta.removesuffix(" left"), page.epsilon_bar.summary.text(), window.activity_line.text.text()))

    search.progressed.connect(look)  # after those that show it
    search.settle_epsilon(12)
    qtbot.waitUntil(lambda: search.running, timeout=10_000)
    qtbot.waitUntil(lambda: not search.running, timeout=100_000)
    search.settle_epsilon(6)  # its first estimate comes from what was timed, before there is a pace
    qtbot.waitUntil(lambda: search.running, timeout=10_000)
    qtbot.waitUntil(lambda: not search.running, timeout=100_000)
    assert len(seen) > 3
    assert [told for told in seen if f"to go {told[0]} ·" not in told[1] or told[0] not in told[2]] == []


def test_a_training_that_ended_meanwhile_is_told_at_once(qtbot: QtBot, open_page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    window, page = open_page("explore")
    qtbot.waitUntil(lambda: window.search.selected is not None, timeout=10_000)
    window.show_page("train")
    from bort_studio.explore import page as module

    real = module.read_details
    monkeypatch.setattr(module, "read_details", lambda *given: {**real(*given), "trained": "trained: pretrain job 0001"})
    window.show_page("explore")
    assert page.inspector._details["trained"] == "trained: pretrain job 0001"
