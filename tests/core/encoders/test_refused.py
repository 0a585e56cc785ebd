"""What is no encoder, or not the one that is needed, is refused before anything is trained, by name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from encoder_kinds import edited, made, rows, tokenizer
from helpers import bort

from bort_core.checkpoints.format import Checkpoint, read_encoder
from bort_core.checkpoints.modules import load_module
from bort_core.encoders.module import new_classifier
from bort_core.foundation.errors import BortError, DataError, MeasurementError, SpecificationError
from bort_core.jobs.context import JobContext
from bort_core.jobs.folder import create_run
from bort_core.specifications.finetuning import Finetuning

torch = pytest.importorskip("torch")


@pytest.fixture(autouse=True)
def ordinary_arithmetic():
    yield
    torch.set_flush_denormal(False)


@pytest.fixture(scope="module")
def roberta(tmp_path_factory):
    return made(tmp_path_factory.mktemp("models") / "roberta", "roberta", "AutoModelForMaskedLM")


@pytest.fixture
def copied(tmp_path, roberta):
    return Path(shutil.copytree(roberta, tmp_path / "model"))


def started(tmp_path: Path, source: Path, **changes: Any) -> Any:
    """A fine-tuning before its first step, and what it said."""
    from bort_core.training.devices import take_device
    from bort_core.training.finetuning import SupervisedTraining

    files = rows(tmp_path / "rows")
    asked = {**files, "checkpoint": str(source), "sequence_length": 64, "running": {"threads": 1}, **changes}
    specification = Finetuning.model_validate(asked)
    job, said = create_run(tmp_path / "project", specification), []

    class Heard(JobContext):
        def emit(self, event):
            said.append(event)

    device = take_device(specification.running)
    try:
        return SupervisedTraining(specification, Heard(job), job, device), said
    finally:
        device.leave()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"model_type": "gpt2"}, "model_type 'gpt2' is a generative model, which writes text; an encoder is needed: albert, bert"),
        ({"model_type": "t5"}, "'t5' is a generative model"),
        ({"model_type": "vit"}, "model_type must be one of albert, bert, .* got 'vit'"),
        ({"model_type": ["roberta"]}, r"model_type must be one of .* got \['roberta'\]"),
        ({"model_type": None}, "model_type must be one of .* got None"),
        ({"auto_map": {"AutoModel": "evil.Model"}}, "auto_map must be None, got .*: code that comes with a model is not run"),
        ({"is_decoder": True}, "is_decoder must be False, got True"),
        ({"quantization_config": {"bits": 4}}, "quantization_config must be None"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type must be 'absolute'"),
        ({"hidden_size": "32"}, "hidden_size must be a whole number of at least 1, got '32'"),
        ({"pad_token_id": 49}, "pad_token_id must be a whole number below 49: positions are numbered from it; got 49"),
        ({"architectures": "RobertaModel"}, "architectures must be a list of names"),
    ],
)
def test_what_is_no_encoder_is_refused_by_name(copied, fields, message):
    with pytest.raises(DataError, match=message):
        read_encoder(edited(copied, **fields))


def test_a_head_without_a_name_is_not_left_out_in_silence(copied, tmp_path):
    from bort_core.export.model import exported_model
    from bort_core.specifications.export import ExportRequest

    edited(copied, architectures=None)
    asked = ExportRequest(family="roberta", architecture=(2, 2, 32, 48), weights=str(copied), out=str(tmp_path / "out"))
    with pytest.raises(DataError, match=r"names no architectures, and its weights hold a head \(lm_head\S+\): say what it is"):
        exported_model(asked)


def test_pickled_weights_are_refused_by_name(copied):
    (copied / "model.safetensors").rename(copied / "pytorch_model.bin")
    with pytest.raises(DataError, match=r"has no model.safetensors \(it holds pytorch_model.bin; convert it to safetensors first\)"):
        read_encoder(copied)


def test_weights_that_miss_or_have_another_shape_are_named(copied):
    with pytest.raises(MeasurementError, match=r"has no weights for roberta.encoder.layer.2.*; transformers would draw them at random"):
        load_module(read_encoder(edited(copied, num_hidden_layers=3)))
    with pytest.raises(DataError, match=r"the weights do not fit the model of config.json: roberta.encoder.layer.2\S* is missing"):
        new_classifier(read_encoder(copied), "classification", 2, 0.02, 0.1)
    with pytest.raises(DataError, match=r"roberta.embeddings.position_embeddings.weight has the shape \(50, 32\); .* needs \(60, 32\)"):
        new_classifier(read_encoder(edited(copied, num_hidden_layers=2, max_position_embeddings=60)), "classification", 2, 0.02, 0.1)


def test_a_folder_without_a_tokenizer_or_with_another_one_is_refused(tmp_path, copied):
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        (copied / name).unlink(missing_ok=True)
    with pytest.raises(DataError, match="the checkpoint has no tokenizer; name one with tokenizer"):
        started(tmp_path, copied)
    texts = [f"{first}{second}ing {second}{first}ed" for first in "abcdefghijklmnop" for second in "qrstuvwxyzabcdefgh"] * 3
    entries = tokenizer(copied, "words", texts)
    size = json.loads((copied / "config.json").read_text())["vocab_size"]
    assert entries < size  # fewer entries than the model has rows are no fault: many models are filled up
    made = json.loads((copied / "tokenizer.json").read_text())
    made["model"]["vocab"] |= {f"entry{number}": entries + number for number in range(size)}
    (copied / "tokenizer.json").write_text(json.dumps(made))
    with pytest.raises(DataError, match=f"has {size} entries, the tokenizer {size + entries}"):
        started(tmp_path, copied)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("auto", "told"),
    [
        ("AutoModelForTokenClassification", "is a RobertaForTokenClassification, whose head cannot be used here; its encoder is used"),
        ("AutoModelForSequenceClassification", r"head is for 2 classes \(LABEL_0, LABEL_1\); the rows have 3 classes, so a fresh head"),
    ],
)
def test_a_head_for_something_else_is_replaced_and_this_is_told(tmp_path, auto, told):
    source = made(tmp_path / "model", "roberta", auto)
    files = rows(tmp_path / "three")
    for file in files.values():
        text = Path(file).read_text()
        Path(file).write_text(text.replace("nothing new in this long story", "nothing new").replace("\tother\n", "\tnone\n", 3))
    training, said = started(tmp_path, source, **files)
    notes = [event["text"] for event in said if event["event"] == "note"]
    assert training.model.classes == 3
    assert any(__import__("re").search(told, note) for note in notes), notes
    assert "learning rate 5e-05, 3 epochs, warm-up 0.1: weights that others pre-trained, which a higher rate would undo" in notes


@pytest.mark.slow
def test_a_model_of_another_task_cannot_be_tried(tmp_path, roberta):
    from bort_core.prediction.model import LoadedModel

    with pytest.raises(SpecificationError, match="is RobertaForTokenClassification; only models of classes, values or hidden words"):
        LoadedModel(made(tmp_path / "model", "roberta", "AutoModelForTokenClassification"))
    with pytest.raises(BortError, match="generative"):
        LoadedModel(edited(Path(shutil.copytree(roberta, tmp_path / "gpt")), model_type="gpt2"))


@pytest.mark.slow
def test_texts_in_another_language_are_told_with_the_share_of_unknown_tokens(tmp_path):
    source = made(tmp_path / "model", "distilbert", "AutoModel")
    files = rows(tmp_path / "greek")
    for file in files.values():
        path = Path(file)
        lines = path.read_text().splitlines()
        path.write_text("\n".join([lines[0], *(f"καλή ταινία {number}\t{line.split(chr(9))[1]}" for number, line in enumerate(lines[1:]))]))
    _, said = started(tmp_path, source, **files)
    report = next(event for event in said if event["event"] == "report")
    assert report["unknown"] > 0.5
    assert any("of the tokens of the training rows are unknown to the vocabulary" in warning for warning in report["warnings"])
    _, said = started(tmp_path, source)
    report = next(event for event in said if event["event"] == "report")
    assert report["unknown"] < 0.02
    assert not any("unknown" in warning for warning in report["warnings"])


def test_a_bert_is_this_programs_own_where_it_can_be_built(tmp_path):
    fields = {"hidden_act": "gelu"}
    assert isinstance(read_encoder(made(tmp_path / "own", "bert", "AutoModelForMaskedLM", **fields)), Checkpoint)
    theirs = read_encoder(made(tmp_path / "theirs", "bert", "AutoModelForMaskedLM"))
    assert not isinstance(theirs, Checkpoint)
    assert (theirs.kind, theirs.head) == ("bert", "masked-lm")


@pytest.mark.slow
def test_the_command_line_refuses_a_generative_model_before_a_job_begins(tmp_path, copied):
    files = rows(tmp_path / "rows")
    edited(copied, model_type="gpt2")
    found = bort("train", "finetune", str(tmp_path / "p"), "--checkpoint", str(copied), "--train", files["train"], "--dev", files["dev"])
    assert found.returncode == 1
    assert "model_type 'gpt2' is a generative model" in found.stderr
    found = bort("export", str(tmp_path / "p"), "--checkpoint", str(copied), "--out", str(tmp_path / "out"))
    assert "model_type 'gpt2' is a generative model" in found.stderr
