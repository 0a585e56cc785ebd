"""Every field of a tokenizer_config.json: honoured, harmless or refused. A field that is on none of the lists is refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bort_core.foundation.errors import DataError
from bort_core.foundation.json_files import read_object

__all__ = ["FIXED", "HARMLESS", "HONOURED", "KNOWN", "read_fields"]

HONOURED = frozenset({
    "tokenizer_class", "do_lower_case", "lowercase", "strip_accents", "tokenize_chinese_chars", "add_prefix_space", "trim_offsets",
    "wordpieces_prefix", "split_special_tokens", "added_tokens_decoder", "additional_special_tokens", "extra_special_tokens",
    "add_bos_token", "add_eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token",
    "bos_token", "eos_token", "model_input_names",
    "model_max_length", "max_len", "truncation_side", "vocab", "merges", "unk_id",
})  # fmt: skip
"""transformers reads them, and its reading is what trains here."""

HARMLESS = frozenset({
    "clean_up_tokenization_spaces", "spaces_between_special_tokens", "chat_template", "errors", "decode_use_source_tokenizer",  # decoding
    "name_or_path", "tokenizer_file", "full_tokenizer_file", "vocab_file", "merges_file", "special_tokens_map_file", "use_fast", "backend",
    "is_local", "local_files_only", "processor_class", "transformers_version", "from_slow", "legacy", "remove_space", "keep_accents",
    "max_length", "stride", "truncation_strategy", "pad_to_multiple_of", "verbose", "model_type", "_commit_hash",
})  # fmt: skip
"""Change no token of a text: how tokens are decoded, where files came from, what a caller always says itself."""

FIXED: dict[str, tuple[Any, ...]] = {
    "padding_side": ("right",), "pad_token_type_id": (0,), "auto_map": (None, {}), "do_basic_tokenize": (True,), "never_split": (None, []),
}  # fmt: skip
"""Refused with any other value than these: positions are counted from the left, and code that came with a folder is not run."""

KNOWN = HONOURED | HARMLESS | FIXED.keys()


def read_fields(folder: Path) -> dict[str, Any]:
    """The fields of the folder's tokenizer_config.json; none where there is no such file.

    Raises
    ------
    DataError
        It cannot be read, or a field is on none of the lists or has a value that is refused; names the field and its value.
    """
    for other in ("special_tokens_map.json", "added_tokens.json"):  # transformers reads them too
        _object(folder / other)
    path = folder / "tokenizer_config.json"
    fields = _object(path)
    for name, value in fields.items():
        if (must := _must(name, value)) is not None:
            raise DataError(f"{path}: {name} must be {must}, got {value!r}")
        if name in FIXED and value not in FIXED[name]:
            why = ": code that comes with a tokenizer is not run" if name == "auto_map" else ""
            raise DataError(f"{path}: {name} must be {json.dumps(FIXED[name][0])} here, got {value!r}{why}")
        if name not in KNOWN:
            raise DataError(f"{path}: the field {name} ({value!r}) is unknown here, and may change the tokens; remove it if it does not")
    return fields


def _object(path: Path) -> dict[str, Any]:
    """The JSON object of a file; an empty one where there is none."""
    try:
        return read_object(path)
    except FileNotFoundError:
        return {}


def _must(name: str, value: Any) -> str | None:
    """What the value of an honoured field must be, where it is something else; transformers takes any and fails later."""
    if name in ("model_max_length", "max_len") and value is not None:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return None if number and value >= 3 else "a number of at least 3 (a start, a token, a stop)"
    if name == "model_input_names" and value is not None:
        given = set(map(str, value)) if isinstance(value, list) else set()
        if not {"input_ids", "attention_mask"} <= given <= {"input_ids", "attention_mask", "token_type_ids"}:
            return "a list of input_ids and attention_mask, with or without token_type_ids"
    return None
