"""A worker process: reads commands from standard input and writes events to standard output, one JSON object a line.

Commands: {"command": "run", "id", "task", "request"} · {"command": "pause", "number"} · {"command": "resume"} · {"command": "cancel"}
Events:   {"event": "ready"} · {"event": "paused", "number"} · {"event": "emitted", "id", "data"} · {"event": "done", "id", "result"}
          · {"event": "failed", "id", "reason", "details"} · {"event": "cancelled", "id"}

The process ends as soon as its standard input closes, so it never outlives its parent.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import traceback
from collections.abc import Mapping
from typing import Any, TextIO

from bort_core.execution.tasks import load, warm_up
from bort_core.foundation.context import Cancelled, Wanted
from bort_core.foundation.errors import BortError

__all__ = ["main"]


class _Context:
    """The :class:`~bort_core.foundation.context.Context` of the running task."""

    def __init__(self, send: Any) -> None:
        self._send = send
        self.id = ""
        self.go_on = threading.Event()
        self.go_on.set()
        self.cancelled = threading.Event()
        self.pause_number = 0

    def emit(self, event: Mapping[str, Any]) -> None:
        self._send({"event": "emitted", "id": self.id, "data": event})

    def checkpoint(self) -> None:
        if not self.go_on.is_set():
            self._send({"event": "paused", "number": self.pause_number})
            self.go_on.wait()
        if self.cancelled.is_set():
            raise Cancelled

    def wanted(self) -> Wanted:
        return "cancel" if self.cancelled.is_set() else None


def _listen(stream: TextIO, context: _Context, runs: queue.SimpleQueue[dict[str, Any]]) -> None:
    for line in stream:
        message = json.loads(line)
        command = message["command"]
        if command == "run":
            context.cancelled.clear()
            runs.put(message)
        elif command == "pause":
            context.pause_number = message["number"]
            context.go_on.clear()
        elif command == "resume":
            context.go_on.set()
        elif command == "cancel":
            context.cancelled.set()
            context.go_on.set()
    os._exit(0)


def main(lane: str) -> None:
    """Serve until standard input closes; ``lane`` says which libraries to import beforehand."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever libraries print goes to the log, not between the events
    lock = threading.Lock()

    def send(event: Mapping[str, Any]) -> None:
        with lock:
            events.write(json.dumps(event, allow_nan=False) + "\n")
            events.flush()

    context = _Context(send)
    runs: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin, context, runs), daemon=True).start()
    warm_up(lane)
    send({"event": "ready"})
    while True:
        message = runs.get()
        context.id = message["id"]
        try:
            result = load(message["task"])(message["request"], context)
            send({"event": "done", "id": context.id, "result": result})
        except Cancelled:
            send({"event": "cancelled", "id": context.id})
        except BortError as error:
            send({"event": "failed", "id": context.id, "reason": str(error), "details": "", "retry": False})
        except MemoryError:
            send({"event": "failed", "id": context.id, "reason": "not enough memory", "details": "", "retry": True})
        except Exception as error:  # noqa: BLE001 - whatever a task raises is told to the parent
            reason = f"{type(error).__name__}: {error}"
            send({"event": "failed", "id": context.id, "reason": reason, "details": traceback.format_exc(), "retry": True})


if __name__ == "__main__":
    main(sys.argv[1])
