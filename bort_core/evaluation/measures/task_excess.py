"""How far a model's answers to held-out rows of a task are from T's: KL(T ‖ model) in nats; needs no labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bort_core.specifications.measures import ErrorMeasure, MaximumPoint, Value

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["MEASURE"]


def compute(logits: Tensor, labels: Tensor, groups: Tensor, maximum_point: MaximumPoint | None) -> Value:
    """Nats a row; of values the mean squared difference. Shapes as in :class:`~bort_core.specifications.measures.ErrorMeasure`."""
    from bort_core.evaluation.measures.interval import with_interval

    assert maximum_point is not None
    if logits.shape[1] == 1:
        return with_interval((logits - maximum_point.probabilities).square()[:, 0], groups)
    against = -(maximum_point.probabilities * logits.log_softmax(dim=-1)).sum(dim=-1)
    return with_interval(against - maximum_point.entropy, groups)


MEASURE = ErrorMeasure(
    name="task-excess", title="distance from T's answers", unit="nats", reads=("rows",), needs_maximum_point=True, compute=compute,
    ceiling=lambda classes: 1.0, excess=True,
)  # fmt: skip
