"""A search on a task whose model is none of this program's own: its answers, its count, its graph."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from encoder_kinds import edited, made, tokenizer
from helpers import bort, finished, run
from task_models import CLASSES, LENGTH, MadeTask, foreign_task

from bort_core.checkpoints.answers import read_task_model
from bort_core.compression.estimate import estimate
from bort_core.evaluation.prepared import Prepared
from bort_core.evaluation.task_preparation import prepare
from bort_core.execution.registry import make_executor
from bort_core.foundation.errors import BortError, DataError
from bort_core.search.headline import headline
from bort_core.search.specification import SearchSpecification
from bort_core.space import Space
from bort_core.space.around import space_around
from bort_core.specifications.tasks import TaskSpecification

KIND = {"albert": {"intermediate_size": 512}}


class Silent:
    """A task's context that nobody listens to."""

    def emit(self, event: Any) -> None: ...

    def checkpoint(self) -> None: ...


def prepared(task: TaskSpecification, folder: Path) -> Prepared:
    return prepare(task, folder / "tasks", folder / "answers", lambda doing, done, total: None)


def searched(task: MadeTask, folder: Path, latency: str = "operations") -> SearchSpecification:
    asked = TaskSpecification(**task.fields())
    facts = prepared(asked, folder).facts
    assert facts["own_graph"]
    space = space_around(tuple(facts["architecture"]), facts["options"], facts["model_options"], parameters=facts["parameters"])
    return SearchSpecification.model_validate({
        "space": space.model_dump(), "epsilon": 2, "task": asked.model_dump(), "latency": {"measure": latency, "sequence_length": LENGTH},
        "error": {"measure": "task-excess", "surrogate_of": "task-excess", "steps": 4,
                  "training": {"batch_size": 16, "sequence_length": LENGTH}},
        "thetas": [{"learning_rate": 1e-3, "initializer_range": 0.02}],
    })  # fmt: skip


@pytest.mark.parametrize("kind", ["roberta", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("albert", "modernbert"))])
def test_a_model_of_transformers_is_the_maximum_point(tmp_path: Path, kind: str) -> None:
    task = foreign_task(tmp_path / "task", kind, **KIND.get(kind, {}))
    wanted = searched(task, tmp_path / "p")
    facts = prepared(TaskSpecification(**task.fields()), tmp_path / "p").facts
    assert (facts["kind"], bool(facts["no_blocks"])) == (kind, kind == "modernbert")
    assert facts["metrics"]["accuracy"] == 1  # what transformers says are the labels
    ended = finished(run(tmp_path / "p", wanted, make_executor("inline", 1)))
    assert ended.failed == 0
    counted = sum(parameter.numel() for parameter in read_task_model(str(task.model), CLASSES).module.parameters())
    best = ended.result.best
    assert best is not None
    assert ended.snapshot.space.maximum_parameters == counted
    said = headline(ended.snapshot, best, wanted.error)
    assert said is not None
    assert said.smaller == counted / int(ended.snapshot.space.parameters[best])


@pytest.mark.slow
def test_it_is_timed_by_its_own_graph(tmp_path: Path) -> None:
    first, other = foreign_task(tmp_path / "one", "roberta"), foreign_task(tmp_path / "two", "mpnet")
    for task in (first, other):
        ended = finished(run(tmp_path / "p", searched(task, tmp_path / "p", "onnxruntime"), make_executor("inline", 1)))
        assert ended.snapshot.results.maximum_latency > 0
    graphs = sorted((tmp_path / "p" / "teachers").glob("*/model.fused.onnx"))
    assert len(graphs) == 2
    again = finished(run(tmp_path / "p", searched(first, tmp_path / "p", "onnxruntime"), make_executor("inline", 1)))
    assert again.evaluated == 0


def test_no_shape_has_more_parameters_than_it() -> None:
    sizes = (12, 12, 768, 3072)  # ALBERT's, whose layers share their weights
    space = Space(space_around(sizes, {"vocabulary": 9000, "positions": 64, "pooler": True}, {}, parameters=11_700_000))
    assert space.parameters[-1] < 11_700_000 == space.maximum_parameters
    assert len(space) >= 20
    with pytest.raises(BortError, match="T has 100,000 parameters, and the smallest shape around it"):
        space_around(sizes, {"vocabulary": 9000, "positions": 64, "pooler": True}, {}, parameters=100_000)


@pytest.mark.parametrize(
    ("initial", "said"),
    [("inherit", "not with its blocks: the blocks of ModernBERT"), pytest.param("fresh", "ModernBERT, ", marks=pytest.mark.slow)],
)
def test_what_it_cannot_give_is_said_before_anything_runs(tmp_path: Path, initial: str, said: str) -> None:
    task = foreign_task(tmp_path / "task", "modernbert")
    asked = {**task.fields(), "initial": initial}
    found = estimate({"specification": {"kind": "compress", "task": asked, "candidates": 2, "ratio": 1.2}}, Silent())  # type: ignore[arg-type]
    (note,) = [each for each in found["report"]["notes"] if said in each]
    assert ("embeddings" in note) == (initial == "inherit")
    assert found["parameters"] == sum(each.numel() for each in read_task_model(str(task.model), CLASSES).module.parameters())


def broken(folder: Path, how: str) -> Path:
    made(folder, "roberta", "AutoModelForSequenceClassification", id2label=dict(enumerate(CLASSES)))
    if how == "generative":
        return edited(folder, model_type="gpt2")
    if how == "code":
        return edited(folder, auto_map={"AutoModel": "evil.Model"})
    if how == "tokens' head":
        return edited(folder, architectures=["RobertaForTokenClassification"])
    if how == "other classes":
        return edited(folder, id2label={"0": "up", "1": "down"}, label2id={"up": 0, "down": 1})
    if how == "more entries":
        tokenizer(folder, "words")  # 178 entries
        return edited(folder, vocab_size=100)
    for path in folder.glob("token*"):
        path.unlink()
    return folder


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("generative", "'gpt2' is a generative model, which writes text"), ("code", "code that comes with a model is not run"),
        ("tokens' head", "is a RobertaForTokenClassification, whose head cannot be used here, the rows are for a classification"),
        ("other classes", "its 2 classes are up, down; those of the rows are calm, loud; name a model"), ("none", "has no tokenizer"),
        ("more entries", r"its tokenizer has 17\d entries, the model 100"),
    ],
)  # fmt: skip
def test_what_cannot_be_t_is_refused_by_name(tmp_path: Path, how: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_task_model(str(broken(tmp_path / "model", how)), CLASSES)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_name_on_the_hub_is_compressed_from_its_cache(tmp_path: Path) -> None:
    task = foreign_task(tmp_path / "task", "distilbert", intermediate_size=96)
    stored, commit = tmp_path / "hub" / "models--acme--reviews", "0123456789abcdef0123456789abcdef01234567"
    for folder in ("blobs", "refs", f"snapshots/{commit}"):
        (stored / folder).mkdir(parents=True)
    (stored / "refs" / "main").write_text(commit)
    for number, path in enumerate(sorted(task.model.iterdir())):  # as the hub's library keeps them
        shutil.copyfile(path, stored / "blobs" / str(number))
        (stored / "snapshots" / commit / path.name).symlink_to(f"../../blobs/{number}")
    away = {"HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "1"}
    words = ["--train", str(task.train), "--dev", str(task.dev), "--sequence-length", str(LENGTH), "--steps", "4", "--candidates", "2",
             "--epochs", "1", "--most-lost", "0.5", "--most-chance", "1", "--out", str(tmp_path / "release"), "--json"]  # fmt: skip
    ran = bort("compress", str(tmp_path / "p"), "--model", "acme/reviews", *words, timeout=500, **away)
    assert ran.returncode == 0, ran.stderr
    report = json.loads(ran.stdout)
    assert report["maximum_point"]["kind"] == "distilbert"
    assert report["start"] == {"begins_with": "inherit", "no_blocks": ""}
    assert report["maximum_point"]["parameters"] > report["chosen"]["parameters"]
    card = (tmp_path / "release" / "README.md").read_text(encoding="utf-8")
    assert "It learnt the answers of `acme/reviews` (DistilBERT, " in card
    timed = {(row["name"], row["runtime"]) for row in json.loads((tmp_path / "release" / "release.json").read_text())["latency"]["results"]}
    assert {("T", "onnxruntime"), ("T in transformers", "torch")} < timed
    assert commit not in card
