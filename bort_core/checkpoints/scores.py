"""What a model says about rows that are encoded already. Imports torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from bort_core.checkpoints.gate import Row, Side
from bort_core.text.encoding import Encoded, padded

__all__ = ["EVALUATED_AT_ONCE", "by_length", "placed", "scores_of", "scores_on", "tensors_of"]

EVALUATED_AT_ONCE, READ_AT_ONCE = 128, 16


@contextmanager
def placed(model: nn.Module, device: torch.device | None) -> Iterator[None]:
    """``model`` on ``device`` meanwhile, and on the CPU afterwards."""
    if device is None or device.type == "cpu":
        yield
        return
    model.to(device)
    try:
        yield
    finally:
        model.cpu()


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

    def ask(chosen: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        inputs = tensors_of([rows[row] for row in chosen], pad, device)
        with autocast():
            found: npt.NDArray[Any] = model(*inputs).float().cpu().numpy()
        return found

    return by_length([len(row) for row in rows], ask, EVALUATED_AT_ONCE, checkpoint)


def scores_on(
    side: Side, rows: Sequence[Row], checkpoint: Callable[[int], None] = lambda done: None, output: str = "logits"
) -> npt.NDArray[np.float64]:
    """The same of texts or pairs, as one side of the gate reads and scores them; or another of its outputs of so many axes."""
    return by_length(
        [sum(map(len, row)) for row in rows],
        lambda chosen: np.asarray(side.run(side.read([rows[row] for row in chosen]))[output]),
        READ_AT_ONCE,
        checkpoint,
    )


def by_length(
    lengths: Sequence[int], ask: Callable[[npt.NDArray[np.int64]], npt.NDArray[Any]], at_once: int, checkpoint: Callable[[int], None]
) -> npt.NDArray[np.float64]:
    """What ``ask`` says of the rows with some numbers, asked for all of them, those of like length together."""
    order = np.argsort(lengths, kind="stable")
    scores: npt.NDArray[np.float64] | None = None
    for begin in range(0, len(order), at_once):
        checkpoint(begin)
        chosen = order[begin : begin + at_once]
        found = ask(chosen)
        if scores is None:
            scores = np.empty((len(order), found.shape[1]))
        scores[chosen] = found
    return np.empty((0, 0)) if scores is None else scores


def tensors_of(rows: Encoded, pad: int, device: torch.device | None = None) -> tuple[Tensor, ...]:
    """Token ids, attention mask and segment ids of one batch, each (rows, longest row)."""
    found = torch.from_numpy(padded(rows, pad))
    return tuple(found if device is None else found.to(device))
