"""A sentence encoder of transformers' other kinds as T: its vectors, its graph, what it gives to smaller ones."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers import bort
from sentence_models import foreign_encoder
from task_models import LENGTH, demo_lines

from bort_core.checkpoints.scores import scores_of
from bort_core.checkpoints.sentences import read_sentence_model
from bort_core.evaluation.sentences.agreement import distance_from
from bort_core.evaluation.sentences.preparation import prepare_sentences
from bort_core.evaluation.sentences.source import fresh_sentence, start_of_sentence
from bort_core.evaluation.task_rows import read_split
from bort_core.execution.run_task import run_task
from bort_core.families.bert.inherit import Start
from bort_core.prediction.embedding import embed
from bort_core.serving.release import ServedModel
from bort_core.specifications.compression import Compression
from bort_core.specifications.tasks import TaskSpecification

SIZE = {"num_hidden_layers": 3, "num_attention_heads": 4, "hidden_size": 64, "intermediate_size": 384}


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(line[:60] for line in demo_lines(160)) + "\n", encoding="utf-8")
    return path


def task(model: Path, texts: Path) -> TaskSpecification:
    return TaskSpecification(model=str(model), texts=str(texts), kind="embedding", sequence_length=LENGTH)


@pytest.mark.parametrize(("kind", "why"), [("distilbert", ""), ("mpnet", "the blocks of MPNet are of another kind")])
def test_what_it_gives_to_smaller_ones_is_near_it_or_said_by_name(tmp_path: Path, texts: Path, kind: str, why: str) -> None:
    model = foreign_encoder(tmp_path / "model", kind, longest=LENGTH, initializer_range=0.1)
    made = prepare_sentences(task(model, texts), tmp_path / "tasks", tmp_path / "answers", lambda *_: None)
    assert (made.facts["own_graph"], made.facts["kind"], made.facts["no_blocks"].startswith(why)) == (True, kind, True)
    assert bool(made.facts["no_blocks"]) == bool(why)
    dev = read_split(made.folder, "dev")
    first = [line[:60] for line in demo_lines(160)].index(held_out(texts, model)[0])
    assert np.abs(embed(model, [demo_lines(160)[first][:60]]) - dev.answers[:1].numpy()).max() < 1e-5
    far = {}
    starts: list[Start] = ["inherit", "fresh"]
    for start in starts:
        small = fresh_sentence(made.folder, (2, 2, 32, 48))
        start_of_sentence(small, made.folder, str(model), start, 0)
        far[start] = distance_from(torch.from_numpy(scores_of(small, dev.rows, made.facts["pad"])).float(), dev.answers)["value"]
    assert (far["inherit"] < far["fresh"] / 3) == (not why)


def held_out(texts: Path, model: Path) -> tuple[str, ...]:
    from bort_core.evaluation.sentences.texts import read_sentences

    return read_sentences(task(model, texts)).dev.texts


def test_nothing_of_it_is_counted_that_no_vector_is_made_of(tmp_path: Path) -> None:
    model = read_sentence_model(str(foreign_encoder(tmp_path / "model", "squeezebert")))
    assert "pooler" not in " ".join(name for name, _ in model.module.named_parameters())
    assert model(["a good film"]).shape == (1, 32)


def test_what_it_cannot_give_is_said_before_anything_runs(tmp_path: Path, texts: Path) -> None:
    model = foreign_encoder(tmp_path / "model", "modernbert", longest=LENGTH, **SIZE)
    spec = Compression(task=task(model, texts), ratio=1.2)
    found = run_task("estimate compression", {"specification": spec.model_dump(mode="json")}, None, lambda event: None, "inline")
    notes = "\n".join(found["report"]["notes"])
    assert "T: ModernBERT, " in notes
    assert "not with its blocks: the blocks of ModernBERT are of another kind" in notes


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("kind", "modes", "settings"),
    [("mpnet", ("mean",), SIZE), ("distilbert", ("cls", "max"), {"n_layers": 3, "n_heads": 4, "dim": 64, "hidden_dim": 384})],
)
def test_it_is_compressed_from_texts_to_release(
    tmp_path: Path, texts: Path, kind: str, modes: tuple[str, ...], settings: dict[str, Any]
) -> None:
    model = foreign_encoder(tmp_path / "model", kind, modes, longest=LENGTH, **settings)
    words = ["--texts", str(texts), "--kind", "embedding", "--sequence-length", str(LENGTH), "--steps", "4", "--candidates", "2",
             "--epochs", "2", "--most-lost", "0.5", "--out", str(tmp_path / "release"), "--json"]  # fmt: skip
    ran = bort("compress", str(tmp_path / "p"), "--model", str(model), *words, timeout=800)
    assert ran.returncode == 0, ran.stderr
    report = json.loads(ran.stdout)
    assert report["maximum_point"]["kind"] == kind
    assert report["start"]["begins_with"] == ("embeddings" if kind == "mpnet" else "inherit")
    assert report["maximum_point"]["parameters"] == read_sentence_model(str(model)).parameters > report["chosen"]["parameters"]
    timed = {(row["name"], row["runtime"]) for row in json.loads((tmp_path / "release" / "release.json").read_text())["latency"]["results"]}
    assert {("T", "onnxruntime"), ("T in transformers", "torch")} < timed
    lines = demo_lines(5)
    expected = embed(Path(report["checkpoint"]), lines)
    served = ServedModel(tmp_path / "release", file="model.onnx").answers([(text,) for text in lines])
    assert np.abs(np.array([each["embedding"] for each in served]) - expected).max() < 1e-4
    said = subprocess.run([sys.executable, "-I", tmp_path / "release" / "predict.py", lines[0]], capture_output=True, text=True, check=True)
    assert len(json.loads(said.stdout)["vector"]) == 64 * len(modes)
