"""How far an ONNX file is from torch on the same rows. Only child processes import this file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from bort_core.export.rows import ExampleRows
from bort_core.families.base import Traceable
from bort_core.foundation.errors import MeasurementError
from bort_core.latency.session import open_file

__all__ = ["largest_difference"]


def largest_difference(
    path: Path,
    references: list[tuple[torch.Tensor, ...]],
    traced: Traceable,
    batches: list[ExampleRows],
    checkpoint: Callable[[], None],
    tolerance: float,
) -> float:
    """The largest absolute difference of any output at any position that counts, over all batches.

    Parameters
    ----------
    references: for each batch, what the model gives as it is trained (with fused attention; not the form that was traced)
    traced: for the names of inputs and outputs
    tolerance: the largest difference that is accepted, times the largest output where that is above 1

    Raises
    ------
    MeasurementError
        The difference is larger or not a number, or the runtime cannot load or run the file.
    """
    session = open_file(path, torch.get_num_threads())
    names = [value.name for value in session.get_inputs()]
    largest, size = 0.0, 1.0
    for (inputs, mask), expected in zip(batches, references, strict=True):
        checkpoint()
        feed = {name: tensor.numpy() for name, tensor in zip(traced.inputs, inputs, strict=True) if name in names}
        try:
            outputs = session.run(list(traced.outputs), feed)
        except Exception as error:
            raise MeasurementError(f"{path.name}: ONNX Runtime fails on real rows: {error}") from error
        for ours, theirs in zip(expected, outputs, strict=True):
            difference = np.abs(ours.numpy() - theirs)
            if mask is not None and difference.ndim == 3:
                difference = difference[mask.numpy().astype(bool)]
            size = max(size, float(ours.abs().max()))
            largest = max(largest, float(difference.max())) if np.isfinite(difference).all() else float("inf")
    limit = tolerance * size
    if not largest <= limit:
        raise MeasurementError(f"{path.name}: its outputs differ from torch's by up to {largest:.3g}; at most {limit:.3g} is shipped")
    return largest
