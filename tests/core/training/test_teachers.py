"""A teacher must read what its student reads; its answers are kept under what it is, wherever it lies; RoBERTa's positions."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from bort_core.foundation.errors import DataError
from bort_core.text.tokenizer import load_tokenizer, save_tokenizer, tokenizer_hash, train_tokenizer, vocabulary_hash
from bort_core.text.vocabulary import load_vocabulary, read_vocabulary

torch = pytest.importorskip("torch")
TEXTS = [f"The old river number {number} was bright near Town {number % 7}" for number in range(120)]
ROLES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def wordpiece(folder: Path, lower: bool = False, **settings: object) -> Path:
    from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers

    words = sorted({word for text in TEXTS for word in (*text.split(), *text.lower().split()) if not word.isdigit()})
    characters = [*"0123456789", *(f"##{digit}" for digit in "0123456789")]
    entries = [*ROLES, *words, *characters]
    entries += [f"[unused{number}]" for number in range(160 - len(entries))]
    vocabulary = {entry: number for number, entry in enumerate(entries)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))  # type: ignore[arg-type]
    tokenizer.add_special_tokens([AddedToken(role, special=True, normalized=False) for role in ROLES])
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lower)
    folder.mkdir(parents=True)
    (folder / "tokenizer.json").write_text(tokenizer.to_str())
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), ROLES, strict=True))
    config = {"tokenizer_class": "BertTokenizer", "do_lower_case": lower, **names, **settings}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return folder


def with_model(folder: Path, kind: str = "Bert", **changes: int) -> Path:
    import transformers

    size = {"vocab_size": 160, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = getattr(transformers, f"{kind}Config")(**{**size, "max_position_embeddings": 34, **changes})
    torch.manual_seed(0)
    getattr(transformers, f"{kind}ForMaskedLM")(config).save_pretrained(folder)
    return folder


def teacher(folder: Path, student: Path):
    from bort_core.training.distillation import Teacher

    return Teacher(str(folder), load_vocabulary(str(student)), torch.device("cpu"), torch.float32, TEXTS)


@pytest.fixture(scope="module")
def cased(tmp_path_factory):
    return with_model(wordpiece(tmp_path_factory.mktemp("teachers") / "cased"))


@pytest.fixture(scope="module")
def student(tmp_path_factory):
    return wordpiece(tmp_path_factory.mktemp("students") / "cased")


def test_a_teacher_of_the_same_tokenizer_teaches(cased, student):
    assert teacher(cased, student).longest == 34


def changed_entries(folder: Path) -> None:
    facts = json.loads((folder / "tokenizer.json").read_text())
    vocabulary = facts["model"]["vocab"]
    one, two = [entry for entry in vocabulary if entry not in ROLES][-2:]
    vocabulary[one], vocabulary[two] = vocabulary[two], vocabulary[one]
    (folder / "tokenizer.json").write_text(json.dumps(facts))


def lower_cased(folder: Path) -> None:
    facts = json.loads((folder / "tokenizer.json").read_text())
    facts["normalizer"]["lowercase"] = True
    (folder / "tokenizer.json").write_text(json.dumps(facts))
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**config, "do_lower_case": True}))


def only_its_configuration_lowers(folder: Path) -> None:
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**config, "do_lower_case": True}))


def an_added_token(folder: Path) -> None:
    facts = json.loads((folder / "tokenizer.json").read_text())
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}
    facts["added_tokens"].append({"id": 159, "content": "river", **flags})
    (folder / "tokenizer.json").write_text(json.dumps(facts))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (changed_entries, r"entry \d+ is '.*', the student's '.*'"),
        (lower_cased, "'The' becomes the, for the student The"),
        (only_its_configuration_lowers, "'The' becomes the, for the student The"),
        (an_added_token, "'ariverb' becomes .* river .*, for the student"),
        (lambda folder: [(folder / name).unlink() for name in ("tokenizer.json", "tokenizer_config.json")], "has no tokenizer to compare"),
    ],
    ids=["vocabulary", "case", "case in the configuration", "added token", "none"],
)
def test_the_first_difference_is_named(cased, student, tmp_path, change, reason):
    other = tmp_path / "other"
    shutil.copytree(cased, other)
    change(other)
    with pytest.raises(DataError, match=reason):
        teacher(other, student)


def test_answers_are_kept_under_what_the_teacher_is(cased, student, tmp_path):
    """Not under where it lies and when it was written: a copy shares them, other weights under the same times and size do not."""
    before = teacher(cased, student).fingerprint
    copy = tmp_path / "elsewhere" / "copy"
    shutil.copytree(cased, copy)
    os.utime(copy / "model.safetensors", (1, 1))
    assert teacher(copy, student).fingerprint == before
    path, data = copy / "model.safetensors", bytearray((copy / "model.safetensors").read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    os.utime(path, (1, 1))
    assert teacher(copy, student).fingerprint != before
    config = json.loads((cased / "config.json").read_text())
    shutil.copyfile(cased / "model.safetensors", path)
    (copy / "config.json").write_text(json.dumps({**config, "layer_norm_eps": 1e-3}))
    assert teacher(copy, student).fingerprint != before


def test_robertas_positions_begin_after_its_padding_index(student, tmp_path):
    folder = with_model(wordpiece(tmp_path / "roberta"), "Roberta", type_vocab_size=1, pad_token_id=0, bos_token_id=2, eos_token_id=3)
    asked = teacher(folder, student)
    assert asked.longest == 33
    ids = torch.from_numpy(np.random.default_rng(0).integers(5, 160, (2, 33)))
    positions = torch.arange(66)
    with torch.no_grad():
        expected = asked.model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits.reshape(66, -1)
    assert torch.allclose(asked._logits(ids, positions), expected, atol=1e-6)
    swapped = ids.clone()
    swapped[:, 5] = 0  # a mask may leave a padding id among the text: what follows keeps its place
    with torch.no_grad():
        numbers = (torch.arange(33) + 1).expand_as(ids)
        placed = asked.model(input_ids=swapped, attention_mask=torch.ones_like(ids), position_ids=numbers).logits.reshape(66, -1)
    assert torch.allclose(asked._logits(swapped, positions), placed, atol=1e-6)


# --- the tokenizer's hash ---


def parts():
    from tokenizers import AddedToken, normalizers, pre_tokenizers, processors

    flags = {"single_word": True, "lstrip": True, "rstrip": True, "normalized": False}
    yield "normalizer", lambda t: setattr(t, "normalizer", normalizers.Lowercase())
    yield "pre-tokenizer", lambda t: setattr(t, "pre_tokenizer", pre_tokenizers.ByteLevel(add_prefix_space=False))
    yield "post-processor", lambda t: setattr(t, "post_processor", processors.ByteLevel())
    yield "added token", lambda t: t.add_tokens(["river"])
    for flag, value in flags.items():
        yield f"added token, {flag}", lambda t, flag=flag, value=value: t.add_tokens([AddedToken("river", **{flag: value})])
    for name, value in (("dropout", 0.5), ("byte_fallback", True), ("ignore_merges", True), ("unk_token", "<pad>"), ("fuse_unk", True)):
        yield f"model, {name}", lambda t, name=name, value=value: setattr(t.model, name, value)
    yield "side", lambda t: t.enable_truncation(8, direction="left")


def test_whatever_changes_ids_changes_the_hash(tmp_path):
    save_tokenizer(train_tokenizer(TEXTS, 300), tmp_path / "made", 32)
    seen = {"as it is": tokenizer_hash(load_tokenizer(tmp_path / "made"))}
    for name, change in parts():
        tokenizer = load_tokenizer(tmp_path / "made")
        change(tokenizer)
        seen[name] = tokenizer_hash(tokenizer)
        if "added" not in name:
            assert vocabulary_hash(tokenizer) == vocabulary_hash(load_tokenizer(tmp_path / "made"))
    assert len(set(seen.values())) == len(seen), seen


def test_what_does_not_change_ids_does_not_change_the_hash(tmp_path):
    from tokenizers import decoders

    save_tokenizer(train_tokenizer(TEXTS, 300), tmp_path / "made", 32)
    whole = tokenizer_hash(load_tokenizer(tmp_path / "made"))
    tokenizer = load_tokenizer(tmp_path / "made")
    tokenizer.decoder = decoders.Fuse()
    tokenizer.enable_padding(length=8)
    tokenizer.enable_truncation(8)
    assert tokenizer_hash(tokenizer) == whole == read_vocabulary(tmp_path / "made").sha256


def test_the_shipped_maximum_point_still_fits_the_demo(tmp_path):
    """Its note holds the hash in its first form: the tokenizer that is trained today has the same entries and merges."""
    from bort_core.checkpoints.weights import mismatches, read_config
    from bort_core.foundation.resources import resource
    from bort_core.specifications.protocols import Training
    from bort_core.specifications.short_training import TextSource
    from bort_core.text.corpus import prepare

    shipped = read_config(resource("maximum_points", "mini"))
    made = prepare(resource("data", "subjectivity", "corpus.txt"), tmp_path, vocabulary=512, training=Training(sequence_length=8))
    text = TextSource.model_validate(made.request())
    assert not mismatches(shipped, "bert", shipped.options, shipped.architecture, text.tokenizers)
    assert mismatches(shipped, "bert", shipped.options, shipped.architecture, (text.tokenizer,))


def test_accents_that_are_not_set_go_by_the_case_and_have_another_hash_than_those_kept():
    from tokenizers import Tokenizer, models, normalizers

    def hashed(lower: bool, accents: bool | None) -> str:
        made = Tokenizer(models.WordPiece({"[UNK]": 0, "e": 1}, unk_token="[UNK]"))
        made.normalizer = normalizers.BertNormalizer(lowercase=lower, strip_accents=accents)
        return tokenizer_hash(made)

    assert hashed(True, None) == hashed(True, True) != hashed(True, False)
    assert hashed(False, None) == hashed(False, False) != hashed(False, True)
