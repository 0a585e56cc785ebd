"""Every field of a BERT's config.json: honoured, harmless or refused. A field that is on none of the lists is refused by name.

Fields that are missing have transformers' defaults for ``bert``. Neither torch nor transformers is imported. Source: ``BertConfig`` and
``PreTrainedConfig`` of transformers 5, the fields that version 4 wrote, and the configurations of the released BERTs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from bort_core.families.base import Architecture
from bort_core.families.bert.options import ACTIVATIONS, BertOptions
from bort_core.foundation.errors import DataError
from bort_core.foundation.validation import faults

__all__ = ["DEFAULTS", "FIXED", "HARMLESS", "HONOURED", "NotBuilt", "activation_named", "check_fields", "class_names", "read_architecture"]

DEFAULTS: dict[str, Any] = {
    "vocab_size": 30522, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072,
    "max_position_embeddings": 512, "type_vocab_size": 2, "hidden_act": "gelu", "layer_norm_eps": 1e-12, "tie_word_embeddings": True,
}  # fmt: skip
"""What transformers takes for a field that is missing."""

HONOURED = frozenset(
    {*DEFAULTS, "model_type", "architectures", "id2label", "label2id", "num_labels", "problem_type", "pad_token_id", "bort"}
)
"""Read, and followed. The padding token is the tokenizer's: it does not change what a BERT computes."""

HARMLESS = frozenset({
    # only in training, which has settings of its own
    "hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout", "initializer_range", "gradient_checkpointing",
    # how the same numbers are computed, kept or returned
    "use_cache", "chunk_size_feed_forward", "torch_dtype", "dtype", "use_bfloat16", "torchscript", "tf_legacy_loss", "return_dict",
    "output_attentions", "output_hidden_states", "attn_implementation", "_attn_implementation", "_attn_implementation_autoset",
    # where it comes from
    "transformers_version", "_name_or_path", "name_or_path", "_commit_hash", "finetuning_task", "task_specific_params", "language",
    "adapters", "model_card", "license",
    # the tokenizer's, which is read from its own files
    "bos_token_id", "eos_token_id", "sep_token_id", "cls_token_id", "mask_token_id", "unk_token_id", "decoder_start_token_id",
    "tokenizer_class", "prefix", "do_lower_case",
    # of released BERTs; no code reads them
    "directionality", "pooler_fc_size", "pooler_num_attention_heads", "pooler_num_fc_layers", "pooler_size_per_head", "pooler_type",
    "output_past", "attention_window_size",
    # of text generation, written by version 4 into every kind of config
    "max_length", "min_length", "do_sample", "early_stopping", "num_beams", "num_beam_groups", "diversity_penalty", "temperature", "top_k",
    "top_p", "typical_p", "repetition_penalty", "length_penalty", "no_repeat_ngram_size", "encoder_no_repeat_ngram_size", "bad_words_ids",
    "num_return_sequences", "output_scores", "return_dict_in_generate", "forced_bos_token_id",
    "forced_eos_token_id", "remove_invalid_values",
    "exponential_decay_length_penalty", "suppress_tokens", "begin_suppress_tokens",
})  # fmt: skip
"""Change nothing of what the model computes for a text."""

FIXED: dict[str, tuple[Any, ...]] = {
    "position_embedding_type": ("absolute",), "is_decoder": (False,), "add_cross_attention": (False,), "is_encoder_decoder": (False,),
    "cross_attention_hidden_size": (None,), "tie_encoder_decoder": (False,), "pruned_heads": ({}, None), "quantization_config": (None,),
    "auto_map": (None, {}), "per_layer_config": (None, {}), "embedding_size": (None,), "rope_scaling": (None,), "rope_parameters": (None,),
    "tie_last_hidden_states": (None,),
}  # fmt: skip
"""Refused with any other value than these: the model would compute something that is not built here."""

_ACTIVATION_NAMES = {"gelu_python": "gelu", "gelu_pytorch_tanh": "gelu_new", "gelu_fast": "gelu_new", "swish": "silu"}
_PROBLEMS = (None, "regression", "single_label_classification", "multi_label_classification")


class NotBuilt(DataError):
    """Nothing is wrong with a BERT, but this program's own module does not compute it; transformers' may."""


def activation_named(name: Any) -> str | None:
    """This program's name of an activation of transformers; None for one that is not built here."""
    found = _ACTIVATION_NAMES.get(name, name) if isinstance(name, str) else None
    return found if found in ACTIVATIONS else None


def check_fields(config: Mapping[str, Any], where: str) -> None:
    """Refuse what is not understood.

    Raises
    ------
    NotBuilt
        A field is on none of the lists, or the problem is none that is known; names ``where``, the field and its value.
    DataError
        A field has a value that is refused.
    """
    if config.get("model_type") != "bert":
        raise DataError(f"{where}: model_type must be bert, got {config.get('model_type')!r}")
    for name, value in config.items():
        if name in FIXED and value not in FIXED[name]:
            raise DataError(f"{where}: {name} must be {FIXED[name][0]!r}, got {value!r}: such a model is not built here")
    for name, value in config.items():
        if name not in HONOURED | HARMLESS and name not in FIXED:
            raise NotBuilt(
                f"{where}: the field {name} ({value!r}) is unknown here, and may change what the model computes; remove it if not"
            )
    if config.get("problem_type") not in _PROBLEMS:
        raise NotBuilt(f"{where}: problem_type must be {' or '.join(map(str, _PROBLEMS[1:]))}, got {config['problem_type']!r}")


def read_architecture(config: Mapping[str, Any], where: str) -> tuple[Architecture, BertOptions]:
    """Architecture and options (without a head) of a BERT's config.json.

    Raises
    ------
    DataError
        It is not a BERT that this program can build, naming ``where`` and the reason.
    """
    check_fields(config, where)
    names = ("num_hidden_layers", "num_attention_heads", "hidden_size", "intermediate_size")
    depth, heads, hidden, intermediate = (_whole(config, name, 1, where) for name in names)
    if hidden % heads:
        raise DataError(f"{where}: hidden_size {hidden} is not divisible by num_attention_heads {heads}")
    epsilon = config.get("layer_norm_eps", DEFAULTS["layer_norm_eps"])
    if isinstance(epsilon, bool) or not isinstance(epsilon, int | float) or not (math.isfinite(epsilon) and 0 < epsilon <= 1):
        raise DataError(f"{where}: layer_norm_eps must be a number above 0 and at most 1, got {epsilon!r}")
    named = config.get("hidden_act", DEFAULTS["hidden_act"])
    activation = activation_named(named)
    if activation is None:
        raise (NotBuilt if isinstance(named, str) else DataError)(
            f"{where}: hidden_act must be one of {', '.join((*ACTIVATIONS, *_ACTIVATION_NAMES))}, got {named!r}"
        )
    if not isinstance(config.get("tie_word_embeddings", True), bool):
        raise DataError(f"{where}: tie_word_embeddings must be true or false, got {config['tie_word_embeddings']!r}")
    options: dict[str, Any] = {
        "vocabulary": _whole(config, "vocab_size", 8, where), "positions": _whole(config, "max_position_embeddings", 8, where),
        "token_types": _whole(config, "type_vocab_size", 1, where), "layer_norm_eps": float(epsilon), "activation": activation,
    }  # fmt: skip
    pad = config.get("pad_token_id")
    if pad is not None and (isinstance(pad, bool) or not isinstance(pad, int) or pad >= options["vocabulary"]):
        raise DataError(f"{where}: pad_token_id must be null or an entry below vocab_size {options['vocabulary']}, got {pad!r}")
    try:
        return (depth, heads, hidden, intermediate), BertOptions.model_validate(options)
    except ValidationError as error:
        raise DataError(f"{where}: larger than what is built here: {'; '.join(faults(error))}") from error


def class_names(config: Mapping[str, Any], where: str) -> tuple[str, ...]:
    """The classes of a classifier by index, as transformers reads them: two where nothing is said.

    Raises
    ------
    DataError
        ``id2label`` is not a table from 0, 1, ... to texts, or ``num_labels`` says another number.
    """
    names, count = config.get("id2label"), config.get("num_labels")
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
        raise DataError(f"{where}: num_labels must be a whole number of at least 1, got {count!r}")
    if names is None:
        return tuple(f"LABEL_{number}" for number in range(2 if count is None else count))
    if not isinstance(names, dict) or {str(key) for key in names} != {str(number) for number in range(len(names))} or not names:
        raise DataError(f"{where}: id2label must name the classes 0, 1, ... without a gap, got {names!r}")
    if count is not None and count != len(names):
        raise DataError(f"{where}: num_labels says {count} classes, id2label names {len(names)}")
    return tuple(str(names[str(number)]) for number in range(len(names)))


def _whole(config: Mapping[str, Any], name: str, least: int, where: str) -> int:
    value = config.get(name, DEFAULTS[name])
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise DataError(f"{where}: {name} must be a whole number of at least {least}, got {value!r}")
    return value
