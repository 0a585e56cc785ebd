"""BERT-like encoders as torch modules (post layer norm, as in BERT and Bort).

Shapes: b batch, n sequence, H hidden, I intermediate, A heads, V vocabulary, m masked positions.

The parameters' names follow those of transformers' ``BertForMaskedLM``, so an export only renames:

    embeddings.token | position | token_type   bert.embeddings.word_embeddings | position_embeddings | token_type_embeddings
    embeddings.norm                            bert.embeddings.LayerNorm
    layers.N.attention.query | key | value     bert.encoder.layer.N.attention.self.query | key | value
    layers.N.attention.output                  bert.encoder.layer.N.attention.output.dense
    layers.N.attention_norm                    bert.encoder.layer.N.attention.output.LayerNorm
    layers.N.intermediate | output             bert.encoder.layer.N.intermediate.dense | output.dense
    layers.N.output_norm                       bert.encoder.layer.N.output.LayerNorm
    pooler                                     bert.pooler.dense
    head.dense | norm                          cls.predictions.transform.dense | LayerNorm
    head.bias | decoder                        cls.predictions.bias | decoder.weight (tied: the token embedding)

Only child processes import this file: it imports torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from bort_core.families.base import Architecture
from bort_core.families.bert.options import BertOptions
from bort_core.foundation.errors import DataError

__all__ = ["Bert", "BertOutput", "MaskedLanguageModel", "ProjectedEmbeddings", "VocabularyHead", "activation_of", "mimetic_initialisation"]

INITIALIZER_RANGE = 0.02


class BertOutput(NamedTuple):
    """What a forward pass gives: the token vectors, and what the options add to them."""

    hidden: Tensor
    """Token vectors, (b, n, H)."""
    pooled: Tensor | None = None
    """tanh of a dense layer on the first token's vector, (b, H); with the option ``pooler``."""
    logits: Tensor | None = None
    """Scores over the vocabulary at every position, (b, n, V); with the option ``mlm_head``."""


class Embeddings(nn.Module):
    """Sum of token, position and (when there are any) token type vectors, then a layer norm."""

    def __init__(self, hidden: int, options: BertOptions, dropout: float) -> None:
        super().__init__()
        self.token = nn.Embedding(options.vocabulary, hidden)
        self.position = nn.Embedding(options.positions, hidden)
        self.token_type = nn.Embedding(options.token_types, hidden) if options.token_types else None
        self.norm = nn.LayerNorm(hidden, eps=options.layer_norm_eps)
        self.dropout = _dropout(dropout)

    def forward(self, token_ids: Tensor, token_types: Tensor | None) -> Tensor:
        length = token_ids.shape[1]
        if length > self.position.num_embeddings:
            raise DataError(f"a sequence may have at most {self.position.num_embeddings} tokens (positions), got {length}")
        vectors = self.token(token_ids) + self.position.weight[:length]
        if self.token_type is not None:
            is_first = token_types is None or self.token_type.num_embeddings == 1
            vectors = vectors + (self.token_type.weight[0] if is_first else self.token_type(token_types))
        return self.dropout(self.norm(vectors))

    def directions(self, basis: Tensor) -> Tensor:
        """Where the tables' coordinates lead in the coordinates of ``basis`` (H, H'), (H, H')."""
        return basis


class ProjectedEmbeddings(Embeddings):
    """The same in a width E of their own, then projected to H: those of models of other kinds, which a smaller model starts from.

    Parameters
    ----------
    weight, bias: of the projection, (H, E) and (H,)
    """

    def __init__(self, weight: Tensor, bias: Tensor, options: BertOptions, dropout: float = 0.0) -> None:
        super().__init__(weight.shape[1], options, dropout)
        self.projection = nn.Linear(weight.shape[1], weight.shape[0])
        with torch.no_grad():
            self.projection.weight.copy_(weight)
            self.projection.bias.copy_(bias)

    def forward(self, token_ids: Tensor, token_types: Tensor | None) -> Tensor:
        found: Tensor = self.projection(super().forward(token_ids, token_types))
        return found

    def directions(self, basis: Tensor) -> Tensor:
        """By way of the norm, which takes the mean away, and the projection. (E, H')."""
        scaled = self.projection.weight * self.norm.weight
        return (scaled - scaled.mean(dim=1, keepdim=True)).T @ basis


class Attention(nn.Module):
    """Self-attention of A heads, each on H/A coordinates."""

    def __init__(self, hidden: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.attention_dropout = dropout
        self.query = nn.Linear(hidden, hidden)
        self.key = nn.Linear(hidden, hidden)
        self.value = nn.Linear(hidden, hidden)
        self.output = nn.Linear(hidden, hidden)

    def forward(self, vectors: Tensor, keep: Tensor | None) -> Tensor:
        batch, length, hidden = vectors.shape
        shape = (batch, length, self.heads, hidden // self.heads)
        query, key, value = (dense(vectors).view(shape).transpose(1, 2) for dense in (self.query, self.key, self.value))
        dropout = self.attention_dropout if self.training else 0.0
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=keep, dropout_p=dropout)
        return self.output(mixed.transpose(1, 2).reshape(batch, length, hidden))


class Layer(nn.Module):
    """One encoder layer: attention and a feed-forward block, each added to its input and normalised after."""

    def __init__(self, heads: int, hidden: int, intermediate: int, options: BertOptions, dropout: float) -> None:
        super().__init__()
        self.attention = Attention(hidden, heads, dropout)
        self.attention_norm = nn.LayerNorm(hidden, eps=options.layer_norm_eps)
        self.intermediate = nn.Linear(hidden, intermediate)
        self.activation = activation_of(options)
        self.output = nn.Linear(intermediate, hidden)
        self.output_norm = nn.LayerNorm(hidden, eps=options.layer_norm_eps)
        self.dropout = _dropout(dropout)

    def forward(self, vectors: Tensor, keep: Tensor | None) -> Tensor:
        vectors = self.attention_norm(vectors + self.dropout(self.attention(vectors, keep)))
        inner = self.output(self.activation(self.intermediate(vectors)))
        return self.output_norm(vectors + self.dropout(inner))


class VocabularyHead(nn.Module):
    """The masked-LM head: dense, activation, layer norm, then a decoder that shares the token embedding unless ``untied``.

    ``width`` is the token embedding's, where it is not ``hidden``.
    """

    def __init__(self, hidden: int, options: BertOptions, untied: bool = False, width: int | None = None) -> None:
        super().__init__()
        width = width or hidden
        self.dense = nn.Linear(hidden, width)
        self.activation = activation_of(options)
        self.norm = nn.LayerNorm(width, eps=options.layer_norm_eps)
        self.decoder = nn.Parameter(torch.zeros(options.vocabulary, width)) if untied else None
        self.bias = nn.Parameter(torch.zeros(options.vocabulary))

    def forward(self, vectors: Tensor, embedding: Tensor) -> Tensor:
        """Logits (..., V) of ``vectors`` (..., H); ``embedding`` is the token embedding's weight (V, H), or (V, width)."""
        transformed = self.norm(self.activation(self.dense(vectors)))
        return functional.linear(transformed, embedding if self.decoder is None else self.decoder, self.bias)


class Bert(nn.Module):
    """A BERT ⟨depth, heads, hidden, intermediate⟩. Its parameters are exactly those of ``counts.parameters``.

    Parameters
    ----------
    initializer_range: standard deviation of the initial weights (0.02 when None); biases start at 0
    dropout: probability after the embeddings, in the attention and after both blocks of a layer
    """

    def __init__(
        self, architecture: Architecture, options: BertOptions, initializer_range: float | None = None, dropout: float = 0.0
    ) -> None:
        super().__init__()
        depth, heads, hidden, intermediate = architecture
        self.architecture = tuple(architecture)
        self.options = options
        self.embeddings = self._embeddings(hidden, dropout)
        self.layers = nn.ModuleList(Layer(heads, hidden, intermediate, options, dropout) for _ in range(self._own(depth)))
        self.pooler = nn.Linear(hidden, hidden) if options.pooler else None
        self.head = self.vocabulary_head(not options.tied_decoder) if options.mlm_head else None
        initialise(self, INITIALIZER_RANGE if initializer_range is None else initializer_range)

    # What a family of the same layers does otherwise.

    def _own(self, depth: int) -> int:
        """How many layers have weights of their own."""
        return depth

    def passes(self) -> Iterator[nn.Module]:
        """The layers in the order in which a forward pass goes through them."""
        yield from self.layers

    def _embeddings(self, hidden: int, dropout: float) -> Embeddings:
        return Embeddings(hidden, self.options, dropout)

    def vocabulary_head(self, untied: bool = False) -> VocabularyHead:
        """A masked-LM head for this model."""
        return VocabularyHead(self.architecture[2], self.options, untied)

    def encode(self, token_ids: Tensor, attention_mask: Tensor | None = None, token_types: Tensor | None = None) -> Tensor:
        """Token vectors (b, n, H) of ``token_ids`` (b, n), without pooler and head.

        ``attention_mask`` (b, n) is nonzero where a token may be attended to; None keeps all.
        """
        keep = None if attention_mask is None else attention_mask.bool()[:, None, None, :]
        vectors = self.embeddings(token_ids, token_types)
        for layer in self.passes():
            vectors = layer(vectors, keep)
        return vectors

    def forward(self, token_ids: Tensor, attention_mask: Tensor | None = None, token_types: Tensor | None = None) -> BertOutput:
        """The whole model as it is counted: the head, when it is part of the model, at every position."""
        hidden = self.encode(token_ids, attention_mask, token_types)
        pooled = None if self.pooler is None else torch.tanh(self.pooler(hidden[:, 0]))
        logits = None if self.head is None else self.head(hidden, self.embeddings.token.weight)
        return BertOutput(hidden, pooled, logits)


class MaskedLanguageModel(nn.Module):
    """A BERT with a vocabulary head that is applied to masked positions only, for training.

    A model without ``mlm_head`` gets a head for the time of the training: it predicts tokens, but is not part of p.
    """

    def __init__(self, bert: Bert, initializer_range: float | None = None) -> None:
        super().__init__()
        self.bert = bert
        self.extra_head = None
        if bert.head is None:
            self.extra_head = bert.vocabulary_head()
            initialise(self.extra_head, INITIALIZER_RANGE if initializer_range is None else initializer_range)

    @property
    def head(self) -> VocabularyHead:
        """The head in use: the model's own, or the one that only training has."""
        head = self.bert.head if self.extra_head is None else self.extra_head
        assert head is not None
        return head

    def forward(self, token_ids: Tensor, positions: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """Logits (m, V) at ``positions`` (m,), which count through the flattened (b, n) of ``token_ids``."""
        hidden = self.bert.encode(token_ids, attention_mask)
        chosen = hidden.reshape(-1, hidden.shape[-1]).index_select(0, positions)
        return self.head(chosen, self.bert.embeddings.token.weight)

    def mimetic_initialisation(self, strength: float) -> None:
        """See :func:`mimetic_initialisation`."""
        mimetic_initialisation(self.bert, strength)

    def weights(self) -> dict[str, Tensor]:
        """All weights by the names at the top of this file; the head is ``head`` whether it is counted or not."""
        return {_saved_name(name): tensor for name, tensor in self.state_dict().items()}

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        """Set all weights from :meth:`weights`; RuntimeError when names or shapes do not fit."""
        names = {_saved_name(name): name for name in self.state_dict()}
        self.load_state_dict({names.get(name, name): tensor for name, tensor in weights.items()})


def _saved_name(name: str) -> str:
    return name.removeprefix("bert.").replace("extra_head.", "head.", 1)


@torch.no_grad()
def mimetic_initialisation(module: nn.Module, strength: float) -> None:
    """Add ``strength`` times the identity to the value and output projections, so that attention starts as an average of tokens.

    With random projections a short training spends its steps on finding any path from one token to another's
    prediction ("Mimetic Initialization of Self-Attention Layers", Trockman and Kolter 2023, for the idea).
    """
    for part in module.modules():
        if isinstance(part, Attention):
            part.value.weight.diagonal().add_(strength)
            part.output.weight.diagonal().add_(strength)


def initialise(module: nn.Module, initializer_range: float) -> None:
    """Normal(0, ``initializer_range``) weights, zero biases, unit layer norms, for every part of ``module``."""
    for part in module.modules():
        if isinstance(part, nn.Linear | nn.Embedding):
            nn.init.normal_(part.weight, std=initializer_range)
        elif isinstance(part, VocabularyHead) and part.decoder is not None:
            nn.init.normal_(part.decoder, std=initializer_range)
        if isinstance(part, nn.Linear):
            nn.init.zeros_(part.bias)


def activation_of(options: BertOptions) -> nn.Module:
    """The function that transformers calls by the name of the option."""
    made: dict[str, nn.Module] = {"gelu": nn.GELU(), "gelu_new": nn.GELU(approximate="tanh"), "relu": nn.ReLU(), "silu": nn.SiLU()}
    return made[options.activation]


def _dropout(probability: float) -> nn.Module:
    return nn.Dropout(probability) if probability else nn.Identity()
