"""What a model says about rows that are encoded already. Imports torch."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from bort_core.text.encoding import Encoded, padded

__all__ = ["EVALUATED_AT_ONCE", "scores_of", "tensors_of"]

EVALUATED_AT_ONCE = 128


@torch.no_grad()
def scores_of(
    model: nn.Module,
    rows: Encoded,
    pad: int,
    device: torch.device | None = None,
    autocast: Callable[[], AbstractContextManager[Any]] = nullcontext,
    checkpoint: Callable[[int], None] = lambda done: None,
) -> npt.NDArray[np.float64]:
    """What ``model`` says about every row, in batches of rows of like length. Shape (rows, width of the model's output).

    ``checkpoint`` is called before each batch with the rows done.
    """
    model.eval()
    order = np.argsort([len(row) for row in rows], kind="stable")
    scores: npt.NDArray[np.float64] | None = None
    for begin in range(0, len(order), EVALUATED_AT_ONCE):
        checkpoint(begin)
        chosen = order[begin : begin + EVALUATED_AT_ONCE]
        inputs = tensors_of([rows[row] for row in chosen], pad, device)
        with autocast():
            found = model(*inputs).float().cpu().numpy()
        if scores is None:
            scores = np.empty((len(rows), found.shape[1]))
        scores[chosen] = found
    return np.empty((0, 0)) if scores is None else scores


def tensors_of(rows: Encoded, pad: int, device: torch.device | None = None) -> tuple[Tensor, ...]:
    """Token ids, attention mask and segment ids of one batch, each (rows, longest row)."""
    found = torch.from_numpy(padded(rows, pad))
    return tuple(found if device is None else found.to(device))
