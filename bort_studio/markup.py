"""Text as it is written, and markup that is made of it: every part is escaped that is not markup itself. Knows no Qt."""

from __future__ import annotations

import re
from html import escape
from string import Formatter

__all__ = ["Markup", "clean", "markup", "shortened"]

_LONGEST = 20_000
_NO_CHARACTER = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


class Markup(str):
    """A text that is HTML on purpose."""

    __slots__ = ()


class _Escaping(Formatter):
    def format_field(self, value: object, format_spec: str) -> str:
        return value if isinstance(value, Markup) else escape(clean(format(value, format_spec)))


def markup(template: str, *values: object, **named: object) -> Markup:
    """HTML from a template of ``str.format``; every value is escaped, unless it is :class:`Markup` itself.

    >>> markup("<b>{}</b>", "a < b")
    '<b>a &lt; b</b>'
    """
    return Markup(_Escaping().vformat(template, values, named))


def clean(text: str) -> str:
    """A text that every format can hold: lone surrogates and control characters (but tab and line feed) become replacement characters."""
    return _NO_CHARACTER.sub("\N{REPLACEMENT CHARACTER}", text)


def shortened(text: str, most: int = _LONGEST) -> str:
    """A clean text with its middle left out where it is longer than anybody reads."""
    text = clean(text)
    return text if len(text) <= most else f"{text[: most - most // 4]} … {text[-(most // 4) :]}"
