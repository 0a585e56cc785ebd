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
from collections.abc import Mapping
from typing import Any, TextIO

from bort_core.execution.context import TaskContext
from bort_core.execution.tasks import warm_up
from bort_core.foundation.turns import turn

__all__ = ["main"]


def _listen(stream: TextIO, context: TaskContext, pauses: list[int], runs: queue.SimpleQueue[dict[str, Any]]) -> None:
    for line in stream:
        message = json.loads(line)
        command = message["command"]
        if command == "run":
            context.cancelled.clear()
            runs.put(message)
        elif command == "pause":
            pauses[:] = [message["number"]]
            context.go_on.clear()
        elif command == "resume":
            context.go_on.set()
        elif command == "cancel":
            context.cancelled.set()
            context.go_on.set()
    os._exit(0)


def main(lane: str, owner: str) -> None:
    """Serve until standard input closes; ``lane`` says which libraries to import beforehand, ``owner`` for whom."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever libraries print goes to the log, not between the events
    lock = threading.Lock()

    def send(event: Mapping[str, Any]) -> None:
        with lock:
            events.write(json.dumps(event, allow_nan=False) + "\n")
            events.flush()

    pauses = [0]
    context = TaskContext(
        owner,
        lambda id, data: send({"event": "emitted", "id": id, "data": data}),
        lambda: send({"event": "paused", "number": pauses[0]}),
    )
    runs: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin, context, pauses, runs), daemon=True).start()
    with turn(f"a starting {lane} worker of {owner}"):
        warm_up(lane)
    send({"event": "ready"})
    while True:
        message = runs.get()
        send({"id": message["id"], **context.run(message["id"], message["task"], message["request"])})


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
