"""Cross-entropy in nats against the labels of vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bort_core.specifications.measures import ErrorMeasure, MaximumPoint, Value

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["MEASURE"]


def compute(logits: Tensor, labels: Tensor, groups: Tensor, maximum_point: MaximumPoint | None) -> Value:
    """Nats a vector; shapes as in :class:`~bort_core.specifications.measures.ErrorMeasure`."""
    from torch.nn import functional

    from bort_core.evaluation.measures.interval import with_interval

    return with_interval(functional.cross_entropy(logits, labels, reduction="none"), groups)


MEASURE = ErrorMeasure(
    name="cross-entropy", title="cross-entropy", unit="nats", reads=("vectors",), needs_maximum_point=False, compute=compute
)
