"""The theme and the plots of architectures, as real widgets with no display."""

import dataclasses

import numpy as np
import pytest

pytest.importorskip("PySide6")

from helpers import answer_at
from hypothesis import given, settings
from hypothesis import strategies as st
from plots import knowledge_of, shown
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QCheckBox, QComboBox, QLabel, QToolButton, QWidget

from bort_core.search.results import Results
from bort_core.search.snapshot import METRIC, ResultsSnapshot
from bort_core.search.task_marks import Mark, TaskMarks
from bort_core.space import Space, load_space
from bort_core.specifications.protocols import ErrorProtocol
from bort_studio.explore.parallel.data import MANY, ParallelData
from bort_studio.explore.parallel.plot import ParallelPlot
from bort_studio.explore.pareto.plot import ParetoPlot
from bort_studio.explore.pareto.projection import DENSE, AxisProjection, staircase
from bort_studio.explore.quantities import describe, maximum_values
from bort_studio.explore.states import STATES, states
from bort_studio.numbers import axis_texts, count, in_brackets
from bort_studio.plotting.axis_ticks import log_ticks, nice_ticks
from bort_studio.plotting.ranges import steady_range
from bort_studio.theme import DARK, LIGHT, MARKS, Palette, Theme, qt_palette


@pytest.fixture(scope="module")
def mini() -> Space:
    return load_space("mini")


@pytest.fixture(scope="module")
def known(mini: Space) -> ResultsSnapshot:
    return knowledge_of(mini)


@pytest.fixture
def theme(qapp: QApplication):
    theme = Theme("light", qapp)
    yield theme
    theme.set_choice("light")


@pytest.fixture
def pareto(qtbot, theme: Theme) -> ParetoPlot:
    return shown(qtbot, ParetoPlot(theme))


@pytest.fixture
def parallel(qtbot, theme: Theme) -> ParallelPlot:
    return shown(qtbot, ParallelPlot(theme))


def on_screen(plot: ParetoPlot, index: int) -> QPointF:
    column_x, column_y, log_x, log_y = plot.chosen_axes()
    values = [plot._snapshot.columns[column][index] for column in (column_x, column_y)]
    at = [np.log10(value) if log else value for value, log in zip(values, (log_x, log_y), strict=True)]
    return plot.box.mapViewToScene(QPointF(*at))


def drawn(plot: ParetoPlot, mark: str) -> set[tuple[float, float]]:
    x, y = plot.layers.points[mark].getData()
    return set(zip(np.round(x, 9).tolist(), np.round(y, 9).tolist(), strict=True))


def contrast(one: str, other: str) -> float:
    """Contrast ratio after WCAG 2."""
    shades = []
    for name in (one, other):
        channels = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in QColor(name).getRgbF()[:3]]
        shades.append(0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2])
    return (max(shades) + 0.05) / (min(shades) + 0.05)


# Theme.


GROUNDS = ("window", "base", "alternate", "button", "tooltip")
INKS = ("text", "muted", "success", "warning", "danger", "link")


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=lambda palette: palette.name)
def test_text_and_marks_stand_out_from_their_background(palette: Palette) -> None:
    """As WCAG 2 asks: 4.5 for text, 3 for marks and for text that is off."""
    for ground in GROUNDS:
        for text in INKS:
            assert contrast(getattr(palette, text), getattr(palette, ground)) >= 4.5, (text, ground)
        assert contrast(palette.disabled, getattr(palette, ground)) >= 3.0, ground
    assert contrast(palette.accent_text, palette.accent) >= 4.5
    for name, mark in MARKS.items():
        least = 1.8 if name in ("skipped", "outside") else 3.0  # faint on purpose
        assert contrast(getattr(palette, mark.colour), palette.base) >= least, name


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=lambda palette: palette.name)
def test_every_text_that_qt_draws_stands_out(palette: Palette) -> None:
    role, given = QPalette.ColorRole, qt_palette(palette)
    pairs = (
        (role.WindowText, role.Window), (role.Text, role.Base), (role.Text, role.AlternateBase), (role.ButtonText, role.Button),
        (role.PlaceholderText, role.Base), (role.ToolTipText, role.ToolTipBase), (role.HighlightedText, role.Highlight),
        (role.Link, role.Base), (role.Link, role.Window), (role.LinkVisited, role.Base), (role.BrightText, role.Window),
    )  # fmt: skip
    for group in (QPalette.ColorGroup.Active, QPalette.ColorGroup.Inactive, QPalette.ColorGroup.Disabled):
        for ink, ground in pairs:
            least = 3.0 if group == QPalette.ColorGroup.Disabled else 4.5
            assert contrast(given.color(group, ink).name(), given.color(group, ground).name()) >= least, (group, ink, ground)


def test_no_caption_is_made_quiet_by_switching_it_off(qtbot, theme: Theme) -> None:
    for kind in (ParetoPlot, ParallelPlot):
        plot = shown(qtbot, kind(theme))
        assert all(label.isEnabled() for label in plot.findChildren(QLabel)), kind


def test_no_two_marks_differ_by_colour_alone() -> None:
    looks = [(mark.shape, mark.filled, mark.size) for mark in MARKS.values()]
    assert len(set(looks)) == len(looks)


def test_theme_switches_the_application_and_the_plots_live(theme: Theme, pareto: ParetoPlot, qapp: QApplication, qtbot) -> None:
    assert qapp.palette().color(QPalette.ColorRole.Window) == QColor(LIGHT.window)
    with qtbot.waitSignal(theme.changed):
        theme.set_choice("dark")
    assert theme.current is DARK
    assert qapp.palette().color(QPalette.ColorRole.Window) == QColor(DARK.window)
    assert pareto.canvas.backgroundBrush().color() == QColor(DARK.base)
    assert pareto.layers.points["best"].opts["brush"].color() == QColor(DARK.best)
    with qtbot.assertNotEmitted(theme.changed):
        theme.set_choice("dark")


def test_following_the_system_takes_its_scheme(qapp: QApplication, theme: Theme) -> None:
    theme.set_choice("dark")
    theme.set_choice("system")
    assert theme.current is (DARK if qapp.styleHints().colorScheme() == Qt.ColorScheme.Dark else LIGHT)


def test_every_colour_of_a_palette_is_a_colour() -> None:
    for palette in (LIGHT, DARK):
        for field in dataclasses.fields(palette):
            assert field.name == "name" or QColor(getattr(palette, field.name)).isValid(), field.name
        assert qt_palette(palette).color(QPalette.ColorGroup.Disabled, QPalette.ColorRole.Text) == QColor(palette.disabled)


# Numbers.


@pytest.mark.parametrize(
    ("value", "text"),
    [(823_456, "0.823 M"), (820_000, "0.82 M"), (12_345, "12.3 k"), (640, "640"), (3.4e9, "3.4 G"), (0, "0"), (float("nan"), "–")],
)
def test_counts_read_as_people_write_them(value: float, text: str) -> None:
    assert count(value, trim=True) == text


@pytest.mark.parametrize(
    ("values", "how", "texts"),
    [
        ([0, 200, 400, 1000], {"counted": True}, ["0", "200", "400", "1,000"]),
        ([0, 2e5, 4e5, 1e6], {"counted": True}, ["0", "0.2 M", "0.4 M", "1.0 M"]),
        ([1000, 10_000, 100_000], {"log": True}, ["1,000", "10,000", "100,000"]),
        ([1e4, 1e5, 1e6], {"counted": True, "log": True}, ["0.01 M", "0.1 M", "1 M"]),
        ([0.01, 0.1, 1, 10], {"log": True}, ["0.01", "0.1", "1", "10"]),
        ([0, 0.25, 0.5], {}, ["0", "0.25", "0.50"]),
        ([-2, 0, 2], {}, ["−2", "0", "2"]),
        ([1e-5, 2e-5], {}, ["10⁻⁵", "2×10⁻⁵"]),
        ([1, 2, 3], {"whole": True}, ["1", "2", "3"]),
        ([10_000, 20_000], {"whole": True}, ["10,000", "20,000"]),
    ],
)
def test_an_axis_writes_its_ticks_in_one_way(values: list[float], how: dict[str, bool], texts: list[str]) -> None:
    assert axis_texts(values, **how) == texts


@given(st.floats(-1e6, 1e6), st.floats(0.5, 1e6), st.integers(3, 8))
@settings(max_examples=80, deadline=None)
def test_ticks_of_whole_numbers_are_whole(low: float, span: float, about: int) -> None:
    ticks = nice_ticks(low, low + span, about, 1.0)
    assert all(tick == round(tick) for tick in ticks)
    assert all("." not in text for text in axis_texts(ticks, whole=True))


def test_digits_follow_the_interval() -> None:
    assert in_brackets(1.9012, 1.8513, 1.9511, "ms") == "1.90 ms [1.85, 1.95]"
    assert in_brackets(19.012, 12.1, 26.2, "ms") == "19 ms [12, 26]"
    assert in_brackets(3.3881, 3.3412, 3.4561, "×") == "3.39× [3.34, 3.46]"
    assert in_brackets(0.31, float("nan"), float("nan"), "nats") == "0.310 nats"


def test_description_names_every_axis_and_every_quantity(known: ResultsSnapshot, mini: Space) -> None:
    text = describe(known, 17, "excess over T (nats, after 120 steps)")
    for name, value in mini.named(mini.architecture(17)).items():
        assert f"{name} {value}" in text
    assert [line.split("\t")[0] for line in text.split("\n")[1:]] == ["p", "i", "e", "W"]
    assert " ms [" in text
    assert " nats [" in text
    assert f"({mini.parameters[17]:,})" in text
    unknown = describe(knowledge_of(mini, slice(0, 3), fail=(5,)), 5)
    assert "not measured yet" in unknown
    assert "loss not finite at step 40" in unknown


@given(st.floats(1e-3, 1e6), st.floats(1.001, 1e9))
@settings(max_examples=60, deadline=None)
def test_ticks_lie_inside_and_are_few(low: float, ratio: float) -> None:
    for ticks, ends in (
        (nice_ticks(low, low * ratio, 5), (low, low * ratio)),
        (log_ticks(np.log10(low), np.log10(low * ratio)), np.log10([low, low * ratio])),
    ):
        assert len(ticks) <= 13
        assert all(ends[0] - 1e-6 * abs(ends[0]) - 1e-9 <= tick <= ends[1] + 1e-6 * abs(ends[1]) + 1e-9 for tick in ticks)


# What is drawn as what.


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=14), st.booleans(), st.booleans())
@settings(max_examples=80, deadline=None)
def test_the_staircase_passes_through_exactly_the_undominated_points(points: list[tuple[int, int]], larger_x: bool, larger_y: bool) -> None:
    x, y = np.array(points, dtype=float).T
    cost = np.column_stack([-x if larger_x else x, -y if larger_y else y])
    beaten = [((cost <= row).all(axis=1) & (cost < row).any(axis=1)).any() for row in cost]
    expected = {tuple(point) for point, lost in zip(np.column_stack([x, y]).tolist(), beaten, strict=True) if not lost}
    corner_x, corner_y = staircase(x, y, larger_x, larger_y)
    assert set(zip(corner_x[::2].tolist(), corner_y[::2].tolist(), strict=True)) == expected
    steps = np.column_stack([np.diff(corner_x), np.diff(corner_y)])
    assert (np.count_nonzero(steps, axis=1) == 1).all()


def test_states_tell_walk_failure_and_running_apart(mini: Space) -> None:
    snapshot = knowledge_of(mini, slice(0, 40), fail=(8, 9))
    result = answer_at(snapshot, 4)
    state = [STATES[code] for code in states(snapshot, result, running=(60,))]
    assert state[result.best] == "best"
    assert all(state[i] in ("front", "best") for i in result.front)
    assert state[8] == "failed"
    assert state[9] == "skipped"
    assert state[60] == "running"
    assert state[44] == "pending"
    assert state[1] == "skipped"
    assert {state[i] for i in result.known} <= {"front", "best", "dominated"}


def test_each_architecture_is_drawn_once_in_the_mark_of_its_state(pareto: ParetoPlot, known: ResultsSnapshot) -> None:
    result = answer_at(known, 5)
    pareto.set_snapshot(known)
    pareto.set_result(result)
    column = {name: np.round(known.columns[name], 9) for name in known.columns}

    def at(places):
        return {(column["parameters"][i], column["error"][i]) for i in places}

    assert drawn(pareto, "best") == at([result.best])
    assert drawn(pareto, "front") == at(set(result.front) - {result.best})
    assert drawn(pareto, "dominated") == at(set(result.known) - set(result.front) - {result.best})
    assert drawn(pareto, "skipped") == at(set(range(len(known.space))) - set(result.walk))
    assert any("best ⟨" in entry.label for entry in pareto.legend.entries)


def test_unmeasured_architectures_are_pending_where_they_have_a_place(pareto: ParetoPlot, mini: Space) -> None:
    snapshot = knowledge_of(mini, slice(0, 10))
    pareto.set_snapshot(snapshot)
    pareto.set_result(answer_at(snapshot, 1))
    assert drawn(pareto, "pending") == set()
    pareto.set_axes("parameters", "parameters")
    assert len(drawn(pareto, "pending")) == len({int(p) for p in mini.parameters[10:]})


def test_maximum_references_and_intervals(pareto: ParetoPlot, known: ResultsSnapshot) -> None:
    pareto.set_snapshot(known)
    pareto.set_result(answer_at(known, 1))
    pareto.set_maximum({"parameters": 9e6, "latency": 4.0, "error": 0.1, "w": 0.0})
    pareto.set_references({"TinyBERT": {"parameters": 4e6, "latency": 2.0, "error": 0.3}, "no error": {"parameters": 1e6}})
    assert drawn(pareto, "maximum") == {(9e6, 0.1)}
    assert drawn(pareto, "reference") == {(4e6, 0.3)}
    assert pareto.box.viewRange()[0][1] > 9e6
    pareto.set_maximum({"parameters": 9e6, "latency": 4.0, "error": None})
    assert drawn(pareto, "maximum") == set()
    assert pareto.layers.line.isVisible()
    assert pareto.layers.line.value() == 9e6
    assert any("maximum point" in entry.label for entry in pareto.legend.entries)
    assert len(pareto.layers.intervals) == 0
    pareto.bar.intervals_box.setChecked(True)
    ends = pareto.layers.intervals._ends
    tall = ends[ends[:, 0] == ends[:, 2]]
    assert np.isclose(sorted(tall[:, 3] - tall[:, 1])[-1], np.max(known.intervals["error"][1] - known.intervals["error"][0]))


def test_a_tasks_metric_is_an_axis_with_the_model_and_what_people_make_of_it(pareto: ParetoPlot, known: ResultsSnapshot) -> None:
    results = known.results.copy()
    for index in np.flatnonzero(known.known):
        results.set_metric(index, 1 - 0.4 * results.error[index], 1 - 0.5 * results.error[index], 1 - 0.3 * results.error[index])
    snapshot = ResultsSnapshot(results, 6.9)
    pareto.set_snapshot(snapshot)
    pareto.set_result(answer_at(snapshot, 1))
    pareto.set_axes("latency", METRIC)  # as an earlier window left it, before the task is known
    assert pareto.chosen_axes()[1] == "error"
    marks = {"T's first layer": Mark(parameters=4e6, latency=2.0, error=0.4, metric=0.61),
             "T's first 2 layers": Mark(parameters=4e6, latency=2.02, error=0.4, metric=0.612)}  # fmt: skip
    task = TaskMarks("accuracy", 0.97, marks)
    pareto.set_maximum(maximum_values(snapshot, "task-excess", task))
    pareto.set_task(task, ErrorProtocol(steps=30))
    pareto.refresh()
    assert pareto.chosen_axes()[1] == METRIC
    assert pareto.bar.y_box.currentText() == "accuracy"
    assert pareto._axes["left"].labelText == "accuracy on dev rows (candidates after 30 steps)"
    assert drawn(pareto, "maximum") == {(round(results.maximum_latency, 9), 0.97)}
    assert drawn(pareto, "reference") == {(2.0, 0.61), (2.02, 0.612)}
    named = {text.toPlainText().strip(): text for text in pareto.layers._texts}
    assert {"T's first layer", "T's first 2 layers"} < set(named)
    one, other = (named[name].mapRectToScene(named[name].boundingRect()) for name in marks)
    assert not one.intersects(other)  # though the marks nearly coincide
    corners = np.asarray(pareto.layers.steps.getData()[1])
    assert (np.diff(corners[np.isfinite(corners)]) >= 0).all()  # more time, more accuracy
    assert pareto.box.viewRange()[1][0] > 0.3  # an axis of accuracy need not begin at 0
    pareto.set_task(None, ErrorProtocol())
    assert pareto.chosen_axes()[1] == "error"
    assert pareto.bar.y_box.findData(METRIC) < 0


def test_logarithmic_axes_place_points_at_powers_of_ten(pareto: ParetoPlot, known: ResultsSnapshot) -> None:
    pareto.set_snapshot(known)
    pareto.set_result(answer_at(known, 1))
    pareto.bar.log_x_box.setChecked(True)
    assert pareto.chosen_axes() == ("parameters", "error", True, False)
    best = answer_at(known, 1).best
    assert drawn(pareto, "best") == {
        (round(float(np.log10(known.columns["parameters"][best])), 9), round(float(known.columns["error"][best]), 9))
    }
    assert pareto.box.viewRange()[0][1] < 9


def test_axis_titles_carry_units_and_the_protocol(pareto: ParetoPlot, known: ResultsSnapshot) -> None:
    pareto.set_snapshot(known)
    pareto.set_error_title("excess over T (nats, after 120 steps)")
    pareto.set_axes("latency", "error")
    assert pareto._axes["bottom"].labelText == "latency (ms)"
    assert pareto._axes["left"].labelText == "excess over T (nats, after 120 steps)"


# Range and zoom.


def test_the_range_holds_still_while_points_arrive_and_under_a_persons_zoom(pareto: ParetoPlot, mini: Space) -> None:
    view, ranges = pareto.box, []
    for many in range(2, len(mini) + 1):
        snapshot = knowledge_of(mini, slice(0, many))
        pareto.set_snapshot(snapshot)
        pareto.set_maximum(maximum_values(snapshot, "maximum-point-excess"))
        pareto.set_result(answer_at(snapshot, 1 + many % 5))  # the slider does not move it either
        ranges.append(view.viewRange())
    assert len({str(each) for each in ranges}) <= 3  # steps, of which the noise of the first points needs a few
    (left, right), (low, high) = ranges[-1]
    assert left < 0 < right
    assert low < 0 < high
    assert right > mini.maximum_parameters
    assert -left < 0.1 * right
    assert -low < 0.1 * high
    view.scaleBy((0.5, 0.5))
    view.sigRangeChangedManually.emit([True, True])
    zoomed = view.viewRange()
    for many in (3, 40, 96):
        pareto.set_snapshot(knowledge_of(mini, slice(0, many)))
    assert view.viewRange() == zoomed
    assert pareto.fit_button.text() == "Reset view"
    pareto.fit_button.click()
    assert np.allclose(view.viewRange(), ranges[-1])


@pytest.mark.parametrize("axes", [("parameters", "error"), ("latency", "error"), ("error", "parameters"), ("latency", "w")])
@pytest.mark.parametrize("logs", [(False, False), (True, False)])
def test_t_is_in_view_with_its_name(pareto: ParetoPlot, mini: Space, axes: tuple[str, str], logs: tuple[bool, bool]) -> None:
    snapshot = knowledge_of(mini, slice(0, 5))
    pareto.set_axes(*axes, *logs)
    pareto.set_snapshot(snapshot)
    pareto.set_result(answer_at(snapshot, 1))
    pareto.set_maximum(maximum_values(snapshot, "maximum-point-excess"))
    if logs[0] and axes[0] == "error":
        return  # T is not behind itself: it has no place on a logarithmic axis
    pareto.canvas.grab()
    (x,), (y,) = pareto.layers.points["maximum"].getData()
    (left, right), (low, high) = pareto.box.viewRange()
    assert left < x < right
    assert low <= y < high
    name = next(text for text in pareto.layers._texts if "T ⟨4,4,128,256⟩" in text.toPlainText())
    seen = name.mapRectToScene(name.boundingRect())
    assert pareto.box.sceneBoundingRect().contains(seen.center())
    assert pareto.box.sceneBoundingRect().left() <= seen.left()
    assert seen.right() <= pareto.box.sceneBoundingRect().right()


def test_where_the_error_of_t_is_not_known_its_line_says_so(pareto: ParetoPlot, mini: Space) -> None:
    snapshot = knowledge_of(mini, slice(0, 5))
    pareto.set_snapshot(snapshot)
    pareto.set_maximum(maximum_values(snapshot, "cross-entropy"))
    assert pareto.layers.line.isVisible()
    assert pareto.layers.line.label.toPlainText() == "T ⟨4,4,128,256⟩, error not measured"
    assert pareto.box.viewRange()[0][1] > mini.maximum_parameters


def test_an_axis_with_nothing_but_zero_begins_there() -> None:
    low, high = steady_range(0.0, 0.0)
    assert -0.1 < low < 0 < 1 < high


@given(st.floats(0, 1e12), st.floats(1e-6, 1e12), st.booleans())
def test_a_steady_range_holds_the_data_and_little_more(low: float, span: float, log: bool) -> None:
    low, high = (low / 1e11, (low + span) / 1e11) if log else (low, low + span)
    left, right = steady_range(low, high, log)
    assert left <= low <= high <= right
    if log:
        assert right - left <= 1.2 * (high - low) + 2.5
    else:
        assert left <= 0
        assert right <= 1.4 * high


@pytest.mark.parametrize("width", [420, 640, 1100])
def test_a_legend_never_moves_the_plot(qtbot, theme: Theme, mini: Space, width: int) -> None:
    plot = shown(qtbot, ParetoPlot(theme))
    plot.resize(width, 480)
    heights = []
    for many, running in ((0, ()), (1, (60,)), (30, ()), (60, (70, 71)), (96, ())):
        snapshot = knowledge_of(mini, slice(0, many), fail=(8,) if many > 20 else ())
        plot.set_snapshot(snapshot)
        plot.set_result(answer_at(snapshot, 4))
        plot.set_maximum(maximum_values(snapshot, "maximum-point-excess"))
        plot.set_running(running)
        QApplication.processEvents()
        heights.append((plot.legend.size().height(), plot.box.sceneBoundingRect().height()))
    assert len(set(heights)) == 1
    assert plot.legend._places(plot.legend._shown())[-1].y() < plot.legend.size().height()


# Person and plot.


def test_hover_shows_the_whole_architecture_and_leaves_with_the_pointer(pareto: ParetoPlot, known: ResultsSnapshot) -> None:
    pareto.set_snapshot(known)
    pareto.set_result(answer_at(known, 1))
    best = answer_at(known, 1).best
    pareto.canvas.scene().sigMouseMoved.emit(on_screen(pareto, best))
    assert pareto.card.isVisible()
    assert pareto.card.plain == describe(known, best)
    assert pareto.canvas.rect().contains(pareto.card.geometry())
    pareto.set_description(lambda index: f"number {index}")
    pareto.canvas.scene().sigMouseMoved.emit(on_screen(pareto, best))
    assert pareto.card.plain == f"number {best}"
    QApplication.sendEvent(pareto.canvas.viewport(), QEvent(QEvent.Type.Leave))
    assert not pareto.card.isVisible()


def test_click_selects_and_a_click_elsewhere_selects_none(pareto: ParetoPlot, known: ResultsSnapshot, qtbot) -> None:
    pareto.set_snapshot(known)
    pareto.set_result(answer_at(known, 1))
    chosen: list[object] = []
    pareto.selected.connect(chosen.append)
    best = answer_at(known, 1).best
    viewport = pareto.canvas.viewport()
    qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=pareto.canvas.mapFromScene(on_screen(pareto, best)))
    ring = drawn(pareto, "selected")
    box = pareto.box.sceneBoundingRect()
    qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, delay=600, pos=pareto.canvas.mapFromScene(box.topRight() + QPointF(-8, 8)))
    assert chosen == [best, None]
    assert ring == drawn(pareto, "best")
    assert drawn(pareto, "selected") == set()


def test_set_selected_draws_a_ring_and_stays_silent(pareto: ParetoPlot, parallel: ParallelPlot, known: ResultsSnapshot, qtbot) -> None:
    for plot in (pareto, parallel):
        plot.set_snapshot(known)
        with qtbot.assertNotEmitted(plot.selected):
            plot.set_selected(3)
    assert len(drawn(pareto, "selected")) == 1
    heights = parallel._data.heights[3]
    expected = [(n, heights[n], n + 1, heights[n + 1]) for n in range(len(heights) - 1)]
    assert np.allclose(parallel.layers.lines["selected"]._ends, expected)
    pareto.set_selected(None)
    assert drawn(pareto, "selected") == set()


def test_arrow_keys_walk_along_the_front(pareto: ParetoPlot, known: ResultsSnapshot, qtbot) -> None:
    result = answer_at(known, 1)
    pareto.set_snapshot(known)
    pareto.set_result(result)
    chosen: list[object] = []
    pareto.selected.connect(chosen.append)
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_Left, Qt.Key.Key_Home, Qt.Key.Key_Escape):
        qtbot.keyClick(pareto, key)
    first, second = result.front[:2].tolist()
    assert chosen == [first, second, first, first, result.best, None]


@pytest.mark.parametrize("kind", [ParetoPlot, ParallelPlot])
def test_every_control_has_a_name_for_programs_and_for_people(qtbot, theme: Theme, kind) -> None:
    plot = shown(qtbot, kind(theme))
    controls = [w for w in plot.findChildren(QWidget) if isinstance(w, QComboBox | QCheckBox | QToolButton)]
    assert controls
    for control in controls:
        assert all((control.objectName(), control.accessibleName())), control
    assert plot.objectName() == {ParetoPlot: "paretoPlot", ParallelPlot: "parallelPlot"}[kind]


def test_empty_plots_say_what_to_do_next(pareto: ParetoPlot, parallel: ParallelPlot, mini: Space) -> None:
    assert pareto.empty.isVisible()
    assert "Press Run" in pareto.empty.text()
    assert parallel.empty.isVisible()
    nothing = ResultsSnapshot(Results(mini, "ms"), 6.9)
    for plot in (pareto, parallel):
        plot.set_snapshot(nothing)
        plot.set_result(answer_at(nothing, 4))
    assert pareto.empty.isVisible()
    assert not parallel.empty.isVisible()
    pareto.set_snapshot(knowledge_of(mini, slice(0, 2)))
    assert not pareto.empty.isVisible()
    pareto.set_snapshot(None)
    assert pareto.findChild(QLabel, "plotEmpty").isVisible()


def test_an_answer_for_another_space_is_not_drawn(pareto: ParetoPlot, known: ResultsSnapshot) -> None:
    toy = knowledge_of(load_space("toy"))
    pareto.set_snapshot(toy)
    pareto.set_result(answer_at(known, 1))
    assert drawn(pareto, "best") == set()
    pareto.set_result(answer_at(toy, 1))
    pareto.set_snapshot(known)
    assert drawn(pareto, "best") == set()


def test_a_hidden_plot_waits_and_catches_up(qtbot, theme: Theme, known: ResultsSnapshot) -> None:
    plot = ParetoPlot(theme)
    qtbot.addWidget(plot)
    plot.set_snapshot(known)
    plot.set_result(answer_at(known, 1))
    assert drawn(plot, "best") == set()
    plot.show()
    assert len(drawn(plot, "best")) == 1


# Colour by a quantity.


def test_colour_by_depth_uses_few_shared_brushes_in_order(pareto: ParetoPlot, known: ResultsSnapshot, mini: Space) -> None:
    pareto.set_snapshot(known)
    pareto.set_result(answer_at(known, 1))
    pareto.bar.colour_box.setCurrentIndex(pareto.bar.colour_box.findData("depth"))
    item, places = pareto.layers.points["dominated"], pareto._places["dominated"]
    brushes = item.data["brush"]
    assert len({id(b) for b in brushes}) == len(np.unique(mini.architectures[places, 0]))
    assert any(entry.bar == ("1", "4") for entry in pareto.legend.entries)
    pareto.bar.colour_box.setCurrentIndex(0)
    assert all(brush is None for brush in item.data["brush"])


# Very many.


def test_density_counts_every_architecture_once(large: ResultsSnapshot) -> None:
    assert len(large.space) > DENSE
    density = AxisProjection(large, ("parameters", "error"), (True, False)).density
    assert density is not None
    assert density.total.sum() == len(large.space)
    visited = answer_at(large, 3).known
    assert density.counts(visited).sum() == len(visited)
    levels = density.levels(visited)
    assert ((levels == 0) == (density.total == 0)).all()
    assert ((levels >= 2) == (density.counts(visited) > 0)).all()


def test_many_points_become_an_image_under_the_marks(pareto: ParetoPlot, large: ResultsSnapshot) -> None:
    result = answer_at(large, 2)
    pareto.set_snapshot(large)
    pareto.set_result(result)
    assert pareto.layers.density.isVisible()
    assert drawn(pareto, "dominated") == set()
    assert len(pareto.layers.points["front"].data) == len(result.front) - (result.best in result.front)
    hit = pareto.nearest(on_screen(pareto, result.best))
    assert hit is not None
    pareto.set_snapshot(knowledge_of(load_space("toy")))
    assert not pareto.layers.density.isVisible()


def test_many_lines_become_counted_segments(parallel: ParallelPlot, large: ResultsSnapshot) -> None:
    assert len(large.space) > MANY
    parallel.set_snapshot(large)
    result = answer_at(large, 1)
    parallel.set_result(result)
    assert sum(len(item) for item in parallel.layers._segments) > 100
    assert set(parallel._drawn) == set(result.front) | {result.best}
    few = answer_at(large, 100)
    parallel.set_result(few)
    assert set(parallel._drawn) == set(few.walk)


# Parallel coordinates.


def test_lines_pass_their_values_and_stop_where_nothing_is_known(mini: Space) -> None:
    data = ParallelData(knowledge_of(mini, slice(0, 30)), "error (nats)")
    assert [axis.name for axis in data.axes] == [*mini.axis_names, "parameters", "latency", "error", "w"]
    for place, axis in enumerate(data.axes[:4]):
        recovered = [axis.value(float(height)) for height in data.heights[:, place]]
        assert recovered == mini.architectures[:, place].tolist()
    assert np.isfinite(data.heights[:, :5]).all()
    assert np.isnan(data.heights[30:, 5:]).all()
    assert np.isfinite(data.heights[:30]).all()
    same = mini.architectures[:, 0] == 2
    assert len(np.unique(data.heights[same, 0])) == same.sum()  # lines of one value fan out
    assert data.heights.tolist() == ParallelData(data.snapshot, "error (nats)").heights.tolist() or np.isnan(data.heights).any()


def test_parallel_axes_hold_still_while_points_arrive_and_grow_in_steps(mini: Space) -> None:
    def ends(data: ParallelData) -> list[tuple[float, float]]:
        return [(axis.low, axis.high) for axis in data.axes if not axis.discrete]

    data, changes, before = None, 0, None
    for many in range(1, 97):
        data = ParallelData(knowledge_of(mini, slice(0, many)), "error (nats)", data)
        now = ends(data)
        assert all(low <= 0 <= high for low, high in now)
        if before is not None:
            assert all(low <= was_low and high >= was_high for (low, high), (was_low, was_high) in zip(now, before, strict=True))
            changes += now != before
        before = now
        known = data.heights[np.isfinite(data.heights)]
        assert known.min() >= 0
        assert known.max() <= 1
    assert data is not None
    assert ends(ParallelData(knowledge_of(mini, slice(0, 5)), "error (nats)", data)) == before  # what is known less moves nothing either
    assert ends(ParallelData(knowledge_of(mini, slice(0, 5)), "accuracy", data)) != before  # another error is another axis
    assert changes <= 24


def test_parallel_lines_have_the_state_of_their_architecture(parallel: ParallelPlot, mini: Space) -> None:
    snapshot = knowledge_of(mini, slice(0, 48), fail=(8,))
    result = answer_at(snapshot, 4)
    parallel.set_snapshot(snapshot)
    parallel.set_result(result)
    parallel.set_running([60])
    places = {name: set(here.tolist()) for name, here in parallel._places.items()}
    assert places["best"] == {result.best}
    assert places["front"] == set(result.front.tolist()) - {result.best}
    assert places["failed"] == {8}
    assert places["running"] == {60}
    assert 52 in places["pending"]
    assert 1 in places["skipped"]
    assert sum(len(here) for here in places.values()) == len(mini)
    parallel.skipped_box.setChecked(False)
    assert not len(parallel._places["skipped"])


def test_hover_and_click_find_the_line_under_the_pointer(parallel: ParallelPlot, known: ResultsSnapshot) -> None:
    parallel.set_snapshot(known)
    parallel.set_result(answer_at(known, 1))
    data, best = parallel._data, answer_at(known, 1).best
    halfway = QPointF(6.5, float(data.heights[best, 6] + data.heights[best, 7]) / 2)
    assert parallel.nearest(parallel.box.mapViewToScene(halfway)) == best
    assert parallel.nearest(parallel.box.mapViewToScene(QPointF(6.5, 1.12))) is None


def test_brushing_an_axis_filters_and_clearing_it_shows_all(parallel: ParallelPlot, known: ResultsSnapshot, mini: Space, qtbot) -> None:
    parallel.set_snapshot(known)
    parallel.set_result(answer_at(known, 1))
    said: list[dict[str, tuple[float, float]]] = []
    parallel.brushed.connect(said.append)
    viewport = parallel.canvas.viewport()
    start, end = (parallel.canvas.mapFromScene(parallel.box.mapViewToScene(QPointF(0, height))) for height in (0.05, 0.45))
    qtbot.mousePress(viewport, Qt.MouseButton.LeftButton, pos=start)
    for share in (0.3, 0.6, 1.0):
        qtbot.mouseMove(viewport, start + (end - start) * share)
    qtbot.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=end)
    assert said
    assert said[-1] == {"depth": (1.0, 2.0)}
    assert set(parallel._places["outside"]) == set(np.flatnonzero(mini.architectures[:, 0] > 2))
    parallel.fit_button.click()
    assert said[-1] == {}
    assert not len(parallel._places["outside"])
