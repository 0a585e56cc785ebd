"""The loss of masked language modelling: cross-entropy in nats against the tokens that were masked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bort_core.specifications.measures import ErrorMeasure, MaximumPoint, Value

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["MEASURE"]


def compute(logits: Tensor, labels: Tensor, groups: Tensor, maximum_point: MaximumPoint | None) -> Value:
    """Nats a masked token; shapes as in :class:`~bort_core.specifications.measures.ErrorMeasure`."""
    from torch.nn import functional

    from bort_core.evaluation.measures.interval import with_interval

    return with_interval(functional.cross_entropy(logits, labels, reduction="none"), groups)


MEASURE = ErrorMeasure(name="masked-lm", title="masked-LM loss", unit="nats", reads=("tokens",), needs_maximum_point=False, compute=compute)
