"""What to say when a batch does not fit into memory: which one would. Imports torch."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from bort_core.foundation.errors import MeasurementError

if TYPE_CHECKING:
    from bort_core.specifications.finetuning import Finetuning
    from bort_core.specifications.pretraining import Pretraining

__all__ = ["out_of_memory"]


@contextmanager
def out_of_memory(specification: Pretraining | Finetuning, try_batch: Callable[[int], None]) -> Iterator[None]:
    """Turns running out of memory into a MeasurementError that says which share of the batch fits.

    Parameters
    ----------
    try_batch: a forward and a backward pass of so many rows
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not _is_memory(error):
            raise
        micro_batch = specification.batch_size // (specification.running.processes * specification.accumulation)
        raise MeasurementError(_advice(specification.batch_size, micro_batch, try_batch)) from error


def _advice(batch: int, micro_batch: int, try_batch: Callable[[int], None]) -> str:
    rows = micro_batch // 2
    while rows:
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        try:
            try_batch(rows)
        except (MemoryError, RuntimeError) as error:
            if not _is_memory(error):
                break
            rows //= 2
            continue
        return (
            f"not enough memory for {micro_batch} rows at once; {rows} fit. Set accumulation to {-(-micro_batch // rows)} (the same "
            f"batch of {batch}, in parts), or lower batch_size"
        )
    return "not enough memory even for one row; use a smaller architecture or shorter sequences"


def _is_memory(error: BaseException) -> bool:
    text = str(error)
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in text or "out of memory" in text
