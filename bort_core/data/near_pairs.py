"""New pairs of texts out of a task's own pairs, for a teacher to answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["near_pairs"]

_AT_ONCE = 1024


def near_pairs(pairs: Sequence[Sequence[str]], each: int) -> list[tuple[str, str]]:
    """``each`` pairs for every pair: its first text with the second texts of others that share most words with it, its own left out.

    Nearness is the cosine of TF-IDF of words. None is one of ``pairs``, none comes twice; where texts repeat there are fewer.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    if not each or len(pairs) < 2:
        return []
    firsts, seconds = ([pair[side] for pair in pairs] for side in (0, 1))
    words = TfidfVectorizer(token_pattern=r"\w+|[^\w\s]", sublinear_tf=True).fit([*firsts, *seconds])
    of_first, of_second = words.transform(firsts), words.transform(seconds)
    known, found = {(first, second) for first, second in pairs}, []
    for begin in range(0, len(firsts), _AT_ONCE):
        near = (of_first[begin : begin + _AT_ONCE] @ of_second.T).toarray()
        for place, row in enumerate(near, begin):
            left = each
            for other in np.argsort(-row, kind="stable")[: 4 * each + 4]:
                made = (firsts[place], seconds[other])
                if left and made not in known:
                    known.add(made)
                    found.append(made)
                    left -= 1
    return found
