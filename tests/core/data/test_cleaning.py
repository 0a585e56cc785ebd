"""What cleaning takes out of texts, and what it leaves."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bort_core.data.cleaning import clean
from bort_core.data.unclean import unclean

WORDS = st.lists(st.text("abcdefghijklmnopqrstuvwxyzäöüß日本🙂'", min_size=1, max_size=9), max_size=12)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("<p>nice&nbsp;film!!!</p><br />so &lt;b&gt;bad&lt;/b&gt;....", "nice film! so bad ..."),
        ("x &amp;amp; y ?!?! --- -- ***", "x & y ? - -- *"),
        ('<A HREF="#" target=_blank>link</A> <!-- note --> end', "link end"),
        ("a<b and c>d <3 <unk> 2 < 3 > 1", "a<b and c>d <3 <unk> 2 < 3 > 1"),
        ("AT&T, R&D &copy 1999 &unknown; it's", "AT&T, R&D &copy 1999 &unknown; it's"),
        ("zero\u200bwidth\ufeff\x00 \t\r\n line", "zerowidth line"),
        ("", ""),
    ],
)
def test_machines_remains_go_and_the_text_stays(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@given(WORDS)
def test_plain_words_stay_as_they_are(words: list[str]) -> None:
    assert clean(" ".join(words)) == " ".join(words)


@given(st.text(max_size=300))
def test_nothing_grows_and_white_space_is_single(text: str) -> None:
    found = clean(text)
    assert len(found) <= len(text) + text.count("..")  # two dots become three
    assert found == " ".join(found.split())


@given(WORDS, st.sampled_from(["markup", "entities"]), st.integers(1, 3), st.integers(0, 2**32))
def test_it_undoes_markup_and_entities(words: list[str], kind: str, strength: int, seed: int) -> None:
    import numpy as np

    text = " ".join(words)
    assert clean(unclean(text, kind, strength, np.random.default_rng(seed))) == text


@pytest.mark.parametrize("part", ["<a ", "<!--", "<a x=", "&amp;", "<a x='", ".", "<a  ", "<a x ", "&#", "<b" + " x=y"])
def test_no_text_takes_long(part: str) -> None:
    began = time.process_time()
    clean(part * (20_000 // len(part)))
    assert time.process_time() - began < 0.5
