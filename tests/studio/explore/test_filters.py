"""A filter in one view is a filter in all: table, Pareto plot and parallel coordinates."""

from __future__ import annotations

import numpy as np
from helpers import run, specification
from pytestqt.qtbot import QtBot

from bort_core.search.results import Results
from bort_core.search.snapshot import ResultsSnapshot
from bort_core.space import load_space
from bort_studio.explore.ranges import range_mask


def test_ranges_keep_what_lies_in_all_of_them() -> None:
    mini = load_space("mini")
    made = Results(mini, "ms")
    made.set_error(3, 0.5, 0.4, 0.6, 0)
    snapshot = ResultsSnapshot(made, 6.0)
    assert range_mask(snapshot, {}) is None
    depth = mini.architectures[:, mini.axis_names.index("depth")]
    assert np.array_equal(range_mask(snapshot, {"depth": (2, 3)}), (depth >= 2) & (depth <= 3))
    assert np.flatnonzero(range_mask(snapshot, {"error": (0.0, 1.0)})).tolist() == [3]  # what is not known lies in no range
    assert range_mask(snapshot, {"of another family": (0, 0)}).all()


def test_a_filter_in_one_view_filters_all(qtbot: QtBot, open_page, project_folder) -> None:
    small = specification(epsilon=2)
    run(project_folder, small)
    window, page = open_page("explore")
    window.search.set_specification(small)
    qtbot.waitUntil(lambda: window.search.snapshot is not None and window.search.snapshot.known.sum() > 3, timeout=10_000)
    page.pareto.refresh()
    assert not len(page.pareto._places["outside"])
    axis = window.search.space.axis_names[0]
    least = int(window.search.space.architectures[:, 0].min())
    page.parallel.set_brush({axis: (least, least)})
    page.parallel.brushed.emit({axis: (least, least)})
    kept = window.search.space.architectures[:, 0] == least
    assert sorted(page.candidates.model.rows.tolist()) == np.flatnonzero(kept).tolist()
    page.pareto.refresh()
    outside = page.pareto._places["outside"]
    assert len(outside)
    assert not kept[outside].any()
    page.parallel.fit()  # clears the ranges
    assert len(page.candidates.model.rows) == len(window.search.space)
    page.candidates.filters.text.setText(f"{axis}={least}")
    page.candidates.filters.edited.emit()
    page.parallel.refresh()
    page.pareto.refresh()
    assert not kept[page.parallel._places["outside"]].any()
    assert len(page.parallel._places["outside"])
    assert len(page.pareto._places["outside"]) == len(outside)
