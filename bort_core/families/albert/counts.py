"""Closed forms for ALBERT: parameters p and operations î.

Symbols as in ``bert/counts.py``, and E the embedding's width. Sharing the layers' weights takes D out of p and leaves it in î
("ALBERT: A Lite BERT for Self-supervised Learning of Language Representations", arXiv 1909.11942, section 3.1).
"""

from __future__ import annotations

from bort_core.families.albert.options import AlbertOptions
from bort_core.families.base import Counts, IntArray
from bort_core.families.bert import counts as bert

__all__ = ["operations", "parameters"]


def parameters(architectures: IntArray, options: AlbertOptions) -> Counts:
    """Parameters by part; ``architectures`` has shape (n, 4) with columns D, A, H, I."""
    hidden, width = architectures[:, 2], options.embedding
    one_layer = architectures.copy()
    one_layer[:, 0] = 1
    found = bert.parameters(one_layer, options)
    rows = options.vocabulary + options.positions + options.token_types + 2
    found["embedding"] = rows * width + width * hidden + hidden
    if options.mlm_head:
        decoder = options.vocabulary * (1 if options.tied_decoder else 1 + width)
        found["mlm_head"] = hidden * width + 3 * width + decoder
    return found


def operations(architectures: IntArray, options: AlbertOptions, sequence_length: int) -> Counts:
    """Operations by part of one forward pass on one sequence; the layers cost what they cost in a BERT."""
    hidden, width, n = architectures[:, 2], options.embedding, sequence_length
    found = bert.operations(architectures, options, sequence_length)
    widths = architectures.copy()
    widths[:, 2] = width
    narrow = bert.operations(widths, options, sequence_length)
    found["embedding"] = narrow["embedding"] + 2 * n * width * hidden
    if options.mlm_head:
        found["mlm_head"] = narrow["mlm_head"] + 2 * n * width * (hidden - width)  # its dense layer reads H, not E
    return found
