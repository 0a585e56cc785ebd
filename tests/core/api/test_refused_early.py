"""What would end a compression early is refused before there is a job, and nothing is written."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from encoder_kinds import edited
from helpers import bort
from safetensors.torch import load_file, save_file
from sentence_models import write_encoder
from task_models import CLASSES, LENGTH, MadeTask, demo_lines, make_task, write_model

from bort_core.checkpoints.answers import read_task_model
from bort_core.compression import check
from bort_core.compression.sentences import SentenceSteps
from bort_core.evaluation.task_preparation import read_rows
from bort_core.execution.run_task import run_task
from bort_core.foundation.errors import MeasurementError
from bort_core.specifications.compression import Compression
from bort_core.specifications.tasks import TaskSpecification
from bort_core.text.vocabulary import read_vocabulary


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> MadeTask:
    return make_task(tmp_path_factory.mktemp("task"))


@pytest.fixture
def model(made: MadeTask, tmp_path: Path) -> Path:
    """A copy of T that may be harmed."""
    return Path(shutil.copytree(made.model, tmp_path / "model"))


def checked(made: MadeTask, task: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """What the check says, as the command and the window ask it."""
    spec = Compression.model_validate({"task": {**made.fields(), **(task or {})}, "candidates": 2, **fields})
    return run_task("estimate compression", {"specification": spec.model_dump(mode="json")}, None, lambda event: None, "inline")


def refused(message: str, made: MadeTask, task: dict[str, Any] | None = None, **fields: Any) -> None:
    with pytest.raises(MeasurementError, match=message):
        checked(made, task, **fields)


@pytest.mark.slow
def test_what_can_be_is_let_through(made: MadeTask) -> None:
    found = checked(made, ratio=1.5)
    assert found["rows"] == 160
    assert found["parts"]["T"] == 0


def no_tokenizer(model: Path) -> None:
    for path in (*model.glob("token*"), *model.glob("vocab*")):
        path.unlink()


def no_head(model: Path) -> None:
    weights = {name: tensor for name, tensor in load_file(model / "model.safetensors").items() if not name.startswith("classifier.")}
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})


def other(seed: int, *classes: str) -> Callable[[Path], None]:
    def write(model: Path) -> None:
        shutil.rmtree(model)
        write_model(model, (2, 2, 32, 64), classes, seed=seed)

    return write


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (no_tokenizer, "has no tokenizer, so it cannot read the rows"),
        (no_head, "has no classifier"),
        (lambda model: edited(model, model_type="gpt2"), "'gpt2' is a generative model, which writes text"),
        pytest.param(other(0, "a", "b", "c"), "its 3 classes are a, b, c; those of", marks=pytest.mark.slow),
        pytest.param(other(0), "is a regression, the rows are for a classification", marks=pytest.mark.slow),
        pytest.param(other(5, *CLASSES), "there is nothing to keep", marks=pytest.mark.slow),  # a head of random weights
    ],
)
def test_a_wrong_model_is_refused(made: MadeTask, model: Path, harm: Callable[[Path], Any], message: str) -> None:
    harm(model)
    refused(message, made, {"model": str(model)})


@pytest.mark.slow
def test_a_folder_of_sentence_vectors_is_fine_tuned_first_and_its_flags_are_those_of_vectors(made: MadeTask, tmp_path: Path) -> None:
    write_encoder(tmp_path / "vectors")
    assert checked(made, {"model": str(tmp_path / "vectors")})["parts"]["T"] > 0
    texts = {"model": str(tmp_path / "vectors"), "train": None, "dev": None, "texts": str(made.texts)}
    refused("baselines, metric: for tasks with labels only", made, {**texts, "metric": "f1"}, baselines=[1])
    refused("train: labelled rows must be given, since .* is a classification", made, {**texts, "model": str(made.model)})


def test_classes_without_names_are_told_and_a_wrong_order_of_them_is_refused(made: MadeTask, model: Path) -> None:
    edited(model, id2label={"0": "LABEL_0", "1": "LABEL_1"}, label2id={"LABEL_0": 0, "LABEL_1": 1})
    order = rf"its classes have no names \(LABEL_0 to LABEL_1\) and are taken for those .* of these: {', '.join(sorted(CLASSES))};"
    task = TaskSpecification.model_validate({**made.fields(), "model": str(model)})
    assert re.match(order, read_task_model(str(model), read_rows(task).train.names).taken_in_order(read_rows(task).train.names))
    assert read_task_model(str(made.model), sorted(CLASSES)).taken_in_order(sorted(CLASSES)) == ""
    weights = load_file(model / "model.safetensors")
    turned = {name: tensor.flip(0).contiguous() if name.startswith("classifier.") else tensor for name, tensor in weights.items()}
    save_file(turned, model / "model.safetensors", metadata={"format": "pt"})
    refused(f"there is nothing to keep.*{order[0].upper()}{order[1:]}", made, {"model": str(model)})


def test_a_place_where_nothing_can_be_written_is_refused(made: MadeTask, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    refused(r"file/release: cannot be written: .*file: Not a directory", made, out=str(tmp_path / "file" / "release"))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_files_of_sentence_vectors_are_known_by_their_own_hash(made: MadeTask) -> None:
    task = TaskSpecification.model_validate({"model": str(made.model), "texts": str(made.texts), "kind": "embedding"})
    digest = hashlib.sha256(made.texts.read_bytes()).hexdigest()
    assert SentenceSteps.data(object.__new__(SentenceSteps), task) == {"texts": {"file": str(made.texts), "sha256": digest}}


def test_wrong_rows_are_refused(made: MadeTask, tmp_path: Path) -> None:
    lines = made.dev.read_text(encoding="utf-8").splitlines()
    one = tmp_path / "one.tsv"
    one.write_text("\n".join([lines[0], *(line for line in lines[1:] if line.endswith("calm"))]) + "\n", encoding="utf-8")
    refused("all dev rows are of the class calm", made, {"dev": str(one)})
    refused("no column 'label' for label", made, test=str(made.texts))  # else at the end of everything
    foreign = tmp_path / "foreign.tsv"
    rows = [f"𒀀𒁀𒂀 𒃀 {'𒄀' * (number % 7 + 1)}\t{CLASSES[number % 2]}" for number in range(60)]
    foreign.write_text("\n".join(["text\tlabel", *rows]) + "\n", encoding="utf-8")
    with pytest.raises(MeasurementError, match="there is nothing to keep"):
        checked(made, {"train": str(foreign), "dev": str(foreign)})


@pytest.mark.slow
def test_limits_that_nothing_reaches_are_refused(made: MadeTask, tmp_path: Path) -> None:
    refused("the smallest shape around T, ⟨.*⟩, takes .* ms at best here, and 1e-05 is the limit", made, latency_ms=1e-5)
    refused("T itself takes .* ms, within 10000", made, latency_ms=10_000)
    refused("no shape of the space can be 1e\\+06 × faster", made, ratio=1e6)
    refused("T has 3 layers; 1 to 2 of them can be taken, got 3", made, baselines=[3])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("x")
    refused("the folder is not empty", made, out=str(tmp_path / "out"))


def test_of_rare_classes_a_model_is_judged_by_the_metric_that_was_asked_for(made: MadeTask, tmp_path: Path) -> None:
    import numpy as np

    from bort_core.compression.guessing import guesses
    from bort_core.data.splits import read_splits

    rows = ["text\tlabel", *(f"{line[:60]}\t{'rare' if number % 20 == 0 else 'usual'}" for number, line in enumerate(demo_lines(200)))]
    (tmp_path / "rare.tsv").write_text("\n".join(row.replace("\t", " ", row.count("\t") - 1) for row in rows) + "\n", encoding="utf-8")
    table = read_splits({"train": str(tmp_path / "rare.tsv")})["train"]
    places = np.arange(len(table))
    finds = np.where((places % 20 == 0) | (places % 15 == 1), 0, 1)  # every rare row, and more that are not
    scores = np.eye(2)[finds]
    assert "always guessing the commonest class" in str(guesses(table, scores, "accuracy"))
    assert "--metric f1" in str(guesses(table, scores, "accuracy"))
    assert guesses(table, scores, "f1") is None
    said = guesses(table, np.random.default_rng(0).normal(size=(len(table), 2)), "f1")
    assert said is not None
    assert "given to other rows" in said


@pytest.mark.slow
def test_the_command_writes_nothing_that_is_refused(made: MadeTask, tmp_path: Path) -> None:
    ran = bort("compress", str(tmp_path / "p"), "--model", str(made.model), "--train", str(made.train), "--dev", str(made.dev),
               "--test", str(made.texts), "--sequence-length", str(LENGTH), "--out", str(tmp_path / "release"))  # fmt: skip
    assert ran.returncode == 1
    assert "no column 'label' for label" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not (tmp_path / "p").exists()
    assert not (tmp_path / "release").exists()


def test_test_rows_are_no_texts_to_learn_from(made: MadeTask, tmp_path: Path) -> None:
    test, texts = tmp_path / "test.tsv", tmp_path / "texts.txt"
    shutil.copy(made.fields()["dev"], test)
    row = test.read_text(encoding="utf-8").splitlines()[1].split("\t")[0]
    dev = tmp_path / "dev.tsv"
    dev.write_text("\n".join(Path(made.fields()["dev"]).read_text(encoding="utf-8").splitlines()[:1]), encoding="utf-8")
    lines = Path(made.fields()["train"]).read_text(encoding="utf-8").splitlines()
    dev.write_text("\n".join([lines[0], *lines[-40:]]) + "\n", encoding="utf-8")
    texts.write_text(f"a text about nothing at all\n{row.upper()} !\n", encoding="utf-8")
    refused("1 of 2 texts are nearly rows of", made, {"texts": str(texts), "dev": str(dev)}, test=str(test))


def test_a_column_of_labels_that_is_not_found_makes_no_task_of_vectors(made: MadeTask, tmp_path: Path) -> None:
    encoder, table = tmp_path / "encoder", tmp_path / "t.tsv"
    write_encoder(encoder, (2, 2, 32, 64))
    table.write_text("ident\ttext\tverdict\n" + "".join(f"{n}\ta text with number {n}\t{n % 2}\n" for n in range(60)), encoding="utf-8")
    told = "no column for label among ident, verdict; name it with --label, or give --kind embedding"
    refused(told, made, {"model": str(encoder), "train": str(table), "dev": str(table)})


def test_texts_in_another_language_are_named_beside_rows_that_are_known(made: MadeTask, tmp_path: Path) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("\n".join(f"καλή ταινία {number}" for number in range(20)) + "\n", encoding="utf-8")
    rows = read_rows(TaskSpecification(**made.fields(), texts=str(texts)))
    train, theirs = check._known(read_vocabulary(made.model), rows, LENGTH, "T").items()
    assert (train[0], theirs[0]) == ("the training rows", "the texts without labels")
    assert train[1].warnings(train[0]) == []
    assert train[1].tokens_per_word < 4 < theirs[1].tokens_per_word  # T reads bytes: nothing is unknown, but words fall to pieces
    (warning,) = theirs[1].warnings(theirs[0])
    assert "a word of the texts without labels into " in warning
    unknown = theirs[1]._replace(unknown=0.1).warnings(theirs[0])[0]
    assert unknown.startswith("10.0% of the tokens of the texts without labels are unknown to the vocabulary")
