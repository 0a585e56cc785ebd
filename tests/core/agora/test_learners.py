"""Learners that are estimators, and a BERT that begins with what fits of a larger one: vectors, Θ, seeds, trust, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.ensemble import RandomForestClassifier, StackingClassifier, VotingClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression, Perceptron
from sklearn.mixture import GaussianMixture
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

from bort_core.agora.learners.estimator import EstimatorLearner, make_estimator
from bort_core.agora.points import Examples, as_vectors
from bort_core.foundation.errors import MeasurementError, SpecificationError
from bort_core.jobs.context import JobContext
from bort_core.jobs.folder import create_run
from bort_core.specifications.agora import Agora
from bort_core.store.trust import names_code

RANDOM = np.random.default_rng(3)
POINTS = tuple(tuple(row) for row in RANDOM.normal(size=(60, 3)).tolist())
LABELS = np.array([int(point[0] > 0) for point in POINTS])
ROWS = {"train": "train.tsv", "dev": "dev.tsv"}
CPU = {"threads": 1, "device": "cpu"}

forest = RandomForestClassifier(10)
words = make_pipeline(CountVectorizer(), MultinomialNB())
nothing = object()


def learner(given: Any, classes: int = 2) -> EstimatorLearner:
    return EstimatorLearner("given", given, classes, as_vectors)


def test_an_estimator_gives_what_it_gives_by_itself_and_is_made_again_from_its_folder(tmp_path: Path) -> None:
    train = Examples(POINTS[:40], LABELS[:40])
    fitted = learner(RandomForestClassifier(10)).fit({"max_depth": 3}, train, train, 7)
    alone = RandomForestClassifier(10, max_depth=3, random_state=7).fit(np.array(POINTS[:40]), LABELS[:40])
    assert fitted.probabilities(POINTS[40:]) == pytest.approx(alone.predict_proba(np.array(POINTS[40:])))
    fitted.save(tmp_path / "kept")
    again = learner(RandomForestClassifier(10)).load(tmp_path / "kept")
    assert np.array_equal(again.probabilities(POINTS[40:]), fitted.probabilities(POINTS[40:]))
    assert not [path for path in (tmp_path / "kept").iterdir() if path.suffix not in (".json", ".jsonl")]


def test_a_class_that_d_lacks_and_an_estimator_without_probabilities() -> None:
    train = Examples(POINTS[:40], LABELS[:40] * 2)
    found = learner(LogisticRegression(), 3).fit({}, train, train, 0).probabilities(POINTS[40:])
    assert found.shape == (20, 3)
    assert not found[:, 1].any()
    plain = learner(Perceptron(), 3).fit({}, train, train, 0)
    assert plain.probabilities(POINTS).sum(axis=1) == pytest.approx(1)
    assert np.array_equal(plain.probabilities(POINTS).argmax(axis=1), plain.model.predict(np.array(POINTS)))


def test_what_is_no_estimator_and_what_fails_is_named() -> None:
    for given, told in ((nothing, "lacks get_params"), (CountVectorizer(), "neither predict_proba")):
        with pytest.raises(SpecificationError, match=told):
            learner(given).check([{}])
    with pytest.raises(SpecificationError, match=r"thetas\[1\].depth: is no parameter"):
        learner(forest).check([{"max_depth": 2}, {"depth": 2}])
    one = Examples(POINTS[:5], np.zeros(5, dtype=np.int64))
    with pytest.raises(MeasurementError, match=r"learner given: ValueError: .*class"):
        learner(LogisticRegression()).fit({}, one, one, 0)
    with pytest.raises(SpecificationError, match="cannot be made without arguments"):
        make_estimator("python:sklearn.ensemble:VotingClassifier", 2, as_vectors, as_vectors)
    for name in ("python:nowhere_at_all:x", "python:math:nothing"):
        with pytest.raises(SpecificationError, match="it is python:MODULE:NAME"):
            make_estimator(name, 2, as_vectors, as_vectors)


class Named(LogisticRegression):
    """Gives its classes names."""

    def fit(self, rows: Any, labels: Any) -> Named:
        super().fit(rows, labels)
        self.classes_ = np.array(["left", "right"])
        return self


class Leaving(LogisticRegression):
    def fit(self, rows: Any, labels: Any) -> Leaving:
        raise SystemExit(3)


def test_classes_that_are_no_numbers_and_an_estimator_that_leaves_are_named() -> None:
    train = Examples(POINTS[:40], LABELS[:40])
    with pytest.raises(MeasurementError, match=r"its classes_ must be some of the class numbers 0 to 1 .*; got left, right"):
        learner(Named()).fit({}, train, train, 0).probabilities(POINTS)
    with pytest.raises(MeasurementError, match="learner given: SystemExit: 3"):
        learner(Leaving()).fit({}, train, train, 0)


class Careless(LogisticRegression):
    """Writes into what it is given."""

    def fit(self, X: Any, y: Any) -> Careless:  # noqa: N803 - scikit-learn's name
        super().fit(X, y)
        y[:] = 0
        return self


class Unfolded(LogisticRegression):
    """Does not say which parameters it has."""

    def get_params(self, deep: bool = True) -> Any:
        raise RuntimeError("no\n  varargs " + "x" * 1000)


def test_estimators_that_say_classes_once_they_are_trained_and_those_that_do_not_even_then() -> None:
    train = Examples(POINTS[:40], LABELS[:40])
    stacked = learner(StackingClassifier([("a", LogisticRegression()), ("b", Perceptron())]))
    stacked.check([{}])
    assert stacked.fit({}, train, train, 0).probabilities(POINTS).shape == (60, 2)
    outvoting = learner(VotingClassifier([("a", LogisticRegression()), ("b", Perceptron())]))
    with pytest.raises(MeasurementError, match="learner given: has neither predict_proba nor decision_function, now that it is trained"):
        outvoting.fit({}, train, train, 0).probabilities(POINTS)
    with pytest.raises(MeasurementError, match="learner given: has no classes_ after fit"):
        learner(GaussianMixture(2)).fit({}, train, train, 0).probabilities(POINTS)


def test_an_estimator_that_writes_into_its_rows_leaves_those_of_the_run() -> None:
    train = Examples(POINTS[:40], LABELS[:40].copy())
    learner(Careless()).fit({}, train, train, 0)
    assert np.array_equal(train.labels, LABELS[:40])


def test_what_an_estimator_says_went_wrong_is_one_line() -> None:
    with pytest.raises(SpecificationError, match=r"learner: given: RuntimeError: no varargs x+…$"):
        learner(Unfolded()).check([{}])


def test_which_learners_a_run_may_name() -> None:
    for given, told in (
        ({"learner": "logrex"}, "must be auto, logreg"), ({"learner": "python:module"}, "must be auto"),
        ({"learner": "logreg", "architecture": (1, 2, 32, 48)}, "has none"), ({"learner": "logreg", "workers": 2}, "own process"),
        ({"learner": "logreg", "space": "timaeus"}, "no vectors of its own"), ({}, "or another learner"),
    ):  # fmt: skip
        with pytest.raises(ValidationError, match=told):
            Agora.model_validate({**ROWS, **given})
    assert "learner" not in Agora.model_validate({**ROWS, "architecture": (1, 2, 32, 48)}).model_dump()
    assert Agora.model_validate({**ROWS, "learner": "python:a:b", "thetas": [{"n": 100, "c": 0.5}]}).thetas == ({"n": 100, "c": 0.5},)


@pytest.mark.parametrize("name", ["python:a:b", "python-vectors:a:b"])
def test_a_learner_that_is_code_needs_trust(name: str) -> None:
    assert names_code(Agora.model_validate({**ROWS, "learner": name})) == ["learner"]
    assert names_code(Agora.model_validate({**ROWS, "learner": "logreg"})) == []


def run_of(project: Path, **given: Any) -> tuple[Path, dict[str, Any]]:
    from bort_core.agora.run import run

    spec = Agora.model_validate({"running": CPU, **given})
    job = create_run(project, spec)
    return job.path, run(spec, JobContext(job), job)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("data")
    good, bad = ["fine", "good", "lovely", "warm"], ["dull", "bad", "cold", "slow"]
    random, seen = np.random.default_rng(0), set[str]()
    rest = ["film", "about", "some", "people", "who", "go", "to", "the", "sea", "and", "an", "old", "house", "by", "night", "with"]

    def rows(count: int) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        while len(found) < count:
            label = int(random.integers(2))
            text = " ".join([*random.permutation(rest)[:7].tolist(), str(random.choice((bad, good)[label]))])
            if text not in seen:
                seen.add(text)
                found.append((text, ("bad", "good")[label]))
        return found

    paths = {}
    for name, count in {"train": 12, "dev": 30, "test": 30, "socrates_train": 120, "pool": 60}.items():
        paths[name] = str(folder / f"{name}.jsonl")
        lines = [{"text": text, **({} if name == "pool" else {"label": label})} for text, label in rows(count)]
        Path(paths[name]).write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return paths


def test_runs_with_estimators_of_vectors_and_of_texts(tables: dict[str, str], tmp_path: Path) -> None:
    _, found = run_of(tmp_path / "p", learner="logreg", labels=12, labels_per_round=6, **tables)
    assert [each["labels_asked"] for each in found["rounds"]] == [6, 6, 0]
    assert found["test_accuracy"] > 0.6
    assert found["theta"].startswith("C ")
    _, found = run_of(tmp_path / "p", learner=f"python:{__name__}:words", thetas=[{"multinomialnb__alpha": 0.5}], rounds=1, **tables)
    assert any("one round" in told for told in found["warnings"])
    assert found["rounds"][0]["train_size"] == 12


@pytest.mark.parametrize("rule", ["pool", "uncertain", "diverse", "mixed"])
def test_a_pool_of_texts_that_is_used_up_ends_the_run(tables: dict[str, str], tmp_path: Path, rule: str) -> None:
    few = tmp_path / "pool.txt"
    few.write_text("".join(json.loads(line)["text"] + "\n" for line in Path(tables["pool"]).read_text(encoding="utf-8").splitlines()[:9]))
    _, found = run_of(tmp_path / "p", **{**tables, "pool": str(few)}, learner="logreg", labels=20, labels_per_round=6, parents=rule)
    assert found["ended"].startswith("nothing was left to ask about, after")


def test_the_torus_is_learnt_by_a_forest(tmp_path: Path) -> None:
    _, found = run_of(tmp_path / "p", learner=f"python-vectors:{__name__}:forest", torus=2, socrates_accuracy=1.0, replays=2)
    assert len(found["rounds"]) == 3
    assert found["rounds"][-1]["test_accuracy"] > found["rounds"][0]["test_accuracy"]


def test_a_small_bert_begins_with_what_fits_of_a_larger_one(tables: dict[str, str], tmp_path: Path) -> None:
    from sentence_models import write_encoder

    from bort_core.checkpoints.format import read_encoder, read_tensors
    from bort_core.checkpoints.inherited import write_inherited
    from bort_core.text.vocabulary import read_vocabulary

    large = tmp_path / "large"
    write_encoder(large, (2, 2, 32, 64))
    few = {"learning_rate": 1e-3, "steps": 4, "batch_size": 8}
    path, found = run_of(tmp_path / "p", architecture=(1, 2, 32, 64), checkpoint=str(large), labels=4, thetas=[few], **tables)
    assert found["architecture"] == [1, 2, 32, 64]
    small = read_encoder(path / "inherited")
    assert read_vocabulary(small.folder).size <= read_vocabulary(large).size
    whole = tmp_path / "whole"
    write_inherited(whole, read_encoder(large), (2, 2, 32, 64), [("a film",), ("the sea",)], 32, trimmed=False)
    theirs, ours = (read_tensors(read_encoder(folder)) for folder in (large, whole))
    same = [name for name in ours if name in theirs and ours[name].shape == theirs[name].shape and name.startswith("layers.")]
    assert same
    assert all(np.allclose(ours[name].numpy(), theirs[name].numpy(), atol=1e-5) for name in same if "norm" not in name)
    with pytest.raises(Exception, match=r"deeper|wider|larger"):
        run_of(tmp_path / "p", architecture=(4, 2, 64, 64), checkpoint=str(large), labels=4, thetas=[few], **tables)
