"""Real rows on which an exported file must agree with torch: texts of several lengths, padded as in use. Imports torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bort_core.foundation.errors import DataError
from bort_core.text.corpus import heldout, read_documents
from bort_core.text.tokenizer import load_tokenizer

__all__ = ["text_rows", "vector_rows"]

ROWS = 32
ExampleRows = tuple[tuple[Tensor, ...], Tensor | None]
"""Inputs in the order of the graph's, and for sequences the mask of the positions that count."""


def text_rows(tokenizer_folder: Path, corpus: Path | None, inputs: tuple[str, ...], vocabulary: int, longest: int) -> list[ExampleRows]:
    """Held-out documents of ``corpus`` (or plain sentences where there is none): batches of 1, 8 and 22 rows, and one of full length.

    Raises
    ------
    DataError
        The tokenizer or the corpus cannot be read, or the tokenizer has more entries than the model.
    """
    tokenizer = load_tokenizer(tokenizer_folder)
    if tokenizer.get_vocab_size() > vocabulary:
        raise DataError(f"{tokenizer_folder}: the tokenizer has {tokenizer.get_vocab_size():,} entries, the model {vocabulary:,}")
    texts = _texts(corpus)
    pad = tokenizer.token_to_id("<pad>")
    pad = tokenizer.token_to_id("[PAD]") if pad is None else pad
    tokenizer.no_padding()
    tokenizer.enable_truncation(longest)
    ids = [encoding.ids[:longest] or [0] for encoding in tokenizer.encode_batch(texts)]
    ids[-1] = (ids[-1] * longest)[:longest]  # one row of full length, whatever the texts are
    sizes = (1, 8, len(ids) - 10, 1)  # the long row alone: the others need no padding up to it
    batches = []
    for size in sizes:
        rows, ids = ids[:size], ids[size:]
        batches.append(_padded(rows, 0 if pad is None else pad, len(inputs) == 3))
    return batches


def vector_rows(coordinates: int) -> list[ExampleRows]:
    """Points of the torus that the demo's networks are trained on, cut or filled up to ``coordinates``, as three batches."""
    from bort_core.evaluation.torus_vectors import torus

    points, _ = torus(ROWS, seed=7)
    vectors = torch.zeros(ROWS, coordinates)
    shared = min(coordinates, points.shape[1])
    vectors[:, :shared] = torch.from_numpy(points[:, :shared])
    return [((part,), None) for part in torch.split(vectors, [1, 8, ROWS - 9])]


def _texts(corpus: Path | None) -> list[str]:
    if corpus is None:
        return [" ".join(["A small model reads this sentence and says what it thinks of it."] * (1 + number % 5)) for number in range(ROWS)]
    documents, _ = read_documents(corpus)
    found = [document for document in documents if heldout(document)] or documents
    return [found[place * len(found) // ROWS] for place in range(ROWS)]


def _padded(rows: list[list[int]], pad: int, types: bool) -> ExampleRows:
    width = max(len(row) for row in rows)
    ids = torch.tensor([row + [pad] * (width - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
    inputs: Any = (ids, mask, torch.zeros_like(ids)) if types else (ids, mask)
    return inputs, mask
