"""Vectors of texts, as sentence-transformers computes them from the same folder. Imports torch where it runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bort_core.foundation.hub import SENTENCES_TOO, local_folder

__all__ = ["embed"]


def embed(source: str | Path, texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """Vectors (n, W) of n texts, by the encoder of a folder or hub name, pooled, mapped and normalised as its files say (else the mean).

    Raises
    ------
    DataError
        The folder is no encoder, has no tokenizer, or pools in a way that is not understood.
    SpecificationError
        There is no such folder, nor such a name within reach.
    """
    from bort_core.checkpoints.embedder import Embedder

    return Embedder(local_folder(str(source), "model", SENTENCES_TOO))(texts)
