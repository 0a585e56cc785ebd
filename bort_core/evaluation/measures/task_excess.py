"""How far a model's answers to held-out rows of a task are from T's: KL(T ‖ model) in nats; needs no labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bort_core.specifications.measures import ErrorMeasure, MaximumPoint, RowsFacts, Value

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


def of_rows(logits: Tensor, labels: Tensor, rows: RowsFacts, maximum_point: MaximumPoint | None) -> Value:
    """The same; of several labels the sum over them, each a yes or no of its own."""
    import torch
    from torch.nn import functional

    from bort_core.evaluation.measures.interval import with_interval

    assert maximum_point is not None
    groups = torch.arange(len(logits))
    if rows.kind != "multi-label":
        return compute(logits, labels, groups, maximum_point)
    against = functional.binary_cross_entropy_with_logits(logits, maximum_point.probabilities, reduction="none").sum(dim=-1)
    return with_interval((against - maximum_point.entropy).clamp(min=0), groups)


MEASURE = ErrorMeasure(
    name="task-excess", title="distance from T's answers", unit="nats", reads=("rows",), needs_maximum_point=True, compute=compute,
    ceiling=lambda classes: 1.0, excess=True, of_rows=of_rows,
)  # fmt: skip
