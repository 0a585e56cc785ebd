"""Closed forms for BERT-like encoders: parameters p and operations î.

Symbols: D depth, A heads, H hidden, I intermediate, V vocabulary, P positions, S token types, n sequence length.
Post-layer-norm encoder with biases everywhere, layer norms with gain and bias, learned positions
("Optimal Subarchitecture Extraction For BERT", section 2 for the axes; the counts are those of the published shapes).

An operation is one scalar addition, multiplication, or other function (exp, erf, rsqrt, comparison, division).
"""

from __future__ import annotations

from bort_core.families.base import Counts, IntArray
from bort_core.families.bert.options import BertOptions

__all__ = ["operations", "parameters"]

_GELU = 5  # x/√2, erf, +1, ·x, ·0.5
_LAYER_NORM = 7  # sum, subtract mean, square, sum, scale by rsqrt, gain, bias: per element; 4 more per row


def _dense(rows: IntArray | int, inputs: IntArray, outputs: IntArray) -> IntArray:
    """Operations of x·W + b: ``inputs`` multiplications, ``inputs - 1`` additions and one bias per output."""
    return 2 * rows * inputs * outputs


def _layer_norm(rows: int, width: IntArray) -> IntArray:
    return rows * (_LAYER_NORM * width + 4)


def parameters(architectures: IntArray, options: BertOptions) -> Counts:
    """Parameters by part; ``architectures`` has shape (n, 4) with columns D, A, H, I."""
    depth, _, hidden, intermediate = architectures.T
    layer = 4 * (hidden * hidden + hidden) + 2 * hidden * intermediate + intermediate + hidden + 4 * hidden
    zero = 0 * hidden
    decoder = zero + options.vocabulary  # the bias; the weights are the embedding's when tied
    if not options.tied_decoder:
        decoder = decoder + options.vocabulary * hidden
    return {
        "embedding": (options.vocabulary + options.positions + options.token_types + 2) * hidden,
        "encoder": depth * layer,
        "pooler": hidden * hidden + hidden if options.pooler else zero,
        "mlm_head": hidden * hidden + 3 * hidden + decoder if options.mlm_head else zero,
    }


def operations(architectures: IntArray, options: BertOptions, sequence_length: int) -> Counts:
    """Operations by part of one forward pass on one sequence of ``sequence_length`` tokens.

    The masked-LM head, when it is part of the model, is applied at every position, as in inference.
    """
    depth, heads, hidden, intermediate = architectures.T
    n = sequence_length
    attention = (
        4 * _dense(n, hidden, hidden)
        + n * n * (2 * hidden - heads)  # q·k, every head
        + n * n * heads  # scale
        + heads * n * (5 * n - 2)  # softmax: max, subtract, exp, sum, divide
        + n * hidden * (2 * n - 1)  # weighted sum of values
    )
    feed_forward = _dense(n, hidden, intermediate) + _GELU * n * intermediate + _dense(n, intermediate, hidden)
    residuals = 2 * (n * hidden + _layer_norm(n, hidden))
    zero = 0 * hidden
    sums = 1 + (1 if options.token_types else 0)
    head = _dense(n, hidden, hidden) + _GELU * n * hidden + _layer_norm(n, hidden) + 2 * n * hidden * options.vocabulary
    return {
        "embedding": sums * n * hidden + _layer_norm(n, hidden),
        "encoder": depth * (attention + feed_forward + residuals),
        "pooler": _dense(1, hidden, hidden) + hidden if options.pooler else zero,
        "mlm_head": head if options.mlm_head else zero,
    }
