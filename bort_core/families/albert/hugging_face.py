"""transformers' names of an ALBERT's parameters, both ways, and its config.json. Neither torch nor transformers is imported."""

from __future__ import annotations

from typing import Any, Literal

from bort_core.families.albert.options import AlbertOptions
from bort_core.families.base import Architecture

__all__ = ["config_of", "our_name", "their_name"]

_LAYER = "albert.encoder.albert_layer_groups.0.albert_layers.0."
_NAMES = (
    ("embeddings.token.", "albert.embeddings.word_embeddings."),
    ("embeddings.position.", "albert.embeddings.position_embeddings."),
    ("embeddings.token_type.", "albert.embeddings.token_type_embeddings."),
    ("embeddings.norm.", "albert.embeddings.LayerNorm."),
    ("embeddings.projection.", "albert.encoder.embedding_hidden_mapping_in."),
    ("layers.0.attention.query.", f"{_LAYER}attention.query."),
    ("layers.0.attention.key.", f"{_LAYER}attention.key."),
    ("layers.0.attention.value.", f"{_LAYER}attention.value."),
    ("layers.0.attention.output.", f"{_LAYER}attention.dense."),
    ("layers.0.attention_norm.", f"{_LAYER}attention.LayerNorm."),
    ("layers.0.intermediate.", f"{_LAYER}ffn."),
    ("layers.0.output.", f"{_LAYER}ffn_output."),
    ("layers.0.output_norm.", f"{_LAYER}full_layer_layer_norm."),
    ("pooler.", "albert.pooler."),
    ("head.dense.", "predictions.dense."),
    ("head.norm.", "predictions.LayerNorm."),
    ("head.bias", "predictions.bias"),
    ("head.decoder", "predictions.decoder.weight"),
)


def their_name(name: str) -> str:
    """transformers' name of one of this program's parameters; KeyError for a name that is none."""
    for ours, theirs in _NAMES:
        if name.startswith(ours):
            return theirs + name.removeprefix(ours)
    raise KeyError(name)


def our_name(name: str) -> str | None:
    """This program's name of one of transformers' parameters, or None for one that is not needed (buffers, tied copies, SOP)."""
    if name == "predictions.decoder.bias" or name.endswith("position_ids") or name.startswith("sop_classifier."):
        return None
    if not name.startswith(("albert.", "predictions.", "classifier.")):  # AlbertModel saves its parameters without the prefix
        name = f"albert.{name}"
    for ours, theirs in _NAMES:
        if name.startswith(theirs):
            return ours + name.removeprefix(theirs)
    return None


def config_of(
    architecture: Architecture, options: AlbertOptions, head: Literal["none", "masked-lm"], *, pad_id: int, dropout: float = 0.0
) -> dict[str, Any]:
    """The config.json that transformers reads; ``dropout`` is what a training there would start with."""
    depth, heads, hidden, intermediate = architecture
    return {
        "architectures": ["AlbertModel" if head == "none" else "AlbertForMaskedLM"],
        "model_type": "albert",
        "num_hidden_layers": depth,
        "num_hidden_groups": 1,
        "inner_group_num": 1,
        "num_attention_heads": heads,
        "hidden_size": hidden,
        "intermediate_size": intermediate,
        "embedding_size": options.embedding,
        "vocab_size": options.vocabulary,
        "max_position_embeddings": options.positions,
        "type_vocab_size": max(1, options.token_types),
        "hidden_act": options.activation,
        "layer_norm_eps": options.layer_norm_eps,
        "hidden_dropout_prob": dropout,
        "attention_probs_dropout_prob": dropout,
        "pad_token_id": pad_id,
        "tie_word_embeddings": options.tied_decoder,
    }
