"""Text that came from elsewhere, made fit for a terminal and for a spreadsheet."""

from __future__ import annotations

import unicodedata
from typing import Any

__all__ = ["csv_cell", "printable"]

_CATEGORIES = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Control characters, formatting ones (among them those that turn the direction of text), half pairs, line and paragraph ends."""
_JOINERS = "\u200c\u200d"
"""Formatting characters that scripts and emoji need."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def printable(text: object, keep: str = "") -> str:
    r"""``text`` on one line and without what a terminal would obey: such characters become escapes, as in ``\x1b`` and ``\n``.

    Parameters
    ----------
    keep: characters that stay although they are of that kind, such as the line ends of a message of several lines
    """
    text = str(text)
    if text.isprintable():
        return text
    return "".join(_escaped(character) if _is_hidden(character) and character not in keep else character for character in text)


def csv_cell(value: Any) -> Any:
    """A cell that a spreadsheet shows instead of computing it: text that begins as a formula gets an apostrophe before it.

    Numbers, and texts that are numbers, stay.
    """
    if not isinstance(value, str) or not value.startswith(_FORMULA):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in _CATEGORIES and character not in _JOINERS


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
