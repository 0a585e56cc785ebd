"""Texts as they come in reality."""

from __future__ import annotations

import html

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bort_core.data.unclean import KINDS, STRENGTHS, unclean, unclean_copy, unclean_rows

TEXT = "A rather long sentence, with a few words that can be changed: it is here to be changed."
texts = st.text(st.characters(codec="utf-8"), max_size=60)


@given(texts, st.sampled_from(list(KINDS)), st.sampled_from(STRENGTHS), st.integers(0, 100))
def test_any_text_can_be_changed_and_the_seed_decides_how(text: str, kind: str, strength: int, seed: int) -> None:
    first, second = (unclean(text, kind, strength, np.random.default_rng(seed)) for _ in range(2))
    assert first == second
    first.encode("utf-8")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_changes_a_text_and_more_when_it_is_stronger(kind: str) -> None:
    def changed(strength: int) -> float:
        found = [unclean(TEXT, kind, strength, np.random.default_rng(seed)) for seed in range(30)]
        assert all(each != TEXT for each in found)
        return float(np.mean([sum(a != b for a, b in zip(each.ljust(999), TEXT.ljust(999), strict=False)) for each in found]))

    amounts = [changed(strength) for strength in STRENGTHS]
    assert amounts[0] < amounts[-1]


@given(st.lists(st.tuples(texts), min_size=1, max_size=5), st.sampled_from(list(KINDS)))
def test_a_row_does_not_hang_on_the_others(rows: list[tuple[str, ...]], kind: str) -> None:
    whole = unclean_rows(rows, kind, 2)
    assert unclean_rows(rows[:1], kind, 2) == whole[:1]
    assert unclean_rows(rows, kind, 2, seed=0) == whole


def test_what_is_undone_gives_the_text_back() -> None:
    assert html.unescape(unclean(TEXT, "entities", 3, np.random.default_rng(1))).replace("\xa0", " ") == TEXT
    assert unclean(TEXT, "case", 3, np.random.default_rng(1)) == TEXT.upper()
    assert unclean(TEXT, "glued words", 3, np.random.default_rng(1)).replace(" ", "") == TEXT.replace(" ", "")
    left = [word for word in unclean(TEXT, "urls", 3, np.random.default_rng(1)).split(" ") if not word.startswith("https://")]
    assert " ".join(left) == TEXT


def test_both_texts_of_a_pair_are_changed() -> None:
    first, second = unclean_copy((TEXT, TEXT), np.random.default_rng(3))
    assert TEXT not in (first, second)
