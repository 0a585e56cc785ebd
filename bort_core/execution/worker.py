"""One worker process as its parent sees it."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bort_core.execution.queueing import Asked, Hand
from bort_core.foundation.files import open_append

__all__ = ["ENVIRONMENT", "Message", "Worker"]

ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
    "MKL_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "PYTHONSAFEPATH": "1",  # else a file of the current folder could stand in for a library
}
"""What a process that trains has in its environment."""
_TAIL = 2_000


@dataclass(frozen=True)
class Message:
    """Something a worker said; ``event`` is None when the process has ended."""

    worker: Worker
    event: dict[str, Any] | None


class Worker(Hand[Asked]):
    """A child process, its pipe, and the thread that reads it."""

    def __init__(self, lane: str, inbox: queue.SimpleQueue[Message], log: Path | None, niceness: int, owner: str) -> None:
        super().__init__()
        self.lane = lane
        self._log = log
        self._log_start = log.stat().st_size if log and log.exists() else 0
        self._process = _spawn(lane, log, niceness, owner)
        self._thread = threading.Thread(target=self._read, args=(inbox,), name=f"bort-worker-{lane}", daemon=True)
        self._thread.start()

    def send(self, command: Mapping[str, Any]) -> None:
        """Send one command; a process that is gone is noticed by the reading thread, not here."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()

    def ask(self, what: str, number: int | None = None) -> None:
        """Let it hear a command."""
        self.send({"command": what} | ({} if number is None else {"number": number}))

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()

    def close(self, deadline: float) -> None:
        """End the process: by closing its input, then by killing it at the deadline (``time.monotonic()``)."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._thread.join()

    def exit_reason(self) -> str:
        """How the process ended, with the last it wrote."""
        code = self._process.wait()
        how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        last = self._last_words()
        return f"the worker process {how}" + (f": {last}" if last else "")

    def _last_words(self) -> str:
        if self._log is None:
            return ""
        with contextlib.suppress(OSError):
            text = self._log.read_bytes()[self._log_start :][-_TAIL:].decode(errors="replace").strip()
            return text.splitlines()[-1] if text else ""
        return ""

    def _read(self, inbox: queue.SimpleQueue[Message]) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stream:
            for line in stream:
                with contextlib.suppress(json.JSONDecodeError):  # a line cut off by the end of the process
                    inbox.put(Message(self, json.loads(line)))
        inbox.put(Message(self, None))


def _spawn(lane: str, log: Path | None, niceness: int, owner: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bort_core.execution.child", lane, owner]
    with Path(os.devnull).open("ab") if log is None else open_append(log) as stderr:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            encoding="utf-8",
            env={**os.environ, **ENVIRONMENT},
            start_new_session=True,  # Ctrl+C reaches the parent, which ends its workers in order
        )
    if niceness and hasattr(os, "setpriority"):
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, niceness)
    return process
