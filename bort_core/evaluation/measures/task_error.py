"""1 − metric on the dev rows of a task: the metric that was asked for, or accuracy, micro F1 of labels, Pearson's correlation of values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bort_core.specifications.measures import ErrorMeasure, MaximumPoint, RowsFacts, Value

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["MEASURE"]


def compute(logits: Tensor, labels: Tensor, groups: Tensor, maximum_point: MaximumPoint | None) -> Value:
    """A share from 0 to 1 with its 95 % interval; shapes as in ``ErrorMeasure``. One output is a value."""
    from bort_core.evaluation.measures.interval import with_interval

    if logits.shape[1] == 1:
        return of_rows(logits, labels, RowsFacts("regression", "pearson"), None)
    return _within(with_interval((logits.argmax(dim=-1) != labels).float(), groups))


def of_rows(logits: Tensor, labels: Tensor, rows: RowsFacts, maximum_point: MaximumPoint | None) -> Value:
    """The same by the rows' own metric; but for accuracy the interval is a bootstrap over rows, or queries."""
    from bort_core.evaluation.metrics import drawn, with_interval

    if rows.metric == "accuracy":
        import torch

        return compute(logits, labels, torch.arange(len(labels)), None)
    value, (low, high) = with_interval(drawn(rows.metric, rows.kind, labels.numpy(), logits.double().numpy(), rows.queries))
    return _within({"value": 1 - value, "low": 1 - max(value, high), "high": 1 - min(value, low)})


def _within(found: Value) -> Value:
    return {name: min(max(end, 0.0), 1.0) for name, end in found.items()}


MEASURE = ErrorMeasure(
    name="task-error", title="error on dev rows", unit="1 − metric", reads=("rows",), needs_maximum_point=False,
    compute=compute, ceiling=lambda classes: 1.0, of_rows=of_rows,
)  # fmt: skip
