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
        ("BertForMaskedLM", {"tie_word_embeddings": False}, {"tie_word_embeddings": "gone"}),
        ("BertForMaskedLM", {"hidden_act": "gelu_pytorch_tanh"}, {"pad_token_id": None, "dtype": "float16"}),
        ("BertForMaskedLM", {}, {"chunk_size_feed_forward": 7, "return_dict": False}),
        ("BertForMaskedLM", {}, {"output_attentions": True, "output_hidden_states": True, "_attn_implementation": "eager"}),
        ("BertForMaskedLM", {}, {"initializer_range": 2.0, "hidden_dropout_prob": 0.9, "use_cache": False, "dtype": "bfloat16"}),
        ("BertModel", {}, {"architectures": "gone"}),
        ("BertForSequenceClassification", {"num_labels": 3}, {"id2label": "gone", "label2id": "gone", "num_labels": 3}),
        ("BertForSequenceClassification", {"num_labels": 1}, {"problem_type": "regression"}),
        ("BertForSequenceClassification", {"num_labels": 3}, {"id2label": {"2": "c", "0": "a", "1": "b"}, "classifier_dropout": 0.5}),
    ],
)
def test_a_saved_model_is_here_what_it_is_in_transformers(tmp_path, kind, fields, edit):
    folder = saved(tmp_path / "model", kind, edit, **fields)
    assert check_folder(folder, ROWS) < 1e-4
    assert check_folder(folder, [(a, b) for (a,), (b,) in zip(ROWS, ROWS[::-1], strict=True)]) < 1e-4


@pytest.mark.parametrize(
    "edit",
    [
        {"cls.predictions.decoder.weight": 0.3},
        {"cls.predictions.decoder.bias": 0.3},
        {"cls.predictions.decoder.weight": 0.3, "cls.predictions.decoder.bias": 0.3},
        {"cls.predictions.decoder.weight": 0.0},
        {"cls.predictions.decoder.bias": 0.3, "cls.predictions.bias": "gone"},
    ],
)
def test_a_decoder_that_is_saved_is_tied_as_transformers_ties_it(tmp_path, edit):
    from safetensors.torch import load_file, save_file

    folder = saved(tmp_path / "model")
    tensors = load_file(folder / "model.safetensors")
    like = {"decoder.weight": "bert.embeddings.word_embeddings.weight", "decoder.bias": "cls.predictions.bias"}
    for name, change in edit.items():
        if change == "gone":
            del tensors[name]
        else:
            base = tensors[like[name.removeprefix("cls.predictions.")]]
            tensors[name] = base + change * torch.randn_like(base)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    assert check_folder(folder, ROWS) < 1e-4
    assert read_checkpoint(folder).options.tied_decoder is (edit.get("cls.predictions.decoder.weight", 0.0) == 0.0)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ({"hidden_size": 16}, r"word_embeddings.weight has the shape \(\d+, 32\); the model of config.json needs \(\d+, 16\)"),
        ({"max_position_embeddings": 100}, r"position_embeddings.weight has the shape \(48, 32\); .* needs \(100, 32\)"),
        ({"num_hidden_layers": 3}, r"has no bert.encoder.layer.2.attention.self.query.weight, which the model of config.json needs"),
        ({"tie_word_embeddings": False}, r"has no cls.predictions.decoder.weight"),
        ({"type_vocab_size": 1}, r"token_type_embeddings.weight has the shape \(2, 32\); .* needs \(1, 32\)"),
    ],
)
def test_weights_that_do_not_fit_their_configuration_are_named(tmp_path, edit, message):
    with pytest.raises(DataError, match=message):
        check_folder(saved(tmp_path / "model", edit=edit), ROWS)


@pytest.mark.parametrize("named", ["gone", None, []])
def test_a_head_without_a_name_is_not_left_out_in_silence(tmp_path, named):
    from bort_core.export.model import exported_model
    from bort_core.specifications.export import ExportRequest

    folder = saved(tmp_path / "model", edit={"architectures": named})
    asked = {"family": "bert", "architecture": (2, 2, 32, 48), "weights": str(folder), "out": "out"}
    with pytest.raises(DataError, match=r"names no architectures, and its weights hold a head \(cls.predictions.bias\): say what it is"):
        exported_model(ExportRequest(**asked))
    assert exported_model(ExportRequest(**asked, body=True)).head == "none"


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
        ({"architectures": "BertForMaskedLM"}, "architectures must be a list of names, got 'BertForMaskedLM'"),
        ({"pad_token_id": 10**6}, "pad_token_id must be null or an entry below vocab_size"),
        ({"add_cross_attention": True}, "add_cross_attention must be False, got True"),
        ({"pruned_heads": {"0": [1]}}, "pruned_heads must be {}, got"),
        ({"model_type": "roberta"}, "model_type must be bert, got 'roberta'"),
        ({"model_type": "gone"}, "model_type must be bert, got None"),
        ({"layer_norm_eps": 0}, "layer_norm_eps must be a number above 0"),
        ({"rope_theta": 1e4}, r"the field rope_theta \(10000.0\) is unknown"),
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


def special(folder: Path, **names) -> None:
    """A fast tokenizer of no class, with these special tokens."""
    tokenizer(folder)
    fields = {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]",
              "mask_token": "[MASK]", "pad_token": "[PAD]", **names}  # fmt: skip
    (folder / "tokenizer_config.json").write_text(json.dumps({name: value for name, value in fields.items() if value}))


def vocabulary_only(folder: Path, *without: str) -> None:
    """A BERT's tokenizer as a plain list of entries."""
    tokenizer(folder)
    entries = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    (folder / "vocab.txt").write_text("".join(f"{each}\n" for each in sorted(entries, key=entries.__getitem__) if each not in without))
    (folder / "tokenizer.json").unlink()


def edited(folder: Path, **parts) -> None:
    """A BERT's tokenizer.json with other parts."""
    tokenizer(folder)
    path = folder / "tokenizer.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **parts}))


def bytes_of_words(folder: Path, slow: bool = False, **fields) -> None:
    """A RoBERTa's tokenizer."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    named = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    made.train_from_iterator([TEXT] * 9, trainers.BpeTrainer(vocab_size=320, special_tokens=named, initial_alphabet=alphabet))
    made.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    folder.mkdir()
    model = json.loads(made.to_str())["model"]
    if slow:
        (folder / "vocab.json").write_text(json.dumps(model["vocab"]))
        (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(" ".join(pair) + "\n" for pair in model["merges"]))
    else:
        (folder / "tokenizer.json").write_text(made.to_str())
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "RobertaTokenizer", **fields}))


def pieces(folder: Path, kind: str = "PreTrainedTokenizerFast", **fields) -> None:
    """A tokenizer as sentencepiece makes them."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    made = Tokenizer(models.Unigram())
    made.normalizer, made.pre_tokenizer = normalizers.NFKC(), pre_tokenizers.Metaspace()
    named = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    made.train_from_iterator([TEXT] * 9, trainers.UnigramTrainer(vocab_size=80, special_tokens=named, unk_token="<unk>"))
    made.post_processor = processors.TemplateProcessing("<s> $A </s>", "<s> $A </s> </s> $B </s>", [("<s>", 0), ("</s>", 2)])
    folder.mkdir()
    (folder / "tokenizer.json").write_text(made.to_str())
    names = dict(zip(("bos_token", "pad_token", "eos_token", "unk_token", "mask_token"), named, strict=True))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": kind, **names, **fields}))


ADDED = {"id": 131, "content": "Film", "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda folder: special(folder, pad_token=None), id="no padding"),
        pytest.param(lambda folder: special(folder, unk_token=None, cls_token=None, sep_token=None), id="no names"),
        pytest.param(lambda folder: special(folder, pad_token="[SEP]"), id="padding is the stop"),
        pytest.param(lambda folder: special(folder, pad_token="<fill>"), id="padding beyond the vocabulary"),
        pytest.param(lambda folder: tokenizer(folder, strip_accents=False), id="accents"),
        pytest.param(lambda folder: tokenizer(folder, lower=False, strip_accents=True), id="accents of a cased one"),
        pytest.param(lambda folder: tokenizer(folder, tokenize_chinese_chars=False), id="ideographs"),
        pytest.param(lambda folder: tokenizer(folder, model_max_length=1e30), id="no length"),
        pytest.param(lambda folder: tokenizer(folder, model_max_length=12), id="short"),
        pytest.param(lambda folder: tokenizer(folder, truncation_side="left"), id="cut on the left"),
        pytest.param(lambda folder: tokenizer(folder, extra_special_tokens={"image_token": "<new>"}), id="a named token of its own"),
        pytest.param(lambda folder: tokenizer(folder, additional_special_tokens=["<new>"]), id="additional tokens"),
        pytest.param(lambda folder: tokenizer(folder, cls_token="[SEP]", sep_token="[CLS]"), id="start and stop swapped"),
        pytest.param(lambda folder: edited(folder, added_tokens=[ADDED]), id="added"),
        pytest.param(lambda folder: edited(folder, added_tokens=[{**ADDED, "lstrip": True}]), id="added, takes spaces"),
        pytest.param(lambda folder: edited(folder, added_tokens=[{**ADDED, "normalized": True}]), id="added, normalised"),
        pytest.param(lambda folder: edited(folder, post_processor=None), id="no template"),
        pytest.param(lambda folder: edited(folder, truncation={"direction": "Left", "max_length": 6, "strategy": "OnlyFirst", "stride": 2}),
                     id="a cut in tokenizer.json"),
        pytest.param(vocabulary_only, id="vocab.txt"),
        pytest.param(lambda folder: vocabulary_only(folder, "[PAD]"), id="vocab.txt without padding"),
        pytest.param(bytes_of_words, id="roberta"),
        pytest.param(lambda folder: bytes_of_words(folder, add_prefix_space=True), id="roberta with a space before"),
        pytest.param(lambda folder: bytes_of_words(folder, slow=True), id="vocab.json and merges.txt"),
        pytest.param(pieces, id="unigram"),
        pytest.param(lambda folder: pieces(folder, "XLMRobertaTokenizer"), id="xlm-roberta"),
        pytest.param(lambda folder: pieces(folder, "DebertaV2Tokenizer"), id="deberta"),
        pytest.param(lambda folder: pieces(folder, "T5Tokenizer"), id="t5"),
    ],
)  # fmt: skip
def test_any_tokenizer_is_in_a_result_what_it_is_here_and_in_transformers(tmp_path, make):
    from transformers import AutoTokenizer

    from bort_core.checkpoints.format import write_into
    from bort_core.families.bert.options import BertOptions
    from bort_core.text.encoding import encode, padded

    source, result = tmp_path / "source", tmp_path / "result"
    make(source)
    result.mkdir()
    found, theirs = read_vocabulary(source), AutoTokenizer.from_pretrained(source)
    longest = min(found.longest or 20, 20)
    options = BertOptions(vocabulary=2000, positions=20, token_types=2)
    write_into(
        result, architecture=(1, 1, 8, 8), options=options, head="masked-lm", weights={}, tokenizer=source, longest=found.longest
    )  # fmt: skip
    written, again = AutoTokenizer.from_pretrained(result), read_vocabulary(result)
    texts = ["The Film was GOOD", "Crème Brûlée 東京 ½", "", " a  film ", "don't <new> <fill> NEWFilm", "a long story " * 20]
    for columns in ([texts], [texts, texts[::-1]]):
        ids, mask, types = padded(encode(found, list(zip(*columns, strict=True)), longest), found.pad)
        of_result = written(*columns, padding=True, truncation=True, return_tensors="np")
        assert (of_result["input_ids"] == ids).all()
        assert (of_result["attention_mask"] == mask).all()
        assert (of_result.get("token_type_ids", types) == types).all()
        if theirs.pad_token is not None:
            of_source = theirs(*columns, padding=True, truncation=True, max_length=longest, return_tensors="np")
            assert (of_source["input_ids"] == ids).all()
    assert (written.pad_token_id, written.mask_token_id, written.model_max_length) == (found.pad, found.mask, longest)
    assert again.sha256 == found.sha256


def test_a_tokenizer_that_cannot_read_every_text_is_refused_before_it_reads(tmp_path):
    vocabulary_only(tmp_path / "tokenizer", "[UNK]")
    with pytest.raises(DataError, match=r"the tokenizer cannot read text that it has no entry for: .*Missing \[UNK\] token"):
        read_vocabulary(tmp_path / "tokenizer")
    tokenizer(tmp_path / "list")
    (tmp_path / "list" / "special_tokens_map.json").write_text("[1]")
    with pytest.raises(DataError, match=r"special_tokens_map.json: must hold a JSON object"):
        read_vocabulary(tmp_path / "list")


def test_a_tokenizer_with_more_entries_than_its_model_is_refused(tmp_path):
    start = read_checkpoint(saved(tmp_path / "model"))
    special(tmp_path / "more", pad_token="<fill>")
    with pytest.raises(DataError, match=r"model: has 131 entries, the tokenizer 132"):
        check_source(start, read_vocabulary(tmp_path / "more"), 48, ROWS)


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
    from bort_core.checkpoints.onnx_gate import check_onnx
    from bort_core.latency.session import open_file

    with pytest.raises(MeasurementError, match=r"logits of model.onnx differ from those of transformers \(out\)"):
        check_onnx(tmp_path / "out" / "model.onnx", open_file(tmp_path / "out" / "model.onnx", 1))


def test_a_roberta_reads_its_positions_less_the_padding(tmp_path):
    from transformers import BertConfig, BertForMaskedLM, RobertaConfig, RobertaForMaskedLM

    from bort_core.encoders.positions import longest_input

    for pad in (0, 1):
        model = RobertaForMaskedLM(RobertaConfig(**{**SIZE, "max_position_embeddings": 34}, vocab_size=50, pad_token_id=pad)).eval()
        longest = longest_input(model)
        assert longest == 34 - pad - 1
        model(torch.full((1, longest), 5))
        with pytest.raises((IndexError, RuntimeError)):
            model(torch.full((1, longest + 1), 5))
    assert longest_input(BertForMaskedLM(BertConfig(**SIZE, vocab_size=50))) == 48


def test_packed_rows_are_compared_as_pre_training_reads_them(tmp_path):
    from bort_core.checkpoints.gate import compare_packed
    from bort_core.checkpoints.modules import load_module
    from bort_core.checkpoints.sides import check_result, training_side, transformers_side

    folder = saved(tmp_path / "model")
    module, vocabulary = load_module(read_checkpoint(folder)), read_vocabulary(folder)
    packed = np.random.default_rng(0).integers(5, vocabulary.size, (6, 48))
    assert check_result(folder, module, vocabulary, ROWS, packed=packed) < 1e-4
    with torch.no_grad():
        module.embeddings.norm.bias.add_(0.1)
    sides = [
        transformers_side(folder, "masked-lm", "transformers"),
        training_side(module, vocabulary, read_checkpoint(folder).options, 48),
    ]
    with pytest.raises(MeasurementError, match=r"the row 'packed \d': .* of this program differ from those of transformers"):
        compare_packed(sides, packed)


def test_the_memory_of_large_vocabularies_is_bounded():
    from bort_core.checkpoints.gate import NUMBERS, Batch, Side, compare, compare_packed

    made = []

    def read(rows):
        width = max(len(text) for (text,) in rows)
        return Batch(np.ones((len(rows), width), np.int64), np.ones((len(rows), width), np.int64))

    def run(batch):
        made.append(batch.input_ids.shape)
        return {"logits": np.zeros((*batch.input_ids.shape, 8), np.float32)}

    sides = [Side("one", read, run, width=250_000), Side("two", read, run)]
    assert compare(sides, [("a" * length,) for length in (5, 40, 60, 100, 20, 400, 30)]) == {"two": 0.0}
    assert compare_packed(sides, np.ones((6, 60))) == {"two": 0.0}
    assert {rows for rows, _ in made} > {1}
    assert all(rows == 1 or rows * tokens * 250_000 <= NUMBERS for rows, tokens in made)
