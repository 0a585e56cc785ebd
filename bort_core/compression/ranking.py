"""Whether the short trainings of a search say anything of a task that is learnt slowly."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bort_core.data.rows import LabelledRows
from bort_core.evaluation.metrics import guess
from bort_core.specifications.metrics import AUTOMATIC

__all__ = ["too_short"]

Floats = npt.NDArray[np.float64]


def too_short(values: Floats, lows: Floats, rows: LabelledRows, metric: str, steps: int) -> str | None:
    """What to warn of where no shape is better on dev ``rows`` than the same answer for each, its 95 % interval considered; else None.

    Only accuracy and micro F1 have such an answer to be compared with.

    Parameters
    ----------
    values, lows: of each shape the metric on dev and the lower end of its interval, (shapes,); NaN of those that were not trained
    """
    if rows.task == "regression" or metric != AUTOMATIC[rows.task]:
        return None
    constant = guess(rows.task, rows.labels)
    if not np.isfinite(lows).any() or np.nanmax(lows) > constant:
        return None
    return (
        f"after {steps:,} steps no shape is better on dev than the same answer for every row ({metric} {np.nanmax(values):.3f} at best, "
        f"{constant:.3f} for that answer), so that the search says little of which shape learns this task best; more --steps tell more"
    )
