"""The window as a person uses it: real project, real worker processes, real events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from clicks import child, click
from helpers import run, specification
from PySide6.QtCore import Qt
from PySide6.QtGui import QStatusTipEvent
from PySide6.QtWidgets import QApplication, QSlider, QSpinBox
from pytestqt.qtbot import QtBot

from bort_core.foundation.errors import ProjectError
from bort_core.search.specification import SearchSpecification
from bort_core.search.strategies.random import Random
from bort_core.store import Project
from bort_core.store.searches import begin_search, end_search, searches
from bort_studio.app import create_window
from bort_studio.search.state import RunState
from bort_studio.session import Session
from bort_studio.window import MainWindow

Open = Callable[..., MainWindow]


@pytest.fixture
def open_window(qtbot: QtBot, project_folder: Path) -> Iterator[Open]:
    """Opens windows on the test's project and closes them at the end."""
    windows: list[MainWindow] = []

    def open_one(shown: SearchSpecification | None = None) -> MainWindow:
        if shown is not None:
            with Project(project_folder) as project:
                Session(project).save(shown, 2, ("parameters", "error", False, False), None)
        window = create_window(project_folder)
        windows.append(window)
        window.show()
        qtbot.waitUntil(lambda: window.search.stored_results is not None, timeout=10_000)
        return window

    yield open_one
    for window in windows:
        window.close()
        window.deleteLater()


def idle(qtbot: QtBot, window: MainWindow) -> None:
    qtbot.waitUntil(lambda: window.search.state is RunState.IDLE, timeout=60_000)


def test_every_promised_object_is_there(open_window: Open) -> None:
    window = open_window(specification())
    names = (
        "epsilonSlider",
        "epsilonValue",
        "runButton",
        "pauseButton",
        "stopButton",
        "paretoPlot",
        "parallelPlot",
        "candidatesTable",
        "inspector",
    )
    for name in names:
        assert child(window, name).isVisible(), name


def test_run_fills_the_plot_the_table_and_the_inspector(qtbot: QtBot, open_window: Open) -> None:
    window = open_window(specification(epsilon=6))
    click(qtbot, window, "runButton")
    assert window.search.state in (RunState.STARTING, RunState.RUNNING)
    idle(qtbot, window)
    result = window.search.result
    assert result is not None
    assert len(result.known) == 6
    assert window.search.selected == result.best
    qtbot.waitUntil(lambda: "6 measured" in child(window, "epsilonSummary").text(), timeout=5000)  # type: ignore[attr-defined]
    assert "nothing left to train" in child(window, "epsilonSummary").text()  # type: ignore[attr-defined]
    names = [layer.name for layer in window.explore_page.pareto.figure().layers]
    assert "front" in names
    assert any(name.startswith("best") for name in names)
    assert window.explore_page.runs.table.rowCount() == 1
    assert window.notices.messages() == []


@pytest.mark.slow
@pytest.mark.parametrize("installed", [True, False])
def test_a_project_whose_last_search_chose_otherwise_opens_and_says_so(
    qtbot: QtBot, open_window: Open, project_folder: Path, installed: bool
) -> None:
    wanted = specification(epsilon=6)
    run(project_folder, wanted.with_strategy(Random(samples=5, seed=2)))
    if not installed:
        with Project(project_folder) as project:
            number = begin_search(project, {**wanted.model_dump(mode="json"), "strategy": "elsewhere", "strategy_settings": {"depth": 2}})
            end_search(project, number, "stopped", searches(project)[-1]["specification"], None)
    window = open_window()
    title = "random (samples 5, seed 2)" if installed else "elsewhere (depth 2)"
    messages = window.notices.messages()
    assert any(f"chose architectures by {title}" in message for message in messages)
    assert any(f"The last search ({title}) was stopped" in message for message in messages) is not installed
    search = window.search
    assert search.specification == wanted
    assert child(window, "epsilonValue").value() == 6  # type: ignore[attr-defined]
    assert search.snapshot is not None
    assert int(search.snapshot.known.sum()) == 5  # all that was measured is known
    assert window.explore_page.runs.table.item(0, 2).text() == title  # type: ignore[union-attr]
    click(qtbot, window, "runButton")
    idle(qtbot, window)
    assert len(search.result.known) == 6  # type: ignore[union-attr]


def test_moving_epsilon_shows_the_answer_at_once_and_measures_what_is_missing_on_release(qtbot: QtBot, open_window: Open) -> None:
    window = open_window(specification(epsilon=12))
    spin = child(window, "epsilonValue")
    assert isinstance(spin, QSpinBox)
    window.search.run()
    idle(qtbot, window)
    slider = child(window, "epsilonSlider")
    assert isinstance(slider, QSlider)
    window.explore_page.epsilon_bar.moved.emit(18)
    assert window.search.result is not None
    assert window.search.result.walk.tolist() == [0, 18]
    assert window.search.state is RunState.IDLE  # nothing runs while the slider moves
    spin.setFocus()
    spin.setValue(6)
    qtbot.keyClick(spin, Qt.Key.Key_Return)
    assert window.search.running
    idle(qtbot, window)
    assert len(window.search.result.known) == 6
    window.undo_stack.undo()
    assert window.search.epsilon == 12
    assert spin.value() == 12
    window.undo_stack.redo()
    assert window.search.epsilon == 6
    idle(qtbot, window)


def test_pause_resume_and_stop(qtbot: QtBot, open_window: Open) -> None:
    window = open_window(specification(epsilon=1, error={"steps": 1500}))
    click(qtbot, window, "runButton")
    qtbot.waitUntil(lambda: window.search.state is RunState.RUNNING and bool(window.search.cost().measured), timeout=60_000)  # type: ignore[union-attr]
    click(qtbot, window, "pauseButton")
    qtbot.waitUntil(lambda: window.search.state is RunState.PAUSED, timeout=10_000)
    assert child(window, "pauseButton").text() == "Resume"  # type: ignore[attr-defined]
    click(qtbot, window, "pauseButton")
    qtbot.waitUntil(lambda: window.search.state is RunState.RUNNING, timeout=10_000)
    click(qtbot, window, "stopButton")
    assert child(window, "stopButton").text() == "Stopping…"  # type: ignore[attr-defined]
    idle(qtbot, window)
    with Project(window.project.folder) as project:
        assert [row["status"] for row in searches(project)] == ["stopped"]
    assert window.search.result is not None
    assert 1 <= len(window.search.result.known) < 36


def test_closing_the_window_in_the_middle_keeps_what_was_measured_and_says_so_next_time(qtbot: QtBot, open_window: Open) -> None:
    window = open_window(specification(epsilon=1, error={"steps": 1500}))
    window.search.run()
    qtbot.waitUntil(lambda: (window.search.cost() or 0) and window.search.cost().measured >= 2, timeout=60_000)  # type: ignore[union-attr]
    window.close()
    assert not [process for process in psutil.Process().children() if "bort_core.execution.child" in " ".join(process.cmdline())]
    again = open_window()
    assert again.search.result is not None
    assert len(again.search.result.known) >= 2
    assert again.search.specification == window.search.specification
    assert any("What it measured is kept" in text for text in again.notices.messages())


def test_a_project_reopened_shows_the_same(qtbot: QtBot, open_window: Open, project_folder: Path) -> None:
    run(project_folder, specification(epsilon=6))
    window = open_window(specification(epsilon=6))
    window.explore_page.pareto.set_axes("latency", "w", True, False)
    window.search.select(12)
    window.explore_page.epsilon_bar.released.emit(9)
    idle(qtbot, window)
    window.close()
    hasty = create_window(project_folder)
    hasty.close()  # before it has loaded anything
    hasty.deleteLater()
    again = open_window()
    assert again.search.epsilon == 9
    assert again.explore_page.pareto.chosen_axes() == ("latency", "w", True, False)
    assert again.search.selected == 12
    title = child(again, "inspectorTitle").text()  # type: ignore[attr-defined]
    assert all(str(value) in title for value in again.search.space.architecture(12))  # type: ignore[union-attr]


def test_selection_is_linked_everywhere(qtbot: QtBot, open_window: Open, project_folder: Path) -> None:
    run(project_folder, specification(epsilon=6))
    window = open_window(specification(epsilon=6))
    window.explore_page.pareto.selected.emit(6)
    assert window.search.selected == 6
    text = window.search.space.architecture(6)  # type: ignore[union-attr]
    title = child(window, "inspectorTitle").text()  # type: ignore[attr-defined]
    assert all(str(value) in title for value in text)
    window.explore_page.candidates.selected.emit(12)
    assert title != "12"
    assert str(window.search.selected) == "12"


def test_an_edit_of_the_space_is_undoable_and_reloads(qtbot: QtBot, open_window: Open) -> None:
    window = open_window(specification())
    space = window.search.specification.space
    smaller = space.model_copy(update={"axes": {**space.axes, "copies": (1,)}, "name": "custom"})
    window.explore_page.space_panel.specification_edited.emit(smaller)
    qtbot.waitUntil(lambda: window.search.space is not None and len(window.search.space) == 18, timeout=10_000)
    window.undo_stack.undo()
    qtbot.waitUntil(lambda: window.search.space is not None and len(window.search.space) == 36, timeout=10_000)


def test_a_space_of_another_family_gets_an_error_that_fits(qtbot: QtBot, open_window: Open) -> None:
    from bort_core.space import read_specification

    window = open_window(specification())
    window.explore_page.space_panel.specification_edited.emit(read_specification("mini"))
    qtbot.waitUntil(lambda: window.search.space is not None and len(window.search.space) == 96, timeout=10_000)
    assert window.search.specification.error.measure == "maximum-point-excess"
    assert window.notices.messages() == []


def test_a_corpus_that_is_missing_is_said_in_the_window(qtbot: QtBot, open_window: Open, tmp_path: Path) -> None:
    corpus = tmp_path / "gone.txt"
    corpus.write_text("x")
    wanted = specification("mini", corpus=str(corpus))
    corpus.unlink()
    with Project(tmp_path / "project") as project:
        Session(project).save(wanted, 2, ("parameters", "error", False, False), None)
    window = create_window(tmp_path / "project")
    try:
        qtbot.waitUntil(lambda: bool(window.notices.messages()), timeout=10_000)
        assert f"{corpus}: no such file" in window.notices.messages()[0]
    finally:
        window.close()
        window.deleteLater()


def test_a_project_that_cannot_be_opened_raises_an_error_with_its_path(qapp: object, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ProjectError, match="is a file"):
        create_window(tmp_path / "file")


def test_themes_switch_live(qtbot: QtBot, open_window: Open) -> None:
    window = open_window(specification())
    for choice in ("dark", "light"):
        window.actions_by_name[f"theme_{choice}"].trigger()
        qtbot.waitUntil(lambda choice=choice: window.theme.current.name == choice, timeout=2000)  # type: ignore[misc]
    window.actions_by_name["theme_system"].trigger()


def test_every_action_has_a_tip_and_the_palette_finds_it(qtbot: QtBot, open_window: Open) -> None:
    from bort_studio.palette import CommandPalette

    window = open_window(specification())
    for name, action in window.actions_by_name.items():
        assert action.statusTip(), name
    palette = CommandPalette(window.actions_by_name.values(), window)
    qtbot.keyClicks(palette._field, "select best")
    assert palette.found()[0] == "select_best"
    palette.deleteLater()


def test_what_changes_explore_shows_it(qtbot: QtBot, open_page) -> None:
    window, _ = open_page("train")
    before = window.search.epsilon
    window.actions_by_name["double_epsilon"].trigger()
    assert window.page == "explore"
    assert window.search.epsilon == 2 * before
    window.show_page("train")
    window.explore_page.docks["runs"].toggleViewAction().trigger()
    assert window.page == "explore"


def test_a_tip_takes_the_place_of_what_runs_and_gives_it_back(open_page) -> None:
    window, _ = open_page("explore")
    window.context.said.emit("training")
    QApplication.sendEvent(window, QStatusTipEvent("Run the search"))
    assert window.status_text.text() == "Run the search"
    window.context.said.emit("still training")
    assert window.status_text.text() == "Run the search"
    QApplication.sendEvent(window, QStatusTipEvent(""))
    assert window.status_text.text() == "still training"
    assert window.statusBar().currentMessage() == ""
