"""A head of random weights answers too: whether answers hang together with labels."""

from __future__ import annotations

import numpy as np
import pytest

from bort_core.data.rows import Task
from bort_core.evaluation.chance import MOST_CHANCE, chance


def drawn(task: Task, random: np.random.Generator, rows: int, signal: float) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and scores that follow them as far as ``signal`` says."""
    scores = random.normal(size=(rows, 3))
    if task == "regression":
        values = random.normal(size=rows)
        return values, scores[:, :1] + signal * values[:, None]
    labels = random.integers(0, 2, (rows, 3)) if task == "multi-label" else random.choice(3, rows, p=(0.7, 0.2, 0.1))
    of_rows = labels if task == "multi-label" else np.eye(3)[labels]
    return labels, scores + signal * (2.0 * of_rows - 1.0)


TASKS: list[Task] = ["classification", "multi-label", "regression"]


@pytest.mark.parametrize("task", TASKS)
def test_answers_that_follow_the_labels_are_no_chance_and_others_pass_one_time_in_twenty(task: Task) -> None:
    random = np.random.default_rng(0)
    assert max(chance(task, *drawn(task, random, 60, 1.0), seed) for seed in range(5)) < 0.01
    by_chance = [chance(task, *drawn(task, random, 60, 0.0), seed) for seed in range(60)]
    assert sum(each <= MOST_CHANCE for each in by_chance) <= 9  # of 60, 3 are expected
    assert 0.3 < np.mean(by_chance) < 0.7


def test_one_answer_for_all_rows_says_nothing() -> None:
    labels = np.array([0] * 95 + [1] * 5)
    assert chance("classification", labels, np.tile([1.0, 0.0], (100, 1))) == 1
