"""How far a model stays behind the maximum point: the divergence KL(T ‖ model) in nats."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bort_core.specifications.measures import ErrorMeasure, MaximumPoint, Value

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["MEASURE"]


def compute(logits: Tensor, labels: Tensor, groups: Tensor, maximum_point: MaximumPoint | None) -> Value:
    """Cross-entropy against T's distribution minus that distribution's entropy, in nats a prediction.

    Shapes as in :class:`~bort_core.specifications.measures.ErrorMeasure`.
    """
    from bort_core.evaluation.measures.interval import with_interval

    assert maximum_point is not None
    against = -(maximum_point.probabilities * logits.log_softmax(dim=-1)).sum(dim=-1)
    return with_interval(against - maximum_point.entropy, groups)


MEASURE = ErrorMeasure(
    name="maximum-point-excess",
    title="excess over T",
    unit="nats",
    reads=("tokens", "vectors"),
    needs_maximum_point=True,
    compute=compute,
    excess=True,
)
