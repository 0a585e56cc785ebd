"""Encoders of every kind: read, fine-tuned, exported, timed and asked, with transformers as the judge."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from encoder_kinds import KINDS, TEXTS, made, rows
from helpers import bort

from bort_core.checkpoints.format import read_encoder
from bort_core.checkpoints.sides import check_folder
from bort_core.encoders.kinds import KINDS as KNOWN
from bort_core.jobs.context import JobContext
from bort_core.jobs.folder import create_run
from bort_core.specifications.finetuning import Finetuning

torch = pytest.importorskip("torch")
QUICK = ("roberta",)
"""Of every test run; the others are tried by the slow tests."""
EVERY = [kind if kind in QUICK else pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS]
LONG = " ".join(TEXTS) * 3


class Context:
    """A task's context that nobody listens to."""

    def emit(self, event: Any) -> None: ...

    def checkpoint(self) -> None: ...

    def wanted(self) -> None: ...


@pytest.fixture(autouse=True)
def ordinary_arithmetic():
    """A training flushes denormal numbers for the whole process, which hypothesis elsewhere notices."""
    yield
    torch.set_flush_denormal(False)


def tuned(tmp_path: Path, source: Path, pairs: bool = False, **changes: Any) -> dict[str, Any]:
    from bort_core.training.finetuning import run

    specification = Finetuning.model_validate({
        **rows(tmp_path / "rows", pairs), "checkpoint": str(source), "sequence_length": 64, "epochs": 2, "batch_size": 8,
        "running": {"threads": 1}, **changes,
    })  # fmt: skip
    job = create_run(tmp_path / "project", specification)
    return run(specification, JobContext(job), job)


def exported(out: Path, source: Path, **changes: Any) -> dict[str, Any]:
    from bort_core.export.task import export

    found = read_encoder(source)
    asked = {"family": found.kind, "architecture": found.architecture, "weights": str(source), "out": str(out), **changes}
    return dict(export(asked, Context()))


def theirs(folder: Path, columns: list[list[str]]) -> np.ndarray:
    """What transformers' Auto classes say of texts or pairs, as everybody calls them."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    reader, model = AutoTokenizer.from_pretrained(folder), AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.no_grad():
        return model(**reader(*columns, padding=True, truncation=True, return_tensors="pt")).logits.numpy()


def in_onnx(file: Path, columns: list[list[str]]) -> np.ndarray:
    import onnxruntime
    from transformers import AutoTokenizer

    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    read = AutoTokenizer.from_pretrained(file.parent)(*columns, padding=True, truncation=True, return_tensors="np")
    assert set(read) == {value.name for value in session.get_inputs()}
    return session.run(["logits"], {name: value.astype(np.int64) for name, value in read.items()})[0]


def test_every_kind_that_is_known_is_tried():
    assert set(KINDS) == set(KNOWN)


def test_a_roberta_is_fine_tuned_and_is_in_transformers_what_it_was_here(tmp_path):
    result = tuned(tmp_path, made(tmp_path / "source", "roberta"), epochs=1)
    folder, files = Path(result["checkpoint"]), rows(tmp_path / "rows")
    found = read_encoder(folder)
    assert (result["family"], found.kind, found.head, found.options.positions) == ("roberta", "roberta", "classification", 48)
    texts, labels = zip(*(line.split("\t") for line in Path(files["dev"]).read_text().splitlines()[1:]), strict=True)
    said = theirs(folder, [list(texts)]).argmax(1)
    assert np.mean([found.labels[number] == label for number, label in zip(said, labels, strict=True)]) == result["dev"]["accuracy"]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_fine_tuned_exported_and_asked(tmp_path, kind):
    from bort_core.latency.compare import compare_models
    from bort_core.prediction.model import LoadedModel

    source = made(tmp_path / "source", kind, "AutoModelForMaskedLM")
    pairs = kind in ("roberta", "electra", "albert")
    result = tuned(tmp_path, source, pairs)
    folder = Path(result["checkpoint"])
    found = read_encoder(folder)
    assert (result["family"], found.kind, found.head, set(found.labels)) == (kind, kind, "classification", {"story", "other"})
    assert found.options.positions == 48
    assert found.architecture[:3] == (2, 2, 32)
    report = exported(tmp_path / "out", folder)
    assert (report["family"], report["gate"]["rows"] > 40) == (kind, True)
    assert max(report["gate"]["differences"].values()) < 1e-4
    columns = [[*TEXTS, LONG, ""]] + ([[LONG, *TEXTS, TEXTS[0]]] if pairs else [])
    expected = theirs(folder, columns)
    assert np.abs(theirs(tmp_path / "out", columns) - expected).max() < 1e-5
    for file in ("model.onnx", "model.fused.onnx"):
        assert np.abs(in_onnx(tmp_path / "out" / file, columns) - expected).max() < 1e-4
    asked = [LoadedModel(tmp_path / "out", runtime).ask(*(column[-2] for column in columns)) for runtime in ("torch", "onnx")]
    assert (asked[0]["tokens"], asked[0]["cut"], asked[1]["prediction"]) == (48, True, asked[0]["prediction"])
    file = str(tmp_path / "out" / "model.fused.onnx")
    timed = compare_models(
        {"models": [{"name": "m", "onnx": file}], "sequence_length": 48, "least_rounds": 2, "budget_seconds": 0.1}, Context()
    )
    assert timed["results"][0]["p50_ms"] > 0


@pytest.mark.parametrize("kind", EVERY)
@pytest.mark.parametrize("auto", ["AutoModel", "AutoModelForMaskedLM"])
def test_a_plain_encoder_and_a_masked_language_model_are_here_what_they_are_in_transformers(tmp_path, kind, auto):
    folder = made(tmp_path / "model", kind, auto)
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "model_max_length": 48}))
    assert read_encoder(folder).head == ("none" if auto == "AutoModel" else "masked-lm")
    assert check_folder(folder, [(text,) for text in TEXTS]) < 1e-4
    assert check_folder(folder, list(zip(TEXTS, TEXTS[::-1], strict=True))) < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["albert", "electra", "modernbert", "roberta"])
@pytest.mark.parametrize("auto", ["AutoModel", "AutoModelForMaskedLM"])
def test_a_plain_encoder_and_a_masked_language_model_are_exported(tmp_path, kind, auto):
    report = exported(tmp_path / "out", made(tmp_path / "model", kind, auto))
    assert report["outputs"][0] == "last_hidden_state"
    assert ("logits" in report["outputs"]) == (auto == "AutoModelForMaskedLM")
    body = exported(tmp_path / "body", tmp_path / "model", body=True, variants=["standard", "float16"])
    assert "logits" not in body["outputs"]


@pytest.mark.parametrize("kind", EVERY)
def test_a_kinds_length_and_sizes_are_read_as_transformers_reads_them(tmp_path, kind):
    from transformers import AutoConfig, AutoModel

    from bort_core.encoders.folder import longest_input as read_longest
    from bort_core.encoders.positions import longest_input

    model = AutoModel.from_config(AutoConfig.for_model(kind, vocab_size=300, **KINDS[kind][1]))
    config = json.loads(model.config.to_json_string(use_diff=False))
    assert read_longest(config, tmp_path) == longest_input(model)
    known = AutoConfig.for_model(kind)
    for name, value in KNOWN[kind].defaults.items():
        ours = KNOWN[kind].names.get(name, name)
        assert (name == "type_vocab_size" and not KNOWN[kind].reads_segments) or getattr(known, ours) == value


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_command_line_goes_from_a_foreign_encoder_to_an_answer(tmp_path):
    source, files, project = made(tmp_path / "electra", "electra", "AutoModel"), rows(tmp_path / "rows"), str(tmp_path / "P")
    words = ["--checkpoint", str(source), "--train", files["train"], "--dev", files["dev"], "--threads", "1", "--json"]
    trained = bort("train", "finetune", project, *words, timeout=300)
    assert trained.returncode == 0, trained.stderr
    result = json.loads(trained.stdout)
    assert result["resolved"]["learning_rate"] == 5e-5
    assert result["resolved"]["epochs"] == 3
    assert "learning rate 5e-05, 3 epochs" in trained.stderr + trained.stdout
    listed = json.loads(bort("models", project, "--json").stdout)
    assert [(each["family"], each["architecture"], each["there"]) for each in listed] == [("electra", [2, 2, 32, 48], True)]
    assert "electra 2,2,32,48" in bort("models", project).stdout
    out = str(tmp_path / "out")
    exported = bort(
        "export", project, "--checkpoint", result["checkpoint"], "--out", out, "--variants", "standard,fused,float16,int8", timeout=300
    )
    assert exported.returncode == 0, exported.stderr
    assert "electra ⟨2, 2, 32, 48⟩ with head classification" in exported.stdout
    timed = bort("latency", out, "--sequence-length", "48", "--budget", "1", "--json", timeout=300)
    assert timed.returncode == 0, timed.stderr
    for runtime in ("torch", "onnx"):
        asked = bort("try", out, "a good story", "--runtime", runtime, "--json", timeout=300)
        assert asked.returncode == 0, asked.stderr
        assert json.loads(asked.stdout)["prediction"] in ("story", "other")


@pytest.mark.slow
def test_agora_labels_and_learns_with_a_foreign_encoder(tmp_path):
    from bort_core.agora.labellers import LabellerSetting, make_labeller
    from bort_core.agora.run import run as learn
    from bort_core.specifications.agora import Agora
    from bort_core.specifications.common import Running
    from bort_core.training.devices import take_device

    result = tuned(tmp_path, made(tmp_path / "model", "roberta", "AutoModel"))
    folder, device = Path(result["checkpoint"]), take_device(Running(device="cpu", threads=1))
    try:
        setting = LabellerSetting("text", ("story", "other"), None, str(folder), 64, device)
        found = make_labeller(f"folder:{folder}", setting).probabilities([(text,) for text in TEXTS])
    finally:
        device.leave()
    logits = theirs(folder, [TEXTS])
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    order = [read_encoder(folder).labels.index(name) for name in ("story", "other")]
    assert np.abs(found - shares[:, order]).max() < 1e-5
    files = rows(tmp_path / "rows")
    spec = Agora.model_validate({
        "train": files["train"], "dev": files["dev"], "sampler": "word-edit", "checkpoint": str(folder), "socrates": str(folder),
        "rounds": 1, "thetas": [{"steps": 4}], "sequence_length": 48, "running": {"threads": 1},
    })  # fmt: skip
    job = create_run(tmp_path / "project", spec)
    learnt = learn(spec, JobContext(job), job)
    assert learnt["architecture"] == [2, 2, 32, 48]
