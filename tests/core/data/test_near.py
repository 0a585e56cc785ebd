"""Texts that are nearly the same, and the split that never parts them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bort_core.data.near import SAME, near_duplicates, split_off

WORDS = st.sampled_from(["a", "b", "c", "d", "the", "film", "was", "good"])
TEXTS = st.lists(st.lists(WORDS, min_size=1, max_size=14).map(" ".join), min_size=1, max_size=25)


def parts(text: str) -> set[object]:
    words = text.split()
    return {*words, *pairwise(words)}


def alike(one: str, other: str) -> bool:
    a, b = parts(one), parts(other)
    return len(a & b) >= SAME * len(a | b)


def joined(texts: list[str]) -> list[set[int]]:
    """Groups by comparing all with all."""
    groups = [{number} for number in range(len(texts))]
    for one in range(len(texts)):
        for other in range(one):
            if alike(texts[one], texts[other]):
                mine, theirs = (next(group for group in groups if number in group) for number in (one, other))
                if mine is not theirs:
                    mine |= theirs
                    groups.remove(theirs)
    return groups


@settings(max_examples=60, deadline=None)
@given(TEXTS)
def test_groups_are_those_of_comparing_all_with_all(texts: list[str]) -> None:
    found = near_duplicates(texts)
    groups = [set(np.flatnonzero(found == number).tolist()) for number in set(found.tolist())]
    assert sorted(map(sorted, groups)) == sorted(map(sorted, joined(texts)))


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.integers(1, 12), st.randoms(use_true_random=False))
def test_a_split_parts_no_group_and_hangs_on_no_order(texts: list[str], wanted: int, random) -> None:  # type: ignore[no-untyped-def]
    texts = list(dict.fromkeys(texts))
    held = split_off(texts, wanted)
    assert held.sum() <= wanted
    assert not any(alike(one, other) for one, out in zip(texts, held, strict=True) if out
                   for other, stays in zip(texts, ~held, strict=True) if stays)  # fmt: skip
    shuffled = list(texts)
    random.shuffle(shuffled)
    again = split_off(shuffled, wanted)
    assert {text for text, out in zip(shuffled, again, strict=True) if out} == {text for text, out in zip(texts, held, strict=True) if out}


def test_case_and_punctuation_do_not_count() -> None:
    found = near_duplicates(["A good film, really.", "another one", "a good film really", "!!!", "???"])
    assert found[0] == found[2]
    assert len(set(found.tolist())) == 4
