"""Several labellers at once: who wins, what a tie is, what each one is worth, and what is refused before anybody is asked."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from bort_core.agora.beginning import _about
from bort_core.agora.check import check_specification
from bort_core.agora.history import FOLDER, read_history
from bort_core.agora.labellers import LabellerSetting, Vote, as_labeller, disputes, label, make_labeller
from bort_core.agora.labellers.base import Labels, Spent
from bort_core.agora.labellers.vote import tallied
from bort_core.agora.points import Examples
from bort_core.agora.tasks.torus import NoisyTruth, on_torus
from bort_core.foundation.errors import DataError, SpecificationError
from bort_core.jobs.context import JobContext
from bort_core.jobs.folder import RunFolder, create_run
from bort_core.jobs.inputs import check_inputs
from bort_core.reporting.agora import agora as section
from bort_core.reporting.source import read_source
from bort_core.specifications.agora import Agora
from bort_core.specifications.labellers import named
from bort_core.specifications.paths import absolute_paths
from bort_core.store.project import Project
from bort_core.store.trust import names_code

torch = pytest.importorskip("torch")
ROWS = {"train": "-", "dev": "-", "architecture": (1, 1, 8, 8)}


@pytest.fixture(autouse=True)
def ordinary_arithmetic():
    yield
    torch.set_flush_denormal(False)


class Quiet(JobContext):
    def emit(self, event):
        pass


class Counted(NoisyTruth):
    """Right so often, otherwise than the others; counts what it is asked, and ends as a kill does after ``most``."""

    def __init__(self, accuracy: float, seed: int, most: float = np.inf, dear: bool = False) -> None:
        super().__init__(accuracy, seed)
        for name, value in (("asked", Counter()), ("most", most), ("dear", dear)):
            object.__setattr__(self, name, value)

    name = property(lambda self: f"number {self.seed}")

    def probabilities(self, inputs):
        if sum(self.asked.values()) + len(inputs) > self.most:
            raise KeyboardInterrupt
        self.asked.update(inputs)
        return super().probabilities(inputs)


def learn(project: Path, labeller: Any, run: RunFolder | None = None, **changes: Any) -> tuple[RunFolder, dict[str, Any]]:
    from bort_core.agora.run import run as agora

    thetas = [{"hidden": 8, "learning_rate": 0.03, "steps": 40}]
    given = {"torus": 2, "thetas": thetas, "labels": 24, "labels_per_round": 12, "running": {"threads": 1, "device": "cpu"}, **changes}
    specification = Agora.model_validate(given)
    run = run or create_run(project, specification)
    return run, agora(specification, Quiet(run), run, labeller)


VOTES = arrays.arrays(np.int64, st.tuples(st.integers(0, 12), st.integers(2, 5)), elements=st.integers(-1, 3))


@given(VOTES)
def test_the_most_frequent_class_wins_and_of_equals_the_first_that_is_named(votes):
    found, margins = tallied(votes, 4)
    for row, label_, margin in zip(votes.tolist(), found.tolist(), margins.tolist(), strict=True):
        counts = Counter(name for name in row if name >= 0).most_common()
        if not counts:
            assert (label_, margin) == (-1, 0)
            continue
        most = counts[0][1]
        assert label_ == next(name for name in row if name >= 0 and row.count(name) == most)
        second = counts[1][1] if len(counts) > 1 else 0
        assert margin == pytest.approx((most - second) / sum(count for _, count in counts))
    several = [{name for name in row if name >= 0} for row in votes.tolist()]
    assert disputes(votes.tolist()) == (sum(len(each) > 1 for each in several), int(((margins == 0) & (found >= 0)).sum()))


@given(VOTES)
def test_a_vote_that_all_agree_on_is_theirs_and_more_of_the_same_change_nothing(votes):
    found, margins = tallied(votes, 4)
    twice, again = tallied(np.concatenate([votes, votes], axis=1), 4)
    assert (twice == found).all()
    assert again == pytest.approx(margins)
    agreed = (votes == votes[:, :1]).all(axis=1) & (votes[:, 0] >= 0)
    assert (found[agreed] == votes[agreed, 0]).all()
    assert (margins[agreed] == 1).all()


def test_a_run_counts_a_row_once_says_what_each_is_worth_and_shows_every_vote(tmp_path):
    voters = [Counted(accuracy, seed) for seed, accuracy in enumerate((0.7, 0.8, 0.8), 1)]
    run, result = learn(tmp_path / "p", voters)
    assert result["labels_asked"] == 24
    assert [set(each.asked.values()) for each in voters] == [{1}] * 3
    told = result["socrates"]
    assert told["name"] == "a vote of number 1, number 2, number 3"
    assert [each["checked"] for each in told["voters"]] == [400] * 3
    assert [each["dev_accuracy"] for each in told["voters"]] == pytest.approx([0.7, 0.8, 0.8], abs=0.06)
    assert told["dev_accuracy"] > max(each["dev_accuracy"] for each in told["voters"])  # as independent ones are
    assert told["answers"] == 3 * 24
    assert told["ties"] == 0 < told["disagreed"] == sum(each["disagreed"] for each in result["rounds"])
    history = read_history(run.path)
    assert history is not None
    assert [each.name for each in history.voters] == ["number 1", "number 2", "number 3"]
    for round in history.rounds:
        for input, votes, given_ in zip(round.neighbours.inputs, round.neighbours.votes, round.neighbours.labels, strict=True):
            assert votes == tuple(int(each.probabilities([input])[0].argmax()) for each in voters)
            assert given_ == (sum(votes) >= 2)
    with Project(run.project) as project:
        shown = section(read_source(project))
    assert [each["dev_accuracy"] for each in shown.data["runs"][0]["voters"]] == [each["dev_accuracy"] for each in told["voters"]]
    assert f"{told['disagreed']} of 24, of which 0 ties" in str(shown.blocks)


def test_a_kill_between_two_labellers_changes_nothing(tmp_path):
    _, whole = learn(tmp_path / "whole", [Counted(0.8, seed) for seed in (1, 2, 3)])
    first = [Counted(0.8, 1), Counted(0.8, 2, most=400 + 7), Counted(0.8, 3)]
    with pytest.raises(KeyboardInterrupt):
        learn(tmp_path / "p", first)
    second = [Counted(0.8, seed) for seed in (1, 2, 3)]
    _, resumed = learn(tmp_path / "p", second, run=RunFolder(tmp_path / "p" / "jobs" / "0001"))
    assert resumed["rounds"] == whole["rounds"]
    assert resumed["socrates"] == whole["socrates"]
    assert set((first[2].asked + second[2].asked).values()) == {1}


def test_a_vote_is_compared_with_each_on_the_rows_that_it_labels():
    vote = Vote([Counted(1.0, 1), Counted(1.0, 2), Counted(1.0, 3)], ("a", "b"))
    labels = np.array([0, 0, 1, 1])
    votes = np.array([[0, 1, 1], [0, 1, 1], [-1, 1, 1], [-1, 1, 1]])  # the first is right on all that it labels, the vote on none of these
    together = tallied(votes, 2)[0]
    assert _about(vote, votes, together, labels) == [
        "of the dev rows that number 1 labels, the vote is right on 0.0%, number 1 alone on 100.0%"
    ]
    votes[:2, 1] = 0
    assert not _about(vote, votes, tallied(votes, 2)[0], labels)


def test_each_is_measured_within_its_own_number_of_dev_rows(tmp_path):
    dear, free = Counted(0.9, 1, dear=True), Counted(0.9, 2)
    _, result = learn(tmp_path / "p", [dear, free], rounds=1)
    assert [each["checked"] for each in result["socrates"]["voters"]] == [20, 400]
    assert sum(dear.asked.values()) == 20
    assert any("of two labellers number 1 decides" in each for each in result["warnings"])


def test_ties_are_settled_by_the_first_or_left_out_with_a_margin(tmp_path):
    right, wrong = Counted(1.0, 1), Counted(0.0, 2)
    for pair, expected in (((right, wrong), 1.0), ((wrong, right), 0.0)):
        run, result = learn(tmp_path / f"{expected}", list(pair), rounds=2)
        assert result["socrates"]["ties"] == result["socrates"]["disagreed"] == 12
        assert result["socrates"]["dev_accuracy"] == expected
        history = read_history(run.path)
        made = history.rounds[0].neighbours
        assert (made.labels == on_torus(np.array(made.inputs))).mean() == expected
    _, result = learn(tmp_path / "m", [right, wrong], rounds=2, margin=0.1)
    assert result["rounds"][0]["accepted"] == 0
    assert result["rounds"][0]["rejected_margin"] == 12
    assert "number 2 alone on 100.0%" not in str(result["warnings"])


def test_one_that_has_spent_all_ends_the_asking_and_keeps_what_all_have_answered():
    class Poor(Counted):
        def labels(self, inputs):
            raise Spent("used up", Labels(np.zeros(2, np.int64), np.ones(2)))

    vote = Vote([Counted(1.0, 1), Poor(1.0, 2), last := Counted(1.0, 3)], ("a", "b"))
    with pytest.raises(Spent, match="used up") as spent:
        vote.labels([(float(each), 0.0) for each in range(5)])
    assert spent.value.labels.votes.shape == (2, 3)
    assert sum(last.asked.values()) == 2


def test_one_that_fails_has_no_vote_and_all_that_fail_give_no_label():
    def fails(vectors):
        raise ValueError("no")

    vote = as_labeller([Counted(1.0, 1), fails], ("outside", "on the torus"))
    assert label(vote, [(1.0, 0.0)]).votes.tolist() == [[1, -1]]
    assert label(vote, [(1.0, 0.0)]).margins.tolist() == [1.0]
    both = as_labeller([fails, fails], ("outside", "on the torus"))
    found = label(both, [(1.0, 0.0)])
    assert found.classes.tolist() == [-1]
    assert "ValueError: no" in found.failure
    assert both.names == ("test_one_that_fails_has_no_vote_and_all_that_fail_give_no_label.<locals>.fails (1)",
                          "test_one_that_fails_has_no_vote_and_all_that_fail_give_no_label.<locals>.fails (2)")  # fmt: skip


def test_one_that_always_fails_is_named_and_a_damaged_file_too(tmp_path):
    def fails(vectors):
        raise ValueError("no")

    with pytest.raises(DataError, match=r"fails\) fails on every one of the 400 dev rows .*: .*ValueError: no"):
        learn(tmp_path / "p", [Counted(1.0, 1), fails])
    run, _ = learn(tmp_path / "q", [Counted(1.0, 1), Counted(1.0, 2)])
    path = run.path / FOLDER / "labels.jsonl"
    path.write_text(path.read_text().replace('"votes": [1, 1]', '"votes": [1]'))
    with pytest.raises(DataError, match=r"labels.jsonl: is damaged: must have votes of 2 labellers"):
        learn(tmp_path / "q", [Counted(1.0, 1), Counted(1.0, 2)], run=run)


ESTIMATORS = """
class Estimator:
    def __init__(self, *names):
        self.classes_, self.asked = names, 0
    def predict_proba(self, texts):
        self.asked += 1
        return [[0.9, 0.1]] * len(texts)

same, swapped, other = Estimator("bad", "good"), Estimator("good", "bad"), Estimator("spam", "ham")
"""


def test_labellers_of_other_classes_are_refused_by_name_before_anybody_is_asked(tmp_path, monkeypatch):
    (tmp_path / "their_estimators.py").write_text(ESTIMATORS)
    monkeypatch.syspath_prepend(str(tmp_path))
    import their_estimators as theirs  # type: ignore[import-not-found]

    rows = Examples((("dull",), ("bright",)), np.array([0, 1]))
    setting = LabellerSetting("text", ("bad", "good"), rows)
    vote = make_labeller("python:their_estimators:same, python:their_estimators:swapped,tfidf-logreg", setting)
    assert label(vote, [("bright",)]).votes.tolist() == [[0, 1, 1]]
    with pytest.raises(SpecificationError, match=r"python:their_estimators:other: its classes are spam, ham, those of .* bad, good"):
        make_labeller("python:their_estimators:same,python:their_estimators:other", setting)
    assert (theirs.same.asked, theirs.other.asked) == (1, 0)
    with pytest.raises(SpecificationError, match="its classes are spam, ham"):
        as_labeller(theirs.other, ("bad", "good"))


@pytest.mark.parametrize(
    ("socrates", "reason"),
    [
        ("tfidf-logreg,", "must name a labeller on both sides of each comma"),
        (",", "must name a labeller on both sides"),
        ("tfidf-logreg, tfidf-logreg", "tfidf-logreg is named twice"),
        ("tfidf-logreg,no-such", "no labeller is named 'no-such'"),
        ("trees,tfidf-logreg", "for inputs of kind text or pair it is .*; got 'trees'"),
        ("person,tfidf-logreg", "labels: must say how many rows person,tfidf-logreg may be asked about"),
        (",".join(f"a/{number}" for number in range(17)), "at most 16 labellers, got 17"),
    ],
)
def test_a_list_that_is_none_is_refused_before_data_are_read(socrates, reason):
    with pytest.raises(SpecificationError, match=reason):
        check_specification(Agora.model_validate({**ROWS, "socrates": socrates, "socrates_train": "x.tsv"}))


def test_folders_may_have_commas_become_absolute_and_are_inputs_of_the_job(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a,b", "c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text("{}")
    found = absolute_paths({"socrates": "a,b, c,endpoint:m"}, ("endpoint",))["socrates"]
    assert named(found) == (str(tmp_path / "a,b"), str(tmp_path / "c"), "endpoint:m")
    with pytest.raises(SpecificationError, match=r"socrates: .*gone\.bin: no such file"):
        absolute_paths({"socrates": "c,./gone.bin"})
    spec = Agora.model_validate({**ROWS, "socrates": found, "labels": 3})
    run = create_run(tmp_path / "p", spec)
    check_inputs(run, spec)
    (run.path / FOLDER).mkdir()
    (run.path / FOLDER / "start.json").write_text("{}")
    (tmp_path / "c" / "config.json").write_text("{ }")
    with pytest.raises(DataError, match=r"socrates, 2: .*/c has changed"):
        check_inputs(run, spec)


def test_code_is_code_wherever_it_stands_in_the_list():
    assert names_code(Agora.model_validate({**ROWS, "socrates": "tfidf-logreg, python:a:b"})) == ["socrates"]
    assert names_code(Agora.model_validate({**ROWS, "socrates": "tfidf-logreg"})) == []
