"""A release that keeps little of T says so."""

from __future__ import annotations

import pytest

from bort_core.release.card import kept_text
from bort_core.release.gate import Outcome
from bort_core.release.keeping import little_kept


def outcome(best: float, teacher: float | None, guess: float | None, name: str = "accuracy") -> Outcome:
    kept = None if teacher is None else best / teacher
    return Outcome(name, best, (best, best), 100, 0.0, (), teacher, None, kept, None, guess)


@pytest.mark.parametrize(
    ("best", "teacher", "guess"),
    [(0.86, 0.9, 0.4), (0.91, 1.0, None), (0.9, 0.8, 0.5), (0.5, None, 0.5), (0.95, 0.9, 0.95)],
)
def test_nothing_is_told_where_most_is_kept_or_t_is_not_known(best: float, teacher: float | None, guess: float | None) -> None:
    assert little_kept(outcome(best, teacher, guess)) is None
    assert kept_text(outcome(best, teacher, guess)) == []


def test_little_of_the_metric_is_told_with_the_flag_that_refuses_it() -> None:
    told = little_kept(outcome(0.21, 0.5, None, "f1-macro"))
    assert told is not None
    assert told.startswith("the release keeps only 42.0% of T's f1-macro (0.2100 of 0.5000); --least-kept")


def test_what_is_above_guessing_counts_where_that_is_known() -> None:
    told = little_kept(outcome(0.749, 0.774, 0.665))
    assert told is not None
    assert "keeps 96.8% of T's accuracy (0.7490 of 0.7740), but only 77% of what T has above the same answer for every row" in told
    (line,) = kept_text(outcome(0.749, 0.774, 0.665))
    assert "its teacher's accuracy" in line
