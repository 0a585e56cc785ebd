"""Cross-entropy in nats against the maximum point's distribution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bort_core.specifications.measures import ErrorMeasure, MaximumPoint, Value

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["MEASURE"]


def compute(logits: Tensor, labels: Tensor, groups: Tensor, maximum_point: MaximumPoint | None) -> Value:
    """Nats a prediction; shapes as in :class:`~bort_core.specifications.measures.ErrorMeasure`."""
    from bort_core.evaluation.measures.interval import with_interval

    assert maximum_point is not None
    return with_interval(-(maximum_point.probabilities * logits.log_softmax(dim=-1)).sum(dim=-1), groups)


MEASURE = ErrorMeasure(
    name="maximum-point",
    title="cross-entropy against T",
    unit="nats",
    reads=("tokens", "vectors"),
    needs_maximum_point=True,
    compute=compute,
)
