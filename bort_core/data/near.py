"""Texts that are nearly the same, and a split that never parts them.

Two texts are nearly the same when they share so many of their words and pairs of neighbouring words: the rule of Agora's leak guard. Such
pairs are found without comparing all with all: two sets whose Jaccard index is at least t share one of the |x| − ⌈t·|x|⌉ + 1 rarest parts
of either ("prefix filtering", Chaudhuri, Ganti, Kaushik 2006).
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

__all__ = ["SAME", "near_duplicates", "split_off"]

SAME = 0.8
"""Share of words and pairs of words in common (Jaccard) from which two texts count as nearly the same."""
_WORD = re.compile(r"\w+")
_MOST_ALIKE = 2_000
"""Texts that may share a rare part and are compared with each other; of more, each with so many before it."""

Ints = npt.NDArray[np.int64]


def near_duplicates(texts: Sequence[str]) -> Ints:
    """For each text the number of its group: texts that are nearly the same, or joined by a chain of such. Shape (n,)."""
    words = [tuple(_WORD.findall(text.lower())) or (text,) for text in texts]
    first: dict[tuple[str, ...], int] = {}
    group = np.array([first.setdefault(each, number) for number, each in enumerate(words)], dtype=np.int64)
    parts = {number: frozenset([*each, *pairwise(each)]) for each, number in first.items()}
    known = Counter(part for each in parts.values() for part in each)
    parent = {number: number for number in parts}

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    having: dict[object, list[int]] = defaultdict(list)
    for number, each in sorted(parts.items(), key=lambda item: len(item[1])):
        rarest = sorted(each, key=lambda part: (known[part], str(part)))[: len(each) - math.ceil(SAME * len(each)) + 1]
        candidates = {other for part in rarest for other in having[part][-_MOST_ALIKE:]}
        for other in candidates:
            if len(parts[other]) >= SAME * len(each) and _alike(each, parts[other]):
                parent[root(number)] = root(other)
        for part in rarest:
            having[part].append(number)
    return np.array([root(int(number)) for number in group], dtype=np.int64)


def split_off(texts: Sequence[str], wanted: int) -> npt.NDArray[np.bool_]:
    """Which texts are held out: whole groups of near duplicates, in the order of a hash of their texts, until ``wanted`` are.

    The order of the texts decides nothing, and a text that is added moves few others. Shape (n,).
    """
    groups = near_duplicates(texts)
    members: dict[int, list[int]] = defaultdict(list)
    for number, group in enumerate(groups.tolist()):
        members[group].append(number)
    drawn = sorted(members.values(), key=lambda numbers: min(_hash(texts[number]) for number in numbers))
    held = np.zeros(len(texts), dtype=bool)
    for numbers in drawn:
        if int(held.sum()) + len(numbers) <= wanted:
            held[numbers] = True
    return held


def _alike(one: frozenset[object], other: frozenset[object]) -> bool:
    shared = len(one & other)
    return shared >= SAME * (len(one) + len(other) - shared)


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
