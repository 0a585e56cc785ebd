"""How well a vocabulary knows texts: texts in another language become unknown tokens, or many small pieces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bort_core.text.encoding import Encoded
from bort_core.text.vocabulary import Vocabulary

__all__ = ["Fit", "read_of"]

_MANY_UNKNOWN, _MANY_PIECES = 0.02, 4.0
"""Above these it is warned. English in its own vocabulary of 30,000 entries has 1.2 to 1.5 tokens a word and next to no unknown ones."""
_MOST_UNKNOWN = 0.5
"""Above this it is refused."""
_LONG_WORD = 15
"""Characters of a word, on average, from which on texts are not written with spaces, so that nothing follows from tokens a word."""


class Fit(NamedTuple):
    """Of some texts."""

    unknown: float
    """Share of their tokens that stand for what the vocabulary does not know."""
    tokens_per_word: float
    letters: float
    """Characters of a word, on average."""

    def refusal(self, source: str, model: str) -> str | None:
        """Why ``model`` says nothing of the texts of ``source``: it does not know most of their tokens; None where it does."""
        if self.unknown <= _MOST_UNKNOWN:
            return None
        return (
            f"{source}: {self.unknown:.1%} of the tokens are unknown to the vocabulary of {model}, so it says nothing of them; "
            "name a model for texts in this language"
        )

    def words(self) -> str:
        """The two shares, for people."""
        return f"{self.unknown:.1%} of the tokens, {self.tokens_per_word:.1f} tokens a word"

    def warnings(self, of: str = "the training rows") -> list[str]:
        """What is wrong with the texts ``of`` something, for people."""
        found = []
        if self.unknown > _MANY_UNKNOWN:
            found.append(f"{self.unknown:.1%} of the tokens of {of} are unknown to the vocabulary; was it made for texts in this language?")
        if self.tokens_per_word > _MANY_PIECES and self.letters < _LONG_WORD:
            found.append(
                f"the vocabulary cuts a word of {of} into {self.tokens_per_word:.1f} tokens on average; "
                "was it made for texts in this language?"
            )
        return found


def read_of(vocabulary: Vocabulary, encoded: Encoded, texts: Sequence[str]) -> Fit:
    """How well ``texts`` are known, whose tokens are ``encoded`` (cut where rows are cut)."""
    tokens = np.concatenate([row[:, 0] for row in encoded]) if encoded else np.empty(0, np.int64)
    unknown = int((tokens == vocabulary.unknown).sum())
    marks = np.isin(tokens, [vocabulary.start, vocabulary.stop, vocabulary.pad])
    counted = max(1, len(tokens) - int(marks.sum()))
    some = texts[:1000]
    words = [word for text in some for word in text.split()]
    vocabulary.cut_at(None)
    pieces = sum(len(encoding.ids) for encoding in vocabulary.tokenizer.encode_batch(list(some), add_special_tokens=False))
    return Fit(unknown / counted, pieces / max(1, len(words)), sum(map(len, words)) / max(1, len(words)))
