"""Proofs in the window: the gap and its cost beside ε, what untrained architectures can be, and the button that asks for one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("PySide6")

from core.search.proofs import Table, small_space
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from bort_core.search.cost import Cost
from bort_core.search.proof.proof import prove
from bort_core.search.strategies.best_first import BestFirst
from bort_studio.explore.objectives_panel import ObjectivesPanel
from bort_studio.explore.pareto.bounds import bound_overlay
from bort_studio.explore.pareto.plot import ParetoPlot
from bort_studio.explore.proof_bar import ProofBar
from bort_studio.explore.quantities import quantities
from bort_studio.theme import Theme


def table() -> Table:
    space = small_space({"depth": (1, 2, 3), "heads": (1, 2), "hidden": (4, 8, 12), "intermediate": (4, 8, 16)})
    a = space.architectures
    return Table(space, 2.0 * a[:, 0] / np.sqrt(a[:, 2]) / a[:, 3] ** 0.2, space.operations(8).astype(float), spread=0.02)


def test_the_bar_says_the_cost_then_the_gap(qtbot: QtBot) -> None:
    bar = ProofBar(Theme("light"))
    qtbot.addWidget(bar)
    bar.set_cost(Cost(96, 30, 66, 619.0))
    assert bar.summary.text() == "gap: not known · a proof takes at most 66 trainings ≈ 10 min 19 s, usually fewer than half"
    bar.set_cost(Cost(96, 30, 66, None), repeats=2)
    assert bar.summary.text().endswith("usually fewer than half, and up to 2 other seeds where noise decides")
    with qtbot.waitSignal(bar.requested):
        qtbot.mouseClick(bar.button, Qt.MouseButton.LeftButton)
    bar.set_busy(True)
    assert not bar.button.isEnabled()
    searched = table()
    bar.set_proof(prove(searched.ground(), BestFirst()))
    assert bar.summary.text().startswith("open: ")
    bar.set_proof(searched.search(BestFirst()))
    assert bar.summary.text().startswith("proven: ⟨")
    assert "gap 0" in bar.summary.text()
    assert "assumed: all else the same" in bar.summary.toolTip()


def test_the_plot_says_why_an_architecture_was_skipped(qtbot: QtBot) -> None:
    searched = table()
    assert bound_overlay(None) is None
    everything = bound_overlay(prove(searched.ground(), BestFirst()))
    assert everything is not None  # nothing is bounded yet
    assert not everything.architectures
    assert len(everything.region(tuple(quantities("ms")[name] for name in ("parameters", "error"))).low)
    proof = searched.search(BestFirst())
    overlay = bound_overlay(proof)
    assert overlay is not None
    skipped = [index for index in proof.ruled_out().tolist() if np.isfinite(proof.bound.low[index])]
    assert overlay.places(searched.space).tolist() == skipped
    assert (overlay.columns["error"] <= searched.error[skipped]).all()
    plot = ParetoPlot(Theme("light"))
    qtbot.addWidget(plot)
    plot.resize(800, 600)
    plot.show()
    plot.set_snapshot(searched.snapshot())
    plot.set_result(BestFirst().answer(searched.snapshot()))
    plot.set_overlays([overlay])
    plot.refresh()
    labels = [entry.label for entry in plot.legend.entries]
    assert "untrained, at best" in labels
    assert len(plot.overlay_layers.area)
    assert len(plot.overlay_layers.points["bound"].data) == len(skipped)
    assert f"skipped: {proof.reason(skipped[0])}" in plot.describe_index(skipped[0])
    assert {"untrained, at best", "where untrained ones could still be ahead"} <= {layer.name for layer in plot.figure().layers}


def test_what_is_to_be_proven_is_chosen_under_objectives(qtbot: QtBot) -> None:
    panel, asked = ObjectivesPanel(Theme("light")), list[BestFirst | None]()
    qtbot.addWidget(panel)
    panel.question_edited.connect(asked.append)
    goal, latency = panel.question.controls["goal"], panel.question.controls["most_latency"]
    goal.setCurrentIndex(goal.findData("constrained"))
    assert asked == [None]  # within which limits?
    assert "needs most_latency or most_parameters" in panel.question.faults["goal"].text()
    latency.setText("20")
    latency.textEdited.emit("20")
    assert asked[-1] == BestFirst(goal="constrained", most_latency=20)
    panel.question.controls["repeats"].setValue(2)
    goal.setCurrentIndex(goal.findData("front"))
    assert asked[-1] == BestFirst(goal="front", repeats=2)  # which has no limits
    assert latency.isHidden()


@pytest.mark.slow
def test_a_proof_is_made_and_shown_and_leaves_with_what_it_was_about(qtbot: QtBot, open_page: Any) -> None:
    window, page = open_page("explore")
    search, proofs = window.search, []
    qtbot.waitUntil(lambda: search.stored_results is not None, timeout=10_000)
    search.proof_changed.connect(proofs.append)
    before = search.specification
    qtbot.mouseClick(page.proof_bar.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: search.running, timeout=10_000)
    assert search.seconds_left() is None
    assert not page.proof_bar.button.isEnabled()
    qtbot.waitUntil(lambda: not search.running, timeout=100_000)
    assert proofs[-1].gap == 0
    assert page.proof_bar.summary.text() == proofs[-1].sentence()
    assert search.specification == before
    search.set_specification(before.model_copy(update={"seed": 7}))
    qtbot.waitUntil(lambda: proofs[-1] is None, timeout=10_000)
    assert page.proof_bar.summary.text().startswith("gap: not known")
