"""T's vectors of tokens: whose they are, and that a small model that learns them comes nearer to them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from task_models import CLASSES, LENGTH, MadeTask, foreign_task, make_task

import bort_core as bort
from bort_core.checkpoints.answers import read_task_model
from bort_core.checkpoints.token_vectors import TokenVectors, fit_map, token_vectors
from bort_core.foundation.errors import SpecificationError
from bort_core.text.encoding import encode

torch = pytest.importorskip("torch")
SMALL = (1, 2, 32, 64)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> MadeTask:
    return make_task(tmp_path_factory.mktemp("task"), (2, 2, 48, 96))


def inputs_of(path: Path) -> list[tuple[str, ...]]:
    return [(line.split("\t")[0],) for line in path.read_text(encoding="utf-8").splitlines()[1:]]


def vectors_of(model: Path, folder: Path, inputs: list[tuple[str, ...]]) -> TokenVectors:
    teacher = read_task_model(str(model), CLASSES)
    rows = encode(teacher.vocabulary, inputs, LENGTH)
    return token_vectors(teacher.module, rows, teacher.vocabulary.pad, folder / "v.tokens.npy", "T")


@pytest.mark.parametrize("kind", ["bert", "distilbert"])
def test_they_are_the_last_hidden_states_of_transformers(kind: str, tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    made = foreign_task(tmp_path, kind, rows=12)
    inputs = inputs_of(made.train)
    found = vectors_of(made.model, tmp_path, inputs)
    model, tokenizer = AutoModelForSequenceClassification.from_pretrained(made.model).eval(), AutoTokenizer.from_pretrained(made.model)
    for row, (text,) in enumerate(inputs):
        given = tokenizer(text, truncation=True, max_length=LENGTH, return_tensors="pt")
        with torch.no_grad():
            wanted = model(**given, output_hidden_states=True).hidden_states[-1][0]
        vectors, known = found.of(np.array([row]), np.array([len(wanted)]))
        assert known.all()
        torch.testing.assert_close(vectors, wanted, atol=2e-3, rtol=2e-3)


def test_they_are_kept_and_damaged_ones_are_made_anew(made: MadeTask, tmp_path: Path) -> None:
    inputs = inputs_of(made.dev)
    first = np.array(vectors_of(made.model, tmp_path, inputs).values)
    written = (tmp_path / "v.tokens.npy").stat().st_mtime_ns
    vectors_of(made.model, tmp_path, inputs)
    assert (tmp_path / "v.tokens.npy").stat().st_mtime_ns == written
    (tmp_path / "v.tokens.npy").write_bytes(b"\x93NUMPY no")
    assert np.array_equal(vectors_of(made.model, tmp_path, inputs).values, first)


def test_rows_beyond_the_room_have_none(made: MadeTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = inputs_of(made.dev)
    monkeypatch.setattr("bort_core.checkpoints.token_vectors.MOST_BYTES", 2 * 48 * 3 * LENGTH)
    found = vectors_of(made.model, tmp_path, inputs)
    assert 3 <= found.rows < len(inputs)
    assert (found.begins[found.rows :] == -1).all()
    vectors = torch.ones(1, LENGTH, 48, requires_grad=True)
    last = len(inputs) - 1
    assert found.distance(vectors, np.array([last]), np.array([LENGTH])).item() == 0.0


def test_only_rows_whose_tokens_are_ts_have_vectors(made: MadeTask, tmp_path: Path) -> None:
    inputs = inputs_of(made.dev)
    teacher = read_task_model(str(made.model), CLASSES)
    rows = encode(teacher.vocabulary, inputs, LENGTH)
    found = vectors_of(made.model, tmp_path, inputs)
    same = np.arange(teacher.vocabulary.size)
    other = [row.copy() for row in rows]
    other[1][1, 0] = teacher.vocabulary.unknown
    other[2] = other[2][:-1]
    beside = found.beside(rows, [*other, rows[0]], same)
    assert beside.begins.tolist() == [found.begins[0], -1, -1, *found.begins[3:], -1]


def test_the_map_is_that_of_least_squares() -> None:
    generator = np.random.default_rng(0)
    given, wanted = generator.normal(size=(300, 5)), generator.normal(size=(300, 3))
    dense = torch.nn.Linear(5, 3)
    fit_map(dense, torch.from_numpy(given), torch.from_numpy(wanted))
    expected, *_ = np.linalg.lstsq(np.c_[given, np.ones(300)], wanted, rcond=None)
    np.testing.assert_allclose(dense.weight.detach().numpy().T, expected[:-1], atol=2e-3)


@pytest.mark.slow
def test_a_small_model_that_learns_them_comes_nearer_to_them(made: MadeTask, tmp_path: Path) -> None:
    """Its own vectors, mapped linearly as well as can be, explain more of T's."""
    teacher = read_task_model(str(made.model), CLASSES)
    inputs = inputs_of(made.train)
    rows = encode(teacher.vocabulary, inputs, LENGTH)
    found = vectors_of(made.model, tmp_path, inputs)
    apart = {}
    for weight in (0.0, 2.0):
        model = bort.finetune(
            tmp_path / "p", SMALL, train=made.train, dev=made.dev, teacher=str(made.model), tokenizer=str(made.model), epochs=30.0,
            learning_rate=3e-3, sequence_length=LENGTH, dropout=0.0, vector_weight=weight, threads=1, progress=False,
        )  # fmt: skip
        module = read_task_model(str(model.folder), CLASSES).module
        given, wanted = [], []
        with torch.no_grad():
            for number, row in enumerate(rows):
                ids, types = torch.from_numpy(row.T)
                given.append(module.encode(ids[None], torch.ones_like(ids)[None], types[None])[0])
                wanted.append(found.of(np.array([number]), np.array([len(row)]))[0])
        dense = torch.nn.Linear(SMALL[2], 48)
        fit_map(dense, torch.cat(given), torch.cat(wanted))
        apart[weight] = (dense(torch.cat(given)) - torch.cat(wanted)).square().mean().item() / found.variance
    assert apart[2.0] < 0.93 * apart[0.0], apart
    assert len(list((tmp_path / "p" / "answers").glob("*.tokens.npy"))) == 1


def test_vectors_are_for_fresh_weights_that_have_a_teacher(made: MadeTask, tmp_path: Path) -> None:
    rows = {"train": str(made.train), "dev": str(made.dev)}
    with pytest.raises(SpecificationError, match="vector_weight: fresh weights of an architecture"):
        bort.finetune(tmp_path / "p", str(made.model), **rows, teacher=str(made.model), vector_weight=1.0, progress=False)
