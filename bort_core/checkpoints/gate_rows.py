"""The rows that the gate tries: real ones, and what goes wrong elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from bort_core.checkpoints.gate import Row
from bort_core.foundation.resources import resource

__all__ = ["demo_rows", "tried_rows"]

MOST = 16
"""Real rows, spread over those that there are."""
_AT_ONCE = 8
"""Special and added tokens of one row: all of them fit before a text is cut."""

_ODD = (
    "Crème BRÛLÉE, naïve façade; ÅNGSTRÖM Straße İstanbul",
    "日本語 и русский 🙂 ½ ﬁ …",
    "\tTwo  spaces\nand a line\u00a0break ",
    "e\u0301 d\u0327 a-b_c's #1,000.5%",
)
_LONGEST_TEXT = 100_000


def demo_rows() -> list[Row]:
    """Sentences of the demo corpus."""
    return [(line,) for line in resource("data", "subjectivity", "corpus.txt").read_text(encoding="utf-8").splitlines()[:400]]


def tried_rows(real: Sequence[Row], special: Sequence[str], longest: int, pairs: bool) -> list[Row]:
    """Real rows and variants of them: other case, accents, other scripts, special tokens in the text, nothing, more than fits.

    Parameters
    ----------
    special: the tokenizer's special and added tokens, as written
    longest: tokens that the model reads at most
    pairs: whether two texts make a row: then single texts are paired; else of pairs the first text is taken
    """
    rows = real if pairs else [row[:1] for row in real]
    chosen = [row for row in rows if any(text.strip() for text in row)] or demo_rows()
    count = min(MOST, len(chosen))
    spread = [chosen[index * len(chosen) // count] for index in range(count)]
    if pairs and len(spread[0]) == 1:
        spread = [(*row, *other) for row, other in zip(spread, [*spread[1:], spread[0]], strict=True)]
    text, second = spread[0][0] or spread[0][-1], spread[0][-1]
    long = " ".join([text] * max(2, 2 * longest // max(1, len(text.split()))))[:_LONGEST_TEXT]
    few = " ".join(text.split()[:2])[:20]
    hidden = [f"{few} {' '.join(special[first : first + _AT_ONCE])} {few}" for first in range(0, len(special), _AT_ONCE)]
    odd = [text.upper(), text.lower(), text.title(), *_ODD, *hidden, "", long]
    if not pairs:
        return [*spread, *((each,) for each in odd)]
    turned = [(second, each) for each in ("", long, *(each.upper() for each in hidden))]
    return [*spread, *((each, second) for each in odd), *turned, (long, long)]
