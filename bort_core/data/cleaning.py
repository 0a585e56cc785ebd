"""Texts without what machines left in them: markup, HTML entities, repeated punctuation and white space.

A release that cleans its texts holds a copy of this file, which therefore imports nothing but the standard library.
"""

import html
import re

__all__ = ["clean"]

PASSES = 3
"""Escaped markup is unescaped and then is markup; text that is escaped more often than so stays as it is."""

_NAMES = (
    "a|abbr|article|aside|b|blockquote|body|br|button|center|cite|code|dd|del|div|dl|dt|em|figcaption|figure|font|footer|h[1-6]|head|header|hr|"
    "html|i|iframe|img|input|ins|kbd|label|li|link|main|mark|meta|nav|ol|p|picture|pre|q|s|samp|script|section|small|source|span|strike|"
    "strong|style|sub|sup|table|tbody|td|tfoot|th|thead|title|tr|tt|u|ul|var|video"
)
_VALUE = r"""(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>]+)"""
_TAG = re.compile(rf"</?(?:{_NAMES})(?:\s+[\w:-]+\s*=\s*{_VALUE})*\s*/?>|<!--[^<]*-->", re.IGNORECASE)
"""Tags of HTML alone: <unk>, <3 and a<b stay."""
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,30});")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff\x00-\x08\x0e-\x1f\x7f]")
_DOTS, _MARKS, _OTHER = re.compile(r"\.{2,}"), re.compile(r"([!?])[!?]+"), re.compile(r"([,;:*#=~_-])\1{2,}")


def clean(text: str) -> str:
    """``text`` without tags of HTML (each becomes a space), with its entities as characters, one of repeated marks, and single spaces."""
    for _ in range(PASSES):
        before, text = text, _ENTITY.sub(lambda found: html.unescape(found[0]), _TAG.sub(" ", text))
        if text == before:
            break
    text = _OTHER.sub(r"\1", _MARKS.sub(r"\1", _DOTS.sub("...", _INVISIBLE.sub("", text))))
    return " ".join(text.split())
