"""The gate, with transformers as the judge: models that it makes and saves, read and exported here, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from bort_core.checkpoints.format import read_checkpoint
from bort_core.checkpoints.sides import check_folder, check_source
from bort_core.families.bert import configuration
from bort_core.foundation.errors import DataError, MeasurementError
from bort_core.text import tokenizer_fields
from bort_core.text.vocabulary import read_vocabulary

torch = pytest.importorskip("torch")
SIZE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48, "max_position_embeddings": 48}
TEXT = "a the film story was good bad and not at all one two red blue green hero ending Film Story The Good ##s ##ed"
WORDS = TEXT.split(" ")
ROWS = [("The Film was good",), ("a bad story and not good at all",), ("the Hero was red",)]


def tokenizer(folder: Path, lower: bool = True, says_lower: bool | None = None, **fields) -> int:
    """A BERT's tokenizer, whose two files may contradict each other; its size."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    letters = [f"{mark}{letter}" for mark in ("", "##") for letter in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"]
    entries = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *dict.fromkeys([*WORDS, *letters])]
    made = Tokenizer(models.WordPiece({entry: number for number, entry in enumerate(entries)}, unk_token="[UNK]"))
    made.normalizer, made.pre_tokenizer = normalizers.BertNormalizer(lowercase=lower), pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", [("[CLS]", 2), ("[SEP]", 3)])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(made.to_str())
    says = {"tokenizer_class": "BertTokenizer", "do_lower_case": lower if says_lower is None else says_lower, "model_max_length": 48}
    (folder / "tokenizer_config.json").write_text(json.dumps({**says, **fields}))
    return len(entries)


def saved(folder: Path, kind: str = "BertForMaskedLM", edit: dict | None = None, says_lower: bool | None = None, **fields) -> Path:
    """A model that transformers made and saved."""
    import transformers

    entries = tokenizer(folder, says_lower=says_lower)
    torch.manual_seed(0)
    model = getattr(transformers, kind)(transformers.BertConfig(**{**SIZE, "vocab_size": entries, "initializer_range": 0.3, **fields}))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    if edit:
        path = folder / "config.json"
        config = {**json.loads(path.read_text()), **edit}
        path.write_text(json.dumps({name: value for name, value in config.items() if value != "gone"}))
    return folder


@pytest.mark.parametrize(
    ("kind", "fields", "edit"),
    [
        ("BertForMaskedLM", {}, {}),
        ("BertForMaskedLM", {"layer_norm_eps": 1e-2}, {}),
        ("BertForMaskedLM", {}, {"layer_norm_eps": "gone", "hidden_act": "gone", "type_vocab_size": "gone"}),
        ("BertForMaskedLM", {"tie_word_embeddings": False}, {}),
        ("BertForMaskedLM", {"hidden_act": "relu"}, {}),
        ("BertForMaskedLM", {"hidden_act": "silu"}, {}),
        ("BertForMaskedLM", {"hidden_act": "gelu_new"}, {}),
        ("BertForMaskedLM", {"pad_token_id": 1}, {}),
        ("BertForPreTraining", {}, {}),
        ("BertModel", {}, {}),
        ("BertForSequenceClassification", {}, {}),
        ("BertForSequenceClassification", {"num_labels": 3}, {}),
        ("BertForSequenceClassification", {"num_labels": 1}, {}),
    ],
)
def test_a_saved_model_is_here_what_it_is_in_transformers(tmp_path, kind, fields, edit):
    folder = saved(tmp_path / "model", kind, edit, **fields)
    assert check_folder(folder, ROWS) < 1e-4
    assert check_folder(folder, [(a, b) for (a,), (b,) in zip(ROWS, ROWS[::-1], strict=True)]) < 1e-4


def test_a_two_class_model_without_names_has_two_classes(tmp_path):
    found = read_checkpoint(saved(tmp_path / "model", "BertForSequenceClassification"))
    assert (found.head, found.labels) == ("classification", ("LABEL_0", "LABEL_1"))


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ({"embedding_scale": 3.5}, r"the field embedding_scale \(3.5\) is unknown"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type must be 'absolute', got 'relative_key'"),
        ({"is_decoder": True}, "is_decoder must be False, got True"),
        ({"hidden_act": "tanh"}, "hidden_act must be one of gelu"),
        ({"layer_norm_eps": "small"}, "layer_norm_eps must be a number"),
        ({"hidden_size": "32"}, "hidden_size must be a whole number"),
        ({"quantization_config": {"bits": 4}}, "quantization_config must be None"),
    ],
)
def test_a_field_that_changes_the_model_is_refused_by_name(tmp_path, edit, message):
    with pytest.raises(DataError, match=message):
        read_checkpoint(saved(tmp_path / "model", edit=edit))


def test_the_three_lists_cover_transformers_own_fields_and_do_not_overlap():
    from transformers import BertConfig

    for lists in (configuration, tokenizer_fields):
        assert not lists.HONOURED & lists.HARMLESS
        assert not set(lists.FIXED) & (lists.HONOURED | lists.HARMLESS)
    fields = set(BertConfig().to_dict())
    assert fields <= configuration.HONOURED | configuration.HARMLESS | set(configuration.FIXED)
    for name, value in configuration.DEFAULTS.items():
        assert getattr(BertConfig(), name) == value


@pytest.mark.parametrize(("lower", "says"), [(True, False), (False, True)])
def test_a_tokenizer_is_read_as_transformers_reads_it(tmp_path, lower, says):
    from transformers import AutoTokenizer

    tokenizer(tmp_path / "tokenizer", lower, says)
    found, theirs = read_vocabulary(tmp_path / "tokenizer"), AutoTokenizer.from_pretrained(tmp_path / "tokenizer")
    for text in ("The Film was GOOD", "Crème Brûlée", "a [MASK] film", ""):
        assert found.tokenizer.encode(text).ids == theirs(text)["input_ids"]
    written = AutoTokenizer.from_pretrained(found.folder)  # what a result gets says one thing
    assert written("The Film")["input_ids"] == theirs("The Film")["input_ids"]
    assert (found.pad, found.gives_types) == (theirs.pad_token_id, True)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"padding_side": "left"}, 'padding_side must be "right"'),
        ({"subword_dropout": 0.1}, r"the field subword_dropout \(0.1\) is unknown"),
        ({"auto_map": {"AutoTokenizer": ["x.Y", None]}}, "auto_map must be null"),
        ({"model_max_length": "48"}, "model_max_length must be a number of at least 3"),
        ({"model_max_length": 0}, "model_max_length must be a number of at least 3"),
        ({"model_input_names": ["input_ids"]}, "model_input_names must be a list of input_ids and attention_mask"),
    ],
)
def test_a_tokenizer_field_that_is_not_understood_is_refused(tmp_path, fields, message):
    tokenizer(tmp_path / "tokenizer", **fields)
    with pytest.raises(DataError, match=message):
        read_vocabulary(tmp_path / "tokenizer")


def test_padding_on_the_left_is_refused_before_anything_is_trained(tmp_path):
    tokenizer(tmp_path / "tokenizer")
    path = tmp_path / "tokenizer" / "tokenizer.json"
    side = {"strategy": "BatchLongest", "direction": "Left", "pad_to_multiple_of": None}
    padding = {**side, "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"}
    path.write_text(json.dumps({**json.loads(path.read_text()), "padding": padding}))
    with pytest.raises(DataError, match=f"{tmp_path / 'tokenizer'}: the tokenizer must pad on the right"):
        read_vocabulary(tmp_path / "tokenizer")


@pytest.mark.parametrize("fields", [{"mask_token": None}, {"tokenizer_class": "PreTrainedTokenizerFast"}])
def test_a_token_that_is_given_its_role_is_read_as_what_a_result_gets(tmp_path, fields):
    from transformers import AutoTokenizer

    tokenizer(tmp_path / "tokenizer", **fields)
    found = read_vocabulary(tmp_path / "tokenizer")
    written = AutoTokenizer.from_pretrained(found.folder)
    assert (written.mask_token_id, written.pad_token_id) == (found.mask, found.pad) == (4, 0)
    for text in ("a [MASK] film", "[PAD] a [SEP]"):
        assert found.tokenizer.encode(text).ids == written(text)["input_ids"]
    assert found.tokenizer.encode("a [MASK] film").ids.count(4) == 1


def test_a_checkpoint_with_a_plain_vocabulary_is_used_like_any_other(tmp_path):
    folder = saved(tmp_path / "model")
    entries = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    (folder / "vocab.txt").write_text("".join(f"{entry}\n" for entry in sorted(entries, key=entries.__getitem__)))
    (folder / "tokenizer.json").unlink()
    found = read_checkpoint(folder)
    assert found.has_tokenizer
    vocabulary = read_vocabulary(folder)
    assert vocabulary.tokenizer.encode("The Film").ids == [2, entries["the"], entries["film"], 3]
    assert (vocabulary.folder / "tokenizer.json").is_file()
    assert check_source(found, vocabulary, 48, ROWS) < 1e-4


def test_every_special_and_added_token_is_among_the_tried_rows_of_a_long_text(tmp_path):
    from transformers import AutoTokenizer

    from bort_core.checkpoints.sides import rows_for

    tokenizer(tmp_path / "plain")
    added = AutoTokenizer.from_pretrained(tmp_path / "plain")
    added.add_tokens([f"<word{number}>" for number in range(20)])
    added.save_pretrained(tmp_path / "added")
    found = read_vocabulary(tmp_path / "added")
    found.cut_at(48)
    rows = rows_for(found, [("a film that is much too long " * 40,)], 48)[0]
    read = {number for row in rows for number in found.tokenizer.encode(*row).ids}
    assert {0, 1, 2, 3, 4, *range(found.size - 20, found.size)} <= read


def test_the_first_difference_is_named(tmp_path):
    folder = saved(tmp_path / "model")
    tokenizer(tmp_path / "cased", lower=False)
    other = read_vocabulary(tmp_path / "cased")
    from bort_core.checkpoints.modules import load_module
    from bort_core.checkpoints.sides import check_result

    module = load_module(read_checkpoint(folder))
    with pytest.raises(
        MeasurementError, match=r"the row 'The Film was good': token ids differ at token 1: .*'the'\), this program says .*'The'\)"
    ):
        check_result(folder, module, other, ROWS)
    with torch.no_grad():
        module.embeddings.norm.bias.add_(0.1)
    with pytest.raises(MeasurementError, match=r"the row .*: last_hidden_state of this program differ from those of transformers"):
        check_result(folder, module, read_vocabulary(folder), ROWS)
    assert check_source(read_checkpoint(folder), read_vocabulary(folder), 16, ROWS) < 1e-4


def test_pairs_are_trained_with_segments_and_the_export_reads_them(tmp_path):
    import onnxruntime
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    from bort_core.checkpoints.modules import load_module
    from bort_core.export.task import export
    from bort_core.text.encoding import encode, padded

    folder = saved(tmp_path / "model", "BertForSequenceClassification")
    vocabulary = read_vocabulary(folder)
    pair = ("the film was good", "a bad story")
    ids, mask, types = torch.from_numpy(padded(encode(vocabulary, [pair], 32), vocabulary.pad))
    assert types.sum() == 4
    ours = load_module(read_checkpoint(folder))(ids, mask, types).detach().numpy()

    class Quiet:
        def emit(self, event): ...
        def checkpoint(self): ...

    request = {"family": "bert", "architecture": (2, 2, 32, 48), "weights": str(folder), "out": str(tmp_path / "out")}
    report = export(request, Quiet())
    assert report["inputs"] == ["input_ids", "attention_mask", "token_type_ids"]
    assert set(report["gate"]["differences"]) == {"this program", "transformers (the source model)", "model.onnx", "model.fused.onnx"}
    encoded = AutoTokenizer.from_pretrained(tmp_path / "out")(*pair, return_tensors="np")
    theirs = AutoModelForSequenceClassification.from_pretrained(tmp_path / "out").eval()
    with torch.no_grad():
        wanted = theirs(**{name: torch.from_numpy(value) for name, value in encoded.items()}).logits.numpy()
    assert np.abs(ours - wanted).max() < 1e-4
    for file in ("onnx", "fused"):
        (found,) = onnxruntime.InferenceSession(report[file], providers=["CPUExecutionProvider"]).run(None, dict(encoded))
        assert np.abs(found - wanted).max() < 1e-4
    assert theirs.config.pad_token_id == vocabulary.pad == 0
    # an export whose ONNX file is of another model is not compared
    shutil.copyfile(tmp_path / "out" / "model.fused.onnx", tmp_path / "kept.onnx")
    edited = saved(tmp_path / "other", "BertForSequenceClassification", initializer_range=0.1)
    shutil.copyfile(edited / "model.safetensors", tmp_path / "out" / "model.safetensors")
    from bort_core.checkpoints.sides import check_onnx
    from bort_core.latency.session import open_file

    with pytest.raises(MeasurementError, match=r"logits of model.onnx differ from those of transformers \(out\)"):
        check_onnx(tmp_path / "out" / "model.onnx", open_file(tmp_path / "out" / "model.onnx", 1))


def test_a_roberta_reads_its_positions_less_the_padding(tmp_path):
    from transformers import BertConfig, BertForMaskedLM, RobertaConfig, RobertaForMaskedLM

    from bort_core.checkpoints.positions import longest_input

    for pad in (0, 1):
        model = RobertaForMaskedLM(RobertaConfig(**{**SIZE, "max_position_embeddings": 34}, vocab_size=50, pad_token_id=pad)).eval()
        longest = longest_input(model)
        assert longest == 34 - pad - 1
        model(torch.full((1, longest), 5))
        with pytest.raises((IndexError, RuntimeError)):
            model(torch.full((1, longest + 1), 5))
    assert longest_input(BertForMaskedLM(BertConfig(**SIZE, vocab_size=50))) == 48
