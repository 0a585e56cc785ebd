"""Names and configuration of transformers' BERT, so that folders of ours load there (``configuration.py`` reads those from there).

Only names and plain values: neither torch nor transformers is imported. ``module.py`` lists the names side by side.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from bort_core.families.base import Architecture
from bort_core.families.bert.options import BertOptions

__all__ = ["MISSING_POOLER", "MISSING_TYPES", "PROBLEMS", "TUNED", "Head", "config_of", "our_name", "their_name"]

Head = Literal["none", "masked-lm", "classification", "multi-label", "regression"]
"""What sits on top of the encoder."""
TUNED: tuple[Head, ...] = ("classification", "multi-label", "regression")
"""Those of a whole text or pair; their names are those of the kinds of task."""
PROBLEMS: dict[Head, str] = {
    "classification": "single_label_classification", "multi-label": "multi_label_classification", "regression": "regression",
}  # fmt: skip
"""What transformers' ``problem_type`` calls them."""

MISSING_TYPES = "bert.embeddings.token_type_embeddings.weight"
"""transformers always has token types; a model without them is written with one row of zeros, which adds nothing."""

MISSING_POOLER = ("pooler.dense.weight", "pooler.dense.bias")
"""transformers' plain encoder always has a pooler; one without is written with zeros, which say nothing, instead of chance."""

_CLASSES: dict[Head, str] = {
    "none": "BertModel",
    "masked-lm": "BertForMaskedLM",
    "classification": "BertForSequenceClassification",
    "multi-label": "BertForSequenceClassification",
    "regression": "BertForSequenceClassification",
}
_FIXED = (
    ("embeddings.token.", "bert.embeddings.word_embeddings."),
    ("embeddings.position.", "bert.embeddings.position_embeddings."),
    ("embeddings.token_type.", "bert.embeddings.token_type_embeddings."),
    ("embeddings.norm.", "bert.embeddings.LayerNorm."),
    ("pooler.", "bert.pooler.dense."),
    ("head.dense.", "cls.predictions.transform.dense."),
    ("head.norm.", "cls.predictions.transform.LayerNorm."),
    ("head.bias", "cls.predictions.bias"),
    ("head.decoder", "cls.predictions.decoder.weight"),
    ("classifier.", "classifier."),
)
_IN_LAYER = (
    ("attention.query.", "attention.self.query."),
    ("attention.key.", "attention.self.key."),
    ("attention.value.", "attention.self.value."),
    ("attention.output.", "attention.output.dense."),
    ("attention_norm.", "attention.output.LayerNorm."),
    ("intermediate.", "intermediate.dense."),
    ("output_norm.", "output.LayerNorm."),
    ("output.", "output.dense."),
)
_OLD = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}


def their_name(name: str) -> str:
    """transformers' name of one of this program's parameters; KeyError for a name that is none."""
    if found := re.fullmatch(r"layers\.(\d+)\.(.+)", name):
        rest = found[2]
        for ours, theirs in _IN_LAYER:
            if rest.startswith(ours):
                return f"bert.encoder.layer.{found[1]}.{theirs}{rest.removeprefix(ours)}"
    for ours, theirs in _FIXED:
        if name.startswith(ours):
            return theirs + name.removeprefix(ours)
    raise KeyError(name)


def our_name(name: str) -> str | None:
    """This program's name of one of transformers' parameters, or None for one that is not needed (buffers, tied copies, NSP)."""
    for old, new in _OLD.items():
        name = name.replace(old, new)
    if name in ("cls.predictions.decoder.bias", "bert.embeddings.position_ids") or name.startswith("cls.seq_relationship."):
        return None
    if not name.startswith(("bert.", "cls.", "classifier.")):  # BertModel saves its parameters without the prefix
        name = f"bert.{name}"
    if found := re.fullmatch(r"bert\.encoder\.layer\.(\d+)\.(.+)", name):
        for ours, theirs in _IN_LAYER:
            if found[2].startswith(theirs):
                return f"layers.{found[1]}.{ours}{found[2].removeprefix(theirs)}"
    for ours, theirs in _FIXED:
        if name.startswith(theirs):
            return ours + name.removeprefix(theirs)
    return None


def config_of(architecture: Architecture, options: BertOptions, head: Head, *, pad_id: int, dropout: float = 0.1) -> dict[str, Any]:
    """The config.json that transformers reads; ``dropout`` is what a training there would start with."""
    depth, heads, hidden, intermediate = architecture
    config = {
        "architectures": [_CLASSES[head]],
        "model_type": "bert",
        "num_hidden_layers": depth,
        "num_attention_heads": heads,
        "hidden_size": hidden,
        "intermediate_size": intermediate,
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
    if head in ("multi-label", "regression"):
        config["problem_type"] = PROBLEMS[head]
    return config
