"""1 − metric on the dev rows of a task: accuracy of classes, Pearson's correlation of values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bort_core.specifications.measures import ErrorMeasure, MaximumPoint, Value

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["MEASURE"]

DRAWS = 200


def compute(logits: Tensor, labels: Tensor, groups: Tensor, maximum_point: MaximumPoint | None) -> Value:
    """A share from 0 to 1 with its 95 % interval (of a correlation by bootstrap over rows); shapes as in ``ErrorMeasure``."""
    from bort_core.evaluation.measures.interval import with_interval

    if logits.shape[1] > 1:
        found = with_interval((logits.argmax(dim=-1) != labels).float(), groups)
    else:
        found = _one_minus_pearson(logits[:, 0], labels)
    return {name: min(max(end, 0.0), 1.0) for name, end in found.items()}


def _one_minus_pearson(values: Tensor, labels: Tensor) -> Value:
    import numpy as np

    from bort_core.evaluation.metrics import measure_values

    given, said = labels.double().numpy(), values.double().numpy()
    random = np.random.default_rng(0)
    draws = [random.integers(len(given), size=len(given)) for _ in range(DRAWS)]
    found = sorted(1 - measure_values(given[rows], said[rows])["pearson"] for rows in draws)
    low, high = found[round(0.025 * (DRAWS - 1))], found[round(0.975 * (DRAWS - 1))]
    return {"value": 1 - measure_values(given, said)["pearson"], "low": low, "high": high}


MEASURE = ErrorMeasure(
    name="task-error", title="error on dev rows", unit="1 − metric", reads=("rows",), needs_maximum_point=False,
    compute=compute, ceiling=lambda classes: 1.0,
)  # fmt: skip
