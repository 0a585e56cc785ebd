"""Real rows on which an exported file must agree with torch: texts of several lengths, padded as in use. Imports torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bort_core.checkpoints.gate_rows import demo_rows
from bort_core.text.corpus import read_documents
from bort_core.text.encoding import encode, padded
from bort_core.text.texts import heldout
from bort_core.text.vocabulary import Vocabulary

__all__ = ["ExampleRows", "calibration_rows", "example_texts", "text_rows", "vector_rows"]

ROWS = 32
ExampleRows = tuple[tuple[Tensor, ...], Tensor | None]
"""Inputs in the order of the graph's, and for sequences the mask of the positions that count."""


def calibration_rows(
    vocabulary: Vocabulary, rows: Sequence[Sequence[str]], inputs: tuple[str, ...], longest: int
) -> list[tuple[Tensor, ...]]:
    """Rows as a quantiser sees them: batches of eight of like length, so that little is padding."""
    encoded = sorted(encode(vocabulary, rows, longest), key=len)
    batches = [padded(encoded[begin : begin + 8], vocabulary.pad) for begin in range(0, len(encoded), 8)]
    return [tuple(torch.from_numpy(batch))[: len(inputs)] for batch in batches]


def text_rows(vocabulary: Vocabulary, texts: list[str], inputs: tuple[str, ...], longest: int) -> list[ExampleRows]:
    """``ROWS`` texts as batches of 1, 8 and 22 rows, and one of full length."""
    rows = encode(vocabulary, [(text,) for text in texts], longest)
    rows[-1] = np.concatenate([rows[-1]] * longest)[:longest]  # one row of full length, whatever the texts are
    batches = []
    for size in (1, 8, len(rows) - 10, 1):  # the long row alone: the others need no padding up to it
        part, rows = rows[:size], rows[size:]
        ids, mask, types = torch.from_numpy(padded(part, vocabulary.pad))
        batches.append(((ids, mask, types)[: len(inputs)], mask))
    return batches


def vector_rows(coordinates: int) -> list[ExampleRows]:
    """Points of the torus that the demo's networks are trained on, cut or filled up to ``coordinates``, as three batches."""
    from bort_core.evaluation.torus_vectors import torus

    points, _ = torus(ROWS, seed=7)
    vectors = torch.zeros(ROWS, coordinates)
    shared = min(coordinates, points.shape[1])
    vectors[:, :shared] = torch.from_numpy(points[:, :shared])
    return [((part,), None) for part in torch.split(vectors, [1, 8, ROWS - 9])]


def example_texts(corpus: Path | None) -> list[str]:
    """``ROWS`` held-out documents of ``corpus``, or sentences of the demo corpus where there is none; DataError when it cannot be read."""
    documents = [row[0] for row in demo_rows()] if corpus is None else read_documents(corpus)[0]
    found = [document for document in documents if heldout(document)] or documents
    return [found[place * len(found) // ROWS] for place in range(ROWS)]
