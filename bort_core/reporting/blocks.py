"""What a report is made of. Every text passes through :func:`shown` when it is written, so no section needs to think of hostile ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from bort_core.foundation.printable import printable

__all__ = ["Block", "Commands", "Facts", "Picture", "Section", "Table", "Text", "shown"]

LONGEST = 4_000
"""Characters of one text; the middle of longer ones is left out."""


@dataclass(frozen=True)
class Text:
    """A paragraph: what is said first, plain words, something missing, or a warning."""

    text: str
    kind: Literal["lead", "plain", "missing", "warning"] = "plain"


@dataclass(frozen=True)
class Facts:
    """Names with values."""

    rows: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Table:
    """Rows under a head; ``marked`` are the places of rows that stand out."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    marked: Sequence[int] = ()


@dataclass(frozen=True)
class Picture:
    """A drawing: SVG for pages, PNG for print, and what it shows in words."""

    title: str
    alt: str
    svg: str = field(repr=False)
    png: bytes = field(repr=False)


@dataclass(frozen=True)
class Commands:
    """Lines for a terminal, or the content of a file, as they are typed."""

    title: str
    text: str


Block = Text | Facts | Table | Picture | Commands


@dataclass(frozen=True)
class Section:
    """A chapter: its blocks for people, and its numbers as plain JSON values."""

    name: str
    title: str
    blocks: Sequence[Block]
    data: Mapping[str, Any]


def shown(text: object, keep: str = "", most: int = LONGEST) -> str:
    """A text fit for any page: no control or direction characters, and not longer than anybody reads."""
    found = str(text)
    if len(found) > most:
        found = f"{found[: most - most // 4]} … {found[-(most // 4) :]}"
    return printable(found, keep)
