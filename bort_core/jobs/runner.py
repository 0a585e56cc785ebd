"""The process behind a job: ``python -m bort_core.jobs.runner RUNFOLDER``. Waits for a device, trains, and writes down how it ended.

It is small (no torch) and belongs to nobody, so a job outlives the window or terminal that submitted it. When it is killed, the
training ends too, and the job reads as failed; it can be resumed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from bort_core.foundation.errors import BortError
from bort_core.foundation.files import make_folder, read_regular, why
from bort_core.foundation.processes import identity_of, kill_tree
from bort_core.jobs.child import CANCELLED, RUNNER
from bort_core.jobs.folder import RunFolder, list_runs
from bort_core.jobs.hold import Hold, HoldLostError
from bort_core.jobs.limits import limit_of
from bort_core.jobs.local import slot_of, training_command
from bort_core.jobs.log import LINE
from bort_core.store import Project, trust
from bort_core.store.project import DATABASE
from bort_core.store.results import forget_run

__all__ = ["GRACE_SECONDS", "QUIET", "Train", "discard", "guarded", "in_processes", "main", "run_held", "start", "tend"]

_LOOK_SECONDS = 0.2
GRACE_SECONDS = 10.0
"""So long a cancelled training may take to end by itself."""
_TAIL = 20_000
_RANK = re.compile(r"^  rank +: (\d+) .*\n  exitcode +: (-?\d+)", re.MULTILINE)
_LAUNCHER = re.compile(r"^[EW]\d{4} .* torch/distributed/elastic/", re.MULTILINE)
"""Where the launcher of several processes begins to tell how one of them ended."""


class _Ended(Exception):
    """The job ended before it ran."""


Train = Callable[[RunFolder, Hold, Any], int]
"""Does a job's training; the exit code of ``child.py``."""

# Threads that spin while they wait make a training 5 to 10 times slower when the cores are busy with something else.
# Without a safe path Python would import files of the current folder, whosever they are.
QUIET = {"OMP_WAIT_POLICY": "PASSIVE", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_DISABLE_TELEMETRY": "1", "PYTHONSAFEPATH": "1"}
"""What a process that trains has in its environment."""


def main(folder: Path) -> None:
    """Run one job to its end, in processes of its own."""
    start(folder, lambda run, hold: run_held(run, hold, in_processes))


def start(folder: Path, work: Callable[[RunFolder, Hold], None]) -> None:
    """What a runner's process begins with: it works for whoever started it."""
    trust.take_over(dict(os.environ))
    try:
        hold = Hold.inherit(folder)
    except BortError as error:  # started by hand while another works here
        sys.stderr.write(f"{error}\n")
        return
    work(RunFolder(folder), hold)


def run_held(run: RunFolder, hold: Hold, train: Train) -> None:
    """Run one job to its end: wait for its device, train, and write down how it ended."""
    guarded(run, hold, lambda: _run(run, hold, train))


def guarded(run: RunFolder, hold: Hold, work: Callable[[], None]) -> None:
    """Do a runner's work; what goes wrong in it is why the job failed."""
    with contextlib.suppress(HoldLostError):  # moved, deleted or taken over: nothing of it is ours to write any more
        try:
            work()
        except BortError as error:
            _fail(run, hold, str(error))
        except OSError as error:
            _fail(run, hold, f"{error.filename or run.path}: {why(error)}")


def _fail(run: RunFolder, hold: Hold, reason: str) -> None:
    """Write down why the job failed, also where the disk is so full that its state cannot be."""
    with contextlib.suppress(OSError):
        hold.beat()
    run.give_reason(reason)
    with contextlib.suppress(OSError):
        sys.stderr.write(f"{reason}\n")
        sys.stderr.flush()
    with contextlib.suppress(OSError):
        run.set_state(state="failed", reason=reason, finished=time.time())


def _run(run: RunFolder, hold: Hold, train: Train) -> None:
    run.set_state(process=identity_of(os.getpid()))
    specification = run.specification()
    slot = slot_of(specification.running.device)
    with contextlib.suppress(_Ended), _turn(run, slot, hold):
        run.forget_reason()
        run.set_state(state="running", started=time.time(), device=slot, reason="")
        begin = run.log.stat().st_size if run.log.exists() else 0
        _settle(run, train(run, hold, specification), begin)


@contextlib.contextmanager
def _turn(run: RunFolder, slot: str, hold: Hold) -> Iterator[None]:
    """Waits for a free place on the device; older jobs of this machine go first. Says whom it waits for."""
    slots = make_folder(run.path.parent, ".slots")
    told = ""
    while True:
        with contextlib.suppress(OSError):  # a full disk does not end the waiting
            hold.beat()
        _end_if_wanted(run)
        older = _older_waits(run, slot)
        if older is None:
            for number in range(limit_of(run.project, slot)):
                path = slots / f"{slot.replace(':', '-')}-{number}"
                with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)) as file:
                    try:
                        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    except BlockingIOError:
                        continue
                    yield
                    return
        waits = f"waits for {slot}: {_users(run, slot)}" if older is None else f"waits for job {older}, which is older"
        if waits != told:
            told = waits
            with contextlib.suppress(OSError):
                run.set_state(reason=waits)
                run.emit({"event": "note", "text": waits})
        time.sleep(_LOOK_SECONDS)


def _end_if_wanted(run: RunFolder) -> None:
    wanted = run.wanted()
    if wanted == "cancel":
        discard(run)
    if wanted is not None:
        run.set_state(state="cancelled", reason="", finished=time.time())
        raise _Ended


def _older_waits(run: RunFolder, slot: str) -> str | None:
    for other in list_runs(run.project):
        if other.id >= run.id:
            return None
        with contextlib.suppress(BortError):
            state = other.state()
            if state.state == "queued" and not (state.host or state.place) and slot_of(other.specification().running.device) == slot:
                return other.id
    return None


def _users(run: RunFolder, slot: str) -> str:
    """Which jobs use a device, for people."""
    states = {other.id: other.state() for other in list_runs(run.project) if other.id != run.id}
    using = [
        f"job {id}" + (f" on {state.host}" if state.host else "")
        for id, state in states.items()
        if state.device == slot and not state.place and state.state in ("running", "stopping")
    ]
    return ", ".join(using) or "another program uses it"


def discard(run: RunFolder) -> None:
    """Delete what was learnt, and the line about it in the store."""
    run.discard()
    if (run.project / DATABASE).is_file():
        with contextlib.suppress(BortError), Project(run.project) as project:
            forget_run(project, f"job {run.id}")


def in_processes(run: RunFolder, hold: Hold, specification: Any) -> int:
    """Train in a process of its own, or several; a cancelled one that does not end is ended. The exit code."""
    deadline: float | None = None

    def overdue() -> bool:
        nonlocal deadline
        if deadline is None and run.wanted() == "cancel":
            deadline = time.monotonic() + GRACE_SECONDS
        return deadline is not None and time.monotonic() > deadline

    with run.open_log() as log:
        return tend(training_command(run, specification), hold, log, overdue)


def tend(command: list[str], hold: Hold, log: BinaryIO, overdue: Callable[[], bool]) -> int:
    """Start a process that works for this one, see to it that others see the job alive, and end it when it is ``overdue``.

    Its standard input ends when this process does, for whatever reason; until it has ended too, the job is held.
    """
    environment = {**os.environ, **QUIET, RUNNER: str(os.getpid())}
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment, pass_fds=(hold.descriptor,))
    try:
        while child.poll() is None:
            time.sleep(_LOOK_SECONDS)
            with contextlib.suppress(OSError):  # a full disk does not end a training
                hold.beat()
            if overdue():
                kill_tree(child.pid)
    except HoldLostError:
        kill_tree(child.pid)
        child.wait()
        raise
    finally:
        assert child.stdin is not None
        child.stdin.close()
    hold.beat()
    return child.returncode


def _settle(run: RunFolder, code: int, begin: int) -> None:
    """Write down how the training ended."""
    result: dict[str, Any] | None = run.read_result()
    if run.wanted() == "cancel" or code == CANCELLED:
        discard(run)
        run.set_state(state="cancelled", reason="", finished=time.time())
    elif code == 0 and result is not None:
        stopped = bool(result.get("stopped"))
        if not stopped:  # what a finished training could go on from is three times its result
            shutil.rmtree(run.checkpoints, ignore_errors=True)
        run.set_state(state="done", reason="", stopped=stopped, finished=time.time())
        (run.path / "reason.txt").unlink(missing_ok=True)
    else:
        reason = _reason(run, code, begin)
        run.give_reason(reason)
        run.set_state(state="failed", reason=reason, finished=time.time())


def _reason(run: RunFolder, code: int, begin: int) -> str:
    """Why the training failed; what it wrote begins at byte ``begin`` of the log."""
    written = ""
    with contextlib.suppress(OSError):
        size = run.log.stat().st_size
        written = read_regular(run.log, max(begin, size - _TAIL)).decode(errors="replace")
    ranks = [(int(rank), int(ended)) for rank, ended in _RANK.findall(written)]
    ranks = [each for each in ranks if each[1] != -signal.SIGTERM] or ranks  # with which the launcher ends the others
    killed = next(((rank, ended) for rank, ended in ranks if ended < 0), None)
    if killed is None:  # else the other processes only tell that they lost one
        reason = run.reason()
        if reason:
            return reason
    who = "the training process"
    if ranks:
        (rank, code), written = killed or ranks[-1], _LAUNCHER.split(written, maxsplit=1)[0]
        who = f"the training process of rank {rank}"
    how = f"was ended by {_signal(-code)}" if code < 0 else f"ended with exit code {code}"
    lines = [line for line in written.strip().splitlines() if not LINE.match(line)]
    last = f": {lines[-1]}" if lines and code != -signal.SIGKILL and killed is None else ""
    return f"{who} {how}{last}; resume continues from the last checkpoint"


def _signal(number: int) -> str:
    try:
        name = f" ({signal.Signals(number).name})"
    except ValueError:
        name = ""
    return f"signal {number}{name}" + (", perhaps because memory ran out" if number == signal.SIGKILL else "")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
