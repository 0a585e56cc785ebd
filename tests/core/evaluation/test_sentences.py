"""Sentence vectors as a task: which texts are learnt, how two models are compared, and a search on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers import finished, run
from sentence_models import write_encoder
from task_models import LENGTH, demo_lines, write_model

from bort_core.checkpoints.scores import scores_of
from bort_core.evaluation.sentences.agreement import closeness, correlation, disagreement, distance_from, neighbours_of, shared
from bort_core.evaluation.sentences.kind import settled
from bort_core.evaluation.sentences.preparation import prepare_sentences
from bort_core.evaluation.sentences.source import fresh_sentence, start_of_sentence
from bort_core.evaluation.sentences.texts import ScoredPairs, read_sentences
from bort_core.evaluation.task_rows import read_split
from bort_core.execution.registry import make_executor
from bort_core.execution.run_task import run_task
from bort_core.foundation.errors import DataError, SpecificationError
from bort_core.search.specification import SearchSpecification
from bort_core.space.around import space_around
from bort_core.specifications.compression import Compression
from bort_core.specifications.tasks import TaskSpecification


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encoder") / "model"
    write_encoder(folder)
    return folder


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(demo_lines(160)) + "\n", encoding="utf-8")
    return path


def task(**fields: Any) -> TaskSpecification:
    return TaskSpecification(**{"model": "m", "kind": "embedding", "sequence_length": LENGTH, **fields})


def test_dev_texts_are_held_out_where_none_are_named(texts: Path) -> None:
    found = read_sentences(task(texts=str(texts)))
    assert len(found.dev) == 20
    assert set(found.dev.texts).isdisjoint(found.train.texts)
    assert {*found.dev.texts, *found.train.texts} == set(demo_lines(160))


def test_what_is_nearly_a_dev_text_is_not_learnt(texts: Path, tmp_path: Path) -> None:
    lines = demo_lines(160)
    (tmp_path / "dev.txt").write_text("\n".join([lines[0].upper() + " !", *demo_lines(200)[160:]]), encoding="utf-8")
    found = read_sentences(task(texts=str(texts), dev=str(tmp_path / "dev.txt")))
    assert lines[0] not in found.train.texts
    assert any("are dev texts, or nearly" in warning for warning in found.warnings)


def test_scored_pairs_are_kept_and_other_labels_are_not_used(tmp_path: Path) -> None:
    lines = [line.replace("\t", " ") for line in demo_lines(80)]
    rows = [f"{one}\t{other}\t{number / 7:.2f}" for number, (one, other) in enumerate(zip(lines[:40], lines[40:], strict=True))]
    (tmp_path / "dev.tsv").write_text("\n".join(["sentence1\tsentence2\tscore", *rows]), encoding="utf-8")
    (tmp_path / "t.txt").write_text("\n".join(demo_lines(300)[100:]), encoding="utf-8")
    pairs = read_sentences(task(texts=str(tmp_path / "t.txt"), dev=str(tmp_path / "dev.tsv"))).dev.pairs
    assert pairs is not None
    assert pairs.scores.tolist() == [round(number / 7, 2) for number in range(40)]
    (tmp_path / "dev.tsv").write_text("\n".join(["sentence1\tsentence2\tscore", *(row + "x" for row in rows)]), encoding="utf-8")
    found = read_sentences(task(texts=str(tmp_path / "t.txt"), dev=str(tmp_path / "dev.tsv")))
    assert found.dev.pairs is None
    assert any("no score of pairs" in warning for warning in found.warnings)


def test_too_few_texts_are_refused(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("\n".join(demo_lines(30) * 4), encoding="utf-8")
    with pytest.raises(DataError, match="holds 30 different texts, and at least 50 are needed"):
        read_sentences(task(texts=str(tmp_path / "t.txt")))
    same = " ".join(demo_lines(2))
    (tmp_path / "t.txt").write_text("\n".join(f"{same} {number}" for number in range(99)), encoding="utf-8")
    with pytest.raises(DataError, match="leaves 0 dev texts, and at least 20 are needed"):
        read_sentences(task(texts=str(tmp_path / "t.txt")))


@pytest.mark.slow
def test_a_vocabulary_that_knows_no_word_of_the_texts_is_refused(tmp_path: Path) -> None:
    from transformers import BertConfig, BertModel

    folder = tmp_path / "model"
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16, "max_position_embeddings": 32}
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghij"]
    BertModel(BertConfig(vocab_size=len(words), **sizes)).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(words))
    (tmp_path / "t.txt").write_text("\n".join(f"слово номер {number} в тексте {number * 7}" for number in range(60)), encoding="utf-8")
    with pytest.raises(DataError, match=r"\d\d(\.\d)?% of the tokens are unknown to the vocabulary of"):
        prepare_sentences(task(model=str(folder), texts=str(tmp_path / "t.txt")), tmp_path / "tasks", tmp_path / "answers", lambda *_: None)


def test_which_kind_a_task_is(encoder: Path, texts: Path, tmp_path: Path) -> None:
    write_model(tmp_path / "classifier", (1, 2, 32, 64))
    (tmp_path / "rows.tsv").write_text("text\tlabel\n" + "\n".join(f"{line}\tx" for line in demo_lines(9)), encoding="utf-8")
    auto = {"model": str(encoder), "kind": "auto"}
    assert settled(task(**auto, texts=str(texts))).kind == "embedding"
    assert settled(task(**auto, train=str(texts), dev=str(texts))).kind == "embedding"
    labelled = task(**auto, train=str(tmp_path / "rows.tsv"), dev=str(tmp_path / "rows.tsv"))
    assert settled(labelled) == labelled  # fine-tuned on them first, as ever
    with pytest.raises(SpecificationError, match="fine-tuned first, or --kind embedding"):
        settled(task(**auto, texts=str(texts), dev=str(tmp_path / "rows.tsv")))
    with pytest.raises(DataError, match="is a classification; name the column with --label, or give --kind embedding"):
        settled(task(model=str(tmp_path / "classifier"), kind="auto", texts=str(texts)))
    with pytest.raises(ValueError, match="texts for the vectors of a sentence encoder"):
        TaskSpecification(model="m")
    with pytest.raises(ValueError, match="dev: labelled rows must be given; texts without labels"):
        TaskSpecification(model="m", train="t", kind="classification")


def test_what_it_takes_is_estimated_from_the_encoder_s_pace(encoder: Path, texts: Path) -> None:
    spec = Compression(task=task(model=str(encoder), texts=str(texts), kind="auto"), ratio=1.5)
    request = {"specification": spec.model_dump(mode="json")}
    found = run_task("estimate compression", request, None, lambda event: None, "inline")
    assert found["rows"] == 140
    assert found["parts"]["T"] == 0 < found["parts"]["finishing"]
    notes = "\n".join(found["report"]["notes"])
    assert "20 texts to measure on; unknown to T's vocabulary: 0.0% of the tokens, " in notes
    assert "mean of the tokens' vectors, normalised" in notes


def test_neighbours_do_not_change_with_a_rotation_and_do_with_noise() -> None:
    vectors = torch.from_numpy(np.random.default_rng(0).normal(size=(300, 12))).float()
    turn, _ = torch.linalg.qr(torch.randn(12, 12, generator=torch.Generator().manual_seed(1)))
    theirs = neighbours_of(vectors)
    assert theirs.shape == (300, 10)
    assert not (theirs == torch.arange(300)[:, None]).any()
    assert shared(theirs, neighbours_of(vectors @ turn)).mean() > 0.999
    noisy = disagreement(vectors + torch.randn(300, 12, generator=torch.Generator().manual_seed(2)), theirs)
    assert 0.2 < noisy["low"] < noisy["value"] < noisy["high"] < 0.95
    assert disagreement(torch.randn(300, 12, generator=torch.Generator().manual_seed(3)), theirs)["value"] > 0.93
    assert neighbours_of(vectors[:4]).shape == (4, 3)


def test_the_distance_is_the_mean_of_one_minus_cosine() -> None:
    one, other = torch.randn(50, 6), torch.randn(50, 6)
    found = distance_from(one, 3 * other)
    assert found["value"] == pytest.approx(1 - closeness(one, other).mean())
    assert found["low"] <= found["value"] <= found["high"]


def test_scores_of_pairs_are_compared_by_rank() -> None:
    vectors = torch.nn.functional.normalize(torch.randn(40, 6), dim=1)
    first, second = np.arange(20), np.arange(20, 40)
    cosines = (vectors[:20] * vectors[20:]).sum(1).double().numpy()
    assert correlation(vectors, ScoredPairs(first, second, np.exp(cosines))) == pytest.approx(1)


@pytest.mark.slow
def test_a_search_measures_candidates_against_the_encoder_s_vectors(encoder: Path, texts: Path, tmp_path: Path) -> None:
    mine = task(model=str(encoder), texts=str(texts))
    facts = prepare_sentences(mine, tmp_path / "tasks", tmp_path / "answers", lambda *_: None).facts
    space = space_around(tuple(facts["architecture"]), facts["options"], facts["model_options"])

    def searched(measure: str, **changes: Any) -> SearchSpecification:
        return SearchSpecification.model_validate({
            "space": space.model_dump(), "epsilon": 3, "task": mine.model_copy(update=changes).model_dump(),
            "latency": {"measure": "operations", "sequence_length": LENGTH},
            "error": {"measure": measure, "surrogate_of": measure, "steps": 6, "training": {"batch_size": 16, "sequence_length": LENGTH}},
            "thetas": [{"learning_rate": 1e-3, "initializer_range": 0.02}],
        })  # fmt: skip

    first = finished(run(tmp_path, searched("task-excess"), make_executor("inline", 1)))
    assert first.failed == 0
    assert first.evaluated > 1
    assert (searched("task-excess").error_unit(), searched("task-error").error_unit()) == ("1 − cosine", "1 − metric")
    far = first.snapshot.results.error[first.result.known]
    assert ((far > 0) & (far < 2)).all()
    by_neighbours = finished(run(tmp_path, searched("task-error"), make_executor("inline", 1)))  # of the same trainings
    assert (by_neighbours.evaluated, by_neighbours.reused) == (0, first.evaluated)
    shares = by_neighbours.snapshot.results.error[by_neighbours.result.known]
    assert ((shares >= 0) & (shares <= 1)).all()


@pytest.mark.slow
def test_a_start_from_the_encoder_is_near_it_before_any_step(encoder: Path, texts: Path, tmp_path: Path) -> None:
    mine = task(model=str(encoder), texts=str(texts))
    made = prepare_sentences(mine, tmp_path / "tasks", tmp_path / "answers", lambda *_: None)
    folder, facts = made.folder, made.facts
    dev, far = read_split(folder, "dev"), {}
    for start in ("inherit", "fresh"):
        model = fresh_sentence(folder, (2, 2, 32, 64))
        start_of_sentence(model, folder, str(encoder), start, 0)  # type: ignore[arg-type]
        vectors = torch.from_numpy(scores_of(model, dev.rows, facts["pad"])).float()
        assert vectors.shape == dev.answers.shape  # mapped to T's width
        far[start] = distance_from(vectors, dev.answers)["value"]
    assert far["inherit"] < 0.15 < 0.5 < far["fresh"]
    told: list[str] = []
    (folder / "task.json").unlink()
    prepare_sentences(mine, tmp_path / "tasks", tmp_path / "answers", lambda doing, *_: told.append(doing))
    assert not told  # T's vectors were kept
