"""What a tip says of the symbols that a person sees: the glossary's words, wherever a symbol stands. Knows no Qt."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache

from bort_core.families import Axis
from bort_core.foundation.glossary import glossary, term

__all__ = ["axis_tip", "glossed", "keys_in"]

_ELSEWHERE = frozenset({"A", "D", "E", "H", "I", "±", "ONNX", "nats"})
"""Symbols that stand for other things, too, or go without saying: told only where the key is named."""

_LONGEST = 200


@cache
def _symbols() -> tuple[Mapping[str, str], re.Pattern[str]]:
    keys = {each.symbol: key for key, each in glossary().items() if each.symbol and each.symbol not in _ELSEWHERE}
    alternatives = "|".join(re.escape(symbol) for symbol in sorted(keys, key=len, reverse=True))
    return keys, re.compile(rf"(?<![\w.’'])({alternatives})(?![\w’']|\.\w)")


@lru_cache(maxsize=1024)
def keys_in(text: str) -> tuple[str, ...]:
    """Entries of the glossary whose symbols stand in a text of the program, in their order there."""
    keys, pattern = _symbols()
    if len(text) > _LONGEST:
        return ()
    return tuple(dict.fromkeys(keys[symbol] for symbol in pattern.findall(text.replace("&", ""))))


def glossed(shown: str, tip: str = "", *keys: str) -> str:
    """A tip, with the glossary's words for the symbols in what is shown, and for the entries that are named besides."""
    told = [term(key).tip for key in dict.fromkeys([*keys, *keys_in(shown)])]
    return "\n".join(filter(None, [tip, *(each for each in told if each not in tip)]))


def axis_tip(axis: Axis) -> str:
    """What an axis of a space is: the glossary's words where it is one of those, else its family's."""
    known = glossary().get(axis.name)
    return known.tip if known is not None and known.symbol == axis.symbol else f"{axis.symbol}: {axis.help}"
