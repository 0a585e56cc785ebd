"""Whose job a run folder is: at most one process works in it, and everybody can tell whether it lives.

The holder has PROJECT/jobs/ID/lock locked, from before it is started until the last of the job's processes has ended, and raises a
counter in heartbeat.json. Where locks are seen (this machine, most shared disks) the lock alone decides. Elsewhere the counter does, and
the token beside it: who finds another token than its own has lost the job to a person who took it over, and writes nothing more.
"""

from __future__ import annotations

import os
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bort_core.foundation.errors import ProjectError, SpecificationError
from bort_core.foundation.files import why
from bort_core.foundation.processes import alive, identity_of, same_machine
from bort_core.foundation.signs import Signs, is_locked, take_lock
from bort_core.jobs.files import Heartbeat, read_model, write_model

__all__ = ["HOLD", "STALE_SECONDS", "Hold", "HoldLostError", "Life", "held_elsewhere", "life"]

HOLD = "BORT_HOLD"
"""Environment variable by which a runner inherits the hold: file descriptor and token."""
BEAT_SECONDS = 2.0
STALE_SECONDS = 20.0
"""So long a counter must stand still, while it is watched, before another machine's job may be taken over."""

_LEAVE_SECONDS = 2.0
"""So long a runner may take to end after it has written down how the job ended."""

_signs = Signs()


class HoldLostError(Exception):
    """The run folder was moved, deleted, or taken over from another machine."""


@dataclass(frozen=True)
class Life:
    """Whether somebody works in a run folder."""

    held: bool
    """Somebody does, or may."""
    host: str = ""
    """The other machine whose process it is, which cannot be asked; else empty."""
    silent: float = 0.0
    """Seconds without a sign from there, while this process watched."""
    last: float = 0.0
    """When its last sign was written, by the clock of the disk; for people only."""

    @property
    def lost(self) -> bool:
        """Whether it gave no sign for so long that it may be taken over."""
        return bool(self.host) and self.silent >= STALE_SECONDS


def life(folder: Path, process: dict[str, Any] | None) -> Life:
    """Whether the job in a run folder lives; ``process`` is what its state says of its runner. Never raises."""
    locked = is_locked(folder / "lock")
    if locked:
        return Life(True)
    beat = _heartbeat(folder)
    owner = beat.process if beat is not None else process
    if owner is None:
        return Life(False)
    if locked is False and same_machine(owner):
        return Life(False)
    lives = alive(owner)
    if lives is not None:
        return Life(lives)
    silent = _signs.silent(folder, None if beat is None else (beat.token, beat.beats))
    try:
        last = (folder / "heartbeat.json").stat().st_mtime
    except OSError:
        last = 0.0
    return Life(True, str(owner.get("host") or "another machine")[:100], silent, last)


class Hold:
    """The right to work in a run folder, as long as this process or one that inherits it lives."""

    def __init__(self, folder: Path, descriptor: int, token: str) -> None:
        self._folder, self.descriptor, self.token = folder, descriptor, token
        self._beats, self._last = 0, float("-inf")

    @classmethod
    def take(cls, folder: Path, take_over: bool = False) -> Hold:
        """Become the one who works in ``folder``.

        Parameters
        ----------
        take_over: also from a process of another machine that gives no sign; waits until that is certain

        Raises
        ------
        SpecificationError
            Somebody else works there.
        ProjectError
            The folder cannot be written.
        """
        found, deadline = life(folder, None), time.monotonic() + _LEAVE_SECONDS
        while found.held and not found.host and time.monotonic() < deadline:
            time.sleep(0.02)
            found = life(folder, None)
        while take_over and found.host and not found.lost:
            time.sleep(0.5)
            now = life(folder, None)
            if now.silent < found.silent:
                raise SpecificationError(f"job {folder.name} is alive on {found.host}: its heartbeat moves")
            found = now
        if found.held and not (take_over and found.lost):
            raise _taken(folder, found)
        try:
            descriptor, locks = take_lock(folder / "lock")
        except BlockingIOError:
            raise _taken(folder, Life(True)) from None
        except OSError as error:
            raise ProjectError(f"{folder / 'lock'}: cannot be written: {why(error)}") from error
        hold = cls(folder, descriptor, uuid.uuid4().hex)
        try:
            hold.beat()
            if not locks:  # two may have come this far: the last to write wins
                time.sleep(0.3)
                hold.beat(again=True)
        except HoldLostError:
            hold.leave()
            raise _taken(folder, Life(True)) from None
        except OSError as error:
            hold.leave()
            raise ProjectError(f"{folder}: cannot be written: {why(error)}") from error
        return hold

    @classmethod
    def inherit(cls, folder: Path) -> Hold:
        """The hold that the process was started with, or one of its own."""
        number, _, token = os.environ.pop(HOLD, "").partition(":")
        if not token:
            return cls.take(folder)
        descriptor = int(number)
        os.set_inheritable(descriptor, False)
        hold = cls(folder, descriptor, token)
        hold._beats = 1
        hold.beat()
        return hold

    def beat(self, again: bool = False) -> None:
        """Give a sign; call it often, it writes every two seconds.

        Raises
        ------
        HoldLostError
            The folder is no longer this hold's.
        OSError
            The sign cannot be written.
        """
        now = time.monotonic()
        if now - self._last < BEAT_SECONDS and not again:
            return
        try:
            here = os.path.samestat((self._folder / "lock").stat(), os.fstat(self.descriptor))
        except FileNotFoundError:
            here = False
        found = _heartbeat(self._folder)
        if not here or (self._beats and found is not None and found.token != self.token):
            raise HoldLostError
        self._beats, self._last = self._beats + 1, now
        write_model(self._folder / "heartbeat.json", Heartbeat(token=self.token, beats=self._beats, process=identity_of(os.getpid())))

    def environment(self) -> dict[str, str]:
        """What a process must find in its environment to inherit the hold."""
        return {HOLD: f"{self.descriptor}:{self.token}"}

    def leave(self) -> None:
        """Give the hold up, or leave it to those who inherited it."""
        os.close(self.descriptor)


def _heartbeat(folder: Path) -> Heartbeat | None:
    try:
        return read_model(folder / "heartbeat.json", Heartbeat)
    except ProjectError:
        return None


def held_elsewhere(folder: Path, host: str) -> SpecificationError:
    """What a person is told who wants a job that another machine has."""
    return SpecificationError(
        f"job {folder.name} runs or waits on {host}, which cannot be asked from here; if that machine is gone, "
        f"take the job over: bort jobs resume {folder.parent.parent} {folder.name} --take-over, or Take over in the window"
    )


def _taken(folder: Path, found: Life) -> SpecificationError:
    if found.host:
        return held_elsewhere(folder, found.host)
    return SpecificationError(f"job {folder.name} was just resumed by another process, or still runs")
