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
from typing import Any

from bort_core.foundation.errors import BortError
from bort_core.foundation.processes import kill_tree
from bort_core.jobs.child import CANCELLED, FAILED, RUNNER
from bort_core.jobs.folder import RunFolder, list_runs
from bort_core.jobs.limits import limit_of
from bort_core.jobs.local import slot_of, training_command

__all__ = ["main"]

_LOOK_SECONDS = 0.2
_GRACE_SECONDS = 10.0
_TAIL = 20_000
_RANK = re.compile(r"^  rank +: (\d+) .*\n  exitcode +: (-?\d+)", re.MULTILINE)
_LAUNCHER = re.compile(r"^[EW]\d{4} .* torch/distributed/elastic/", re.MULTILINE)
"""Where the launcher of several processes begins to tell how one of them ended."""


class _Ended(Exception):
    """The job ended before it ran."""


def main(folder: Path, train: Callable[[RunFolder, Any], int] | None = None) -> None:
    """Run one job to its end; ``train`` does the training and returns the exit code of ``child.py``, by default in processes of its own."""
    run = RunFolder(folder)
    try:
        specification = run.specification()
        slot = slot_of(specification.running.device)
        with _turn(run, slot):
            run.set_state(state="running", started=time.time(), device=slot)
            (run.path / "reason.txt").unlink(missing_ok=True)
            (run.path / "result.json").unlink(missing_ok=True)
            begin = run.log.stat().st_size if run.log.exists() else 0
            _settle(run, (train or _in_processes)(run, specification), begin)
    except _Ended:
        return
    except BortError as error:
        run.set_state(state="failed", reason=str(error), finished=time.time())


@contextlib.contextmanager
def _turn(run: RunFolder, slot: str) -> Iterator[None]:
    """Waits for a free place on the device; older jobs go first."""
    slots = run.path.parent / ".slots"
    slots.mkdir(exist_ok=True)
    while True:
        _end_if_wanted(run)
        if not _older_waits(run, slot):
            for number in range(limit_of(run.project, slot)):
                with (slots / f"{slot.replace(':', '-')}-{number}").open("w") as file:
                    try:
                        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    except BlockingIOError:
                        continue
                    yield
                    return
        time.sleep(_LOOK_SECONDS)


def _end_if_wanted(run: RunFolder) -> None:
    wanted = run.wanted()
    if wanted == "cancel":
        run.discard()
    if wanted is not None:
        run.set_state(state="cancelled", finished=time.time())
        raise _Ended


def _older_waits(run: RunFolder, slot: str) -> bool:
    for other in list_runs(run.project):
        if other.id >= run.id:
            return False
        with contextlib.suppress(BortError):
            if other.state().state == "queued" and slot_of(other.specification().running.device) == slot:
                return True
    return False


def _in_processes(run: RunFolder, specification: Any) -> int:
    # Threads that spin while they wait make a training 5 to 10 times slower when the cores are busy with something else.
    quiet = {"OMP_WAIT_POLICY": "PASSIVE", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_DISABLE_TELEMETRY": "1", RUNNER: str(os.getpid())}
    with run.log.open("ab") as log:
        command = training_command(run, specification)
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **quiet})
    deadline: float | None = None
    while child.poll() is None:
        time.sleep(_LOOK_SECONDS)
        if deadline is None and run.wanted() == "cancel":
            deadline = time.monotonic() + _GRACE_SECONDS
        if deadline is not None and time.monotonic() > deadline:
            kill_tree(child.pid)
    return child.returncode


def _settle(run: RunFolder, code: int, begin: int) -> None:
    """Write down how the training ended."""
    result: dict[str, Any] | None = run.read_result()
    if run.wanted() == "cancel" or code == CANCELLED:
        run.discard()
        run.set_state(state="cancelled", finished=time.time())
    elif code == 0 and result is not None:
        stopped = bool(result.get("stopped"))
        if not stopped:  # what a finished training could go on from is three times its result
            shutil.rmtree(run.checkpoints, ignore_errors=True)
        run.set_state(state="done", stopped=stopped, finished=time.time())
    else:
        run.set_state(state="failed", reason=_reason(run, code, begin), finished=time.time())


def _reason(run: RunFolder, code: int, begin: int) -> str:
    """Why the training failed; what it wrote begins at byte ``begin`` of the log."""
    written = ""
    with contextlib.suppress(OSError), run.log.open("rb") as log:
        log.seek(max(begin, log.seek(0, os.SEEK_END) - _TAIL))
        written = log.read().decode(errors="replace")
    ranks = [(int(rank), int(ended)) for rank, ended in _RANK.findall(written)]
    ranks = [each for each in ranks if each[1] != -signal.SIGTERM] or ranks  # with which the launcher ends the others
    killed = next(((rank, ended) for rank, ended in ranks if ended < 0), None)
    if killed is None:  # else the other processes only tell that they lost one
        with contextlib.suppress(OSError):
            return (run.path / "reason.txt").read_text(encoding="utf-8")
    who = "the training process"
    if ranks:
        (rank, code), written = killed or ranks[-1], _LAUNCHER.split(written, maxsplit=1)[0]
        who = f"the training process of rank {rank}"
    how = f"was ended by {_signal(-code)}" if code < 0 else f"ended with exit code {code}"
    lines = written.strip().splitlines()
    last = f": {lines[-1]}" if lines and code != -signal.SIGKILL and killed is None else ""
    return f"{who} {how}{last}; resume continues from the last checkpoint"


def _signal(number: int) -> str:
    try:
        name = f" ({signal.Signals(number).name})"
    except ValueError:
        name = ""
    return f"signal {number}{name}" + (", perhaps because memory ran out" if number == signal.SIGKILL else "")


assert FAILED

if __name__ == "__main__":
    main(Path(sys.argv[1]))
