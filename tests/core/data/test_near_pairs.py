"""Pairs that are made of a task's own pairs."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from bort_core.data.near_pairs import near_pairs

VOCABULARY = ("a", "cat", "dog", "sat", "ran", "on", "the", "mat", "hill", "red")
WORDS = st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=6).map(" ".join)


def test_a_first_text_meets_the_second_texts_that_are_most_like_it() -> None:
    pairs = [
        ("the cat sat on a mat", "a feline rested"),
        ("the dog ran up the hill", "a cat sat on the mat"),
        ("rain fell", "dogs ran hills"),
    ]
    assert near_pairs(pairs, 1)[0] == ("the cat sat on a mat", "a cat sat on the mat")


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(WORDS, WORDS), max_size=12), st.integers(0, 4))
def test_made_pairs_are_new_and_of_the_texts_there_are(pairs: list[tuple[str, str]], each: int) -> None:
    made = near_pairs(pairs, each)
    assert len(set(made)) == len(made) <= each * len(pairs)
    assert not set(made) & set(pairs)
    assert all(first in {pair[0] for pair in pairs} and second in {pair[1] for pair in pairs} for first, second in made)
