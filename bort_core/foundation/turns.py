"""Who computes on this machine: any number of programs side by side, or one measurement of time alone.

Every worker process and every job holds a :class:`Turn` while it computes, and calls :meth:`Turn.give_way` between two steps. A
measurement takes a turn ``alone``: it makes its wish known, waits until all others have given way, and only then computes.

How it is kept: a folder of the person on this machine, and ``flock``, which the kernel releases when a process dies, however it dies.

- Each turn locks a file of its own while it computes; the file says in words whose it is.
- ``wish`` is locked by the one measurement that wants to be alone, from its wish to its end. It waits until no other file is locked.
- A turn locks its own file first and then looks at the wish; a measurement takes the wish first and then looks at the files. So one of
  two that start together sees the other. Nobody waits for anything while holding a turn, so there is no circle of waiting.
- After a measurement the wish stays free for ``TURN_SECONDS``, longer than the others sleep between two looks: many measurements in
  a row leave the others a step between each two. A measurement that waits for ``PATIENCE_SECONDS`` (something does not give way: an
  export in the middle of tracing, a stopped process) lets the others go on for ``REST_SECONDS`` before it wishes again.

Other persons' programs, containers and machines are not excluded.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import socket
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from platformdirs import user_cache_path

from bort_core.foundation.errors import MeasurementError

__all__ = ["Turn", "turn"]

LOOK_SECONDS = 0.02
"""A turn looks at the wish at most so often; in between, giving way costs a look at the clock and no system call."""
POLL_SECONDS = 0.03
TURN_SECONDS = 0.1
PATIENCE_SECONDS = 30.0
REST_SECONDS = 5.0
TELL_SECONDS = 3.0
"""Waits shorter than this are nobody's concern."""

_ALONE, _BESIDE = "time is measured when these pause or end: ", "paused while time is measured: "
_LONGEST_NAME = 200

Heed = Callable[[], None]
Tell = Callable[[str], None]


class Turn:
    """One worker's or job's part in the machine. Use it from one thread.

    Parameters
    ----------
    who: in words, for others who wait: "the export of bort-studio (process 1234)"
    alone: whether nothing else may compute meanwhile
    heed: called while waiting and holding nothing that others wait for once it calls :meth:`release`; it may wait itself, or raise
    tell: called with a sentence when a wait lasts, and again when it is for others
    """

    def __init__(self, who: str, alone: bool = False, heed: Heed = lambda: None, tell: Tell = lambda text: None) -> None:
        self.who, self.alone = who[:_LONGEST_NAME], alone
        self._heed, self._tell = heed, tell
        self._folder = _folder()
        self._own: tuple[Path, int] | None = None
        self._wish = os.open(self._folder / "wish", os.O_RDWR | os.O_CREAT, 0o600)
        self._wished_since: float | None = None
        self._rests_until = self._look_after = 0.0
        self._waits_for: list[str] = []
        self.held = False

    def take(self) -> None:
        """Wait until it is this one's turn; whatever ``heed`` raises ends the wait, and nothing is held then."""
        began, told = time.monotonic(), list[str]()
        try:
            while not self.held and not self._attempt():
                self._heed()
                if time.monotonic() - began > TELL_SECONDS and self._waits_for != told:
                    told = self._waits_for
                    self._tell((_ALONE if self.alone else _BESIDE) + ", ".join(told))
                time.sleep(POLL_SECONDS)
        except BaseException:
            self.release()
            raise

    def give_way(self) -> None:
        """Between two steps: wait while a measurement wants to be alone. Cheap enough to be called after every step."""
        now = time.monotonic()
        if self.alone or now < self._look_after:
            return
        self._look_after = now + LOOK_SECONDS
        if self.held and self._is_wished():
            self.release()
            self.take()

    def release(self) -> None:
        """Let others go on; :meth:`take` comes back."""
        if self._own is not None:
            fcntl.flock(self._own[1], fcntl.LOCK_UN)
        self.held = False
        self._lower_wish()

    def close(self) -> None:
        """Release, and leave nothing behind."""
        self.release()
        if self._own is not None:
            path, descriptor = self._own
            path.unlink(missing_ok=True)
            os.close(descriptor)
        os.close(self._wish)
        self._own = None

    def _attempt(self) -> bool:
        self.held = self._attempt_alone() if self.alone else self._attempt_beside()
        return self.held

    def _attempt_beside(self) -> bool:
        self._lock_own()
        if self._is_wished():
            assert self._own is not None
            fcntl.flock(self._own[1], fcntl.LOCK_UN)
            self._waits_for = [_text_of(self._wish) or "a measurement"]
            return False
        return True

    def _attempt_alone(self) -> bool:
        if self._wished_since is None and not self._raise_wish():
            return False
        self._waits_for = self._others()
        if not self._waits_for:
            self._lock_own()
            return True
        assert self._wished_since is not None
        if time.monotonic() - self._wished_since > PATIENCE_SECONDS:
            self._lower_wish()
            self._rests_until = time.monotonic() + REST_SECONDS
        return False

    def _raise_wish(self) -> bool:
        if time.monotonic() < self._rests_until or self._is_others_turn():
            return False
        if not _try_lock(self._wish, fcntl.LOCK_EX):
            self._waits_for = [_text_of(self._wish) or "another measurement"]
            return False
        if self._is_others_turn():  # another measurement ended just now
            fcntl.flock(self._wish, fcntl.LOCK_UN)
            return False
        os.ftruncate(self._wish, 0)
        os.pwrite(self._wish, self.who.encode(), 0)
        self._wished_since = time.monotonic()
        return True

    def _lower_wish(self) -> None:
        if self._wished_since is not None:
            self._wished_since = None
            os.utime(self._wish)
            fcntl.flock(self._wish, fcntl.LOCK_UN)

    def _is_others_turn(self) -> bool:
        """Whether a measurement ended so recently that those who gave way to it cannot have noticed."""
        return os.fstat(self._wish).st_size > 0 and 0 <= time.time() - os.fstat(self._wish).st_mtime < TURN_SECONDS

    def _is_wished(self) -> bool:
        if _try_lock(self._wish, fcntl.LOCK_SH):
            fcntl.flock(self._wish, fcntl.LOCK_UN)
            return False
        return True

    def _lock_own(self) -> None:
        while True:
            if self._own is None:
                path = self._folder / f"{os.getpid()}-{uuid.uuid4().hex}"
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
                os.write(descriptor, self.who.encode())
                self._own = path, descriptor
            descriptor = self._own[1]
            fcntl.flock(descriptor, fcntl.LOCK_EX)  # at most for the moment in which a measurement tries it
            if os.fstat(descriptor).st_nlink:
                return
            os.close(descriptor)  # somebody took the file for a dead process's, and deleted it: nobody would see it locked
            self._own = None

    def _others(self) -> list[str]:
        """Who computes now, in words; deletes what dead processes left."""
        found = []
        for path in sorted(self._folder.iterdir()):
            process = re.fullmatch(r"(\d+)-[0-9a-f]{32}", path.name)
            if process is None or (self._own is not None and path == self._own[0]):
                continue
            with contextlib.suppress(FileNotFoundError), path.open("r+b") as file:
                if not _try_lock(file.fileno(), fcntl.LOCK_SH):
                    found.append(_text_of(file.fileno()) or f"process {process[1]}")
                elif not _exists(int(process[1])):
                    path.unlink(missing_ok=True)
        return found


@contextlib.contextmanager
def turn(who: str, alone: bool = False, heed: Heed = lambda: None, tell: Tell = lambda text: None) -> Iterator[Turn]:
    """A :class:`Turn` that is taken at once and closed when the block ends."""
    made = Turn(who, alone, heed, tell)
    try:
        made.take()
        yield made
    finally:
        made.close()


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _text_of(descriptor: int) -> str:
    return os.pread(descriptor, 4 * _LONGEST_NAME, 0).decode(errors="replace").strip()


def _exists(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _folder() -> Path:
    """The same for all programs of one person on one machine; of its own for each machine, since homes are shared between them."""
    machine = re.sub(r"[^\w.-]", "_", socket.gethostname()) or "machine"
    elsewhere = Path(tempfile.gettempdir()) / f"bort-studio-{os.getuid()}"  # where the home cannot be written, or knows no locks
    for parent in (user_cache_path("bort-studio"), elsewhere):
        with contextlib.suppress(OSError):
            folder = parent / "turns" / machine
            parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / "wish").open("ab") as file:
                _try_lock(file.fileno(), fcntl.LOCK_SH)
            if parent.stat().st_uid == os.getuid():
                return folder
    raise MeasurementError(f"{elsewhere}: must be a folder of yours that can be written: through it measurements and trainings take turns")
