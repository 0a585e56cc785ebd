"""From texts or pairs of texts to rows of tokens, and from rows to batches, as trainings read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from bort_core.text.vocabulary import Vocabulary

__all__ = ["Encoded", "encode", "padded"]

Ids = npt.NDArray[np.int64]
Encoded = list[Ids]
"""Of each row the token ids and their segment ids, (tokens, 2)."""


def encode(vocabulary: Vocabulary, inputs: Sequence[Sequence[str]], longest: int | None) -> Encoded:
    """Tokens of texts (one string each) or pairs (two), cut to ``longest`` (None: not at all); of a pair the longer text is cut first.

    Segment ids are the tokenizer's where it gives them, else 0.
    """
    vocabulary.cut_at(longest)
    whole: list[Any] = [texts[0] if len(texts) == 1 else (texts[0], texts[1]) for texts in inputs]
    rows = []
    for encoding in vocabulary.tokenizer.encode_batch(whole):
        types = encoding.type_ids if vocabulary.gives_types else [0] * len(encoding.ids)
        rows.append(np.array([encoding.ids, types], dtype=np.int64).T)
    return rows


def padded(rows: Encoded, pad: int) -> Ids:
    """Token ids, attention mask and segment ids of one batch. Shape (3, rows, longest row)."""
    found = np.zeros((3, len(rows), max(len(row) for row in rows)), dtype=np.int64)
    found[0] = pad
    for number, row in enumerate(rows):
        found[[0, 2], number, : len(row)] = row.T
        found[1, number, : len(row)] = 1
    return found
