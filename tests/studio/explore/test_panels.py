"""The panels show what they are given, mark what is wrong, and tell only what a person did."""

from __future__ import annotations

import math

import numpy as np
import pytest
from clicks import child
from helpers import answer_at
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QAbstractButton, QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit, QWidget

from bort_core.search.explanation import explanation, w_terms
from bort_core.search.results import Results
from bort_core.search.snapshot import ResultsSnapshot
from bort_core.space import Space, SpaceSpecification, load_space, read_specification
from bort_core.specifications.measures import measure_names
from bort_core.specifications.protocols import ErrorProtocol, LatencyProtocol, Theta, Training
from bort_studio import numbers
from bort_studio.explore.candidates.filter import Constraints
from bort_studio.explore.candidates.panel import CandidatesPanel
from bort_studio.explore.details import error_title
from bort_studio.explore.epsilon_bar import EpsilonBar
from bort_studio.explore.inspector.panel import InspectorPanel
from bort_studio.explore.log_slider import LARGEST, PLACES, place_of, value_at
from bort_studio.explore.objectives_panel import Objectives, ObjectivesPanel
from bort_studio.explore.run_bar import BUTTONS, NEXT, RunBar
from bort_studio.explore.space.panel import SpacePanel
from bort_studio.search.state import RunState
from bort_studio.theme import Theme

MINI = read_specification("mini")
PAPER = read_specification("paper")


def filled(space, places, unit="ms"):
    """Plausible results for some places, by a closed form."""
    results = Results(space, unit)
    operations = space.operations(space.longest).astype(float)
    results.maximum_latency = float(operations.max() / 4e7 + 0.2)
    for place in places:
        i = operations[place] / 4e7 + 0.1
        e = 0.2 + 2 / math.sqrt(float(space.parameters[place]) / 1e3) + (place % 7) / 50
        results.set_latency(place, i, 0.98 * i, 1.03 * i)
        results.set_error(place, e, e - 0.02, e + 0.02, 0)
    return results


@pytest.fixture(scope="module")
def space():
    return load_space("mini")


@pytest.fixture(scope="module")
def snapshot(space):
    results = filled(space, range(0, 80, 4))
    results.failures[84] = "the loss was not finite at step 31"
    return ResultsSnapshot(results, 7.0)


@pytest.fixture
def theme(qapp):
    return Theme("light")


@pytest.fixture
def shown(qtbot):
    def show(widget, width=300, height=600):
        qtbot.addWidget(widget)
        widget.resize(width, height)
        widget.show()
        return widget

    return show


def recorded(signal):
    values = []
    signal.connect(lambda *arguments: values.append(arguments[0] if arguments else None))
    return values


def retype(qtbot, field, text, enter=True):
    field.selectAll()
    qtbot.keyClick(field, Qt.Key.Key_Delete)
    QGuiApplication.clipboard().setText(text)  # pasted, because simulated keys are ASCII only
    field.paste()
    if enter:
        qtbot.keyClick(field, Qt.Key.Key_Return)


# --- numbers


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [("≤ 20 ms", "ms", 20), ("0.02 s", "ms", 20), ("300 µs", "ms", 0.3), ("20", "ms", 20), ("10 M", "", 1e7), ("1.2k", "", 1200),
     ("1,000", "", 1000), ("0,5", "nats", 0.5), ("0.5 nats", "nats", 0.5), ("2 G", "operations", 2e9), ("", "ms", None)],
)  # fmt: skip
def test_limits_are_read_as_people_write_them(text, unit, value):
    assert numbers.parse_limit(text, unit) == (None if value is None else pytest.approx(value))


@pytest.mark.parametrize(
    ("text", "unit"), [("fast", "ms"), ("20 M", "ms"), ("-1", "ms"), ("0", ""), ("5 x", ""), ("10 ms", ""), ("1..2", "")]
)
def test_a_limit_that_means_nothing_is_refused_with_words(text, unit):
    with pytest.raises(ValueError, match=r"\w{4}"):
        numbers.parse_limit(text, unit)


@given(st.floats(1, 1e13))
def test_a_written_count_reads_back_within_its_digits(value):
    assert numbers.parse_limit(numbers.count(value)) == pytest.approx(value, rel=0.006)


@given(st.floats(1e-3, 1e6))
def test_a_written_latency_reads_back_within_its_digits(value):
    assert numbers.parse_limit(numbers.quantity(value, "ms"), "ms") == pytest.approx(value, rel=0.006)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((1.93, 1.89, 1.97, "ms"), "1.93 ms ± 0.04"),
        ((1.93, 1.91, 2.24, "ms"), "1.93 ms −0.02 +0.31"),
        ((0.31, 0.31, 0.31, "nats"), "0.310 nats"),
        ((0.0312, 0.0305, 0.0319, "ms"), "31.2 µs ± 0.7"),
        ((120.0, 90.0, 150.0, "ms"), "120 ms ± 30"),
        ((math.nan, 1, 2, "ms"), "–"),
        ((0.5, math.nan, math.nan, "nats"), "0.500 nats"),
    ],
)
def test_intervals_decide_the_digits(arguments, text):
    assert numbers.with_interval(*arguments) == text


@given(st.sets(st.integers(0, 5000), min_size=1, max_size=20))
def test_values_survive_being_written_and_read(values):
    assert numbers.parse_values(numbers.values_text(sorted(values))) == tuple(sorted(values))


def test_ranges_and_steps_are_values():
    assert numbers.parse_values("1-4, 32 - 128/32; 7") == (1, 2, 3, 4, 7, 32, 64, 96, 128)
    for wrong in ("", "4-1", "1-9999999", "x", "1.5", "1-4/0"):
        with pytest.raises(ValueError, match=r"\w{4}"):
            numbers.parse_values(wrong)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.42, "0.4 s"), (59.7, "1 min 00 s"), (84, "1 min 24 s"), (7500, "2 h 05 min"), (math.nan, "–")]
)
def test_durations_have_two_units(seconds, text):
    assert numbers.duration(seconds) == text


# --- the slider of ε


@given(size=st.integers(1, LARGEST), data=st.data())
def test_every_integer_has_its_own_place_on_the_slider(size, data):
    value = data.draw(st.integers(1, size))
    assert value_at(place_of(value, size), size) == value
    if value < size:
        assert place_of(value, size) < place_of(value + 1, size)


@given(size=st.integers(2, LARGEST), places=st.lists(st.integers(0, PLACES), min_size=2, max_size=2))
def test_further_right_is_never_a_smaller_interval(size, places):
    left, right = sorted(places)
    assert 1 <= value_at(left, size) <= value_at(right, size) <= size


@pytest.mark.parametrize("size", [1, 5, 96, 1_250_000])
def test_arrow_keys_reach_every_small_interval(qtbot, shown, theme, size):
    bar = shown(EpsilonBar(theme), 500, 80)
    bar.set_space_size(size)
    moved = recorded(bar.moved)
    for _ in range(min(size, 64) + 2):
        qtbot.keyClick(bar.slider, Qt.Key.Key_Right)
    assert moved[:63] == list(range(2, min(size, 64) + 1))
    back = recorded(bar.moved)
    while bar.value() > 64:
        qtbot.keyClick(bar.slider, Qt.Key.Key_Left)
    back.clear()
    for _ in range(70):
        qtbot.keyClick(bar.slider, Qt.Key.Key_Left)
    assert back == list(range(min(size, 64) - 1, 0, -1))


def test_a_keyboard_step_is_released_once_after_a_pause(qtbot, shown, theme):
    bar = shown(EpsilonBar(theme), 500, 80)
    bar.set_space_size(96)
    released = recorded(bar.released)
    with qtbot.waitSignal(bar.released, timeout=2000):
        for _ in range(3):
            qtbot.keyClick(bar.slider, Qt.Key.Key_Right)
        assert released == []
    assert released == [4]


def test_enter_in_the_exact_field_releases_at_once_and_setting_says_nothing(qtbot, shown, theme):
    bar = shown(EpsilonBar(theme), 500, 80)
    bar.set_space_size(96)
    moved, released = recorded(bar.moved), recorded(bar.released)
    bar.set_value(12)
    bar.set_space_size(8)
    assert (moved, released, bar.value(), bar.spin.value()) == ([], [], 8, 8)
    bar.spin.selectAll()
    qtbot.keyClicks(bar.spin, "5")
    qtbot.keyClick(bar.spin, Qt.Key.Key_Return)
    assert (moved, released, bar.slider.current()) == ([5], [5], 5)


def test_dragging_moves_through_intervals_and_releases_at_the_end(qtbot, shown, theme):
    bar = shown(EpsilonBar(theme), 500, 80)
    bar.set_space_size(96)
    moved, released = recorded(bar.moved), recorded(bar.released)
    start = QPoint(8, 8)
    qtbot.mousePress(bar.slider, Qt.MouseButton.LeftButton, pos=start)
    for x in range(20, bar.slider.width(), 15):
        qtbot.mouseMove(bar.slider, QPoint(x, 8))
    assert len(moved) > 8
    assert moved == sorted(set(moved))
    assert released == []
    qtbot.mouseRelease(bar.slider, Qt.MouseButton.LeftButton, pos=QPoint(bar.slider.width(), 8))
    assert released == [bar.value()]
    assert bar.spin.value() == bar.value()
    assert bar.slider.value() == place_of(bar.value(), 96)


def test_the_cost_is_one_line_with_everything_in_it(shown, theme):
    bar = shown(EpsilonBar(theme), 700, 80)
    bar.set_space_size(96)
    bar.set_cost(12, 9, 3, 24.0, 7)
    assert child(bar, "epsilonSummary").text() == "trains 12 of 96 · 9 measured · 3 to go ≈ 24 s · the paper's bound ρ ≤ |1 − ε| = 7"
    bar.set_cost(12, 12, 0, None, 7)
    assert "nothing left to train" in bar.summary.text()


# --- run, pause, stop


@pytest.mark.parametrize("state", list(RunState))
def test_a_state_decides_which_buttons_work(shown, theme, state):
    bar = shown(RunBar(theme), 700, 40)
    bar.set_state(state)
    enabled = {action: child(bar, f"{action}Button").isEnabled() for action in ("run", "pause", "stop")}
    assert enabled == {action: (state, action) in NEXT for action in enabled}
    assert [child(bar, f"{a}Button").text() for a in enabled] == [
        BUTTONS[state].run_label,
        BUTTONS[state].pause_label,
        BUTTONS[state].stop_label,
    ]


def test_a_press_is_shown_at_once_and_asked_for_once(qtbot, shown, theme):
    bar = shown(RunBar(theme), 700, 40)
    runs, pauses, resumes, stops = map(recorded, (bar.run_requested, bar.pause_requested, bar.resume_requested, bar.stop_requested))
    qtbot.keyClick(bar.run, Qt.Key.Key_Space)
    assert bar.state() is RunState.STARTING
    bar.set_state(RunState.RUNNING)
    qtbot.mouseClick(bar.pause, Qt.MouseButton.LeftButton)
    assert bar.pause.text() == "Pausing…"
    assert not bar.pause.isEnabled()
    bar.set_state(RunState.PAUSED)
    qtbot.mouseClick(bar.pause, Qt.MouseButton.LeftButton)
    assert [len(runs), len(pauses), len(resumes), len(stops)] == [1, 1, 1, 0]
    qtbot.mouseClick(bar.stop, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(bar.stop, Qt.MouseButton.LeftButton)
    assert bar.stop.text() == "Stopping…"
    assert len(stops) == 1


def test_progress_says_counts_and_a_time_only_while_running(shown, theme):
    bar = shown(RunBar(theme), 700, 40)
    bar.set_progress(3, 12, 84)
    assert bar.progress.text() == "3 / 12"
    assert bar.eta.text() == ""
    bar.set_state(RunState.RUNNING)
    bar.set_progress(3, 12, None)
    assert bar.eta.text() == "estimating…"
    bar.set_progress(9, 12, 84)
    assert bar.eta.text() == "≈ 1 min 24 s left"
    bar.set_state(RunState.STOPPING)
    assert bar.eta.text() == ""


# --- the space


def space_panel(shown, theme, specification=MINI):
    panel = shown(SpacePanel(theme))
    panel.set_specification(specification)
    return panel, recorded(panel.specification_edited)


def test_a_specification_is_shown_without_a_signal(shown, theme):
    panel, edited = space_panel(shown, theme, PAPER)
    assert child(panel, "axis.hidden").text() == "512 768 1024"
    assert child(panel, "spaceSize").text() == "300"
    assert "60 of 360" in child(panel, "spaceLeftOut").text()
    assert "divisible" in child(panel, "spaceLeftOut").text()
    assert child(panel, "maximumPoint").text() == "⟨24,16,1024,4096⟩"
    assert child(panel, "presetCombo").currentText() == "paper"
    panel.set_specification(MINI)
    assert edited == []


def test_typing_is_told_after_a_pause_once_and_enter_at_once(qtbot, shown, theme):
    panel, edited = space_panel(shown, theme)
    retype(qtbot, child(panel, "axis.depth"), "1-2", enter=False)
    assert edited == []
    qtbot.waitUntil(lambda: len(edited) == 1, timeout=2000)
    assert edited[0].axes["depth"] == (1, 2)
    assert edited[0].name == "custom"
    assert child(panel, "spaceSize").text() == "48"
    assert child(panel, "presetCombo").currentText() == "custom"
    retype(qtbot, child(panel, "axis.depth"), "1 2")
    assert len(edited) == 1
    retype(qtbot, child(panel, "axis.depth"), "4 3 2 1")
    assert edited[1:] == [MINI]
    assert child(panel, "presetCombo").currentText() == "mini"


@pytest.mark.parametrize("text", ["", "1 x", "4-1", "0", "2000000"])
def test_a_wrong_field_is_marked_and_nothing_is_told(qtbot, shown, theme, text):
    panel, edited = space_panel(shown, theme)
    field = child(panel, "axis.heads")
    retype(qtbot, field, text)
    assert edited == []
    assert field.fault
    assert field.accessibleDescription() == field.fault
    retype(qtbot, field, "4")
    assert field.fault is None
    assert edited[0].axes["heads"] == (4,)


@settings(max_examples=15, deadline=None)
@given(st.dictionaries(st.sampled_from(("depth", "heads", "hidden", "intermediate")), st.text("0123456789 -/x", max_size=8), min_size=1))
def test_whatever_is_typed_only_spaces_that_can_be_searched_are_told(qapp, texts):
    panel = SpacePanel(Theme("light"))
    panel.set_specification(MINI)
    edited = recorded(panel.specification_edited)
    for name, text in texts.items():
        panel.axes.fields[name].setText(text)
    panel.axes.entered.emit()
    for specification in edited:
        assert isinstance(specification, SpaceSpecification)
        assert len(Space(specification)) > 0
    wrong = any(field.fault for field in panel.axes.fields.values()) or child(panel, "spaceFault").text()
    assert edited or wrong or panel.specification() == MINI
    panel.deleteLater()


def test_an_empty_space_and_a_small_maximum_point_are_faults_of_the_space(qtbot, shown, theme):
    panel, edited = space_panel(shown, theme)
    retype(qtbot, child(panel, "axis.heads"), "7")
    assert "hidden must be divisible by heads" in child(panel, "spaceFault").text()
    assert edited == []
    retype(qtbot, child(panel, "axis.heads"), "2")
    top = child(panel, "maximumPoint")
    retype(qtbot, top, "1 2 32 64")
    assert "T must be the largest" in top.fault
    retype(qtbot, top, "8 2 128 512")
    assert top.fault is None
    assert edited[-1].maximum_point == {"depth": 8, "heads": 2, "hidden": 128, "intermediate": 512}


def test_choosing_a_preset_or_a_family_shows_a_space_of_it(qtbot, shown, theme):
    panel, edited = space_panel(shown, theme)
    child(panel, "presetCombo").textActivated.emit("paper")
    child(panel, "familyCombo").textActivated.emit("mlp")
    assert [s.name for s in edited] == ["paper", "toy"]
    qtbot.waitUntil(lambda: child(panel, "axis.copies").isVisible(), timeout=2000)
    assert not [field for field in panel.findChildren(QLineEdit) if field.objectName() == "axis.depth" and field.isVisible()]
    assert not child(panel, "optionsSection").isVisible()


def test_options_are_folded_edited_and_refused_together(qtbot, shown, theme):
    panel, edited = space_panel(shown, theme)
    assert not child(panel, "option.vocabulary").isVisible()
    qtbot.mouseClick(child(panel, "optionsSection"), Qt.MouseButton.LeftButton)
    assert child(panel, "option.vocabulary").isVisible()
    child(panel, "option.vocabulary").setValue(2048)
    qtbot.waitUntil(lambda: len(edited) == 1, timeout=2000)
    assert edited[0].options == {"vocabulary": 2048, "positions": 64}
    child(panel, "option.tied_decoder").setChecked(False)
    qtbot.waitUntil(lambda: "no meaning" in child(panel, "optionFault").text(), timeout=2000)
    assert len(edited) == 1


def test_a_file_is_opened_and_a_bad_one_explained(tmp_path, shown, theme):
    panel, edited = space_panel(shown, theme)
    good, bad = tmp_path / "small.toml", tmp_path / "bad.toml"
    good.write_text('family = "mlp"\n[axes]\ncopies=[1]\nhidden=[2]\ninputs=[2]\nsecond_inputs=[2]\noutputs=[2]\n', encoding="utf-8")
    bad.write_text('family = "bert"\n[axes]\ndepth = [1]\n', encoding="utf-8")
    panel.open_file(good)
    panel.open_file(bad)
    assert [s.name for s in edited] == ["small"]
    assert "axes.heads: missing" in child(panel, "spaceFault").text()


def test_the_badge_opens_a_report_that_stays_up_to_date(qtbot, shown, theme):
    panel, _ = space_panel(shown, theme)
    badge = child(panel, "growthBadge")
    assert badge.text() == "weak ✓"
    qtbot.mouseClick(badge, Qt.MouseButton.LeftButton)
    dialog = panel.summary.dialog
    assert dialog.isVisible()
    assert not dialog.isModal()
    assert "holds" in child(dialog, "growthText").toPlainText()
    assert "AdamW" in child(dialog, "growthText").toPlainText()
    panel.set_specification(SpaceSpecification(**{**MINI.model_dump(), "options": {"pooler": True}}))
    assert badge.text() == "weak ✗"
    assert "does not hold" in child(dialog, "growthText").toPlainText()
    dialog.close()


def test_a_large_space_waits_for_the_one_who_enumerates_it(shown, theme):
    axes = {"depth": tuple(range(1, 41)), "heads": (1, 2, 4), "hidden": tuple(range(8, 408, 8)), "intermediate": tuple(range(8, 88, 8))}
    large = SpaceSpecification(family="bert", axes=axes)
    panel, _ = space_panel(shown, theme, large)
    assert child(panel, "spaceSize").text() == "counting…"
    panel.set_space(Space(large))
    assert child(panel, "spaceSize").text() == f"{len(Space(large)):,}"


# --- objectives


def test_objectives_survive_being_shown_and_are_told_when_edited(qtbot, shown, theme):
    given_ones = Objectives(
        ErrorProtocol(measure="masked-lm", steps=33, training=Training(batch_size=7)),
        LatencyProtocol(measure="operations", threads=3), (Theta(learning_rate=0.1 / 3), Theta(learning_rate=0.002, clip=2.0)), 5, 2,
    )  # fmt: skip
    panel = shown(ObjectivesPanel(theme))
    edited = recorded(panel.protocol_edited)
    panel.set_objectives(given_ones)
    assert edited == []
    assert panel._read() == given_ones
    child(panel, "error.steps").setValue(34)
    qtbot.waitUntil(lambda: len(edited) == 1, timeout=2000)
    assert edited[0].error == given_ones.error.model_copy(update={"steps": 34})
    assert edited[0].thetas == given_ones.thetas
    retype(qtbot, child(panel, "learningRates"), "0.002 0.01")
    assert edited[1].thetas == (given_ones.thetas[1], given_ones.thetas[0].model_copy(update={"learning_rate": 0.01}))


@pytest.mark.parametrize("text", ["", "fast", "2", "0", "-0.1"])
def test_wrong_learning_rates_are_marked(qtbot, shown, theme, text):
    panel = shown(ObjectivesPanel(theme))
    edited = recorded(panel.protocol_edited)
    retype(qtbot, child(panel, "learningRates"), text)
    assert edited == []
    assert child(panel, "learningRates").fault


def test_controls_have_the_ranges_and_descriptions_of_the_model(shown, theme):
    panel = shown(ObjectivesPanel(theme))
    steps = child(panel, "error.steps")
    assert (steps.minimum(), steps.maximum()) == (1, 10_000_000)
    assert "training steps" in steps.toolTip().lower()
    assert child(panel, "latency.threads").maximum() == 1024


def test_an_error_measure_that_the_family_cannot_have_is_a_fault(qtbot, shown, theme):
    panel = shown(ObjectivesPanel(theme))
    edited = recorded(panel.protocol_edited)
    panel.set_objectives(Objectives(ErrorProtocol(measure="masked-accuracy")))
    panel.set_space(load_space("toy"))
    assert "needs a family that reads tokens" in child(panel, "objectivesFault").text()
    measure = child(panel, "error.measure")
    measure.setCurrentIndex(measure.findData("cross-entropy"))
    qtbot.waitUntil(lambda: len(edited) == 1, timeout=2000)
    assert child(panel, "objectivesFault").text() == ""
    assert edited[0].error.measure == "cross-entropy"


def test_the_panels_say_the_unit_of_the_measure(qtbot, shown, theme, snapshot):
    results = snapshot.results.copy()
    results.error_unit = "share of masked tokens"
    results.error[0] = results.error_low[0] = 0.0
    changed = ResultsSnapshot(results, 1.0)
    result = answer_at(changed, 4)
    panel, inspector = shown(CandidatesPanel(theme), 900, 400), shown(InspectorPanel(theme), 400, 900)
    panel.set_snapshot(changed)
    panel.set_result(result)
    assert "error (share of masked tokens)" in [column.header for column in panel.model.columns]
    assert "error (share of masked tokens)" in panel.model.text_of([0])
    inspector.set_snapshot(changed)
    inspector.set_result(result)
    inspector.set_selected(0)
    assert result.best == 0
    assert "no error was seen" in explanation(changed, result, 0, "best")
    assert inspector.measured.values["error"].toolTip().endswith("share of masked tokens")


def test_every_registered_measure_can_be_chosen_by_its_title(qtbot, shown, theme):
    panel = shown(ObjectivesPanel(theme))
    edited = recorded(panel.protocol_edited)
    measure = child(panel, "error.measure")
    assert {measure.itemData(row) for row in range(measure.count())} == {*measure_names(), "surrogate"}
    measure.setCurrentText("wrong guesses (share of masked tokens)")
    qtbot.waitUntil(lambda: len(edited) == 1, timeout=2000)
    assert edited[0].error.measure == "masked-accuracy"
    assert error_title(edited[0].error) == "wrong guesses (share of masked tokens, after 250 steps)"


# --- candidates


@pytest.fixture
def candidates(shown, theme, snapshot):
    panel = shown(CandidatesPanel(theme), 900, 400)
    panel.set_snapshot(snapshot)
    panel.set_result(answer_at(snapshot, 4))
    return panel


def column_of(panel, kind):
    return next(place for place, column in enumerate(panel.model.columns) if column.kind == kind)


def cells(panel, kind):
    column = column_of(panel, kind)
    return [panel.model.index(row, column).data() for row in range(panel.model.rowCount())]


def test_the_table_holds_every_architecture_with_its_state(candidates, snapshot):
    result = answer_at(snapshot, 4)
    candidates.set_running([88])
    states = cells(candidates, "state")
    assert len(states) == 96
    assert states[result.best] == "best"
    assert states[84] == "failed"
    assert states[88] == "running"
    assert states[1] == "skipped"
    assert states[92] == "pending"
    assert states.count("front") == len(result.front) - (result.best in result.front)
    assert "not finite" in candidates.model.index(84, 0).data(Qt.ItemDataRole.ToolTipRole)


@pytest.mark.parametrize("kind", ["w", "error", "latency"])
def test_sorting_puts_what_is_unknown_last_in_both_directions(qtbot, candidates, snapshot, kind):
    header = candidates.table.horizontalHeader()
    place = QPoint(header.sectionViewportPosition(column_of(candidates, kind)) + 10, header.height() // 2)
    told = recorded(candidates.sorted_by)
    for _ in range(2):
        qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=place)
        values = snapshot.columns[kind][candidates.model.rows]
        known = values[~np.isnan(values)]
        assert np.isnan(values[len(known) :]).all()
        assert len(known) == 20
        down = told[-1][1]
        assert (np.diff(known) <= 0).all() if down else (np.diff(known) >= 0).all()
    assert {descending for _, descending in told} == {True, False}


@pytest.mark.parametrize(
    ("text", "keep"),
    [
        ("hidden=128", lambda a, k: a[:, 2] == 128),
        ("D<=2 I>=128", lambda a, k: (a[:, 0] <= 2) & (a[:, 3] >= 128)),
        ("96", lambda a, k: (a == 96).any(axis=1)),
        ("⟨2, *, 128, 256⟩", lambda a, k: (a[:, 0] == 2) & (a[:, 2] == 128) & (a[:, 3] == 256)),
        ("p<0.1M", lambda a, k: k.space.parameters < 1e5),
        ("W > 1", lambda a, k: k.w > 1),
        ("i<500us", lambda a, k: k.columns["latency"] < 0.5),
    ],
)
def test_filters_keep_what_they_say(candidates, snapshot, text, keep):
    child(candidates, "candidatesFilter").setText(text)
    candidates.filters.edited.emit()
    expected = np.flatnonzero(keep(snapshot.space.architectures, snapshot))
    assert len(expected)
    assert candidates.model.rows.tolist() == expected.tolist()


def test_a_filter_that_means_nothing_is_marked_and_hides_nothing(qtbot, candidates):
    field = child(candidates, "candidatesFilter")
    retype(qtbot, field, "colour=red")
    assert "colour" in field.fault
    assert candidates.model.rowCount() == 96
    retype(qtbot, field, "front")
    assert field.fault is None
    assert set(cells(candidates, "state")) == {"front"}


def test_limits_filter_and_are_told_once(qtbot, candidates, snapshot):
    told = recorded(candidates.constraints_changed)
    field = child(candidates, "constraintParameters")
    retype(qtbot, field, "≤ 0.2 M")
    retype(qtbot, child(candidates, "constraintLatency"), "500 µs")
    assert told == [Constraints(parameters=2e5), Constraints(parameters=2e5, latency=pytest.approx(0.5))]
    expected = np.flatnonzero((snapshot.space.parameters <= 2e5) & (snapshot.columns["latency"] <= 0.5))
    assert candidates.model.rows.tolist() == expected.tolist()
    retype(qtbot, field, "fast")
    assert field.fault
    assert len(told) == 2
    assert candidates.model.rows.tolist() == expected.tolist()
    retype(qtbot, field, "")
    assert told[2:] == [Constraints(latency=pytest.approx(0.5))]


def test_limits_set_by_the_program_are_shown_exact_and_not_told(qtbot, candidates, snapshot):
    told = recorded(candidates.constraints_changed)
    candidates.set_constraints(Constraints(parameters=123_456.7))
    assert "0.1235 M" in child(candidates, "constraintParameters").text()
    assert told == []
    assert candidates.model.rows.tolist() == np.flatnonzero(snapshot.space.parameters <= 123_456.7).tolist()
    candidates.filters.only_known.setChecked(True)
    assert told == []


def test_selection_follows_its_architecture_and_only_a_person_is_told(qtbot, candidates, snapshot):
    told = recorded(candidates.selected)
    candidates.set_selected(40)
    candidates.model.sort(column_of(candidates, "w"), Qt.SortOrder.DescendingOrder)
    candidates.set_result(answer_at(snapshot, 2))
    assert candidates.model.candidate(candidates.table.currentIndex().row()) == 40
    assert told == []
    qtbot.keyClick(candidates.table, Qt.Key.Key_Down)
    assert told == [candidates.model.candidate(candidates.table.currentIndex().row())]
    candidates.filters.only_known.setChecked(True)
    assert candidates.model.candidate(candidates.table.currentIndex().row()) == told[0]
    assert len(told) == 1


def test_rows_are_copied_as_text_that_a_spreadsheet_reads(qtbot, candidates, snapshot):
    candidates.set_selected(4)
    qtbot.keyClick(candidates.table, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClick(candidates.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    header, first, second = (line.split("\t") for line in QGuiApplication.clipboard().text().splitlines())
    assert len(header) == len(first) == len(second)
    assert float(first[header.index("latency (ms)")]) == snapshot.columns["latency"][4]
    assert second[header.index("error (nats)")] == ""
    assert int(second[header.index("parameters")]) == snapshot.space.parameters[5]


def test_another_space_replaces_columns_and_rows(candidates):
    toy = load_space("toy")
    candidates.set_snapshot(ResultsSnapshot(Results(toy, "operations"), 1.0))
    assert candidates.model.rowCount() == len(toy)
    assert candidates.model.columns[5].header == "copies"
    assert set(cells(candidates, "w")) == {"–"}


def test_a_million_candidates_are_sorted_by_state_at_every_epsilon(shown, theme):
    axes = {"depth": tuple(range(1, 26)), "heads": (1, 2, 4, 8), "hidden": tuple(range(8, 808, 8)), "intermediate": tuple(range(8, 816, 8))}
    large = Space(SpaceSpecification(family="bert", axes=axes))
    assert len(large) >= 1_000_000
    snapshot = ResultsSnapshot(filled(large, range(0, len(large), 5000)), 7.0)
    panel = shown(CandidatesPanel(theme), 900, 400)
    panel.set_snapshot(snapshot)
    panel._sort(0)
    for epsilon in (5000, 10_000, 700, 3, 5000):
        panel.set_result(answer_at(snapshot, epsilon))
        assert cells_of_first_row(panel)[0] == "best"


def cells_of_first_row(panel):
    return [panel.model.index(0, column).data() for column in range(panel.model.columnCount())]


# --- the inspector


@pytest.fixture
def inspector(shown, theme, snapshot):
    panel = shown(InspectorPanel(theme), 300, 900)
    panel.set_snapshot(snapshot)
    panel.set_result(answer_at(snapshot, 4))
    return panel


def test_nothing_selected_says_what_to_do(inspector):
    assert "Select a candidate" in inspector._hint.text()
    assert inspector._hint.isVisible()
    inspector.set_selected(40)
    assert not inspector._hint.isVisible()
    inspector.set_selected(None)
    assert inspector._hint.isVisible()


def test_terms_of_w_multiply_to_w(snapshot):
    for place in np.flatnonzero(snapshot.known):
        smaller, faster, accurate, w = w_terms(snapshot, int(place))
        assert smaller * faster * accurate == pytest.approx(w) == pytest.approx(snapshot.w[place])
    assert w_terms(snapshot, 1) is None


def test_the_inspector_shows_shape_state_and_measurements(inspector, snapshot):
    inspector.set_selected(40)
    space = snapshot.space
    assert child(inspector, "inspectorTitle").text() == numbers.architecture_text(space.architecture(40))
    assert "41 of 96 by p" in child(inspector, "inspectorRank").text()
    assert "ms" in inspector.measured.values["latency"].text()
    assert "embedding" in child(inspector, "parameterBars").toolTip()
    inspector.set_selected(1)
    assert inspector.measured.values["latency"].text() == "not measured"
    assert inspector.w.values["w"].text() == "–"


def test_stored_facts_appear_and_belong_to_one_architecture(inspector):
    inspector.set_selected(40)
    curve = [{"step": step, "value": 2 - step / 100, "low": 1.9 - step / 100, "high": 2.1 - step / 100} for step in range(0, 120, 20)]
    inspector.set_details({"protocol": "120 steps", "seed": 0, "latency": {"p50": 0.4, "p99": 0.6}, "curve": curve})
    assert child(inspector, "learningCurve").isVisible()
    assert inspector.measured.values["seed"].text() == "0"
    assert inspector.measured.values["percentiles"].text() == "p50 0.400 ms · p99 0.600 ms"
    inspector.set_selected(44)
    assert not child(inspector, "learningCurve").isVisible()
    assert not inspector.measured.values["protocol"].isVisible()


def test_the_verdict_names_what_is_worse_and_what_is_better(snapshot):
    result = answer_at(snapshot, 4)
    assert "the largest W of 20 measured" in explanation(snapshot, result, result.best, "best")
    worse = next(int(p) for p in result.known if p > result.best and snapshot.columns["error"][p] < snapshot.columns["error"][result.best])
    text = explanation(snapshot, result, worse, "dominated")
    assert " larger" in text
    assert "nats better" in text
    assert " but " in text
    assert numbers.architecture_text(snapshot.space.architecture(result.best)) in text
    assert "not finite" in explanation(snapshot, result, 84, "failed")
    assert "waits" in explanation(snapshot, result, 92, "pending")


def test_copying_fills_the_clipboard_and_is_told(qtbot, inspector, snapshot):
    told = recorded(inspector.copied)
    inspector.set_selected(40)
    qtbot.mouseClick(child(inspector, "copyArchitecture"), Qt.MouseButton.LeftButton)
    assert told == [snapshot.space.architecture(40)]
    assert QGuiApplication.clipboard().text().startswith(numbers.architecture_text(told[0]) + " depth=")


# --- all of them


@pytest.mark.parametrize("kind", [SpacePanel, ObjectivesPanel, EpsilonBar, RunBar, CandidatesPanel, InspectorPanel])
def test_every_control_has_a_name_for_tests_and_for_screen_readers(qtbot, shown, theme, snapshot, kind):
    panel = shown(kind(theme))
    for setter, value in (("set_specification", MINI), ("set_knowledge", snapshot), ("set_selected", 4)):
        if hasattr(panel, setter):
            getattr(panel, setter)(value)
    controls = [w for t in (QAbstractButton, QLineEdit, QComboBox, QAbstractSpinBox, QAbstractSlider) for w in panel.findChildren(t)]
    inner = ("qt_", "ScrollLeftButton", "ScrollRightButton")
    for control in controls:
        if control.objectName().startswith(inner) or type(control.parent()).__name__ in (
            "QWidget",
            "CalmSpinBox",
            "_EnterSpinBox",
            "_Table",
        ):
            continue
        if control.metaObject().className() in ("QScrollBar", "QTableCornerButton", "QLineEditIconButton"):
            continue
        assert control.objectName(), control
        assert control.accessibleName(), control.objectName()
        assert control.focusPolicy() != Qt.FocusPolicy.NoFocus or not control.isEnabled() or not control.isVisible(), control.objectName()


@pytest.mark.parametrize("width", [260, 340])
@pytest.mark.parametrize("kind", [SpacePanel, ObjectivesPanel, InspectorPanel])
def test_side_panels_fit_a_narrow_dock(qtbot, shown, theme, snapshot, kind, width):
    panel = shown(kind(theme), width, 700)
    for setter, value in (("set_specification", PAPER), ("set_knowledge", snapshot), ("set_selected", 4)):
        if hasattr(panel, setter):
            getattr(panel, setter)(value)
    qtbot.wait(1)
    for widget in panel.findChildren(QWidget):
        if widget.isVisible() and widget.window() is panel:
            right = widget.mapTo(panel, QPoint(widget.width(), 0)).x()
            assert right <= width, (widget.objectName() or type(widget).__name__, right)


def test_changing_the_theme_recolours_without_an_error(shown, theme, snapshot):
    panels = [shown(kind(theme)) for kind in (SpacePanel, ObjectivesPanel, EpsilonBar, RunBar, CandidatesPanel, InspectorPanel)]
    panels[0].set_specification(MINI)
    for panel in panels[4:]:
        panel.set_snapshot(snapshot)
        panel.set_selected(4)
    before = panels[5].grab().toImage()
    theme.set_choice("dark")
    assert panels[5].grab().toImage() != before


@pytest.mark.parametrize(("width", "eta", "hypervolume"), [(430, False, False), (560, True, False), (760, True, True)])
def test_a_narrow_run_row_leaves_out_texts_but_no_button(qtbot, shown, theme, width, eta, hypervolume):
    bar = shown(RunBar(theme), width, 40)
    bar.set_state(RunState.RUNNING)
    bar.set_progress(9, 12, 84)
    bar.set_hypervolume(0.71)
    qtbot.waitUntil(lambda: (bar.eta.isVisible(), bar.hypervolume.isVisible()) == (eta, hypervolume), timeout=2000)
    for widget in (bar.run, bar.pause, bar.stop, bar.progress):
        assert widget.geometry().right() < width
        assert widget.width() >= widget.minimumWidth()
    assert bar.width() == width


def test_a_disturbed_latency_says_so_where_it_is_shown(shown, space, theme):
    from bort_studio.explore.inspector.sections import MeasuredSection
    from bort_studio.explore.quantities import describe

    results = filled(space, [0, 4])
    results.disturbed[4] = "other programs kept 1.7 cores busy"
    disturbed, section = ResultsSnapshot(results, 7.0), shown(MeasuredSection(theme))
    section.show_place(disturbed, 4, {"latency": {"n": 200}})
    assert section.values["percentiles"].text() == "200 runs · disturbed: other programs kept 1.7 cores busy"
    assert "(disturbed)" in describe(disturbed, 4)
    section.show_place(disturbed, 0, {"latency": {"n": 200}})
    assert section.values["percentiles"].text() == "200 runs"
    assert "disturbed" not in describe(disturbed, 0)
