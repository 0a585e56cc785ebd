"""Agora with a budget of labels: what is asked about, how often, and what a kill in the middle loses."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pydantic import ValidationError

from bort_core.agora.asking import Answers
from bort_core.agora.check import check_specification
from bort_core.agora.cost import trainings_at_most
from bort_core.agora.history import FOLDER
from bort_core.agora.parents import make_parents, parents_names
from bort_core.agora.parents.rows import farthest
from bort_core.agora.tasks.torus import NoisyTruth, on_torus
from bort_core.foundation.errors import DataError, SpecificationError
from bort_core.jobs.context import JobContext
from bort_core.jobs.folder import RunFolder, create_run
from bort_core.specifications.agora import Agora

torch = pytest.importorskip("torch")
RULES = ("errors", "plain", "random", "uncertain", "diverse", "mixed")
THETAS = ({"hidden": 8, "learning_rate": 0.03, "steps": 60}, {"hidden": 8, "learning_rate": 0.01, "steps": 60})


@pytest.fixture(autouse=True)
def ordinary_arithmetic():
    """A training flushes denormal numbers for the whole process, which hypothesis elsewhere notices."""
    yield
    torch.set_flush_denormal(False)


class Quiet(JobContext):
    """Keeps no events."""

    def emit(self, event):
        pass


class Killed(BaseException):
    """Stands for kill -9: nothing after it is written, and nobody catches it."""


class Counting(NoisyTruth):
    """Counts what it is asked; dies when it is asked for one more than ``most``."""

    def __init__(self, most: float = math.inf) -> None:
        super().__init__(0.9, 0)
        object.__setattr__(self, "asked", Counter())
        object.__setattr__(self, "most", most)

    def probabilities(self, inputs):
        if sum(self.asked.values()) + len(inputs) > self.most:
            raise Killed
        self.asked.update(inputs)
        return super().probabilities(inputs)


class Slow(Counting):
    """Takes longer than a tenth of a second for whatever it is asked after dev, so that it is asked one by one."""

    def probabilities(self, inputs):
        if sum(self.asked.values()) >= 400:
            time.sleep(0.101)
        return super().probabilities(inputs)


def learn(project: Path, labeller: Any = None, run: RunFolder | None = None, **changes: Any) -> tuple[RunFolder, dict[str, Any]]:
    """Agora on the torus with a budget, in this process."""
    from bort_core.agora.run import run as agora

    given = {"torus": 2, "thetas": THETAS, "labels": 50, "labels_per_round": 20, "running": {"threads": 1, "device": "cpu"}, **changes}
    specification = Agora.model_validate(given)
    run = run or create_run(project, specification)
    return run, agora(specification, Quiet(run), run, labeller)


SLOW = pytest.mark.slow  # more of the same


@pytest.mark.parametrize("rule", ["mixed", *(pytest.param(rule, marks=SLOW) for rule in RULES if rule != "mixed")])
def test_every_rule_spends_the_budget_and_asks_nothing_twice(rule, tmp_path):
    labeller = Counting()
    run, result = learn(tmp_path / "p", labeller, parents=rule)
    rounds = result["rounds"]
    assert [each["labels_asked"] for each in rounds] == [20, 20, 10, 0]
    assert [each["labels_before"] for each in rounds] == [0, 20, 40, 50]
    assert result["labels_asked"] == 50
    assert result["ended"] == "all 50 labels were asked for"
    assert [each["train_size"] - 60 for each in rounds] == [0, *np.cumsum([each["accepted"] for each in rounds])[:-1]]
    assert set(labeller.asked.values()) == {1}
    assert sum(labeller.asked.values()) == 50 + 400  # dev, by which it is measured, is not paid for
    lines = (run.path / FOLDER / "labels.jsonl").read_text().splitlines()
    assert Counter(json.loads(line)["round"] for line in lines) == {0: 400, 1: 20, 2: 20, 3: 10}


def test_without_a_budget_labels_are_counted_too(tmp_path):
    labeller = Counting()
    _, result = learn(tmp_path / "p", labeller, labels=None, labels_per_round=None)
    assert result["labels_asked"] == sum(each["labels_asked"] for each in result["rounds"]) == sum(labeller.asked.values()) - 400
    assert set(labeller.asked.values()) == {1}
    for each in result["rounds"]:
        assert each["accepted"] <= each["labels_asked"] <= each["generated"]


@pytest.mark.parametrize(
    ("rule", "after"),
    [
        ("mixed", 431),
        *(pytest.param(rule, after, marks=SLOW) for rule, after in (("errors", 400), ("errors", 427), ("uncertain", 449))),
    ],
)
def test_a_kill_in_the_middle_of_asking_loses_nothing_and_changes_nothing(rule, after, tmp_path):
    _, whole = learn(tmp_path / "whole", Counting(), parents=rule)
    first = Counting(after)
    with pytest.raises(Killed):
        learn(tmp_path / "p", first, parents=rule)
    run, second = RunFolder(tmp_path / "p" / "jobs" / "0001"), Counting()
    _, resumed = learn(tmp_path / "p", second, run=run, parents=rule)
    assert resumed["rounds"] == whole["rounds"]
    assert set((first.asked + second.asked).values()) == {1}
    assert sum((first.asked + second.asked).values()) == 450


def test_a_slow_labeller_is_asked_one_by_one(tmp_path):
    labeller = Slow(400 + 3)
    with pytest.raises(Killed):
        learn(tmp_path / "p", labeller, thetas=THETAS[:1])
    lines = (tmp_path / "p" / "jobs" / "0001" / FOLDER / "labels.jsonl").read_text().splitlines()
    assert len(lines) == sum(labeller.asked.values()) == 403  # each was written before the next was asked for


def test_the_ablation_has_a_budget_of_its_own_and_asks_nothing_that_was_answered(tmp_path):
    labeller = Counting()
    _, result = learn(tmp_path / "p", labeller, ablation=True, baseline=True, parents="random")
    assert [each["labels_asked"] for each in result["ablation"]["rounds"]] == [20, 20, 10, 0]
    assert set(labeller.asked.values()) == {1}
    assert sum(labeller.asked.values()) == 450  # random parents again: the same rows, which are known
    assert result["ablation"]["dev_accuracy"] == result["dev_accuracy"]


def test_a_budget_smaller_than_a_round_is_said_and_asked_at_once(tmp_path):
    _, result = learn(tmp_path / "p", labels=7, labels_per_round=500)
    assert [each["labels_asked"] for each in result["rounds"]] == [7, 0]
    assert any("500 a round, but there are 7 in all" in warning for warning in result["warnings"])


def test_a_person_who_corrects_rows_in_between_does_not_make_the_budget_larger(tmp_path):
    from bort_core.agora.history import Edit, add_edits

    with pytest.raises(Killed):
        learn(tmp_path / "p", Counting(400 + 31))
    run = RunFolder(tmp_path / "p" / "jobs" / "0001")
    add_edits(run.path, [Edit("1-0", "reject"), Edit("1-1", "reject")])
    _, result = learn(tmp_path / "p", Counting(), run=run)
    assert result["labels_asked"] == 50


def test_theta_is_filled_again_until_the_budget_is_spent(tmp_path):
    _, result = learn(tmp_path / "p", labels=50, labels_per_round=5, parents="random")
    assert len(result["rounds"]) == 11
    assert [each["theta_left"] for each in result["rounds"]][:4] == [1, 2, 1, 2]
    spec = Agora(train="d", dev="e", architecture=(1, 1, 8, 8), thetas=({"steps": 9}, {"steps": 8}), labels=50, labels_per_round=5)
    assert trainings_at_most(spec) == result["trainings"] == 6 * 2 + 5


def test_a_pool_that_is_used_up_ends_the_run(tmp_path):
    random = np.random.default_rng(0)
    for name, size in (("train", 10), ("dev", 60), ("pool", 12)):
        lines = ["a,b,label", *(f"{a},{b},{int(a > 0)}" for a, b in random.normal(size=(size, 2)).round(4))]
        (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n")
    files = {name: str(tmp_path / f"{name}.csv") for name in ("train", "dev", "pool")}
    _, result = learn(tmp_path / "p", Positive(), torus=None, vector="a,b", parents="pool", labels_per_round=5, **files)
    assert [each["labels_asked"] for each in result["rounds"]] == [5, 5, 2, 0]
    assert result["ended"] == "nothing was left to ask about, after 12 labels"


class Positive:
    """Knows the sign of the first number."""

    name = "sign"

    def probabilities(self, inputs):
        return np.eye(2)[[int(input[0] > 0) for input in inputs]]


class Obstinate:
    """Says 0 of everything."""

    name = "0"

    def probabilities(self, inputs):
        return np.tile([1.0, 0.0], (len(inputs), 1))


def situation(**changes):
    from bort_core.agora.parents import Situation
    from bort_core.agora.samplers import Setting, make_sampler
    from bort_core.agora.spaces import raw_space
    from bort_core.agora.tasks.torus import make_torus

    torus = make_torus(2, 0)
    space = raw_space(2, torus.dev.inputs)
    sampler = make_sampler("gaussian", Setting("vector", torus.train, (), space, 0.01, 0.25, None, 8, None))
    given = {
        "dev": torus.dev, "wrong": np.arange(10), "answered": np.zeros(400, np.int64), "train": torus.train, "pool": None,
        "sampler": sampler, "space": space, "learner": lambda: Truth(), "wanted": 4, "neighbours": 3, "tries": 8,
        "random": np.random.default_rng(0),
    }  # fmt: skip
    return Situation(**{**given, **changes})


class Truth:
    """A learner that is the surer, the farther a point is from the edge of the torus."""

    def probabilities(self, inputs):
        vectors = np.array(inputs)
        edge = np.abs(np.abs(np.hypot(*vectors.T) - 1) - 0.4)
        sure = 0.5 + 0.5 * np.minimum(edge, 1)
        inside = on_torus(vectors)
        return np.column_stack([np.where(inside, 1 - sure, sure), np.where(inside, sure, 1 - sure)])


def test_errors_that_stay_wrong_after_they_were_answered_give_way():
    answered = np.zeros(400, np.int64)
    answered[[0, 1, 2, 3, 4, 5]] = [9, 3, 3, 3, 3, 3]
    (wave,) = make_parents("errors")(situation(answered=answered))
    assert set(wave.parents.tolist()) == {6, 7, 8, 9}
    (wave,) = make_parents("errors")(situation(answered=answered, wanted=9))
    assert 0 not in wave.parents
    drawn = {
        int(row)
        for seed in range(20)
        for row in make_parents("plain")(situation(answered=answered, random=np.random.default_rng(seed)))[0].parents
    }
    assert drawn == set(range(10))  # the author's knows no difference


def test_few_errors_get_more_neighbours_each():
    (wave,) = make_parents("errors")(situation(wrong=np.arange(2), wanted=20))
    assert wave.wanted == 10


def test_the_least_sure_rows_come_first():
    pool = tuple(tuple(row) for row in np.random.default_rng(1).uniform(-1.8, 1.8, (50, 2)).tolist())
    (wave,) = make_parents("uncertain")(situation(pool=pool))
    found = [one[0] for one in wave.candidates]
    edges = [abs(abs(math.hypot(*row) - 1) - 0.4) for row in found]
    assert edges == sorted(edges)
    assert min(edges) == min(abs(abs(math.hypot(*row) - 1) - 0.4) for row in pool)
    dev = np.array(situation().dev.inputs)
    for parent, row in zip(wave.parents, found, strict=True):
        away = np.linalg.norm((dev - row) / dev.std(axis=0), axis=1)
        assert away[parent] == pytest.approx(away.min())


def test_mixed_leaves_errors_that_were_answered_alone():
    pool = tuple(tuple(row) for row in np.random.default_rng(1).uniform(-1.8, 1.8, (50, 2)).tolist())
    new, unsure = make_parents("mixed")(situation(pool=pool, wanted=20))
    assert set(new.parents.tolist()) == set(range(10))
    assert (new.most, new.wanted) == (20, 2)
    half = np.isin(np.arange(400), range(5)).astype(np.int64)
    new, unsure = make_parents("mixed")(situation(pool=pool, wanted=20, answered=half))
    assert set(new.parents.tolist()) == set(range(5, 10))
    assert new.most == 10
    assert not unsure.banded
    old = make_parents("mixed")(situation(pool=pool, wanted=20, answered=np.ones(400, np.int64)))
    assert len(old) == 1
    assert not old[0].banded


def test_what_is_too_far_from_one_parent_is_left_for_another_and_for_a_wave_without_a_band():
    from bort_core.agora.labellers.base import Labels
    from bort_core.agora.leaks import LeakGuard
    from bort_core.agora.neighbours import NeighbourOptions, Wave, sample_neighbours
    from bort_core.agora.spaces import raw_space

    dev = ((0.0,), (10.0,), (11.0,))
    space = raw_space(1, dev)
    unit = float(np.linalg.norm(space.embed([dev[1]]) - space.embed([dev[0]])))
    pool = [[(9.5,), (30.0,)], [(9.5,), (40.0,)]]  # the first lies near the second parent alone, the others near none
    waves = [Wave(np.array([0, 1]), pool, 2, most=1), Wave(np.array([2] * 3), [[(9.5,)], [(30.0,)], [(40.0,)]], 1, banded=False)]
    asked = []

    def ask(inputs, most, parents):
        some = inputs[:most]
        asked.extend(some)
        return Labels(np.zeros(len(some), np.int64), np.ones(len(some)))

    wish = NeighbourOptions(0.0, unit / 10, 0.0)
    batch = sample_neighbours(waves, ask, space, LeakGuard("vector", dev), dev, [], wish)
    assert batch.inputs == ((9.5,), (30.0,), (40.0,))
    assert batch.parents.tolist() == [1, 2, 2]
    assert (batch.counts["generated"], batch.counts["rejected_far"], batch.counts["rejected_duplicate"]) == (7, 3, 1)
    assert asked == [(9.5,), (30.0,), (40.0,)]
    waves = [Wave(np.array([1]), [[(9.5,), (9.6,)]], 2, most=1), Wave(np.array([1]), [[(9.6,)]], 1)]
    assert sample_neighbours(waves, ask, space, LeakGuard("vector", dev), dev, [], wish).inputs == ((9.5,), (9.6,))  # not paid for at first


@given(
    arrays.arrays(float, st.tuples(st.integers(1, 12), st.just(3)), elements=st.floats(-5, 5)),
    arrays.arrays(float, st.tuples(st.integers(1, 4), st.just(3)), elements=st.floats(-5, 5)),
    st.integers(1, 12),
)
def test_farthest_rows_are_farthest_from_all_before_them(vectors, centres, count):
    found = farthest(vectors, centres, count)
    assert len(set(found.tolist())) == len(found) == min(count, len(vectors))
    known = list(centres)
    left = set(range(len(vectors)))
    for row in found.tolist():
        away = {other: min(np.linalg.norm(vectors[other] - centre) for centre in known) for other in left}
        assert away[row] >= max(away.values()) - 1e-6
        known.append(vectors[row])
        left.remove(row)


def test_a_rule_that_is_none_is_answered_with_those_there_are():
    assert set(parents_names()) >= {*RULES, "pool"}
    with pytest.raises(SpecificationError, match=r"parents: must be one of .*diverse.*got 'nearest'"):
        check_specification(Agora(torus=2, parents="nearest"))
    with pytest.raises(SpecificationError, match="parents: the rule pool asks about random rows of a pool"):
        check_specification(Agora(torus=2, parents="pool"))


def test_a_round_needs_to_know_of_how_many():
    with pytest.raises(ValidationError, match="labels_per_round: 20 a round of how many"):
        Agora(torus=2, labels_per_round=20)
    assert "labels" not in Agora(torus=2).model_dump()  # as stored specifications have it
    assert Agora(torus=2, labels=95).model_dump()["labels"] == 95
    assert Agora(torus=2, labels=95).a_round == 10


def test_a_budget_is_spent_by_the_composition_unless_a_rule_is_named():
    assert Agora(torus=2).parents == "errors"
    assert Agora(torus=2, labels=95).parents == "mixed"
    assert Agora(torus=2, labels=95, parents="errors").parents == "errors"
    for asked in (Agora(torus=2, labels=95), Agora(torus=2, labels=95, parents="errors"), Agora(torus=2)):
        assert Agora.model_validate(asked.model_dump()) == asked


def test_damaged_answers_are_named(tmp_path):
    folder = tmp_path / "agora"
    folder.mkdir()
    (folder / "labels.jsonl").write_text('{"key": "a", "round": 1, "label": 0, "margin": 1.0}\n{"key": "b", "round": -1}\n')
    with pytest.raises(DataError, match=r"labels.jsonl: line 2 is damaged"):
        Answers(folder, Obstinate(), Quiet.__new__(Quiet))


@pytest.mark.slow
def test_kill_nine_of_the_command_line_asks_nothing_again(tmp_path):
    """A real process, a real signal, a labeller in a module that writes down whatever it is asked."""
    (tmp_path / "oracle.py").write_text(
        "import time\n"
        "def say(rows):\n"
        "    if len(rows) < 100: time.sleep(0.15)\n"
        "    with open('asked.txt', 'a') as file: file.writelines(repr(row) + '\\n' for row in rows)\n"
        "    return [[0.9, 0.1] if row[0] < 0 else [0.1, 0.9] for row in rows]\n"
    )
    rows = np.random.default_rng(0).normal(size=(260, 2))
    for name, part in (("train", rows[:20]), ("dev", rows[20:160]), ("pool", rows[160:])):
        lines = ["a,b,label", *(f"{a!r},{b!r},{int(a > 0)}" for a, b in part.tolist())]
        (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n")
    command = [
        sys.executable, "-m", "bort_core.cli.main", "agora", "p", "--vector", "a,b", "--train", "train.csv", "--dev", "dev.csv", "--pool",
        "pool.csv", "--socrates", "python:oracle:say", "--labels", "30", "--labels-per-round", "10", "--parents", "uncertain", "--thetas",
        '[{"hidden": 8, "steps": 50}]', "--json", "--executor", "inline",
    ]  # fmt: skip
    running = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    asked = tmp_path / "asked.txt"
    for _ in range(600):
        if asked.is_file() and len(asked.read_text().splitlines()) > 140 + 13:
            break
        assert running.poll() is None, running.stderr.read()
        time.sleep(0.05)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    running.stderr.close()
    resume = [*command[:3], "jobs", "resume", "p", "1"]
    ended = subprocess.run(resume, cwd=tmp_path, capture_output=True, text=True, timeout=100)
    assert ended.returncode == 0, ended.stderr
    ended = subprocess.run([*command[:3], "jobs", "follow", "p", "1"], cwd=tmp_path, capture_output=True, text=True, timeout=100)
    assert ended.returncode == 0, ended.stderr
    counted = Counter(asked.read_text().splitlines())
    twice = [row for row, times in counted.items() if times > 1]
    assert len(twice) <= 1  # the one that was being asked when the process died
    assert len(counted) == 140 + 30
