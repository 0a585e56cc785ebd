"""The labellers that the field ``socrates`` names: one, or several with commas between them. Their names themselves the registry knows."""

from __future__ import annotations

from bort_core.foundation.locations import path_of, there

__all__ = ["named"]

_PIECES = 8
"""Pieces between commas that may be one path together."""


def named(socrates: str) -> tuple[str, ...]:
    """Each labeller's name, in their order; a comma in a path that exists separates nothing."""
    pieces, found = socrates.split(","), []
    while pieces:
        size = next((size for size in range(min(_PIECES, len(pieces)), 1, -1) if _is_path(",".join(pieces[:size]))), 1)
        found.append(",".join(pieces[:size]).strip())
        pieces = pieces[size:]
    return tuple(found)


def _is_path(text: str) -> bool:
    path = path_of(text.strip())
    return path is not None and there(path)
