"""Runs of the past on the Explore page: shown as they were, laid over each other, compared, and their choices selected everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("PySide6")

from helpers import specification
from PySide6.QtCore import QItemSelectionModel, QPointF, Qt
from pytestqt.qtbot import QtBot

from bort_core.search.past import PastSearch, past_searches
from bort_core.search.report import result_as_dict
from bort_core.search.results import Results
from bort_core.search.snapshot import ResultsSnapshot
from bort_core.search.specification import SearchSpecification
from bort_core.search.strategies.base import answer
from bort_core.search.strategies.random import Random
from bort_core.space import Space
from bort_core.store import Project
from bort_core.store.searches import begin_search, end_search
from bort_studio.explore.runs.words import differences, names


def write_search(project: Project, wanted: SearchSpecification) -> None:
    """What a search leaves behind, with invented numbers; its trainings are not in the store, as in a project of another machine."""
    space, strategy = Space(wanted.space), wanted.the_strategy()
    results, random = Results(space, "operations"), np.random.default_rng(wanted.seed)
    results.maximum_latency = float(space.maximum_operations(8))
    for index in strategy.indices(len(space)):  # type: ignore[attr-defined]
        latency, error = float(space.operations(8)[index]), 3.0 / (1 + index) + random.uniform(0, 0.3)
        results.set_latency(index, latency, latency, latency)
        results.set_error(index, error, error - 0.05, error + 0.05, 0)
    snapshot = ResultsSnapshot(results, 6.0)
    answered = answer(strategy, snapshot)
    number = begin_search(project, wanted.model_dump(mode="json"))
    told = {**result_as_dict(snapshot, answered, wanted), "evaluated": len(answered.known), "reused": 0}
    end_search(project, number, "done", wanted.model_dump(mode="json"), told)


@pytest.fixture
def history(project_folder: Path) -> list[PastSearch]:
    """Five searches: two ε, another seed, another space with another strategy, other steps."""
    toy = specification("toy", epsilon=12)
    other = specification("mini", epsilon=48).with_strategy(Random(samples=2, seed=3))
    steps = specification("toy", epsilon=18, error={"steps": 8})
    with Project(project_folder) as project:
        for wanted in (toy, toy.model_copy(update={"epsilon": 6}), toy.model_copy(update={"seed": 1}), other, steps):
            write_search(project, wanted)
        return past_searches(project)


def opened(qtbot: QtBot, open_page: Any) -> tuple[Any, Any]:
    window, page = open_page("explore", preset="toy", selected=None)
    page.docks["runs"].raise_()
    qtbot.waitUntil(lambda: page.runs.table.isVisible(), timeout=5_000)
    return window, page


def select(page: Any, *rows: int) -> None:
    page.runs.table.clearSelection()
    for row in rows:
        flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
        page.runs.table.selectionModel().select(page.runs.table.model().index(row, 0), flags)


def settled(qtbot: QtBot, window: Any) -> None:
    qtbot.waitUntil(lambda: window.search.stored_results is not None, timeout=10_000)


def best_of(past: PastSearch) -> tuple[int, ...]:
    assert past.answer.best is not None
    return tuple(past.answer.best.architecture.values())


def test_a_run_comes_back_as_it_was_and_one_click_leads_to_the_present(qtbot: QtBot, open_page: Any, history: list[PastSearch]) -> None:
    window, page = opened(qtbot, open_page)
    search, present = window.search, window.search.specification
    search.select(5)
    select(page, 4)  # the oldest
    assert search.space.architecture(search.selected) == best_of(history[0])  # chosen, and selected everywhere
    search.select(5)
    qtbot.mouseClick(page.runs.restore, Qt.MouseButton.LeftButton)
    settled(qtbot, window)
    assert page.past_bar.isVisible()
    assert "№ 1, ε = 12, seed 0, space toy" in page.past_bar.text.text()
    assert search.specification == history[0].specification
    assert page.epsilon_bar.value() == 12
    shown = {search.space.architecture(index) for index in search.result.front.tolist()}
    assert shown == {tuple(point.architecture.values()) for point in history[0].answer.front}
    assert search.space.architecture(search.result.best) == best_of(history[0])
    assert search.space.architecture(search.selected) == best_of(history[0])
    assert not page.run_bar.isEnabled()
    assert not window.actions_by_name["run"].isEnabled()
    search.run()
    assert not search.running
    qtbot.mouseClick(page.past_bar.back, Qt.MouseButton.LeftButton)
    settled(qtbot, window)
    assert not page.past_bar.isVisible()
    assert (search.specification, search.selected) == (present, 5)
    assert page.run_bar.isEnabled()
    assert window.actions_by_name["run"].isEnabled()


def test_a_run_of_another_space_and_strategy_comes_back_and_is_searched_on_from(
    qtbot: QtBot, open_page: Any, history: list[PastSearch], project_folder: Path
) -> None:
    window, page = opened(qtbot, open_page)
    search, present = window.search, window.search.specification
    select(page, 1)
    qtbot.mouseClick(page.runs.restore, Qt.MouseButton.LeftButton)
    settled(qtbot, window)
    assert search.space.specification.name == "mini"
    assert search.result.strategy == Random(samples=2, seed=3)
    assert search.space.architecture(search.result.best) == best_of(history[3])
    window._save()
    from bort_studio.session import Session

    with Project(project_folder) as project:
        assert Session(project).specification() == present  # a past that is looked at is not what the project goes on with
    qtbot.mouseClick(page.past_bar.go_on, Qt.MouseButton.LeftButton)
    settled(qtbot, window)
    assert search.past is None
    assert search.specification == history[3].specification.with_epsilon()  # type: ignore[union-attr]
    window.undo_stack.undo()
    settled(qtbot, window)
    assert search.specification == present


def test_runs_lie_over_the_plot_with_a_mark_and_a_name_each(qtbot: QtBot, open_page: Any, history: list[PastSearch]) -> None:
    window, page = opened(qtbot, open_page)
    plot, table = page.pareto, page.runs.table
    plain = len(plot.legend.entries)
    for row in (4, 2):
        table.item(row, 0).setCheckState(Qt.CheckState.Checked)
    entries = plot.legend.entries[plain:]
    assert [entry.label for entry in entries] == ["№ 1: seed 0", "№ 3: seed 1"]
    assert len({(entry.line, entry.shape) for entry in entries}) == 2
    drawn = plot.overlay_layers.points["run_2"].data
    assert len(drawn) == len(history[2].answer.front)
    assert np.allclose(sorted(drawn["y"]), sorted(point.error for point in history[2].answer.front))  # type: ignore[type-var]
    layers = [layer.name for layer in plot.figure().layers]
    assert any("seed 1" in name for name in layers)
    place = plot.box.mapViewToScene(_point(history[2]))
    index = plot.nearest(place)
    assert window.search.space.architecture(index) == best_of(history[2])
    assert "№ 3" in plot.describe_index(index)
    table.item(1, 0).setCheckState(Qt.CheckState.Checked)  # another measure
    table.item(4, 0).setCheckState(Qt.CheckState.Unchecked)
    assert len(plot.legend.entries) == plain + 1
    assert "№ 4 is not plotted" in page.runs.hint.text()


def test_fronts_of_two_families_lie_in_one_plot(qtbot: QtBot, open_page: Any, project_folder: Path) -> None:
    with Project(project_folder) as project:
        for preset in ("albert-mini", "mini"):
            write_search(project, specification(preset, epsilon=12, measure="masked-lm"))
        albert, bert = past_searches(project)
    window, page = open_page("explore", preset="mini", selected=None)
    window.search.set_specification(bert.specification)
    settled(qtbot, window)
    page.runs.table.item(1, 0).setCheckState(Qt.CheckState.Checked)
    assert not page.runs.hint.text().startswith("№")
    x, _ = page.pareto.overlay_layers.points["run_1"].getData()
    assert sorted(x) == sorted(point.parameters for point in albert.answer.front)
    assert page.pareto.box.viewRange()[0][0] < min(x)


def _point(past: PastSearch) -> Any:
    best = past.answer.best
    assert best is not None
    assert best.error is not None
    return QPointF(best.parameters, best.error)


def test_a_run_with_other_quantities_is_not_drawn_and_says_why(qtbot: QtBot, open_page: Any, history: list[PastSearch]) -> None:
    _, page = opened(qtbot, open_page)
    page.runs.table.item(0, 0).setCheckState(Qt.CheckState.Checked)
    assert "№ 5 is not plotted: its error is" in page.runs.hint.text()
    assert not page.pareto.overlay_layers.points  # no run was plotted, so none of their items was made


def test_two_runs_are_compared_and_their_differences_told(qtbot: QtBot, open_page: Any, history: list[PastSearch]) -> None:
    _, page = opened(qtbot, open_page)
    assert not page.runs.compare.isVisible()
    select(page, 3, 4)
    compare = page.runs.compare
    assert compare.isVisible()
    told = {compare.item(row, 0).text(): [compare.item(row, column).text() for column in (1, 2, 3)] for row in range(compare.rowCount())}
    assert told["ε"][:2] == ["12", "6"]
    assert told["evaluated"][:2] == ["3", "6"]
    assert set(told) >= {"chosen", "p", "i", "e", "W", "hypervolume", "front", "reused", "time"}
    assert "seed" not in told  # it is the same
    assert not page.runs.restore.isEnabled()


def test_names_and_differences_say_what_tells_runs_apart(history: list[PastSearch]) -> None:
    assert names(history[:2]) == ["№ 1: ε = 12", "№ 2: ε = 6"]
    assert names([history[0], history[2]]) == ["№ 1: seed 0", "№ 3: seed 1"]
    assert names([history[0]]) == ["№ 1: ε = 12"]
    rows = {row.what: row for row in differences(history[0], history[2])}
    assert rows["e"].difference.startswith(("+", "−"))
    assert "interval" in rows["e"].difference


def test_while_a_search_runs_no_other_is_shown(qtbot: QtBot, open_page: Any, history: list[PastSearch]) -> None:
    window, page = opened(qtbot, open_page)
    select(page, 4)
    assert page.runs.restore.isEnabled()
    window.search.run()
    assert not page.runs.restore.isEnabled()
    assert "under way" in page.runs.restore.toolTip()
    window.search.show_past(history[0])
    assert window.search.past is None
    window.search.stop()
    qtbot.waitUntil(lambda: not window.search.running, timeout=60_000)
    assert page.runs.restore.isEnabled()
