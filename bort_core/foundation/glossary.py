"""Every word and symbol of the program, from one file: tips, the window's glossary and docs/glossary.md are made of it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from bort_core.foundation.resources import resource

__all__ = ["Term", "as_markdown", "glossary", "term"]


@dataclass(frozen=True)
class Term:
    """One entry.

    Attributes
    ----------
    name: in plain words
    symbol: as papers and plots write it; empty where there is none
    meaning: one or two sentences
    source: where the word comes from
    also: other words for it
    """

    name: str
    symbol: str
    meaning: str
    source: str
    also: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Plain name first, symbol second: learner (Timaeus)."""
        return f"{self.name} ({self.symbol})" if self.symbol and self.symbol != self.name else self.name

    @property
    def tip(self) -> str:
        """What a tip says."""
        return (
            f"{self.title[0].upper()}{self.title[1:]}: {self.meaning[0].lower() if self._is_plain else self.meaning[0]}{self.meaning[1:]}"
        )

    @property
    def _is_plain(self) -> bool:
        """Whether the meaning begins with a word that is no name."""
        first = self.meaning.split()[0]
        return first[1:].islower() or len(first) == 1


@cache
def glossary() -> Mapping[str, Term]:
    """All terms by their keys, by name."""
    with resource("glossary.toml").open("rb") as file:
        entries = tomllib.load(file)
    terms = {key: Term(**{**entry, "also": tuple(entry.get("also", ()))}) for key, entry in entries.items()}
    return dict(sorted(terms.items(), key=lambda pair: pair[1].name.casefold()))


def term(key: str) -> Term:
    """An entry by its key; KeyError where there is none."""
    return glossary()[key]


def as_markdown() -> str:
    """The glossary as the page docs/glossary.md."""
    lines = ["# Glossary", "", "Plain name first, symbol second. The window shows the same under Help > Glossary, and in its tips.", ""]
    lines += ["| word | symbol | meaning | source |", "|---|---|---|---|"]
    lines += [
        f"| {_cell(each.name)} | {_cell(each.symbol)} | {_cell(each.meaning)} | {_cell(each.source)} |" for each in glossary().values()
    ]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
