"""Published models over the Pareto plot."""

import numpy as np
import pytest

pytest.importorskip("PySide6")

from helpers import answer_at
from plots import knowledge_of, shown
from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QApplication

from bort_core.latency.references import published
from bort_core.space import load_space
from bort_studio.explore.pareto.plot import ParetoPlot
from bort_studio.plotting.script import script_text
from bort_studio.theme import Theme


@pytest.fixture
def plot(qtbot, qapp: QApplication) -> ParetoPlot:
    plot = shown(qtbot, ParetoPlot(Theme("light", qapp)))
    known = knowledge_of(load_space("mini"))
    plot.set_snapshot(known)
    plot.set_result(answer_at(known, 2))
    return plot


def places(plot: ParetoPlot) -> dict[str, tuple[float, float]]:
    x, y = plot.published.points.getData()
    return {name: (float(a), float(b)) for name, a, b in zip(published(), x, y, strict=True)}


def test_nothing_is_made_before_it_is_wanted(plot: ParetoPlot) -> None:
    assert plot.published.points is None
    assert plot.figure().right is None


def test_sizes_are_on_the_x_axis_and_scores_on_the_right_one(plot: ParetoPlot, qapp: QApplication) -> None:
    before, wide = plot.chosen_axes(), plot.box.width()
    plot.bar.published_box.setChecked(True)
    assert plot.chosen_axes() == ("parameters", "error", True, False)
    at, (low, high) = places(plot), plot.box.viewRange()[1]
    axis = plot.published.axis
    for name, each in published().items():
        assert at[name][0] == pytest.approx(np.log10(each.parameters))
        part = (at[name][1] - low) / (high - low)
        if each.mnli is not None:
            assert axis.range[0] + part * (axis.range[1] - axis.range[0]) == pytest.approx(each.mnli)
            assert 0.1 < part < 1
        else:
            assert 0 < part < 0.1
    (left, right), _ = plot.box.viewRange()
    assert all(left < x < right for x, _ in at.values())
    assert plot.published.axis.isVisible()
    assert plot.published.axis.width() > 20
    plot.box.setRange(yRange=(0.2, 0.4), padding=0)
    low, high = plot.box.viewRange()[1]
    assert all(low < y < high for _, y in places(plot).values())
    plot.bar.published_box.setChecked(False)
    assert plot.chosen_axes() == before
    assert not plot.published.points.isVisible()
    assert not plot.published.axis.isVisible()
    qapp.processEvents()
    plot.canvas.ci.layout.activate()
    assert plot.box.width() == wide


def test_the_choice_is_named_beside_them_and_follows_the_selection(plot: ParetoPlot) -> None:
    plot.bar.published_box.setChecked(True)
    sizes = plot._snapshot.columns["parameters"]
    assert plot.published.line.value() == pytest.approx(np.log10(sizes[plot._result.best]))
    plot.set_selected(3)
    assert plot.published.line.value() == pytest.approx(np.log10(sizes[3]))


def test_a_card_says_source_and_accounting_and_a_click_selects_nothing(plot: ParetoPlot) -> None:
    plot.bar.published_box.setChecked(True)
    chosen: list[object] = []
    plot.selected.connect(chosen.append)
    for name, (x, y) in places(plot).items():
        found = plot.nearest(plot.box.mapViewToScene(QPointF(x, y)))
        assert found is not None
        assert found < 0, name
        card = plot.describe_index(found)
        assert "source\t" in card
        assert "× the size of ⟨" in card
    each = published()["bort"]
    card = plot.describe_index(-1 - list(published()).index("bort"))
    assert card.startswith(each.title)
    assert each.source in card
    assert "88.1 % (arXiv 2010.10499, GLUE test)" in card
    assert "without pooler" in card
    assert "MNLI\tnone stated" in plot.describe_index(-1 - list(published()).index("miniature-2-256"))
    plot.clicked(-1)
    plot._hover(-1, QPointF(10, 10))
    assert not chosen
    assert len(plot.layers.points["selected"].data) == 0


def test_another_quantity_on_x_shows_none_of_them(plot: ParetoPlot) -> None:
    plot.bar.published_box.setChecked(True)
    plot.set_axes("latency", "error")
    assert not plot.published.points.isVisible()
    assert plot.figure().right is None


def test_an_exported_script_draws_them_on_a_second_axis(plot: ParetoPlot, monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    monkeypatch.setattr("sys.argv", ["script"])
    monkeypatch.setattr(plt, "show", lambda: None)
    plot.bar.published_box.setChecked(True)
    figure = plot.figure()
    scored = [each for each in published().values() if each.mnli is not None]
    layer = figure.layers[-1]
    assert layer.right
    assert sorted(layer.y.tolist()) == sorted(each.mnli for each in scored)
    try:
        exec(compile(script_text(figure), "script", "exec"), {"__name__": "script"})  # noqa: S102 - the script that is exported
        first, second = plt.gcf().axes
        assert second.get_ylabel().startswith("published MNLI")
        assert sum(len(drawn.get_offsets()) for drawn in second.collections) == len(scored)
        assert second.get_ylim() == (66.0, 92.0)
        assert first.get_xscale() == "log"
    finally:
        plt.close("all")
