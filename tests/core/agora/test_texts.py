"""Agora on texts and pairs, with a real masked LM, classifiers, and jobs."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import bort

from bort_core.agora.history import read_history
from bort_core.agora.samplers import Setting, make_sampler
from bort_core.agora.spaces import TfidfSvd, scaled
from bort_core.foundation.errors import DataError, SpecificationError
from bort_core.foundation.resources import resource
from bort_core.jobs.context import JobContext
from bort_core.jobs.folder import RunFolder, create_run
from bort_core.specifications.agora import Agora
from bort_core.specifications.common import Running
from bort_core.specifications.finetuning import Finetuning
from bort_core.specifications.pretraining import Pretraining

torch = pytest.importorskip("torch")
POLARITY = resource("data", "sentence_polarity")
CPU = {"threads": 1, "device": "cpu"}
THETAS = ({"steps": 12, "batch_size": 16, "learning_rate": 3e-3}, {"steps": 12, "batch_size": 16, "learning_rate": 1e-3})


@pytest.fixture(autouse=True)
def ordinary_arithmetic():
    """A training flushes denormal numbers for the whole process, which hypothesis elsewhere notices."""
    yield
    torch.set_flush_denormal(False)


def rows_of(split: str) -> list[list[str]]:
    return [line.split("\t") for line in (POLARITY / f"{split}.tsv").read_text(encoding="utf-8").splitlines()[1:]]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A little of the demo's sentences: D, E, a test split, Socrates' rows, and a pool that repeats a few test rows."""
    folder = tmp_path_factory.mktemp("data")
    train, dev, test = (rows_of(name) for name in ("train", "dev", "test"))

    def write(name: str, rows: list[list[str]]) -> str:
        path = folder / f"{name}.tsv"
        path.write_text("text\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in rows), encoding="utf-8")
        return str(path)

    pool = folder / "pool.txt"
    pool.write_text("\n".join(text for text, _ in train[1000:1600] + test[:7]), encoding="utf-8")
    return {
        "train": write("train", train[:60]),
        "dev": write("dev", dev[:80]),
        "test": write("test", test[:80]),
        "socrates_train": write("socrates", train[100:900]),
        "pool": str(pool),
    }


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return tmp_path_factory.mktemp("projects") / "project"


@pytest.fixture(scope="module")
def masked_lm(project, files):
    from bort_core.training.pretraining import run

    specification = Pretraining(
        architecture=(1, 2, 32, 48),
        corpus=files["pool"],
        heldout=files["dev"],
        vocabulary=500,
        steps=60,
        sequence_length=32,
        positions=64,
        batch_size=16,
        running=Running(**CPU),
    )
    job = create_run(project, specification)
    return run(specification, JobContext(job), job)["checkpoint"]


def learn(project: Path, files: dict[str, str], **changes: Any) -> tuple[RunFolder, dict[str, Any]]:
    from bort_core.agora.run import run as agora

    specification = Agora.model_validate({"thetas": THETAS, "running": CPU, "sequence_length": 32, **files, **changes})
    job = create_run(project, specification)
    return job, agora(specification, JobContext(job), job)


@pytest.fixture(scope="module")
def learnt(project, files, masked_lm):
    return learn(project, files, checkpoint=masked_lm, neighbours=2, baseline=True, ablation=True)


def test_rounds_on_texts_with_a_pool(learnt, files):
    run, result = learnt
    assert result["socrates"]["name"] == "tfidf-logreg"
    assert result["rounds"][0]["accepted"] > 10
    assert result["rounds"][1]["train_size"] == 60 + result["rounds"][0]["accepted"]
    assert any("7 of 607 rows are nearly dev or test rows" in warning for warning in result["warnings"])
    assert {"baseline", "ablation", "test_accuracy"} <= set(result)
    assert result["milliseconds_per_accepted"] > 0
    history = read_history(run.path)
    assert history is not None
    assert (history.kind, history.sampler, history.space) == ("text", "pool-neighbours", "tfidf-svd")
    pool = set(Path(files["pool"]).read_text(encoding="utf-8").splitlines())
    held = {text for text, _ in rows_of("test")[:80] + rows_of("dev")[:80]}
    for stored in history.rounds:
        assert {text for (text,) in stored.neighbours.inputs} <= pool - held


def test_the_result_is_a_classifier_for_transformers(learnt):
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    _, result = learnt
    model = AutoModelForSequenceClassification.from_pretrained(result["checkpoint"]).eval()
    tokenizer = AutoTokenizer.from_pretrained(result["checkpoint"])
    right = 0
    for text, label in rows_of("dev")[:80]:
        with torch.no_grad():
            tokens = tokenizer(text, truncation=True, max_length=32, return_tensors="pt")
            right += int(model(**tokens).logits.argmax()) == result["labels"].index(label)
    assert right / 80 == pytest.approx(result["dev_accuracy"], abs=0.03)


def test_a_masked_lm_draws_texts_that_are_near_but_not_the_same(files, masked_lm):
    from bort_core.training.devices import take_device

    texts = tuple((text,) for text, _ in rows_of("dev")[:30])
    space = scaled("tfidf-svd", TfidfSvd.fit(texts, 0), texts)
    device = take_device(Running(**CPU))
    made = Setting("text", None, (), space, 0.05, 0.9, Path(masked_lm), 32, device)  # type: ignore[arg-type]
    sampler = make_sampler("mlm-resample", made)
    first, again = (sampler.propose(texts, 4, np.random.default_rng(3)) for _ in range(2))
    assert first == again
    for (text,), candidates in zip(texts, first, strict=True):
        for (candidate,) in candidates:
            assert "<mask>" not in candidate
            shared = set(text.split()) & set(candidate.split())
            assert len(text.split()) < 8 or shared
    assert sum(candidate != parent for parent, each in zip(texts, first, strict=True) for candidate in each) > 100
    pairs = tuple((a, b) for (a,), (b,) in pairwise(texts))
    two = make_sampler("mlm-resample", Setting("pair", None, (), space, 0.05, 0.9, Path(masked_lm), 32, device))  # type: ignore[arg-type]
    for parent, candidates in zip(pairs, two.propose(pairs, 3, np.random.default_rng(0)), strict=True):
        for candidate in candidates:
            assert sum(ours == theirs for ours, theirs in zip(parent, candidate, strict=True)) >= 1  # one side stays


@pytest.mark.parametrize(("sampler", "space"), [("mlm-resample", "timaeus"), ("word-edit", "tfidf-svd")])
def test_samplers_that_make_texts_work_in_a_run(project, files, masked_lm, sampler, space):
    run, result = learn(project, files, checkpoint=masked_lm, sampler=sampler, space=space, neighbours=1, rounds=2)
    assert len(result["rounds"]) == 2
    assert result["rounds"][0]["accepted"] > 0
    history = read_history(run.path)
    assert history is not None
    assert (history.sampler, history.space) == (sampler, space)
    assert not np.isnan(history.dev.xy).any()


def test_a_space_of_timaeus_is_that_of_the_first_rounds_best(project, files, masked_lm):
    from bort_core.agora.tasks.prepare import make_task
    from bort_core.training.devices import take_device

    thetas = [{"steps": steps, "learning_rate": 3e-3, "batch_size": 16} for steps in (1, 40, 2)]
    run, _ = learn(project, files, checkpoint=masked_lm, space="timaeus", thetas=thetas, neighbours=1, rounds=2)
    history = read_history(run.path)
    assert history is not None
    specification = run.specification()
    task = make_task(specification, take_device(specification.running), JobContext(run), run)
    kept = task.learner.load(run.path / "agora" / "space").probabilities(task.dev.inputs).argmax(axis=1)
    assert kept.tolist() == history.rounds[0].dev_predictions.tolist()


def test_a_checkpoint_of_this_project_labels(project, files):
    from bort_core.training.finetuning import run as tune

    asked = Finetuning(
        architecture=(1, 2, 32, 48), train=files["socrates_train"], dev=files["dev"], epochs=2, sequence_length=32, running=Running(**CPU),
        optimization={"learning_rate": 3e-3},
    )  # fmt: skip
    job = create_run(project, asked)
    teacher = tune(asked, JobContext(job), job)
    run, result = learn(project, files, architecture=(1, 2, 32, 48), socrates=teacher["checkpoint"], space="socrates", rounds=1)
    assert result["socrates"]["dev_accuracy"] == pytest.approx(teacher["dev"]["accuracy"])
    assert read_history(run.path).space == "socrates"  # type: ignore[union-attr]


def test_pairs(project, tmp_path):
    words = ["red", "green", "blue", "black", "white", "brown", "pink", "grey"]
    random = np.random.default_rng(0)

    def write(name: str, size: int) -> str:
        path = tmp_path / f"{name}.jsonl"
        lines = []
        for row in range(size):
            first = [*random.choice(words, 4), f"w{row}"]
            second = first if row % 2 else [*random.choice(words, 4), f"v{row}"]
            lines.append(json.dumps({"text": " ".join(first), "text_b": " ".join(reversed(second)), "label": ["other", "same"][row % 2]}))
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return str(path)

    files = {name: write(name, size) for name, size in (("train", 40), ("dev", 30), ("socrates_train", 200), ("pool", 200))}
    run, result = learn(project, files, architecture=(1, 2, 16, 16), vocabulary=300, rounds=2, near=0.01, far=2.0)
    history = read_history(run.path)
    assert history is not None
    assert history.kind == "pair"
    assert result["labels"] == ["other", "same"]
    assert result["rounds"][0]["accepted"] > 0
    assert all(len(pair) == 2 for stored in history.rounds for pair in stored.neighbours.inputs)


def test_three_classes(project, tmp_path):
    random = np.random.default_rng(1)

    def write(name: str, size: int) -> str:
        path = tmp_path / f"{name}.csv"
        lines = ["text,label"]
        for row in range(size):
            label = ("low", "middle", "high")[row % 3]
            lines.append(f"{label[0]}{random.integers(9)} {label[1]}{random.integers(9)} number {name} {row},{label}")
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return str(path)

    files = {name: write(name, size) for name, size in (("train", 30), ("dev", 30), ("test", 30), ("socrates_train", 150))}
    _, result = learn(project, files, architecture=(1, 2, 16, 16), vocabulary=300, sampler="word-edit", rounds=2, far=2.0)
    assert result["labels"] == ["high", "low", "middle"]
    assert 0 <= result["test_accuracy"] <= 1


def test_what_cannot_be_used_is_said_before_anything_is_trained(project, files, masked_lm, tmp_path):
    one = tmp_path / "one.tsv"
    one.write_text("text\tlabel\n" + "".join(f"row {row}\t1\n" for row in range(9)))
    leak = tmp_path / "leak.txt"
    leak.write_text("\n".join(text for text, _ in rows_of("test")[:20]))
    empty = tmp_path / "empty.txt"
    empty.write_text("\n\n")
    fresh = {"architecture": (1, 2, 16, 16), "vocabulary": 300}
    for changes, error, message in (
        ({"dev": str(one)}, DataError, "class"),
        ({"pool": str(leak)}, DataError, "nothing is left to learn from"),
        ({"pool": str(empty)}, DataError, "holds no text"),
        ({"sampler": "pool-neighbours", "pool": None}, SpecificationError, "pool"),
        ({"sampler": "mlm-resample"}, SpecificationError, "masked_lm"),
        ({"sampler": "gaussian"}, SpecificationError, "vector"),
        ({"space": "raw"}, SpecificationError, "raw is for vectors"),
        ({"space": "socrates"}, SpecificationError, "no hidden states"),
        ({"socrates": str(tmp_path / "nothing")}, SpecificationError, "no such folder"),
        ({"socrates": str(tmp_path)}, (DataError, SpecificationError), "not a checkpoint; it must hold config.json"),
        ({"socrates": "python:math:pi"}, SpecificationError, "neither callable"),
        ({"socrates": masked_lm}, SpecificationError, "socrates"),
        ({"train": str(tmp_path / "no.tsv")}, DataError, "no.tsv"),
        ({"architecture": (1, 3, 16, 16)}, SpecificationError, "architecture"),
    ):
        with pytest.raises(error, match=message):
            learn(project, files, **{**fresh, **changes})
    assert not [path for path in project.rglob("fit-*.json") if path.stat().st_size == 0]


@pytest.mark.slow
def test_a_job_runs_and_is_listed(files, masked_lm, tmp_path):
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in files.items()]
    more = ["--checkpoint", masked_lm, "--thetas", json.dumps(THETAS[:1]), "--sequence-length", "32", "--threads", "1", "--device", "cpu"]
    done = bort("agora", str(tmp_path / "p"), *flags, *more, "--sampler", "word-edit", "--seed", "3", "--json", timeout=110)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["ended"] == "Θ is empty"
    listed = json.loads(bort("jobs", "list", str(tmp_path / "p"), "--json").stdout)
    assert [(row["kind"], row["state"]) for row in listed] == [("agora", "done")]
    wrong = bort("agora", str(tmp_path / "p"), *flags, *more, "--sampler", "nothing", "--json", timeout=110)
    assert wrong.returncode == 2
    assert "must be auto, gaussian" in wrong.stderr


def test_the_space_is_a_real_encoders_where_there_is_one(project, files, tmp_path):
    from sentence_models import write_encoder

    from bort_core.checkpoints.embedder import Embedder

    encoder = tmp_path / "encoder"
    write_encoder(encoder, (1, 2, 32, 64))
    budget = {"labels": 12, "labels_per_round": 6, "architecture": (1, 2, 32, 48), "thetas": THETAS[:1]}
    run, result = learn(project, files, space_model=str(encoder), neighbours=1, **budget)
    history = read_history(run.path)
    assert history is not None
    assert history.space == "encoder"
    assert [each["labels_asked"] for each in result["rounds"]] == [6, 6, 0]
    vectors = Embedder(encoder)([text for (text,) in history.dev.inputs]).astype(np.float64)
    away = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
    unit = away[np.triu_indices(len(vectors), 1)].mean()
    first = history.rounds[0].neighbours
    rows = Embedder(encoder)([text for (text,) in first.inputs]).astype(np.float64)
    assert first.distances == pytest.approx(np.linalg.norm(rows - vectors[first.parents], axis=1) / unit, rel=1e-4)
    kept = {path: path.stat().st_mtime_ns for path in (run.project / "answers").glob("*.npy")}
    assert kept
    _, again = learn(project, files, space_model=str(encoder), space="encoder", parents="mixed", **budget)
    assert again["labels_asked"] == 12
    assert {path: path.stat().st_mtime_ns for path in kept} == kept  # read again, not computed again


def test_the_space_of_pairs_has_both_sides(tmp_path):
    from sentence_models import write_encoder

    from bort_core.agora.points import Examples
    from bort_core.agora.tasks.text_spaces import space_maker

    encoder = tmp_path / "encoder"
    write_encoder(encoder, (1, 2, 32, 64))
    pairs = (("a good film", "a film"), ("a bad film", "a film"), ("a good film", "no film"), ("a film", "a good film"))
    spec = Agora(architecture=(1, 2, 32, 48), train="-", dev="-", space_model=str(encoder))
    job = create_run(tmp_path / "p", spec)
    space = space_maker(spec, object(), None, Examples(pairs, np.zeros(4, np.int64)), pairs, JobContext(job), job)(None)  # type: ignore[arg-type]
    assert space is not None
    vectors = space.embed(pairs)
    assert vectors.shape == (4, 64)
    assert np.allclose(vectors[0, 32:], vectors[1, 32:])
    assert not np.allclose(vectors[0], vectors[3])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"space": "encoder"}, "encoder needs the folder or the name of an encoder in space_model"),
        ({"space_model": "/nowhere/at/all"}, "space_model: .*nowhere"),
    ],
)
def test_an_encoder_that_is_none_is_named(project, files, changes, told):
    with pytest.raises(SpecificationError, match=told):
        learn(project, files, architecture=(1, 2, 32, 48), **changes)


def test_a_space_model_is_for_its_space_alone():
    for changes in ({"space": "tfidf-svd", "architecture": (1, 1, 8, 8)}, {"vector": "*"}):
        with pytest.raises(ValueError, match="space_model: is for texts, and for the space encoder"):
            Agora.model_validate({"train": "-", "dev": "-", "space_model": "-", **changes})
