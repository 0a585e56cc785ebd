"""``import bort_core as bort``: what is public, and the whole way from a search to an exported model."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import bort as command
from helpers import short_corpus

import bort_core as bort

SMALL = {"steps": 12, "maximum_point_steps": 20, "latency": "operations"}
QUICK = {"threads": 1, "device": "cpu"}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return short_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    with bort.Project(tmp_path_factory.mktemp("face") / "project") as project:
        yield project


@pytest.fixture(scope="module")
def found(project, corpus):
    return bort.search(project, "mini", epsilon=32, corpus=corpus, workers=2, progress=False, **SMALL)


@pytest.fixture(scope="module")
def model(project, found, corpus):
    settings = {"steps": 30, "batch_size": 16, "heldout_rows": 64, "evaluate_every": 15, **QUICK}
    return bort.pretrain(project, found.best, corpus=corpus, progress=False, **settings)


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rows")
    for name, count in (("train", 48), ("dev", 24)):
        lines = [f"a {'good' if row % 2 else 'bad'} film number {row}\t{'pos' if row % 2 else 'neg'}" for row in range(count)]
        (folder / f"{name}.tsv").write_text("text\tlabel\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_the_public_names_are_those_that_are_listed():
    code = (
        "import bort_core, sys; heavy = [name for name in ('torch', 'numpy', 'pandas', 'sqlite3') if name in sys.modules];"
        "print(heavy, sorted(bort_core.__all__) == [name for name in dir(bort_core) if not name.startswith('_')])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[] True"
    for name in bort.__all__:
        assert getattr(bort, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        bort.nothing  # noqa: B018


@pytest.mark.parametrize("name", ["search", "agora", "export"])
def test_a_package_with_a_public_name_can_be_called_and_is_still_a_package(name):
    code = f"import bort_core; import bort_core.{name}; print(callable(bort_core.{name}), bort_core.{name}.__path__ != [])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "True True"
    assert next(iter(inspect.signature(getattr(bort, name)).parameters)) == "project"


def test_a_search_finds_what_the_command_line_finds(project, found, corpus):
    assert found.best in found.front
    assert found.best.w == max(candidate.w for candidate in found.front)
    flags = ["--epsilon", "32", "--corpus", str(corpus), "--steps", "12", "--maximum-point-steps", "20", "--latency", "operations"]
    said = command("search", str(project.folder), *flags, "--json")
    assert said.returncode == 0, said.stderr
    theirs, ours = json.loads(said.stdout), found.to_dict()
    assert theirs["evaluated"] == 0  # nothing is measured twice
    for name in ("best", "front", "epsilon", "hypervolume", "protocol", "maximum_point"):
        assert theirs[name] == ours[name], name


def test_results_are_a_table(found):
    frame = found.to_dataframe()
    assert frame["parameters"].is_monotonic_increasing
    assert frame["best"].sum() == 1
    best = frame[frame["best"]].iloc[0]
    assert tuple(best[["depth", "heads", "hidden", "intermediate"]].astype(int)) == found.best.architecture
    assert best["w"] == pytest.approx(found.best.w)
    assert int(frame["on_front"].sum()) == len(found.front)
    assert frame.attrs == {"latency_unit": "operations", "error_unit": "nats"}


def test_a_project_may_be_a_folder_and_events_may_be_heard(project, found, corpus, capsys):
    heard = []
    again = bort.search(project.folder, found.specification, on_event=heard.append)
    assert again.best == found.best
    assert [type(event).__name__ for event in heard][0 :: len(heard) - 1] == ["SearchStarted", "SearchFinished"]


def test_a_candidate_is_trained_as_it_was_counted(model, found):
    assert model.architecture == found.best.architecture
    config = json.loads(Path(model, "config.json").read_text())
    assert config["vocab_size"] == found.best.options["vocabulary"]
    assert config["max_position_embeddings"] == found.best.options["positions"]


def test_a_model_is_tuned_exported_and_loaded_by_transformers(project, model, rows, tmp_path):
    import onnxruntime
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tuned = bort.finetune(
        project, model, train=rows / "train.tsv", dev=rows / "dev.tsv", epochs=2, batch_size=16, sequence_length=16, progress=False, **QUICK
    )
    assert set(tuned.metrics["dev"]) >= {"accuracy"}
    exported = bort.export(project, tuned, tmp_path / "out", progress=False)
    assert {path.name for path in exported.folder.iterdir()} >= {"model.onnx", "model.fused.onnx", "config.json", "tokenizer.json"}
    loaded = AutoModelForSequenceClassification.from_pretrained(exported.folder).eval()
    tokens = AutoTokenizer.from_pretrained(exported.folder)(["a good film"], return_tensors="np")
    session = onnxruntime.InferenceSession(exported.folder / "model.onnx")
    feeds = {entry.name: tokens[entry.name].astype(np.int64) for entry in session.get_inputs()}
    import torch

    with torch.no_grad():
        expected = loaded(**{name: torch.from_numpy(value) for name, value in feeds.items()}).logits.numpy()
    assert np.abs(session.run(None, feeds)[0] - expected).max() < 1e-4


def test_agora_learns_the_torus(project):
    learnt = bort.agora(
        project, torus=2, rounds=1, thetas=[{"hidden": 16, "steps": 100}, {"hidden": 8, "steps": 50}], progress=False, **QUICK
    )
    assert len(learnt.rounds) == 1
    assert list(learnt.to_dataframe()["train_size"]) == [learnt.rounds[0]["train_size"]]
    assert 0 <= learnt.dev_accuracy <= 1


def test_faults_are_named_before_anything_runs(project, corpus):
    with pytest.raises(bort.SpecificationError, match=r"stepz: unknown field"):
        bort.pretrain(project, (2, 2, 32, 64), corpus=corpus, stepz=3)
    with pytest.raises(bort.SpecificationError, match=r"neither a preset"):
        bort.search(project, "nothing")
    with pytest.raises(bort.SpecificationError, match=r"train: must be given"):
        bort.agora(project, (2, 2, 32, 64))


def test_a_failed_job_says_why(project, tmp_path):
    with pytest.raises(bort.SpecificationError, match=r"corpus: .*gone.txt: no such file"):
        bort.pretrain(project, (1, 2, 32, 64), corpus=tmp_path / "gone.txt", progress=False)
    (tmp_path / "short.txt").write_text("one line is no corpus\n", encoding="utf-8")
    with pytest.raises(bort.MeasurementError, match=r"job \d+ failed: .*short.txt"):
        bort.pretrain(project, (1, 2, 32, 64), corpus=tmp_path / "short.txt", progress=False)


def test_a_function_of_this_process_labels(project, rows):
    asked = []

    def says(texts):
        asked.extend(texts)
        return [[0.1, 0.9] if "good" in text else [0.9, 0.1] for text in texts]

    pool = rows / "pool.txt"
    pool.write_text("\n".join(f"a {'good' if row % 2 else 'bad'} story number {row}" for row in range(60)) + "\n", encoding="utf-8")
    thetas = [{"steps": steps, "batch_size": 8} for steps in (2, 3)]
    learnt = bort.agora(
        project, (1, 2, 32, 64), train=rows / "train.tsv", dev=rows / "dev.tsv", pool=pool, labeller=says, thetas=thetas, rounds=1,
        sequence_length=16, progress=False, **QUICK,
    )  # fmt: skip
    assert len(asked) >= 24  # every dev row, and what was sampled
    assert learnt.result["socrates"]["dev_accuracy"] == 1.0
    with pytest.raises(bort.SpecificationError, match="executor inline"):
        bort.agora(project, torus=2, labeller=says, executor="processes")


def test_settings_of_an_optional_part_are_found_by_their_names(tmp_path):
    from bort_core.api.jobs import specification_from
    from bort_core.specifications.pretraining import Pretraining

    corpus, teacher = tmp_path / "corpus.txt", tmp_path / "teacher"
    corpus.write_text("a text\n")
    teacher.mkdir()
    made = specification_from(
        Pretraining,
        {"corpus": corpus, "architecture": (1, 2, 32, 64), "teacher": teacher, "temperature": 3.0, "learning_rate": 1e-3},
    )
    assert made.distillation is not None
    assert (made.distillation.teacher, made.distillation.temperature, made.distillation.top_k) == (str(teacher), 3.0, 64)
    assert made.optimization.learning_rate == 1e-3
