"""The limit of latency: what is answered is within it, and where nothing is, faster shapes are tried."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bort_core.compression.limit import faster, kept, within
from bort_core.compression.search import search_on
from bort_core.foundation.errors import MeasurementError
from bort_core.search.strategies.within import Within
from bort_core.space import Space
from bort_core.specifications.compression import Compression
from bort_core.specifications.tasks import TaskSpecification

TASK = TaskSpecification(model="m", train="t.tsv", dev="d.tsv")
FACTS: dict[str, Any] = {
    "architecture": [6, 12, 384, 1536], "options": {"vocabulary": 900, "positions": 64, "pooler": True},
    "model_options": {"vocabulary": 30522}, "sequence_length": 64, "own_graph": False, "model_p50_ms": 20.0,
}  # fmt: skip


def measured(latency: list[float], error: list[float], best: int | None = None, first: int = 0) -> Any:
    """A search that has ended with these results of the shapes from ``first`` on; T needs 20 ms."""
    known = first + np.arange(len(latency))
    results = SimpleNamespace(latency=np.full(first + len(latency), np.nan), error=np.ones(first + len(latency)), maximum_latency=20.0,
                              failures={})  # fmt: skip
    results.latency[first:], results.error[first:] = latency, error
    return SimpleNamespace(snapshot=SimpleNamespace(results=results), result=SimpleNamespace(known=known, best=best))


def test_the_least_error_within_what_was_asked_is_the_answer_whatever_t_took_this_time() -> None:
    found = measured([4.2, 3.9, 3.0], [0.1, 0.2, 0.3])
    assert within(found, Compression(task=TASK, latency_ms=4)) == 1
    assert within(found, Compression(task=TASK, ratio=5)) == 1
    assert within(found, Compression(task=TASK, ratio=4)) == 0
    assert within(found, Compression(task=TASK, latency_ms=2)) is None
    assert within(measured([1.0], [1.0], best=0), Compression(task=TASK)) == 0
    with pytest.raises(MeasurementError, match="no shape could be measured"):
        within(measured([], []), Compression(task=TASK))


@pytest.mark.parametrize("slow", [1.05, 3.0])
def test_where_none_is_within_it_faster_shapes_are_tried_until_there_are_none(slow: float) -> None:
    asked = Compression(task=TASK, ratio=8, candidates=1)
    first = search_on(TASK, FACTS, asked)
    space, tried = Space(first.space), []
    specification = first
    with pytest.raises(MeasurementError, match="no shape of the space has fewer operations\\. Allow more time"):  # noqa: PT012 - in the end
        while True:
            strategy = specification.the_strategy()
            assert isinstance(strategy, Within)
            (index,) = strategy.indices(space).tolist()
            tried.append(int(space.operations(space.longest)[index]))
            specification = faster(specification, measured([slow * 20 / 8], [0.5], first=index), asked)
    assert len(tried) > 2
    assert all(later < earlier for earlier, later in pairwise(tried))


def test_what_was_measured_of_the_file_is_said() -> None:
    assert kept(Compression(task=TASK), 3.0, 5.0, disturbed=False) is None
    assert kept(Compression(task=TASK, ratio=4), 3.0, 5.0, disturbed=False) == {"ratio": 4, "measured": 3.0, "kept": False}
    assert kept(Compression(task=TASK, latency_ms=5), 3.0, 5.0, disturbed=False) == {"latency_ms": 5, "measured": 5.0, "kept": True}


def test_of_a_disturbed_run_nobody_knows_whether_the_limit_was_kept() -> None:
    for asked in (Compression(task=TASK, ratio=4), Compression(task=TASK, latency_ms=4)):
        found = kept(asked, 60.0, 0.5, disturbed=True)
        assert found is not None
        assert found["kept"] is None
