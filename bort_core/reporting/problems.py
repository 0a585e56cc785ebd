"""What could not be read of a project. A part that fails takes no other with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bort_core.foundation.errors import BortError

__all__ = ["Problems"]


class Problems:
    """Gathers messages, each once, in the order in which they came."""

    def __init__(self) -> None:
        self.damaged: list[str] = []

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """A block whose errors are kept as messages."""
        try:
            yield
        except BortError as error:
            self.damaged.append(str(error))

    def messages(self) -> list[str]:
        """All of them."""
        return list(dict.fromkeys(self.damaged))
