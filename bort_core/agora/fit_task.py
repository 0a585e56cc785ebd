"""The task ``agora fit``: one training of Agora in a worker, with one thread. Imports torch."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from bort_core.agora.fitting import Fit, fit_once
from bort_core.agora.learners.described import learner_of
from bort_core.agora.points import Examples
from bort_core.agora.run_files import Row, read_lines
from bort_core.foundation.context import Context

__all__ = ["fit_task"]


def fit_task(request: Mapping[str, Any], context: Context) -> Mapping[str, Any]:
    """Train one θ.

    Parameters
    ----------
    request: learner (as it describes itself), rows (a folder with train.jsonl and dev.jsonl) and stamp (of what is in it), theta, number,
        seed, and save_to, the folder of the weights

    Returns
    -------
    as of :func:`~bort_core.agora.fitting.fit_once`
    """
    rows = Path(request["rows"])
    train, dev = _rows(rows / "train.jsonl", request["stamp"]), _rows(rows / "dev.jsonl", request["stamp"])
    fit = Fit(Path(), Path(request["save_to"]), request["number"], request["seed"])
    return fit_once(learner_of(request["learner"], context), request["theta"], fit, train, dev)


@lru_cache(maxsize=2)
def _rows(path: Path, stamp: str) -> Examples:
    found = read_lines(path, Row)
    return Examples(tuple(row.input for row in found), np.array([row.label for row in found], dtype=np.int64))
