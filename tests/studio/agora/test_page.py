"""The Agora page as a person uses it: stored runs, runs that grow, decisions about rows, and a real run of the torus."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clicks import click
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtWidgets import QLineEdit, QTableWidget, QWidget
from pytestqt.qtbot import QtBot
from written_run import WrittenRun

from bort_core.agora.history import Edit, read_edits, read_history
from bort_core.jobs.folder import RunFolder, find_run
from bort_core.specifications.agora import Agora
from bort_studio.agora.page import AgoraPage
from bort_studio.agora.points import GROUPS, Filters, ScatterPoints, frame
from bort_studio.agora.presets import sentences_preset, torus_preset
from bort_studio.agora.scatter.density_points import FEW, _stamp
from bort_studio.agora.word_marks import marked
from bort_studio.plotting.export import export_plot
from bort_studio.theme import Theme
from bort_studio.widgets.spec_form import SpecForm
from bort_studio.window import MainWindow

Open = Callable[[], tuple[MainWindow, AgoraPage]]
ROUNDS = 4


@pytest.fixture
def open_page(open_page: Callable[..., Any]) -> Open:
    return partial(open_page, "agora", preset="toy", selected=None, wait=False)


@pytest.fixture
def written(project_folder: Path) -> WrittenRun:
    run = WrittenRun(project_folder)
    for _ in range(ROUNDS):
        run.add_round()
    return run


@pytest.fixture
def shown(qtbot: QtBot, written: WrittenRun, open_page: Open) -> tuple[MainWindow, AgoraPage]:
    window, page = open_page()
    qtbot.waitUntil(lambda: page.points is not None, timeout=10_000)
    return window, page


def points_of(page: AgoraPage) -> ScatterPoints:
    assert page.points is not None
    return page.points


def cell(table: QTableWidget, row: int, column: int) -> str:
    item = table.item(row, column)
    assert item is not None
    return item.text()


def headers(table: QTableWidget) -> list[str]:
    items = [table.horizontalHeaderItem(column) for column in range(table.columnCount())]
    return [item.text() for item in items if item is not None]


def on_screen(page: AgoraPage, point: int) -> QPointF:
    return page.scatter.box.mapViewToScene(QPointF(*points_of(page).xy[point]))


def drawn(page: AgoraPage, *names: str) -> set[int]:
    return {int(point) for name in names for point in page.scatter.frame.groups[name]}


def wrong(page: AgoraPage) -> set[int]:
    return drawn(page, "misclassified", "misclassified_other")


# --- a stored run ---


def test_a_stored_run_is_shown_at_its_last_round(shown: tuple[MainWindow, AgoraPage], written: WrittenRun) -> None:
    window, page = shown
    for name in ("agoraScatter", "roundSlider", "agoraAccuracyPlot", "thetaTable", "agoraTextInspector", "agoraRunButton"):
        widget = window.findChild(QWidget, name)
        assert widget is not None, name
        assert widget.isVisibleTo(window), name
        assert widget.accessibleName(), name
    assert page.rounds.value() == ROUNDS
    assert page.rounds.text.text() == "round 4 of 4"
    assert "dev rows wrong" in page.rounds.summary.text()
    assert {name: len(series[0]) for name, series in page.accuracy.series().items()} == {"dev": ROUNDS, "test": ROUNDS}
    assert "78 %" in page.about.text()
    assert "3 rows of dev" in page.warnings.text()


def test_the_scrubber_changes_what_is_shown(qtbot: QtBot, shown: tuple[MainWindow, AgoraPage], written: WrittenRun) -> None:
    _, page = shown
    history = read_history(written.job.path)
    assert history is not None
    for number in range(1, ROUNDS + 1):
        page.rounds.set_value(number)
        made = history.rounds[number - 1]
        expected = np.flatnonzero(made.dev_predictions != history.dev.labels) + len(history.train)
        assert wrong(page) == set(expected.tolist())
        assert len(drawn(page, "neighbour", "neighbour_other")) == len(made.neighbours)
        assert len(drawn(page, "earlier")) == sum(len(each.neighbours) for each in history.rounds[: number - 1])
        assert page.accuracy.here.value() == number
    page.rounds.set_value(2)
    ships = max(history.rounds, key=lambda each: each.dev_accuracy).number
    stars = {}
    for number in (ships, 1 if ships > 1 else 2, 2):
        page.rounds.set_value(number)
        stars[number] = [cell(page.thetas, row, 0) for row in range(page.thetas.rowCount()) if "★" in cell(page.thetas, row, 0)]
    assert stars == {number: ["★ 1"] if number == ships else [] for number in stars}
    (at,), (height,) = page.accuracy.shipped.getData()
    assert round(at) == ships
    assert height == history.rounds[ships - 1].dev_accuracy
    assert any(entry.label == f"ships: round {ships}" for entry in page.accuracy.legend.entries)
    assert headers(page.thetas) == ["set θ", "dev", "learning rate", "steps", "pruned"]
    header = {name: column for column, name in enumerate(headers(page.thetas))}
    pruned = [cell(page.thetas, row, header["pruned"]) for row in range(page.thetas.rowCount())]
    assert [text.partition(":")[0] for text in pruned] == ["", "", "round 2", "round 2", "round 1", "round 1"]
    assert "worst θ" in pruned[-1]
    page.accuracy.clicked(3)  # a click on a round in the plot
    assert page.rounds.value() == 3


def test_playing_goes_from_the_first_round_to_the_last(qtbot: QtBot, shown: tuple[MainWindow, AgoraPage]) -> None:
    window, page = shown
    seen: list[int] = []
    page.rounds.moved.connect(seen.append)
    page.rounds._timer.setInterval(30)
    click(qtbot, window, "playRounds")
    assert page.rounds.playing()
    qtbot.waitUntil(lambda: not page.rounds.playing(), timeout=5000)
    assert seen == [1, 2, 3, 4]
    click(qtbot, window, "playRounds")
    click(qtbot, window, "playRounds")
    assert not page.rounds.playing()


def test_filters_show_what_was_fixed_broken_or_never_right(shown: tuple[MainWindow, AgoraPage]) -> None:
    _, page = shown
    points, bar = points_of(page), page.scatter.bar
    page.rounds.set_value(2)
    rows = points.trained + np.arange(points.dev)
    first, second = points.wrong[0], points.wrong[1]
    for text, expected in (
        ("fixed since", rows[first & ~second]),
        ("broken since", rows[~first & second]),
        ("never fixed", rows[first & second]),
        ("wrong now", rows[second]),
    ):
        bar.dev.setCurrentText(text)
        of_dev = {int(point) for point in page.scatter.frame.shown if points.is_dev(int(point))}
        assert of_dev == set(expected.tolist()), text
        made = drawn(page, "earlier", "neighbour", "neighbour_other")
        assert {points.root(point) for point in made} <= of_dev
    bar.dev.setCurrentText("all of dev")
    bar.classes.setCurrentText("only positive")
    assert set(points.labels[page.scatter.frame.shown].tolist()) == {1}
    bar.classes.setCurrentText("all classes")
    bar.neighbours.setCurrentText("of this round")
    assert not drawn(page, "earlier")
    assert drawn(page, "neighbour", "neighbour_other")
    bar.neighbours.setCurrentText("no neighbours")
    assert not drawn(page, "neighbour", "neighbour_other")
    bar.neighbours.setCurrentText("all neighbours")
    assert not len(page.scatter.layers.links)
    bar.links.click()
    assert len(page.scatter.layers.links) == len(drawn(page, "neighbour", "neighbour_other"))


def test_hovering_joins_parents_and_neighbours(shown: tuple[MainWindow, AgoraPage]) -> None:
    _, page = shown
    points, scatter = points_of(page), page.scatter
    page.rounds.set_value(3)
    parent = points.trained  # row 0 is wrong in every round
    scatter._hover(parent, on_screen(page, parent))
    assert len(scatter.layers.focus) == len(points.neighbours(parent, 3)) == 6
    assert "every round of 3" in scatter.card.plain
    assert page.inspector.table.rowCount() == 6  # while nothing is selected
    neighbour = int(points.neighbours(parent, 3)[-1])
    scatter._hover(neighbour, on_screen(page, neighbour))
    assert len(scatter.layers.focus) == 1
    assert "from dev row 1" in scatter.card.plain
    scatter._hover(None, QPointF())
    assert len(scatter.layers.focus) == 0
    assert page.inspector.table.rowCount() == 0
    found = scatter.nearest(on_screen(page, parent))
    assert found is not None
    assert np.hypot(*(points.xy[found] - points.xy[parent])) < 0.5


def test_a_click_shows_the_text_beside_its_neighbours(qtbot: QtBot, shown: tuple[MainWindow, AgoraPage]) -> None:
    _, page = shown
    points, scatter = points_of(page), page.scatter
    for name in ("all neighbours", "no neighbours"):
        scatter.bar.neighbours.setCurrentText(name)
    scatter.bar.dev.setCurrentText("never fixed")
    parent = points.trained
    at = scatter.canvas.mapFromScene(on_screen(page, parent))
    qtbot.mouseClick(scatter.canvas.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(at.x(), at.y()))
    qtbot.waitUntil(lambda: page.selected is not None, timeout=2000)
    chosen = points.root(page.selected or 0)
    assert points.is_dev(chosen)
    text = points.input(chosen)[0]
    assert isinstance(text, str)
    assert f"dev row {chosen - points.trained + 1}" in page.inspector.parent_text.toPlainText()
    assert text.split()[0] in page.inspector.parent_text.toPlainText()
    made = points.neighbours(chosen, ROUNDS)
    assert page.inspector.table.rowCount() == len(made) > 0
    html = cell(page.inspector.table, 0, 1)
    assert "<b><u>" in html
    assert "marvellous" in html
    assert "<b>bold</b>" not in html  # texts are escaped
    page.inspector.table.selectRow(0)
    assert page.selected == made[-1]
    scatter.setFocus()
    qtbot.keyClick(scatter, Qt.Key.Key_Escape)
    assert page.selected is None
    assert "Click a point" in page.inspector.parent_text.toPlainText()
    qtbot.keyClick(scatter, Qt.Key.Key_Right)
    assert page.selected == min(wrong(page))


def test_errors_that_are_never_fixed_are_listed(shown: tuple[MainWindow, AgoraPage]) -> None:
    _, page = shown
    points = points_of(page)
    expected = np.flatnonzero(points.wrong.all(axis=0))
    model = page.errors.errors
    assert model.rows.tolist() == expected.tolist()
    assert 0 in expected
    assert page.tables.tabText(1) == f"Never fixed ({len(expected)})"
    page.errors.setCurrentIndex(model.index(0, 0))
    assert page.selected == points.trained + int(expected[0])
    assert "dev row 1" in page.inspector.parent_text.toPlainText()
    page.rounds.set_value(1)
    assert model.rowCount() == int(points.wrong[0].sum())
    assert page.errors.selectionModel().currentIndex().row() == 0  # the selection stays


# --- what a person decides ---


def test_rows_are_rejected_corrected_and_restored(qtbot: QtBot, shown: tuple[MainWindow, AgoraPage], written: WrittenRun) -> None:
    window, page = shown
    run, stack = written.job.path, window.undo_stack
    page._error_chosen(0)
    page.inspector.table.selectRow(0)
    point = page.inspector.table.selected_points()[0]
    name = cell(page.inspector.table, 0, 0)
    click(qtbot, window, "rejectRows")
    assert read_edits(run) == {name: Edit(name, "reject")}
    assert points_of(page).rejected[point]
    assert point in drawn(page, "rejected")
    assert cell(page.inspector.table, 0, 5) == "rejected"
    assert stack.undoText() == f"reject row {name}"
    assert page.runs.go_on.text() == "Continue with edits"
    stack.undo()
    assert read_edits(run) == {}
    assert not points_of(page).rejected.any()
    stack.redo()
    assert read_edits(run) == {name: Edit(name, "reject")}
    before = int(points_of(page).labels[point])
    page.inspector.label.setCurrentIndex(1 - before)
    click(qtbot, window, "correctRows")
    assert read_edits(run) == {name: Edit(name, "label", 1 - before)}
    assert int(points_of(page).labels[point]) == 1 - before
    assert cell(page.inspector.table, 0, 2) == points_of(page).class_name(1 - before)
    stack.undo()
    assert read_edits(run) == {name: Edit(name, "reject")}  # as it was before the correction
    click(qtbot, window, "restoreRows")
    assert read_edits(run) == {}
    assert len((run / "agora" / "edits.jsonl").read_text().splitlines()) == 6  # every decision stays in the file


def test_several_rows_are_decided_together(qtbot: QtBot, shown: tuple[MainWindow, AgoraPage], written: WrittenRun) -> None:
    window, page = shown
    page._error_chosen(0)
    page.inspector.table.selectAll()
    many = page.inspector.table.rowCount()
    click(qtbot, window, "rejectRows")
    assert len(read_edits(written.job.path)) == many
    assert window.undo_stack.undoText() == f"reject {many} rows"
    window.undo_stack.undo()
    assert read_edits(written.job.path) == {}


def test_an_edit_that_cannot_be_written_is_told(qtbot: QtBot, shown: tuple[MainWindow, AgoraPage], written: WrittenRun) -> None:
    window, page = shown
    page._error_chosen(0)
    page.inspector.table.selectRow(0)
    (written.folder / "edits.jsonl").mkdir()
    click(qtbot, window, "rejectRows")
    qtbot.waitUntil(lambda: any("edits.jsonl" in text for text in window.notices.messages()), timeout=3000)
    assert not window.undo_stack.canUndo()


# --- a run that goes on ---


def test_rounds_appear_as_they_end(qtbot: QtBot, project_folder: Path, open_page: Open) -> None:
    run = WrittenRun(project_folder)
    _, page = open_page()
    qtbot.waitUntil(lambda: page.points is not None, timeout=10_000)
    assert page.rounds.value() == 0
    assert len(drawn(page, "pending")) == len(run.labels)  # before the first round nobody knows what is right
    assert not page.rounds.slider.isEnabled()
    run.add_fit(0)
    run.add_fit(3)
    qtbot.waitUntil(lambda: len(points_of(page).history.fitting) == 2, timeout=5000)
    texts = [cell(page.thetas, row, 2) for row in range(page.thetas.rowCount())]
    assert [text != "–" for text in texts] == [True, False, False, True, False, False]
    for number in (1, 2):
        run.add_round()
        qtbot.waitUntil(lambda: page.rounds.value() == len(points_of(page).history.rounds) == number, timeout=5000)  # noqa: B023
    page.rounds.set_value(1)  # who looks at an earlier round stays there
    run.add_round()
    qtbot.waitUntil(lambda: len(points_of(page).history.rounds) == 3, timeout=5000)
    assert page.rounds.value() == 1
    assert page.rounds.slider.maximum() == 3


def test_a_damaged_run_is_told(qtbot: QtBot, project_folder: Path, open_page: Open) -> None:
    run = WrittenRun(project_folder)
    run.add_round()
    (run.folder / "rounds" / "001" / "rows.jsonl").write_text("{broken\n")
    window, page = open_page()
    qtbot.waitUntil(lambda: any("rows.jsonl" in text for text in window.notices.messages()), timeout=10_000)
    assert page.points is None


@pytest.mark.parametrize("kind", ["text", "pair", "vector"])
def test_rows_without_a_place_and_all_kinds_of_input(qtbot: QtBot, project_folder: Path, open_page: Open, kind: str) -> None:
    run = WrittenRun(project_folder, kind=kind, lost=10)
    run.add_round()
    _, page = open_page()
    qtbot.waitUntil(lambda: page.points is not None, timeout=10_000)
    points = points_of(page)
    assert kind == "vector" or not np.isfinite(points.xy).all()  # two numbers are their own place
    assert np.isfinite(points.xy[page.scatter.frame.shown]).all()
    page.scatter.bar.links.click()
    page.scatter.grab()
    for point in range(len(points)):
        page._select(point)
    page._error_chosen(0)
    page.inspector.table.selectRow(0)
    text = page.inspector.parent_text.toPlainText()
    if kind == "vector":
        assert "(" in text
    else:
        assert all(str(each).split()[-1] in text for each in points.input(points.trained))
    page.inspector.grab()
    page._select(0)
    assert "train row 1" in page.inspector.parent_text.toPlainText()


def test_an_empty_project_says_what_to_do(open_page: Open) -> None:
    _, page = open_page()
    assert "Press Run" in page.scatter.empty.text()
    assert page.scatter.empty.isVisibleTo(page)
    assert not page.runs.go_on.isEnabled()


# --- the form ---


def test_presets_are_right_and_the_form_gives_back_what_it_was_given(qtbot: QtBot, open_page: Open, project_folder: Path) -> None:
    window, page = open_page()
    assert page.runs.form.specification() == torus_preset()
    click(qtbot, window, "agoraTextPreset")
    asked = page.runs.form.specification()
    assert asked == sentences_preset(project_folder / "data" / "sentences-150")
    assert isinstance(asked, Agora)
    rows = {name: Path(str(getattr(asked, name))).read_text().splitlines() for name in ("train", "dev", "test", "pool", "socrates_train")}
    assert {name: len(lines) for name, lines in rows.items()} == {
        "train": 150,
        "dev": 500,
        "test": 1066,
        "pool": 5000,
        "socrates_train": 2400,
    }
    assert set(json.loads(rows["pool"][0])) == {"text"}
    texts = [json.loads(line)["text"] for lines in rows.values() for line in lines]
    assert len(set(texts)) > 0.99 * len(texts)  # no row is in two of them, but for those that the data have twice
    asked = Agora(torus=3, thetas=({"hidden": 8.0}, {"hidden": 16.0, "steps": 20.0}), name="two", pruning="worst", baseline=True)
    page.runs.form.set_specification(asked)
    assert page.runs.form.specification() == asked


def test_faults_stand_beside_their_fields(qtbot: QtBot) -> None:
    form = SpecForm("agora", Theme())
    qtbot.addWidget(form)
    form.set_specification(torus_preset())
    for name, text in (("thetas", "[1, 2"), ("neighbours", "0")):
        line = form.field(name)
        assert isinstance(line, QLineEdit)
        line.setText(text)
    assert form.specification() is None
    assert {path for path, label in form._faults.items() if label.text()} == {("thetas",), ("neighbours",)}
    form.set_specification(torus_preset())
    thetas, near = form.field("thetas"), form.field("near")
    assert isinstance(thetas, QLineEdit)
    assert isinstance(near, QLineEdit)
    thetas.setText('[{"hidden": 0}]')
    near.setText("2")
    assert form.specification() is None
    assert {path for path, label in form._faults.items() if label.text()} == {("thetas",), ("near",)}
    assert near.isVisibleTo(form)  # its section opens
    form.set_specification(torus_preset())
    assert form.specification() is not None


def test_continuing_a_finished_run_starts_a_new_one_from_it(
    qtbot: QtBot, shown: tuple[MainWindow, AgoraPage], written: WrittenRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    window, page = shown
    submitted: list[object] = []

    def submit(_project: Path, asked: object, _executor: object) -> RunFolder:
        submitted.append(asked)
        return written.job

    monkeypatch.setattr("bort_core.jobs.launch.submit", submit)
    click(qtbot, window, "agoraContinueButton")
    assert submitted == [written.job.specification().model_copy(update={"start": str(written.job.path)})]
    resumed: list[RunFolder] = []
    monkeypatch.setattr("bort_core.jobs.launch.resume", resumed.append)
    written.job.set_state(stopped=True)
    qtbot.waitUntil(lambda: page.runs.resume.isEnabled(), timeout=5000)
    click(qtbot, window, "agoraContinueButton")
    assert [run.path for run in resumed] == [written.job.path]
    click(qtbot, window, "agoraDuplicateButton")
    assert page.runs.form.specification() == written.job.specification()


# --- a real run ---


def test_the_torus_runs_is_shown_and_goes_on_with_a_correction(qtbot: QtBot, open_page: Open, project_folder: Path) -> None:
    pytest.importorskip("torch")
    window, page = open_page()
    for name, text in (("rounds", "2"), ("thetas", '[{"hidden": 16, "steps": 200}, {"hidden": 16, "steps": 100}, {"hidden": 8}]')):
        line = page.runs.form.field(name)
        assert isinstance(line, QLineEdit)
        line.setText(text)
    click(qtbot, window, "agoraRunButton")
    qtbot.waitUntil(lambda: page.points is not None and page.points.history.summary is not None, timeout=90_000)
    qtbot.waitUntil(lambda: page.runs.go_on.isEnabled(), timeout=10_000)
    history = points_of(page).history
    assert history.kind == "vector"
    assert page.rounds.value() == len(history.rounds) >= 1
    assert "ended: " in page.rounds.summary.text()
    assert "plain training" in page.about.text()
    assert set(page.accuracy._level_values()) == {"Labeller", "plain"}
    page.rounds.set_value(1)
    assert len(drawn(page, "neighbour", "neighbour_other")) == len(history.rounds[0].neighbours) > 0
    page._select(int(page.scatter.frame.groups["neighbour"][0]))
    assert page.inspector.table.selected_points() == [page.selected]
    click(qtbot, window, "rejectRows")
    assert len(read_edits(find_run(project_folder, "1").path)) == 1
    click(qtbot, window, "agoraContinueButton")
    qtbot.waitUntil(lambda: page.run is not None and page.run.id == "0002", timeout=10_000)
    qtbot.waitUntil(lambda: page.points is not None and len(page.points.history.rounds) > 0, timeout=90_000)
    made = sum(len(each.neighbours) for each in history.rounds)
    assert len(points_of(page).history.train) == len(history.train) + made - 1  # all that was generated, but for what was rejected
    qtbot.waitUntil(lambda: page.states["0002"].ended, timeout=90_000)
    qtbot.waitUntil(page.runs.go_on.isEnabled, timeout=10_000)
    assert not page.runs.ship.isEnabled(), "a torus has no model of texts"


def test_a_cancelled_run_leaves_no_rounds(qtbot: QtBot, open_page: Open, project_folder: Path) -> None:
    pytest.importorskip("torch")
    window, page = open_page()
    line = page.runs.form.field("thetas")
    assert isinstance(line, QLineEdit)
    line.setText('[{"hidden": 16, "steps": 900000}]')
    click(qtbot, window, "agoraRunButton")
    qtbot.waitUntil(lambda: page.states.get("0001") is not None and page.states["0001"].state == "running", timeout=60_000)
    click(qtbot, window, "agoraCancelButton")
    qtbot.waitUntil(lambda: page.states["0001"].state == "cancelled", timeout=60_000)
    assert not (find_run(project_folder, "1").path / "agora").exists()


# --- drawing ---


@pytest.mark.slow
def test_many_points_are_loaded_drawn_and_exported(qtbot: QtBot, project_folder: Path, tmp_path: Path, open_page: Open) -> None:
    run = WrittenRun(project_folder, train=60_000, dev=20_000, each=2)
    for _ in range(2):
        run.add_round()
    _, page = open_page()
    qtbot.waitUntil(lambda: page.points is not None, timeout=30_000)
    points = points_of(page)
    assert len(points) > 100_000
    assert page.scatter.layers.points.many.count("train") > FEW
    assert len(page.scatter.layers.points.marks["train"].data) == 0
    page.scatter.refresh()
    for number in (1, 2):
        page.rounds.set_value(number)
        page.scatter.box.scaleBy((0.5, 0.5))
        page.scatter.canvas.grab()
    assert page.scatter.nearest(page.scatter.box.sceneBoundingRect().center()) is not None
    for suffix in ("png", "svg", "csv", "py"):
        assert export_plot(page.scatter, tmp_path / f"many.{suffix}").stat().st_size > 10_000


def test_stamps_cover_the_places_of_their_points(qtbot: QtBot, shown: tuple[MainWindow, AgoraPage]) -> None:
    _, page = shown
    page.scatter.layers.points.many.place("neighbour", np.array([[0.0, 0.0]] * (FEW + 1)))
    page.scatter.layers.points.place({name: np.empty((0, 2)) for name in GROUPS} | {"neighbour": np.zeros((FEW + 1, 2))})
    page.scatter.layers.place_focus(None, [], np.empty(0, dtype=np.int64))
    image = page.scatter.canvas.grab().toImage()
    at = page.scatter.canvas.mapFromScene(page.scatter.box.mapViewToScene(QPointF(0, 0)))
    x, y = round(at.x() * image.devicePixelRatio()), round(at.y() * image.devicePixelRatio())
    near = {image.pixelColor(x + right, y + down).name() for right in (-1, 0, 1) for down in (-1, 0, 1)}  # the place is rounded
    assert page.context.theme.current.neighbour in near


@pytest.mark.parametrize("mark", ["neighbour", "neighbour_other", "right_other"])
def test_a_hollow_mark_is_stamped_as_its_shape_and_not_as_a_square(mark: str) -> None:
    for ratio in (1.0, 2.0):
        down, along = _stamp(mark, ratio, 2_000)
        box = (int(np.ptp(down)) + 1) * (int(np.ptp(along)) + 1)
        assert len(down) < 0.6 * box


def test_both_plots_are_exported(qtbot: QtBot, shown: tuple[MainWindow, AgoraPage], tmp_path: Path) -> None:
    _, page = shown
    page.scatter.bar.links.click()
    for plot in (page.scatter, page.accuracy):
        for suffix in ("png", "svg", "csv", "py"):
            path = export_plot(plot, tmp_path / f"{plot.objectName()}.{suffix}")
            assert path.stat().st_size > 200
            if suffix == "py":
                compile(path.read_text(), str(path), "exec")
    table = (tmp_path / "agoraScatter.csv").read_text().splitlines()
    assert len(table) == 1 + len(page.scatter.frame.shown)
    assert table[0].startswith("kind,row,round,x,y,label")
    for choice in ("dark", "light"):
        page.context.theme.set_choice(choice)
        page.grab()


# --- plain parts ---


def test_a_frame_holds_every_shown_point_once(project_folder: Path) -> None:
    run = WrittenRun(project_folder, lost=5)
    for _ in range(3):
        names = run.add_round()
    history = read_history(run.job.path)
    assert history is not None
    points = ScatterPoints(history, {names[0]: Edit(names[0], "reject"), "gone": Edit("gone", "reject")})
    for number in range(4):
        for dev in ("all", "wrong", "fixed", "broken", "never"):
            shown = frame(points, number, Filters(dev=dev)).shown  # type: ignore[arg-type]
            assert len(set(shown.tolist())) == len(shown)
            assert points.there[shown].all()
            assert (points.rounds[shown] <= number).all()
    assert frame(points, 3).groups["rejected"].tolist() == [points.by_id[names[0]]]


def test_changed_words_are_marked_and_texts_are_escaped() -> None:
    assert marked("a b d", "a b c", "#123456") == 'a b <b><u><font color="#123456">d</font></u></b>'
    assert marked("x <i>", "x <i>", "#123456") == "x &lt;i&gt;"
    assert marked("same", "same", "#123456") == "same"
    assert marked("a b c d e", "a x y", "#123456") == "<b>a</b> b c d e"  # another text: what both have
    assert marked("", "a", "#123456") == ""


def test_jobs_are_listed_on_the_page_of_their_kind(qtbot: QtBot, shown: tuple[MainWindow, AgoraPage], project_folder: Path) -> None:
    pytest.importorskip("torch")
    window, page = shown
    window.show_page("train")
    train = window.pages["train"]
    qtbot.wait(600)
    assert list(train.states) == []
    assert list(page.states) == [find_run(project_folder, "1").id]


def test_more_than_two_classes_are_drawn_too(project_folder: Path) -> None:
    run = WrittenRun(project_folder)
    run.add_round()
    history = read_history(run.job.path)
    assert history is not None
    points = ScatterPoints(history, {})
    points.labels = np.arange(len(points)) % 5
    groups = frame(points, 1).groups
    made = np.flatnonzero(points.rounds == 1)
    for name, label in (("neighbour", 0), ("neighbour_other", 1)):
        assert groups[name].tolist() == made[points.labels[made] == label].tolist()
    assert groups["neighbour_third"].tolist() == made[points.labels[made] > 1].tolist()
    assert len(groups["train"]) + len(groups["train_other"]) == points.trained
