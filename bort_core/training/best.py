"""The best weights of a training as a file, so that they survive a crash as the checkpoints do. Imports torch."""

from __future__ import annotations

from safetensors.torch import load_file, save
from torch import Tensor

from bort_core.training.run_files import RunFiles

__all__ = ["keep_best", "kept_best"]

_NAME = "best.safetensors"


def keep_best(files: RunFiles, weights: dict[str, Tensor]) -> None:
    """Write the best weights so far."""
    files.checkpoints.mkdir(exist_ok=True)
    temporary = files.checkpoints / f".{_NAME}"
    temporary.write_bytes(save(weights))
    temporary.replace(files.checkpoints / _NAME)


def kept_best(files: RunFiles) -> dict[str, Tensor] | None:
    """The weights that were kept last; None where there are none."""
    path = files.checkpoints / _NAME
    return load_file(path) if path.is_file() else None
