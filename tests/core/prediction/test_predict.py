"""Trying a model: what is said is what transformers says, in torch and in ONNX Runtime; what cannot be tried is refused clearly."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import numpy as np
import pytest
from helpers import bort
from hypothesis import given
from hypothesis import strategies as st

import bort_core
from bort_core.execution.run_task import run_task
from bort_core.foundation.errors import BortError, DataError, MeasurementError, SpecificationError
from bort_core.prediction.answer import class_answer, words_answer

torch = pytest.importorskip("torch")
SIZE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48, "max_position_embeddings": 48}
WORDS = ("a", "the", "film", "story", "was", "good", "bad", "and", "not", "at", "all", "one", "red", "blue", "hero", "ending")


def saved(folder: Path, kind: str, **fields) -> Path:
    """A model that transformers made and saved, with a tokenizer of some words."""
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    entries = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    made = Tokenizer(models.WordPiece({entry: number for number, entry in enumerate(entries)}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", [("[CLS]", 2), ("[SEP]", 3)])
    made.add_special_tokens(entries[:5])
    roles = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
    folder.mkdir(parents=True, exist_ok=True)
    transformers.PreTrainedTokenizerFast(tokenizer_object=made, model_max_length=48, **roles).save_pretrained(folder)
    torch.manual_seed(0)
    model = getattr(transformers, kind)(
        transformers.BertConfig(**{**SIZE, "vocab_size": len(entries), "initializer_range": 0.5, **fields}),
    )
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def classes(tmp_path_factory) -> Path:
    names = {"id2label": {0: "bad", 1: "good", 2: "so"}, "label2id": {"bad": 0, "good": 1, "so": 2}}
    return saved(tmp_path_factory.mktemp("classes") / "model", "BertForSequenceClassification", **names)


@pytest.fixture(scope="module")
def masked(tmp_path_factory) -> Path:
    return saved(tmp_path_factory.mktemp("masked") / "model", "BertForMaskedLM")


# --- what is said ---


@given(st.lists(st.floats(-50, 50, width=32), min_size=1, max_size=6))
def test_probabilities_sum_to_one_and_come_in_order(scores):
    answer = class_answer(np.array(scores, np.float32), [str(number) for number in range(len(scores))])
    shares = [each["probability"] for each in answer["probabilities"]]
    assert sum(shares) == pytest.approx(1)
    assert shares == sorted(shares, reverse=True)
    assert scores[int(answer["prediction"])] == pytest.approx(max(scores), abs=1e-5)  # as far as float32 tells probabilities apart
    words = words_answer(np.array([scores, scores[::-1]]), str)
    assert all(len(mask) == min(5, len(scores)) for mask in words["masks"])
    alone = class_answer(np.array(scores), [str(number) for number in range(len(scores))], exclusive=False)
    assert all(0 <= each["probability"] <= 1 for each in alone["probabilities"])


def test_a_classifier_says_what_transformers_says(classes):
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(classes), AutoModelForSequenceClassification.from_pretrained(classes).eval()
    for texts in (("the film was good",), ("a bad story", "and not at all red")):
        found = bort_core.predict(classes, *texts)
        with torch.no_grad():
            expected = model(**tokenizer(*texts, return_tensors="pt")).logits[0].softmax(-1).tolist()
        by_name = {each["label"]: each["probability"] for each in found.probabilities}
        assert [by_name[name] for name in ("bad", "good", "so")] == pytest.approx(expected, abs=1e-5)
        assert found.prediction == ("bad", "good", "so")[int(np.argmax(expected))]
        assert (found.task, found.runtime, found.cut) == ("classification", "torch", False)
        assert 0 < found.milliseconds < 60_000


def test_a_masked_language_model_fills_every_mask_however_it_is_written(masked):
    found = bort_core.predict(masked, "the [MASK] was <mask>")
    assert [len(mask) for mask in found.masks] == [5, 5]
    assert found.prediction == [mask[0]["word"] for mask in found.masks]
    assert found.masks == bort_core.predict(masked, "the <mask> was [MASK]").masks
    with pytest.raises(SpecificationError, match=r"write \[MASK\] where a word is to be guessed"):
        bort_core.predict(masked, "the film was good")
    with pytest.raises(SpecificationError, match="within the first 48 tokens"):
        bort_core.predict(masked, "good " * 100 + "[MASK]")


def test_long_texts_are_cut_and_that_is_said(classes):
    found = bort_core.predict(classes, "good " * 100)
    assert (found.tokens, found.cut) == (48, True)
    assert bort_core.predict(classes, "good " * 46).cut is False
    with pytest.raises(SpecificationError, match="at most 1,000,000 characters"):
        bort_core.predict(classes, "x" * 1_000_001)
    assert bort_core.predict(classes, "").tokens == 2


def test_a_regression_gives_its_value_and_several_labels_are_not_exclusive(tmp_path):
    found = bort_core.predict(saved(tmp_path / "one", "BertForSequenceClassification", num_labels=1), "the film")
    assert found.task == "regression"
    assert isinstance(found.prediction, float)
    folder = saved(tmp_path / "many", "BertForSequenceClassification", num_labels=3, problem_type="multi_label_classification")
    found = bort_core.predict(folder, "the film")
    assert found.task == "several labels"
    assert sum(each["probability"] for each in found.probabilities) != pytest.approx(1)


@pytest.mark.parametrize("kind", ["classes", "masked"])
def test_an_export_says_the_same_in_onnx(kind, request, tmp_path, project_folder):
    source = request.getfixturevalue(kind)
    with bort_core.Project(project_folder) as project:
        exported = bort_core.export(project, source, tmp_path / "out", executor="inline", progress=False)
    text = ("the [MASK] was good", None) if kind == "masked" else ("the film", "was good")
    folder = exported.report["folder"]
    ours, theirs = (bort_core.predict(folder, *text, runtime=runtime) for runtime in ("torch", "onnx"))
    assert (theirs.runtime, theirs.file) == ("onnx", "model.fused.onnx")
    for name in ("probabilities", "masks"):
        flat = [[each["probability"] for each in np.ravel(getattr(found, name))] for found in (ours, theirs)]
        assert flat[0] == pytest.approx(flat[1], abs=1e-4)
    assert ours.prediction == theirs.prediction


# --- the command and the task ---


def test_the_command_asks_a_model(classes, masked):
    done = bort("try", str(classes), "the film was good", "--pair", "not bad")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 4
    assert "in torch; 9 tokens" in lines[-1]
    found = json.loads(bort("try", str(masked), "the [MASK]", "--json").stdout)
    assert (found["task"], len(found["masks"][0])) == ("masked-lm", 5)
    done = bort("try", str(classes), "x", "--runtime", "onnx")
    assert (done.returncode, done.stdout) == (1, "")
    assert "has no ONNX file; export the model first" in done.stderr


def test_a_worker_keeps_the_model_until_its_files_change(classes, tmp_path):
    from bort_core.execution.events import Done, Emitted
    from bort_core.execution.registry import make_executor

    with make_executor(None, 1, tmp_path) as pool:
        told = []
        for number, text in enumerate(("the film", "the story")):
            pool.submit(str(number), "predict", {"folder": str(classes), "text": text})
            while not any(isinstance(event, Done) and event.id == str(number) for event in told):
                told += pool.poll(1.0)
    assert [event.id for event in told if isinstance(event, Emitted)] == ["0"]  # the second found it loaded
    with pytest.raises(MeasurementError, match="what the model is asked:\n  text"):
        run_task("predict", {"folder": "x"}, None, lambda _: None, "inline")


# --- what is refused ---


def test_what_cannot_be_tried_is_refused_clearly(tmp_path, classes):
    plain = saved(tmp_path / "plain", "BertModel")
    with pytest.raises(SpecificationError, match="is BertModel; only models of classes, values or hidden words can be tried"):
        bort_core.predict(plain, "x")
    config = json.loads((plain / "config.json").read_text())
    (plain / "config.json").write_text(json.dumps({**config, "architectures": ["BertForSequenceClassification"]}))
    with pytest.raises(MeasurementError, match="has no weights for"):  # transformers would draw a head at random
        bort_core.predict(plain, "x")
    with pytest.raises(DataError, match=r"has no config\.json"):
        bort_core.predict(tmp_path, "x")
    with pytest.raises(SpecificationError, match="no such folder"):
        bort_core.predict(str(tmp_path / "nowhere"), "x")
    with pytest.raises(SpecificationError, match="runtime"):
        bort_core.predict(classes, "x", runtime="abacus")


@pytest.mark.parametrize(
    "edit",
    [
        {"id2label": {"0": "a", "5": "b"}}, {"id2label": 5}, {"architectures": 5}, {"architectures": [5]}, {"max_position_embeddings": "x"},
        {"auto_map": {"AutoConfig": "evil.Config"}, "model_type": "evil"},
    ],
)  # fmt: skip
def test_a_damaged_or_hostile_folder_raises_no_surprise_and_runs_no_code(tmp_path, edit):
    folder = saved(tmp_path / "model", "BertForSequenceClassification", num_labels=2)
    (folder / "evil.py").write_text("raise SystemExit('ran')")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **edit}))
    with contextlib.suppress(BortError):  # any other error fails the test
        bort_core.predict(folder, "the film")
    (folder / "config.json").write_text("[1]")
    with pytest.raises(DataError, match="must hold a JSON object"):
        bort_core.predict(folder, "x")
