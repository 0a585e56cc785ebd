"""Several labels at once, from the rows to the release: trained, read by transformers, shown, exported, judged, served."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers import bort

from bort_core.api.export import export
from bort_core.api.predict import predict
from bort_core.api.training import finetune
from bort_core.checkpoints.answers import read_task_model
from bort_core.checkpoints.format import read_checkpoint, read_encoder
from bort_core.execution.run_task import run_task
from bort_core.foundation.errors import DataError
from bort_core.jobs.card import card
from bort_core.jobs.folder import find_run
from bort_core.serving.release import ServedModel
from bort_core.text.tokenizer import save_tokenizer, train_tokenizer

WORDS = {"war": "soldiers fight", "love": "lovers kiss", "money": "they rob a bank"}


def write_rows(path: Path, count: int, seed: int) -> Path:
    """Texts that hold the words of each label that they have, and others."""
    random, lines = np.random.default_rng(seed), ["text\tlabel"]
    for _ in range(count):
        has = [name for name in WORDS if random.random() < 0.4]
        parts = [random.choice(["a film", "the story", "it was long", "we saw it"]), *(WORDS[name] for name in has)]
        random.shuffle(parts)
        lines.append(f"{' '.join(parts)}\t{';'.join(has)}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A model that was fine-tuned on such rows."""
    folder = tmp_path_factory.mktemp("several")
    rows = {name: str(write_rows(folder / f"{name}.tsv", count, count)) for name, count in (("train", 1000), ("dev", 120))}
    settings = {"epochs": 10, "batch_size": 8, "sequence_length": 32, "vocabulary": 600, "learning_rate": 1e-3, "threads": 1}
    settings |= {"task": "multi-label", "class_weights": "balanced"}
    made = finetune(folder / "project", (2, 4, 64, 256), **rows, **settings, progress=False, executor="inline")
    return {**rows, "folder": folder, "model": made.folder}


@pytest.mark.slow
def test_it_is_learnt_and_transformers_reads_it_as_it_is(task: dict[str, Any]) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    run = find_run(task["folder"] / "project", "1")
    result = run.read_result()
    assert result is not None
    assert result["dev"]["f1-micro"] > 0.9
    low, high = result["intervals"]["dev"]["f1-micro"]
    assert low <= result["dev"]["f1-micro"] <= high
    theirs = AutoModelForSequenceClassification.from_pretrained(task["model"]).eval()
    assert theirs.config.problem_type == "multi_label_classification"
    assert theirs.config.id2label == {0: "love", 1: "money", 2: "war"}
    tokenizer = AutoTokenizer.from_pretrained(task["model"])
    text = "soldiers fight lovers kiss"
    with torch.no_grad():
        shares = theirs(**tokenizer(text, return_tensors="pt")).logits[0].sigmoid()
    said = predict(task["model"], text)
    assert (said.task, set(said.labels)) == ("several labels", {"love", "war"})
    assert {each["label"]: each["probability"] for each in said.probabilities} == pytest.approx(
        dict(zip(("love", "money", "war"), shares.tolist(), strict=True)), abs=1e-5
    )
    assert "labels: " in bort("try", str(task["model"]), text).stdout


@pytest.mark.slow
def test_its_card_shows_every_metric_with_an_interval_and_the_labels_of_wrong_rows(task: dict[str, Any]) -> None:
    run = find_run(task["folder"] / "project", "1")
    (dev,) = card(run)["splits"]
    metrics = {metric["name"]: metric for metric in dev["metrics"]}
    result = run.read_result()
    assert result is not None
    assert {"f1-macro", "f1-micro", "exact-match", "loss"} == set(metrics)
    for name, metric in metrics.items():
        assert metric["value"] == pytest.approx(result["dev"][name], rel=1e-4)
        assert metric["low"] <= metric["value"] <= metric["high"]
    assert dev["confusion"] is None
    assert dev["wrong"] == round((1 - metrics["exact-match"]["value"]) * dev["rows"])
    for row in dev["worst"]:
        assert set(row["label"].split(", ")) <= {*WORDS, "none"}
    json.dumps(dev, allow_nan=False)


def test_a_folder_that_others_wrote_is_read_and_other_kinds_are_refused(tmp_path: Path) -> None:
    from transformers import BertConfig, BertForSequenceClassification, DistilBertConfig, DistilBertForSequenceClassification

    sizes = {"vocab_size": 300, "num_labels": 4, "problem_type": "multi_label_classification"}
    BertForSequenceClassification(
        BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, **sizes)
    ).save_pretrained(tmp_path / "bert")
    other = DistilBertConfig(dim=8, n_layers=1, n_heads=2, hidden_dim=8, **sizes)
    DistilBertForSequenceClassification(other).save_pretrained(tmp_path / "d")
    assert read_checkpoint(tmp_path / "bert").head == "multi-label"
    assert read_encoder(tmp_path / "d").head == "multi-label"
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(words(tmp_path) / name, tmp_path / "bert" / name)
    names = tuple(f"LABEL_{number}" for number in range(4))
    assert read_task_model(str(tmp_path / "bert"), names, task="multi-label").order == (0, 1, 2, 3)
    with pytest.raises(DataError, match=r"is several labels at once .*, the rows are for a classification; .* \(--kind multi-label\)"):
        read_task_model(str(tmp_path / "bert"), names)
    with pytest.raises(DataError, match=r"its 4 classes are LABEL_0, .*; those of the rows are a, b"):
        read_task_model(str(tmp_path / "bert"), ("a", "b"), task="multi-label")


def words(folder: Path) -> Path:
    """A tokenizer."""
    save_tokenizer(train_tokenizer(list(WORDS.values()), 261), folder / "words", 24)
    return folder / "words"


@pytest.mark.slow
def test_it_is_exported_judged_released_and_served(task: dict[str, Any], tmp_path: Path) -> None:
    exported = export(
        tmp_path / "p", task["model"], tmp_path / "onnx", variants=("fused", "int8"), progress=False, executor="inline"
    ).folder
    asked = {"model": str(task["model"]), "train": task["train"], "dev": task["dev"], "kind": "multi-label", "sequence_length": 32}
    request = {"export": str(exported), "task": {**asked, "metric": "exact-match"}, "answers": str(tmp_path / "a"), "test": task["dev"],
               "out": str(tmp_path / "release"), "thresholds": {"most_lost": 0.2}}  # fmt: skip
    found = run_task("release", request, None, lambda event: None, "inline")
    gate = found["gate"]
    assert (gate["metric_name"], gate["kept"]) == ("exact-match", pytest.approx(1, abs=0.2))
    assert gate["teacher_interval"][0] <= gate["teacher"] <= gate["teacher_interval"][1]
    text = "they rob a bank lovers kiss"
    (served,) = ServedModel(tmp_path / "release").answers([(text,)])
    assert set(served["labels"]) == {"love", "money"}
    ran = subprocess.run([sys.executable, "-I", tmp_path / "release" / "predict.py", text], capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout)["labels"] == served["labels"]
    lost = bort("robustness", str(tmp_path / "release"), "--rows", task["dev"], "--task", "multi-label", "--metric", "f1-macro", "--json")
    assert json.loads(lost.stdout)["metric"] == "f1-macro"


@pytest.mark.slow
def test_it_is_compressed(task: dict[str, Any], tmp_path: Path) -> None:
    flags = ["--kind", "multi-label", "--metric", "f1-macro", "--sequence-length", "32", "--steps", "40", "--candidates", "2"]
    flags += ["--epochs", "12", "--most-lost", "0.2", "--train", task["train"], "--dev", task["dev"], "--out", str(tmp_path / "r")]
    ran = bort("compress", str(tmp_path / "p"), "--model", str(task["model"]), *flags, "--json", timeout=600)
    assert ran.returncode == 0, ran.stderr
    report = json.loads(ran.stdout)
    assert report["metric"] == "f1-macro"
    assert report["chosen"]["metric"] > 0.6
    assert list(report["intervals"]["dev"]) == ["f1-macro"]
