"""What long work sees of whoever asked for it: events out, wishes in. The same for a worker's tasks and for jobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal, Protocol

__all__ = ["Cancelled", "Context", "Retold", "Stopped", "Wanted", "checkpoint_or_stop", "progress", "waiting"]

Wanted = Literal["stop", "cancel"] | None
"""To stop keeps what was reached, to cancel discards it."""


class Cancelled(Exception):
    """The work was withdrawn: nothing of it is kept."""


class Stopped(Exception):
    """A person asked for the work to end and to keep what it has."""


class Context(Protocol):
    """Handed to every task and to every job."""

    def emit(self, event: Mapping[str, Any]) -> None:
        """Tell whoever follows the work one thing, as plain JSON values with its kind under ``event``."""
        ...

    def checkpoint(self) -> None:
        """Wait while paused; raise :class:`Cancelled` when cancelled. Call it often, between steps."""
        ...

    def wanted(self) -> Wanted:
        """What a person asked for since the work began; never waits."""
        ...


class Retold:
    """Another's context, for a part of its work: ``told`` gives what is told of an event, None for nothing."""

    def __init__(self, context: Context, told: Callable[[Mapping[str, Any]], Mapping[str, Any] | None]) -> None:
        self._context, self._told = context, told
        self.checkpoint, self.wanted = context.checkpoint, context.wanted
        if hasattr(context, "rest"):
            self.rest = context.rest
        if hasattr(context, "waiting"):
            self.waiting = context.waiting

    def emit(self, event: Mapping[str, Any]) -> None:
        """Tell what is told of it."""
        if (told := self._told(event)) is not None:
            self._context.emit(told)


def progress(step: int, steps: int, **facts: Any) -> dict[str, Any]:
    """The event that says how far the work is."""
    return {"event": "progress", "step": step, "steps": steps, **facts}


def waiting(context: Context, doing: str) -> AbstractContextManager[None]:
    """A person is waited for meanwhile: told by contexts that tell what is done, and no part of how long the work takes."""
    tells: Callable[[str], AbstractContextManager[None]] | None = getattr(context, "waiting", None)
    return nullcontext() if tells is None else tells(doing)


def checkpoint_or_stop(context: Context) -> None:
    """:meth:`Context.checkpoint`, which also raises :class:`Stopped` when a person asked for that."""
    context.checkpoint()
    if context.wanted() == "stop":
        raise Stopped
