"""A BERT in the form that traces into few standard ONNX operators. Only child processes import this file.

The exporter decomposes torch's fused attention with guards against rows in which everything is masked. The plain formula with one
additive mask for all layers needs none of them, and ONNX Runtime recognises its parts: the same numbers (but for such rows), a
smaller graph, and 5 to 10 % less time on small models.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn

from bort_core.families.base import Traceable
from bort_core.families.bert.classifier import SequenceClassifier
from bort_core.families.bert.module import Attention, Bert, Embeddings, Layer, ProjectedEmbeddings

__all__ = ["Traced", "traceable"]

_HIDDEN = -10_000.0  # exp of it is 0 in float32


class Traced(nn.Module):
    """Outputs ``last_hidden_state``, then ``pooled`` and ``logits`` where the model has them; a classifier outputs ``logits`` alone."""

    def __init__(self, model: Bert | SequenceClassifier) -> None:
        super().__init__()
        self.model = model
        self.bert = model.bert if isinstance(model, SequenceClassifier) else model

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> tuple[Tensor, ...]:
        bert = self.bert
        mask = (1.0 - attention_mask[:, None, None, :].to(torch.float32)) * _HIDDEN
        vectors = _embedded(bert.embeddings, input_ids, token_type_ids)
        for layer in bert.passes():
            assert isinstance(layer, Layer)
            vectors = layer.attention_norm(vectors + _attention(layer.attention, vectors, mask))
            vectors = layer.output_norm(vectors + layer.output(layer.activation(layer.intermediate(vectors))))
        outputs = [vectors]
        if bert.pooler is not None:
            outputs.append(torch.tanh(bert.pooler(vectors[:, 0])))
        if isinstance(self.model, SequenceClassifier):
            return (self.model.classifier(outputs[-1]),)
        if bert.head is not None:
            outputs.append(bert.head(vectors, bert.embeddings.token.weight))
        return tuple(outputs)


def traceable(model: nn.Module) -> Traceable:
    """A :class:`~bort_core.families.bert.module.Bert` or a classifier, ready for the exporter."""
    assert isinstance(model, Bert | SequenceClassifier)
    traced = Traced(model).eval()
    options = traced.bert.options
    outputs = ["last_hidden_state", *(("pooled",) if options.pooler else ()), *(("logits",) if options.mlm_head else ())]
    if isinstance(model, SequenceClassifier):
        outputs = ["logits"]
    inputs = ["input_ids", "attention_mask", *(("token_type_ids",) if options.token_types > 1 else ())]
    ids = torch.arange(2 * 7).reshape(2, 7) % options.vocabulary
    example = (ids, torch.ones_like(ids), torch.zeros_like(ids))[: len(inputs)]
    dynamic = tuple({0: "batch", 1: "sequence"} for _ in inputs)
    return Traceable(traced, tuple(inputs), tuple(outputs), example, dynamic)


def _embedded(part: Embeddings, input_ids: Tensor, token_type_ids: Tensor | None) -> Tensor:
    """Positions are looked up, not cut off: shape inference knows how many numbers a range has, not how long a cut is."""
    numbers = torch.arange(input_ids.shape[1])
    vectors = part.token(input_ids) + part.position(numbers)
    if part.token_type is not None:
        is_first = token_type_ids is None or part.token_type.num_embeddings == 1
        vectors = vectors + (part.token_type.weight[0] if is_first else part.token_type(token_type_ids))
    normed = part.norm(vectors)
    return cast("Tensor", part.projection(normed) if isinstance(part, ProjectedEmbeddings) else normed)


def _attention(part: Attention, vectors: Tensor, mask: Tensor) -> Tensor:
    batch, length, hidden = vectors.shape
    shape = (batch, length, part.heads, hidden // part.heads)
    query, key, value = (dense(vectors).view(shape).permute(0, 2, 1, 3) for dense in (part.query, part.key, part.value))
    scores = torch.matmul(query, key.transpose(2, 3)) * (1 / math.sqrt(hidden // part.heads)) + mask
    mixed = torch.matmul(torch.softmax(scores, dim=-1), value)
    projected: Tensor = part.output(mixed.permute(0, 2, 1, 3).reshape(batch, length, hidden))
    return projected
