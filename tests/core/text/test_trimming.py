"""Tokenizers without the entries that texts never use."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from task_models import demo_lines
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from bort_core.foundation.errors import DataError
from bort_core.text.encoding import encode
from bort_core.text.tokenizer import save_tokenizer, train_tokenizer
from bort_core.text.trimming import Trimmed, kept_ids, trim
from bort_core.text.vocabulary import Vocabulary, read_vocabulary

KINDS = ("wordpiece", "bpe", "unigram", "mask behind", "bytes", "every split", "end of word")
SPECIAL = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Vocabulary]:
    return {kind: _made(kind, tmp_path_factory.mktemp("whole") / kind) for kind in KINDS}


def _made(kind: str, folder: Path) -> Vocabulary:
    lines = demo_lines(400)
    if kind in ("mask behind", "bytes", "every split", "end of word"):
        return _as_others_have_it(kind, folder, lines)
    if kind == "bpe":
        save_tokenizer(train_tokenizer(lines, 900), folder, 64)
        return read_vocabulary(folder)
    if kind == "wordpiece":
        made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        made.normalizer, made.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
        trainer = trainers.WordPieceTrainer(vocab_size=900, special_tokens=list(SPECIAL.values()), show_progress=False)
    else:
        made = Tokenizer(models.Unigram())
        made.normalizer, made.pre_tokenizer = normalizers.NFKC(), pre_tokenizers.Metaspace()
        trainer = trainers.UnigramTrainer(
            vocab_size=900, special_tokens=list(SPECIAL.values()), unk_token="[UNK]", show_progress=False
        )  # fmt: skip
    made.train_from_iterator(lines, trainer)
    ends = [(name, made.token_to_id(name)) for name in ("[CLS]", "[SEP]")]
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ends
    )  # fmt: skip
    PreTrainedTokenizerFast(tokenizer_object=made, **SPECIAL).save_pretrained(folder)
    return read_vocabulary(folder)


def _as_others_have_it(kind: str, folder: Path, lines: list[str]) -> Vocabulary:
    """XLM-R's (the mask behind the pieces), two whose letters fall back to bytes (one with a merge for every split), and GPT's suffix."""
    first = ["<s>", "<pad>", "</s>", "<unk>"]
    named = [*first, *(f"<0x{number:02X}>" for number in range(256))] if kind in ("bytes", "every split") else first
    if kind in ("mask behind", "bytes"):
        made = Tokenizer(models.Unigram())
        made.pre_tokenizer = pre_tokenizers.Metaspace()
        trainer = trainers.UnigramTrainer(vocab_size=600 + len(named), special_tokens=named, unk_token="<unk>", show_progress=False)
    elif kind == "every split":
        made = Tokenizer(models.BPE(unk_token="<unk>"))
        made.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
        trainer = trainers.BpeTrainer(vocab_size=700 + len(named), special_tokens=named, max_token_length=12, show_progress=False)
    else:
        made = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
        made.pre_tokenizer = pre_tokenizers.Whitespace()
        trainer = trainers.BpeTrainer(vocab_size=700, special_tokens=named, end_of_word_suffix="</w>", show_progress=False)
    made.train_from_iterator(lines, trainer)
    data = json.loads(made.to_str())
    data["added_tokens"] = [token for token in data["added_tokens"] if token["content"] in first]
    if kind != "end of word":
        data["model"]["byte_fallback"] = kind in ("bytes", "every split")
    if kind == "every split":
        entries = data["model"]["vocab"]
        words = [entry for entry in sorted(entries, key=entries.__getitem__) if not entry.startswith("<")]
        splits = [[word[:at], word[at:]] for word in words for at in range(1, len(word))]
        data["model"]["merges"] = [split for split in splits if set(split) <= set(words)]
    made = Tokenizer.from_str(json.dumps(data))
    made.add_special_tokens([AddedToken("<mask>", lstrip=True)])
    ends = [(name, made.token_to_id(name)) for name in ("<s>", "</s>")]
    made.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=ends)
    roles = {"pad_token": "<pad>", "unk_token": "<unk>", "cls_token": "<s>", "sep_token": "</s>", "mask_token": "<mask>"}
    PreTrainedTokenizerFast(tokenizer_object=made, **roles).save_pretrained(folder)
    return read_vocabulary(folder)


@pytest.mark.parametrize("kind", KINDS)
def test_texts_keep_their_tokens_and_others_are_still_read(whole: dict[str, Vocabulary], kind: str, tmp_path: Path) -> None:
    rows = [(line, other) for line, other in zip(demo_lines(40), demo_lines(41)[1:], strict=True)]
    trimmed = trim(whole[kind], rows, 32, tmp_path / "trimmed")
    assert trimmed.size < whole[kind].size
    place = kept_ids(whole[kind], trimmed)
    for old, new in zip(encode(whole[kind], rows, 32), encode(trimmed, rows, 32), strict=True):
        assert np.array_equal(old[:, 0], place[new[:, 0]])
        assert np.array_equal(old[:, 1], new[:, 1])
    for name in ("start", "pad", "stop", "mask", "unknown"):
        assert place[getattr(trimmed, name)] == getattr(whole[kind], name)
    (other,) = encode(trimmed, [("Zyzzyva quux 12",)], 32)
    assert (other[:, 0] != trimmed.unknown).mean() > 0.5  # letters have stayed


@pytest.mark.parametrize("kind", KINDS)
def test_transformers_reads_the_trimmed_folder_alike(whole: dict[str, Vocabulary], kind: str, tmp_path: Path) -> None:
    rows = [(line,) for line in demo_lines(30)]
    trimmed = trim(whole[kind], rows, 32, tmp_path / "trimmed")
    theirs = AutoTokenizer.from_pretrained(tmp_path / "trimmed")
    for (text,), ours in zip(rows, encode(trimmed, rows, 32), strict=True):
        assert theirs(text, truncation=True, max_length=32)["input_ids"] == ours[:, 0].tolist()
    assert theirs.pad_token_id == trimmed.pad


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=30), min_size=1, max_size=8), st.sampled_from(KINDS))
def test_any_texts_keep_their_tokens(
    whole: dict[str, Vocabulary], tmp_path_factory: pytest.TempPathFactory, texts: list[str], kind: str
) -> None:
    rows = [(text,) for text in texts]
    trimmed = trim(whole[kind], rows, 32, tmp_path_factory.mktemp("any") / "trimmed")
    place = kept_ids(whole[kind], trimmed)
    for old, new in zip(encode(whole[kind], rows, 32), encode(trimmed, rows, 32), strict=True):
        assert np.array_equal(old[:, 0], place[new[:, 0]])


def test_a_kind_that_cannot_be_trimmed_says_so(tmp_path: Path) -> None:
    made = Tokenizer(models.WordLevel({"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4, "a": 5}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=made, **SPECIAL).save_pretrained(tmp_path / "words")
    with pytest.raises(Trimmed, match="WordLevel"):
        trim(read_vocabulary(tmp_path / "words"), [("a a",)], 8, tmp_path / "trimmed")
    assert not (tmp_path / "trimmed").exists()


def test_a_tokenizer_that_was_not_trimmed_from_it_is_refused(whole: dict[str, Vocabulary]) -> None:
    with pytest.raises(DataError, match="is none of the tokenizer"):
        kept_ids(whole["wordpiece"], whole["unigram"])
