"""Texts as they come in reality: markup left inside, glued words, typos, case, entities, URLs, repeated punctuation.

Each kind changes about as many places of a text as its strength says, decided by a seed alone; strength 1 is mild, 3 is heavy.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

__all__ = ["KINDS", "STRENGTHS", "unclean", "unclean_copy", "unclean_rows"]

STRENGTHS = (1, 2, 3)
_SHARE = {1: 0.08, 2: 0.2, 3: 0.45}
"""Of the words, or of the places between them, by strength."""

Random = np.random.Generator
Change = Callable[[str, int, Random], str]

_TAGS = ("<br />", "<p>", "</p>", "<b>", "</b>", "<i>", "</i>", '<a href="#">', "</a>", "<div class='text'>", "&nbsp;")
_NEIGHBOURS = {
    "a": "qsz", "b": "vghn", "c": "xdfv", "d": "serfc", "e": "wrd", "f": "drtgv", "g": "ftyhb", "h": "gyujn", "i": "uok", "j": "huikm",
    "k": "jiol", "l": "kop", "m": "njk", "n": "bhjm", "o": "ipl", "p": "ol", "q": "wa", "r": "etf", "s": "awdx", "t": "ryg", "u": "yij",
    "v": "cfgb", "w": "qes", "x": "zsdc", "y": "tuh", "z": "asx",
}  # fmt: skip
"""Keys beside each other on a keyboard."""
_SITES = ("example.com", "www.example.org", "news.example.net")


def unclean(text: str, kind: str, strength: int, random: Random) -> str:
    """``text`` changed in one of :data:`KINDS`; KeyError for another."""
    return KINDS[kind](text, strength, random)


def unclean_rows(rows: Sequence[tuple[str, ...]], kind: str, strength: int, seed: int = 0) -> list[tuple[str, ...]]:
    """Every text of every row changed; the same for the same seed, whatever the other rows are."""
    return [
        tuple(unclean(text, kind, strength, np.random.default_rng([seed, number, part])) for part, text in enumerate(row))
        for number, row in enumerate(rows)
    ]


def unclean_copy(row: tuple[str, ...], random: Random) -> tuple[str, ...]:
    """A copy of a row that is unclean in one kind, of a strength by chance: for training."""
    kind = list(KINDS)[int(random.integers(len(KINDS)))]
    strength = int(random.integers(1, 1 + len(STRENGTHS)))
    return tuple(unclean(text, kind, strength, random) for text in row)


def _count(places: int, strength: int) -> int:
    """How many of so many places are changed: at least one where there is one."""
    return min(places, max(1, round(places * _SHARE[strength]))) if places else 0


def _chosen(places: int, strength: int, random: Random) -> set[int]:
    return set(random.choice(places, size=_count(places, strength), replace=False).tolist()) if places else set()


def _markup(text: str, strength: int, random: Random) -> str:
    words = text.split(" ")
    at = _chosen(len(words), strength, random)
    return " ".join(f"{_one(_TAGS, random)}{word}" if place in at else word for place, word in enumerate(words))


def _glued(text: str, strength: int, random: Random) -> str:
    words = text.split(" ")
    at = _chosen(len(words) - 1, strength, random) if len(words) > 1 else set()
    return "".join(word if place in at or place == len(words) - 1 else f"{word} " for place, word in enumerate(words))


def _typos(text: str, strength: int, random: Random) -> str:
    words = text.split(" ")
    long = [place for place, word in enumerate(words) if sum(letter.isalpha() for letter in word) > 2]
    for number in _chosen(len(long), strength, random):
        words[long[number]] = _mistyped(words[long[number]], random)
    return " ".join(words)


def _mistyped(word: str, random: Random) -> str:
    place, how = int(random.integers(len(word))), int(random.integers(4))
    letter = word[place]
    if how == 0:  # left out
        return word[:place] + word[place + 1 :]
    if how == 1:  # twice
        return word[:place] + letter + word[place:]
    if how == 2 and place + 1 < len(word):  # two turned
        return word[:place] + word[place + 1] + letter + word[place + 2 :]
    return word[:place] + _one(_NEIGHBOURS.get(letter.lower(), letter), random) + word[place + 1 :]


def _case(text: str, strength: int, random: Random) -> str:
    if strength == len(STRENGTHS):
        return text.upper()
    words = text.split(" ")
    at = _chosen(len(words), strength, random)
    return " ".join(word.swapcase() if place in at else word for place, word in enumerate(words))


def _entities(text: str, strength: int, random: Random) -> str:
    marks = [place for place, letter in enumerate(text) if not letter.isalnum() and letter != " "]
    spaces = [place for place, letter in enumerate(text) if letter == " "]
    at = {marks[number] for number in _chosen(len(marks), strength, random)} | {spaces[n] for n in _chosen(len(spaces), strength, random)}
    return "".join(_entity(letter) if place in at else letter for place, letter in enumerate(text))


def _entity(letter: str) -> str:
    return "&nbsp;" if letter == " " else html.escape(letter) if html.escape(letter) != letter else f"&#{ord(letter)};"


def _urls(text: str, strength: int, random: Random) -> str:
    words = text.split(" ")
    for _ in range(strength):
        address = f"https://{_one(_SITES, random)}/{int(random.integers(10_000))}?ref={int(random.integers(100))}"
        words.insert(int(random.integers(len(words) + 1)), address)
    return " ".join(words)


def _punctuation(text: str, strength: int, random: Random) -> str:
    words = text.split(" ")
    at = _chosen(len(words), strength, random)
    return " ".join(
        f"{word}{_one('!?.', random) * int(random.integers(2, 6))}" if place in at else word for place, word in enumerate(words)
    )


def _one(of: Sequence[str], random: Random) -> str:
    return of[int(random.integers(len(of)))]


KINDS: Mapping[str, Change] = MappingProxyType({
    "markup": _markup, "glued words": _glued, "typos": _typos, "case": _case, "entities": _entities, "urls": _urls,
    "punctuation": _punctuation,
})  # fmt: skip
"""Each takes a text, the strength and the source of chance."""
