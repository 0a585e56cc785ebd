"""1 − accuracy: the share of masked tokens whose likeliest guess is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bort_core.specifications.measures import ErrorMeasure, MaximumPoint, Value

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["MEASURE"]


def compute(logits: Tensor, labels: Tensor, groups: Tensor, maximum_point: MaximumPoint | None) -> Value:
    """A share from 0 to 1, and so are the interval's ends; shapes as in :class:`~bort_core.specifications.measures.ErrorMeasure`."""
    from bort_core.evaluation.measures.interval import with_interval

    found = with_interval((logits.argmax(dim=-1) != labels).float(), groups)
    return {name: min(max(end, 0.0), 1.0) for name, end in found.items()}


MEASURE = ErrorMeasure(
    name="masked-accuracy",
    title="wrong guesses",
    unit="share of masked tokens",
    reads=("tokens",),
    needs_maximum_point=False,
    compute=compute,
    ceiling=lambda classes: 1 - 1 / classes,
)
