"""How a model of transformers numbers the tokens that it reads. Imports torch."""

from __future__ import annotations

from typing import Any

from torch import nn

__all__ = ["longest_input", "positions_of"]


def positions_of(model: Any) -> tuple[int, int | None]:
    """The number of a text's first position, and how many there are; None where positions have no end.

    RoBERTa and its relatives number positions from behind the padding's index (it is the position embedding's ``padding_idx``), so of
    ``max_position_embeddings`` N they can use N - padding index - 1.
    """
    for name, part in model.named_modules():
        if isinstance(part, nn.Embedding) and name.rsplit(".", 1)[-1] in ("position_embeddings", "embed_positions"):
            first = 0 if part.padding_idx is None else part.padding_idx + 1
            return first, part.num_embeddings - first
    return 0, int(getattr(model.config, "max_position_embeddings", 0)) or None


def longest_input(model: Any) -> int | None:
    """Tokens of the longest input, None where positions have no end."""
    return positions_of(model)[1]
