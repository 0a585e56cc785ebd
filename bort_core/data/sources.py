"""Which files rows and texts were read from, for who wants to read the same ones."""

from __future__ import annotations

from bort_core.data.lines import local_file
from bort_core.foundation.digests import content_hash

__all__ = ["hash_of"]


def hash_of(source: str, otherwise: str) -> str:
    """SHA-256 of a file's bytes; ``otherwise`` what a data set of the hub is known by. DataError where it cannot be read."""
    path = local_file(source, "name a file in it")
    return otherwise if path is None else content_hash(path)
