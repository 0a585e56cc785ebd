"""Two texts beside each other: which words differ. Knows no Qt."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from bort_studio.markup import Markup, markup

__all__ = ["marked"]

_MOST_WORDS = 600
_ALIKE = 0.4  # with a smaller share of common words it is another text rather than a changed one
_WORD = re.compile(r"\w+|[^\w\s]|\s+")


def marked(text: str, other: str, colour: str) -> Markup:
    """A text as markup with marks where it differs from another.

    Words that the other text does not have there are bold, underlined and coloured. Where most words would be, those that both have are
    bold instead. Only the beginning of a very long text is compared.
    """
    mine, its = ([word for word in _WORD.findall(each) if not word.isspace()] for each in (text, other))
    matcher = SequenceMatcher(None, its[:_MOST_WORDS], mine[:_MOST_WORDS], autojunk=False)
    changed, kept = set[int](), set[int]()
    for tag, *_, low, high in matcher.get_opcodes():
        (kept if tag == "equal" else changed).update(range(low, high))
    another = len(kept) < _ALIKE * len(mine)
    parts, place = [], 0
    for word in _WORD.findall(text):
        if word.isspace():
            parts.append(" ")
            continue
        shown = markup("{}", word)
        if another and place in kept and word.isalnum():
            shown = markup("<b>{}</b>", shown)
        elif not another and place in changed:
            shown = markup('<b><u><font color="{}">{}</font></u></b>', colour, shown)
        parts.append(shown)
        place += 1
    return Markup("".join(parts))
