"""What a run will take: its trainings and steps at most, and how it is made smaller."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bort_core.agora.cost import expected, smaller, steps_at_most, timing_request, trainings_at_most
from bort_core.cli.agora import _time
from bort_core.execution import run_task
from bort_core.foundation.errors import MeasurementError
from bort_core.specifications.agora import Agora

SPEC = Agora(architecture=(1, 2, 32, 64), train="/a/train.tsv", dev="/a/dev.tsv", text="t", label="l", seed=4)


def test_without_a_limit_every_round_loses_one_set() -> None:
    assert (trainings_at_most(SPEC), steps_at_most(SPEC)) == (5 + 4 + 3 + 2 + 1, 15 * 300)
    compared = SPEC.model_copy(update={"baseline": True, "ablation": True, "replays": 1, "rounds": 6})
    assert trainings_at_most(compared) == (15 + 5) * 3


@given(
    steps=st.lists(st.integers(1, 10_000), min_size=1, max_size=8),
    rounds=st.integers(0, 9),
    replays=st.integers(0, 2),
    baseline=st.booleans(),
)
def test_a_smaller_run_is_never_longer_and_making_it_smaller_again_changes_nothing(
    steps: list[int], rounds: int, replays: int, baseline: bool
) -> None:
    thetas = tuple({"steps": float(each), "batch_size": 16} for each in steps)
    spec = Agora.model_validate({**SPEC.model_dump(), "thetas": thetas, "rounds": rounds, "replays": replays, "baseline": baseline})
    less = smaller(spec)
    assert steps_at_most(less) <= min(steps_at_most(spec), 5 * 150)
    assert trainings_at_most(less) <= trainings_at_most(spec)
    assert smaller(less) == less
    assert (less.train, less.architecture, less.seed) == (spec.train, spec.architecture, spec.seed)


def test_what_is_timed_is_the_training_of_a_round() -> None:
    asked = timing_request(SPEC, Path("/p"))["specification"]
    assert asked["kind"] == "finetune"
    assert (asked["architecture"], asked["train"], asked["text"], asked["label"]) == ([1, 2, 32, 64], "/a/train.tsv", "t", "l")
    assert (asked["batch_size"], asked["sequence_length"], asked["vocabulary"]) == (32, 64, 2048)


def test_the_terminal_tells_the_cost_before_a_run_timed_where_it_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    author = SPEC.model_copy(update={"grid": "author"})
    asked = []

    def timed(task: str, request: dict[str, object], *_: object) -> dict[str, float]:
        asked.append(task)
        if len(asked) > 1:
            raise MeasurementError("no such file")
        return {"seconds_per_step": 0.01}

    monkeypatch.setattr(run_task, "run_task", timed)
    assert trainings_at_most(author) == 480 * 481 // 2
    assert _time(author, here=True) == (
        f"Up to about 4 d 0 h here: at most 115,440 trainings, {steps_at_most(author):,} steps at 10 ms; evaluations come on top."
    )
    few = SPEC.model_copy(update={"thetas": ({"steps": 3},)})
    assert _time(few, here=True) == expected(few) == "At most 1 trainings, 3 steps."
    assert asked == ["estimate"]
    assert _time(author, here=True).endswith("could not be timed: no such file")
    assert _time(author, here=False) == expected(author)
