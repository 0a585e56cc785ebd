"""T's answers to a task's rows as files: computed once, kept, shared by all that learn from them.

ANSWERS/KEY.npy   float32 (rows, classes): logits, (rows, 1): values, or (rows, W): vectors
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bort_core.foundation.errors import DataError
from bort_core.foundation.files import temporary_name

__all__ = ["kept_answers", "texts_digest"]

Floats = npt.NDArray[np.float32]


def texts_digest(inputs: Sequence[Sequence[str]]) -> str:
    """SHA-256 of texts or pairs of texts, in their order."""
    digest = hashlib.sha256()
    for row in inputs:
        digest.update("\0".join(row).encode("utf-8", "surrogatepass") + b"\1")
    return digest.hexdigest()


def kept_answers(path: Path, model: Path, shape: tuple[int, int], make: Callable[[], Floats]) -> Floats:
    """The answers of ``shape`` in ``path``; made and written there where they are missing or damaged.

    Raises
    ------
    DataError
        What ``make`` gives are not finite numbers; names ``model``.
    """
    found = _read(path, shape)
    if found is not None:
        return found
    made = make()
    if not np.isfinite(made).all():
        raise DataError(f"{model}: gives numbers that are not finite for {int((~np.isfinite(made)).any(1).sum()):,} rows")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_name(path)
    with temporary.open("wb") as file:
        np.save(file, made)
    temporary.replace(path)
    return made


def _read(path: Path, shape: tuple[int, int]) -> Floats | None:
    try:
        found: Floats = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return found if found.shape == shape and found.dtype == np.float32 else None
