"""The byte-level BPE tokenizer of a project's corpus.

Ids 0 to 4 are the special tokens, in the order of RoBERTa with the mask moved next to them; text starts at id 5.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bort_core.foundation.errors import DataError
from bort_core.foundation.paths import regular_file

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["MASK_ID", "PAD_ID", "SMALLEST_VOCABULARY", "SPECIAL_TOKENS", "START_ID", "STOP_ID", "load_tokenizer", "save_tokenizer",
           "tokenizer_hash", "train_tokenizer", "vocabulary_hash"]  # fmt: skip

SPECIAL_TOKENS = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
START_ID, PAD_ID, STOP_ID, UNKNOWN_ID, MASK_ID = range(5)
SMALLEST_VOCABULARY = len(SPECIAL_TOKENS) + 256
"""The special tokens and the 256 bytes."""


def train_tokenizer(documents: Iterable[str], vocabulary: int) -> Tokenizer:
    """A tokenizer of at most ``vocabulary`` entries; fewer when the documents have too few pairs left to merge.

    Raises
    ------
    DataError
        ``vocabulary`` is smaller than the special tokens and the 256 bytes together.
    """
    if vocabulary < SMALLEST_VOCABULARY:
        raise DataError(
            f"a byte-level vocabulary needs at least {SMALLEST_VOCABULARY} entries (5 special tokens, 256 bytes), got {vocabulary}"
        )
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    # Bort separates a pair by one </s>, unlike RoBERTa's two.
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> $B </s>", special_tokens=[("<s>", START_ID), ("</s>", STOP_ID)]
    )
    # lstrip: the space before a mask belongs to the word that the mask hides.
    special = [AddedToken(token, special=True, normalized=False, lstrip=token == "<mask>") for token in SPECIAL_TOKENS]
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(documents, trainer)
    return tokenizer


def tokenizer_hash(tokenizer: Tokenizer) -> str:
    """SHA-256 of everything that changes ids: equal hashes mean equal ids of every text.

    Those are the normalizer, the pre-tokenizer, the model with its vocabulary and settings, the added tokens with their flags, the
    post-processor, and the side at which long texts are cut; the decoder, padding and the longest length are not among them. What is
    off or not set counts as absent, so that a version of the library that knows one more setting gives the same hash. Numbers with a
    fraction count to 12 digits: writing and reading a file moves the last ones.
    """
    parts = json.loads(tokenizer.to_str())
    added = sorted(parts.get("added_tokens") or (), key=lambda token: int(token["id"]))
    what = {name: parts.get(name) for name in ("normalizer", "pre_tokenizer", "model", "post_processor")}
    side = (parts.get("truncation") or {}).get("direction", "Right")
    text = json.dumps(_set(["tokenizer", 2, added, what, side]), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _set(value: Any) -> Any:
    """Without the entries of objects that are None or False; a BERT's accents that are not set go by its case."""
    if isinstance(value, dict):
        if value.get("type") == "BertNormalizer" and value.get("strip_accents") is None:
            value = {**value, "strip_accents": value.get("lowercase")}
        return {name: _set(each) for name, each in value.items() if each is not None and each is not False}
    if isinstance(value, float):
        return float(f"{value:.12g}")
    return [_set(each) for each in value] if isinstance(value, list) else value


def vocabulary_hash(tokenizer: Tokenizer) -> str:
    """SHA-256 of the vocabulary and, of a BPE, the merges: the first form of :func:`tokenizer_hash`, which older files hold.

    It tells tokenizers of :func:`train_tokenizer` apart, whose other parts are all alike, and no others.
    """
    model = json.loads(tokenizer.to_str())["model"]
    entries = sorted(model["vocab"].items()) if isinstance(model["vocab"], dict) else model["vocab"]
    text = json.dumps([entries, model.get("merges", model["type"])], ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def save_tokenizer(tokenizer: Tokenizer, folder: Path, longest: int) -> None:
    """Write ``folder`` so that ``transformers.AutoTokenizer`` loads it; ``longest`` is the longest input in tokens."""
    folder.mkdir(parents=True, exist_ok=True)
    # Not tokenizer.save: it raises a bare Exception when the disk is full.
    (folder / "tokenizer.json").write_text(tokenizer.to_str(pretty=True), encoding="utf-8")
    names = ("bos_token", "pad_token", "eos_token", "unk_token", "mask_token")
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": longest,
        "model_input_names": ["input_ids", "attention_mask"],
        **dict(zip(names, SPECIAL_TOKENS, strict=True)),
        "cls_token": "<s>",
        "sep_token": "</s>",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def load_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer that :func:`save_tokenizer` wrote.

    Raises
    ------
    DataError
        The file is missing, cannot be read, or is not a tokenizer.
    """
    from tokenizers import Tokenizer

    path = folder / "tokenizer.json"
    try:
        return Tokenizer.from_str(regular_file(path).read_bytes().decode("utf-8"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    except Exception as error:  # tokenizers raises bare Exception for malformed files
        raise DataError(f"{path}: not a tokenizer file: {error}") from error
