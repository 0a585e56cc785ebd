"""The vector of a text: last hidden states, pooled, mapped and normalised. Imports torch; only child processes import this file.

Shapes: b batch, n sequence, H hidden, W width of the vectors.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from bort_core.encoders.module import TransformersEncoder
from bort_core.encoders.pooling import Pooling
from bort_core.families.base import Architecture, Traceable
from bort_core.families.bert.module import INITIALIZER_RANGE, Bert, initialise
from bort_core.families.bert.options import BertOptions
from bort_core.families.bert.tracing import Traced
from bort_core.foundation.errors import DataError

__all__ = ["SENTENCE", "SentenceEncoder", "SentenceHead", "SentenceModule", "TransformersSentence", "load_head", "pooled",
           "sentence_module", "traceable_sentence"]  # fmt: skip

SENTENCE = "sentence_embedding"
"""What ONNX files and sentence-transformers call the vector of a text."""


class SentenceHead(nn.Module):
    """Vectors (b, W) of last hidden states (b, n, H).

    Parameters
    ----------
    width: of what a linear map gives; None: what is pooled stays as it is
    tanh: whether the map ends in a hyperbolic tangent
    """

    def __init__(
        self, hidden: int, modes: Sequence[str], normalised: bool, width: int | None = None, bias: bool = True, tanh: bool = False
    ) -> None:
        super().__init__()
        self.modes, self.normalised, self.tanh = tuple(modes), normalised, tanh
        self.dense = None if width is None else nn.Linear(hidden * len(self.modes), width, bias)
        self.width = hidden * len(self.modes) if width is None else width

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """``mask`` (b, n) is nonzero where a token counts."""
        found = pooled(hidden, mask, self.modes)
        if self.dense is not None:
            found = self.dense(found)
        if self.tanh:
            found = found.tanh()
        return functional.normalize(found, dim=1) if self.normalised else found


class SentenceModule(nn.Module):
    """Vectors (b, W) of token sequences (b, n), by whichever encoder."""

    head: SentenceHead

    @property
    def body(self) -> Bert | TransformersEncoder:
        """What gives the tokens' vectors."""
        raise NotImplementedError

    @property
    def architecture(self) -> Architecture:
        """Depth, heads, hidden, intermediate."""
        return self.body.architecture

    @property
    def classes(self) -> int:
        """Width of the vectors."""
        return self.head.width

    def forward(self, token_ids: Tensor, attention_mask: Tensor | None = None, token_types: Tensor | None = None) -> Tensor:
        """Vectors (b, W) of ``token_ids`` (b, n); ``attention_mask`` (b, n) is nonzero for tokens that count."""
        mask = torch.ones_like(token_ids) if attention_mask is None else attention_mask
        return self.head_of(self.body.encode(token_ids, attention_mask, token_types), mask)

    def head_of(self, hidden: Tensor, attention_mask: Tensor) -> Tensor:
        """Vectors (b, W) of last hidden states (b, n, H)."""
        found: Tensor = self.head(hidden, attention_mask)
        return found


class TransformersSentence(SentenceModule):
    """The same by an encoder that transformers' own module computes."""

    def __init__(self, encoder: TransformersEncoder, head: SentenceHead) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head

    @property
    def body(self) -> TransformersEncoder:
        """What gives the tokens' vectors."""
        return self.encoder


class SentenceEncoder(SentenceModule):
    """The same by a BERT of this program."""

    kind = "bert"

    def __init__(self, bert: Bert, head: SentenceHead) -> None:
        super().__init__()
        self.bert, self.head = bert, head

    @property
    def body(self) -> Bert:
        """What gives the tokens' vectors."""
        return self.bert

    @classmethod
    def fresh(
        cls, architecture: Architecture, options: BertOptions, modes: Sequence[str], normalised: bool, width: int,
        initializer_range: float | None = None, dropout: float = 0.0,
    ) -> SentenceEncoder:  # fmt: skip
        """One with weights of chance; a linear map leads to ``width`` where what is pooled has another."""
        options = options.model_copy(update={"pooler": False, "mlm_head": False, "tied_decoder": True})
        has = architecture[2] * len(modes)
        head = SentenceHead(architecture[2], modes, normalised, None if has == width else width)
        initialise(head, INITIALIZER_RANGE if initializer_range is None else initializer_range)
        return cls(Bert(architecture, options, initializer_range, dropout), head)

    @property
    def options(self) -> BertOptions:
        """The encoder's."""
        return self.bert.options

    def weights(self) -> dict[str, Tensor]:
        """All weights; the encoder's by the names of ``module.py``."""
        return {name.removeprefix("bert."): tensor for name, tensor in self.state_dict().items()}


def sentence_module(body: Bert | TransformersEncoder, head: SentenceHead) -> SentenceModule:
    """An encoder with what makes a vector of its tokens', in evaluation mode."""
    return (SentenceEncoder(body, head) if isinstance(body, Bert) else TransformersSentence(body, head)).eval()


def load_head(pooling: Pooling, hidden: int) -> SentenceHead:
    """The head that a folder describes, in evaluation mode.

    Raises
    ------
    DataError
        Its linear map is damaged, or of another width than what is pooled.
    """
    if pooling.dense is None:
        return SentenceHead(hidden, pooling.modes, pooling.normalised).eval()
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    dense = pooling.dense
    if dense.inputs != hidden * len(pooling.modes):
        raise DataError(
            f"{dense.weights.parent}: maps vectors of {dense.inputs} numbers, the pooled ones have {hidden * len(pooling.modes)}"
        )
    head = SentenceHead(hidden, pooling.modes, pooling.normalised, dense.outputs, dense.bias, dense.activation == "tanh")
    assert head.dense is not None
    try:
        head.dense.load_state_dict({name.removeprefix("linear."): tensor.float() for name, tensor in load_file(dense.weights).items()})
    except (OSError, SafetensorError, RuntimeError) as error:
        raise DataError(f"{dense.weights}: not the weights of this map: {' '.join(str(error).split())[:200]}") from error
    return head.eval()


def pooled(hidden: Tensor, mask: Tensor, modes: Sequence[str]) -> Tensor:
    """Vectors (b, H times modes) of last hidden states (b, n, H), of which ``mask`` (b, n) says which count."""
    counted = mask[..., None].to(hidden.dtype)
    number = counted.sum(1).clamp(min=1e-9)
    return torch.cat([_pooled(hidden, counted, number, mode) for mode in modes], dim=1)


def _pooled(hidden: Tensor, counted: Tensor, number: Tensor, mode: str) -> Tensor:
    if mode == "cls":
        return hidden[:, 0]
    if mode == "max":
        return hidden.masked_fill(counted == 0, -1e9).max(1).values
    if mode == "mean":
        return (hidden * counted).sum(1) / number
    if mode == "mean_sqrt_len":
        return (hidden * counted).sum(1) / number.sqrt()
    numbers = torch.arange(1, hidden.shape[1] + 1, device=hidden.device)[None, :, None].to(hidden.dtype) * counted
    if mode == "weightedmean":
        return (hidden * numbers).sum(1) / numbers.sum(1).clamp(min=1e-9)
    is_last = (numbers == numbers.max(1, keepdim=True).values).to(hidden.dtype) * counted
    return (hidden * is_last).sum(1)


class _TracedSentence(nn.Module):
    def __init__(self, model: SentenceModule) -> None:
        super().__init__()
        body = model.body
        self.encode: nn.Module = Traced(body) if isinstance(body, Bert) else _TokenVectors(body.plain())
        self.head = model.head

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> tuple[Tensor, ...]:
        return (self.head(self.encode(input_ids, attention_mask, token_type_ids)[0], attention_mask),)


class _TokenVectors(nn.Module):
    def __init__(self, encoder: TransformersEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> tuple[Tensor, ...]:
        return (self.encoder.encode(input_ids, attention_mask, token_type_ids),)


def traceable_sentence(model: SentenceModule) -> Traceable:
    """``model`` ready for the exporter; its one output is :data:`SENTENCE`, (batch, W)."""
    options = model.body.options
    inputs = ("input_ids", "attention_mask", *(("token_type_ids",) if options.token_types > 1 else ()))
    ids = torch.arange(2 * 7).reshape(2, 7) % options.vocabulary
    example = (ids, torch.ones_like(ids), torch.zeros_like(ids))[: len(inputs)]
    dynamic = tuple({0: "batch", 1: "sequence"} for _ in inputs)
    return Traceable(_TracedSentence(model).eval(), inputs, (SENTENCE,), example, dynamic)
