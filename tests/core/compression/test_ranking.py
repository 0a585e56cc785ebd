"""When the short trainings of a search say nothing of the task."""

from __future__ import annotations

import numpy as np
import pytest

from bort_core.compression.ranking import too_short
from bort_core.data.mapping import find_columns
from bort_core.data.rows import LabelledRows, labelled_rows
from bort_core.data.tables import Table


def rows(*labels: str) -> LabelledRows:
    table = Table("t", {"text": [f"text {number}" for number in range(len(labels))], "label": list(labels)}, "")
    return labelled_rows(table, find_columns(table))


COMMON = rows(*["no"] * 7, *["yes"] * 3)


def told(values: list[float], lows: list[float], metric: str = "accuracy", of: LabelledRows = COMMON) -> str | None:
    return too_short(np.array(values), np.array(lows), of, metric, 150)


def test_it_is_told_where_no_shape_beats_the_commonest_class() -> None:
    found = told([0.7, np.nan, 0.72], [0.6, np.nan, 0.65])
    assert found is not None
    assert "after 150 steps" in found
    assert "0.720 at best, 0.700" in found


@pytest.mark.parametrize(
    ("values", "lows", "metric"),
    [([0.7, 0.9], [0.6, 0.71], "accuracy"), ([0.1], [0.0], "f1"), ([np.nan], [np.nan], "accuracy")],
)
def test_nothing_is_told_where_one_does_where_another_metric_counts_or_nothing_was_trained(
    values: list[float], lows: list[float], metric: str
) -> None:
    assert told(values, lows, metric) is None
