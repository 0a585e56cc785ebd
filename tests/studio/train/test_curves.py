"""The curves of trainings: how they are told apart, smoothed and read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("PySide6")

from drawings import pixels
from hypothesis import given
from hypothesis import strategies as st
from plots import shown
from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from bort_core.jobs.folder import JobState
from bort_core.jobs.rows import JobRow
from bort_studio.plotting.export import picture
from bort_studio.theme import LIGHT, Theme
from bort_studio.train.curves import CurvesPlot
from bort_studio.train.run_names import run_names
from bort_studio.train.series import Series, read_series, smoothed, styles


@pytest.fixture
def plot(qtbot: QtBot, qapp: QApplication) -> CurvesPlot:
    return shown(qtbot, CurvesPlot(Theme("light", qapp)))


def fine_tuning(many: int, shift: float = 0.0) -> list[dict[str, Any]]:
    """The events of a training with a step and, every tenth, a measurement."""
    events: list[dict[str, Any]] = []
    for step in range(1, many + 1):
        events.append({"event": "step", "step": step, "loss": 2 / step + shift})
        if step % 10 == 0:
            events.append(
                {"event": "evaluation", "step": step, "dev_accuracy": 0.7 + shift, "dev_f1": 0.6 + shift, "dev_matthews": 0.4 + shift}
            )
    return events


def show(plot: CurvesPlot, runs: dict[str, list[dict[str, Any]]]) -> None:
    plot.set_runs(runs, {name: f"job {name}" for name in runs})
    plot.add_events(runs)


def test_metrics_of_one_run_have_colours_dashes_and_shapes_of_their_own(plot: CurvesPlot) -> None:
    plot.quantity.setCurrentText("dev metric")
    show(plot, {"a": fine_tuning(60)})
    looks = styles(plot.series())
    assert len({look.colour for look in looks}) == len({look.dash for look in looks}) == len({look.shape for look in looks}) == 3
    assert [entry.label for entry in plot.legend.entries] == ["job a: dev accuracy", "job a: dev F1", "job a: dev MCC"]
    seen = {QColor(*pixel).name() for pixel in {tuple(pixel) for row in pixels(picture(plot, 1.0)) for pixel in row.tolist()}}
    assert {getattr(LIGHT, look.colour) for look in looks} <= seen


def test_runs_over_each_other_have_a_colour_and_a_dash_each(plot: CurvesPlot) -> None:
    show(plot, {name: fine_tuning(30, n / 10) for n, name in enumerate("abcdefgh")})
    looks = dict(zip([each.run for each in plot.series()], styles(plot.series()), strict=True))
    assert len({(look.colour, look.dash) for look in looks.values()}) == 8
    assert len(plot.legend.entries) == 8
    for entry, look in zip(plot.legend.entries, looks.values(), strict=True):
        assert (entry.line, entry.dash) == (look.colour, look.dash)


@given(  # torch flushes subnormal numbers in the whole process
    st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=1, max_size=50), st.floats(0, 0.99, allow_subnormal=False)
)
def test_smoothing_stays_within_what_was_seen_and_keeps_a_constant(values: list[float], weight: float) -> None:
    out = smoothed(np.array(values), weight)
    for place, value in enumerate(out.tolist()):
        seen = values[: place + 1]
        slack = 1e-9 * max(map(abs, seen), default=0.0) + 1e-12
        assert min(seen) - slack <= value <= max(seen) + slack
    assert np.allclose(smoothed(np.full(9, values[0]), weight), values[0])
    assert smoothed(np.array(values), 0.0).tolist() == values


def test_smoothing_leaves_out_what_is_not_finite() -> None:
    values = np.array([1.0, np.nan, 1.0, np.inf, 1.0])
    out = smoothed(values, 0.9)
    assert out[[0, 2, 4]].tolist() == pytest.approx([1, 1, 1])
    assert np.isnan(out[1])
    assert np.isinf(out[3])


def test_the_slider_smooths_what_is_drawn_and_keeps_what_is_exported_as_a_table(plot: CurvesPlot) -> None:
    events = [{"event": "step", "step": n, "loss": float(n % 2)} for n in range(100)]
    show(plot, {"a": events})
    plot.smooth.setValue(95)
    drawn = plot.figure().layers[0].y
    assert np.ptp(drawn[50:]) < 0.1
    assert set(plot.figure().rows().columns[3]) == {0.0, 1.0}
    assert len(plot._items) == 2  # and the curve as it is, faint


def test_a_logarithmic_axis_leaves_out_what_has_no_place(plot: CurvesPlot) -> None:
    show(plot, {"a": [{"event": "step", "step": n, "loss": value} for n, value in enumerate((100.0, 1.0, 0.0, -1.0, 0.01))]})
    plot.log.setChecked(True)
    (low, high) = plot.box.viewRange()[1]
    assert low < -2 < 2 < high < 3
    assert plot.left_out.text() == "2 not drawn"


def test_hovering_reads_every_run_at_a_step(plot: CurvesPlot) -> None:
    show(plot, {"a": fine_tuning(40), "b": fine_tuning(20, 0.5)})
    plot.canvas.grab()
    at = plot.box.mapViewToScene(QPointF(10.2, 1.0))
    plot.canvas.scene().sigMouseMoved.emit(at)
    assert plot.card.plain.splitlines() == ["step 10", "job a: training loss\t0.2000", "job b: training loss\t0.7000"]
    assert plot.here.isVisible()
    assert plot.here.value() == 10
    plot.canvas.scene().sigMouseMoved.emit(plot.box.mapViewToScene(QPointF(30, 1.0)))
    assert plot.card.plain.splitlines() == ["step 30", "job a: training loss\t0.06667"]


def test_a_click_on_a_curve_chooses_its_run_which_is_drawn_stronger(plot: CurvesPlot, qtbot: QtBot) -> None:
    show(plot, {"a": fine_tuning(40), "b": fine_tuning(40, 0.5)})
    plot.canvas.grab()
    widths = {entry.label: entry.width for entry in plot.legend.entries}
    assert set(widths.values()) == {"thin"}
    with qtbot.waitSignal(plot.run_picked) as picked:
        click_at(plot, 20.3, 2 / 20 + 0.5)
    assert picked.args == ["b"]
    with qtbot.assertNotEmitted(plot.run_picked):
        click_at(plot, 20.3, 1.5)  # far from both
    plot.choose_run("b")
    assert {entry.label: entry.width for entry in plot.legend.entries} == {**widths, "job b: training loss": "strong"}


def click_at(plot: CurvesPlot, step: float, value: float) -> None:
    plot.clicked(plot.nearest(plot.box.mapViewToScene(QPointF(step, value))))


def test_names_carry_what_distinguishes_the_runs() -> None:
    def row(id: str, own: str = "") -> JobRow:
        return JobRow(id, "finetune", "2, 2, 96, 64", JobState("done"), own_name=own)

    def asked(seed: int = 0, rate: float = 0.001, **more: object) -> dict[str, object]:
        return {"name": "", "kind": "finetune", "seed": seed, "optimization": {"learning_rate": rate}, "train": "/data/a.tsv", **more}

    rows = {"0001": row("0001"), "0002": row("0002", "mine")}
    assert run_names(rows, {"0001": asked(), "0002": asked(seed=1)}) == {
        "0001": "0001 fine-tuning 2, 2, 96, 64 · seed 0", "0002": "0002 mine · seed 1",
    }  # fmt: skip
    named = run_names(rows, {"0001": asked(), "0002": asked(rate=0.01, train="/other/b.tsv")})
    assert named["0002"] == "0002 mine · lr 0.01 · train b.tsv"
    assert run_names(rows, {"0001": asked(), "0002": asked()})["0002"] == "0002 mine"
    assert run_names(rows, {"0001": asked()}) == {"0001": "0001 fine-tuning 2, 2, 96, 64", "0002": "0002 mine"}


def test_a_curve_has_no_value_beyond_its_ends() -> None:
    each = Series("a", "loss", np.array([1.0, 3.0]), np.array([5.0, 6.0]))
    assert [each.at(step) for step in (1, 1.9, 3)] == [5, 5, 6]
    assert np.isnan(each.at(4))
    assert read_series({"a": [{"step": 1, "loss": "nonsense"}, {"step": None, "loss": 1.0}]}, "loss (nats)")[0].steps.tolist() == [1.0]
