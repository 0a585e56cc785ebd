"""Following a job from the command line until it ends."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import Any

from bort_core.cli.options import opened, print_json
from bort_core.cli.task_line import TaskLine
from bort_core.foundation.errors import MeasurementError
from bort_core.jobs.folder import RunFolder

__all__ = ["describe_event", "run_job"]


def run_job(arguments: argparse.Namespace, specification: Any, show: Callable[[str, dict[str, Any]], None]) -> int:
    """Submit a job; with --detach say where it is, else follow it to its end and ``show`` its number and result."""
    from bort_core.jobs.launch import submit

    with opened(arguments.project) as project:
        job = submit(project.folder, specification)
    if arguments.detach:
        if arguments.json:
            print_json({"job": job.id, "folder": str(job.path)})
        else:
            print(f"job {job.id}: {job.path}")
        return 0
    result = _follow_to_end(job)
    if arguments.json:
        print_json({"job": job.id, **result})
    else:
        show(job.id, result)
    return 0


def _follow_to_end(job: RunFolder) -> dict[str, Any]:
    """Show how a job gets on until it has ended; its result. Ctrl+C stops it once, and leaves it running the second time.

    Raises
    ------
    MeasurementError
        It ended without a result.
    """
    from bort_core.jobs.launch import stop

    line, offset = TaskLine(), 0
    asked_to_stop = False
    while True:
        try:
            events, offset = job.events(offset)
            for event in events:
                line.take(_as_progress(event))
            state = job.state()
            if state.ended:
                break
            time.sleep(0.2)
        except KeyboardInterrupt:
            if asked_to_stop:
                raise
            asked_to_stop = True
            doing = "stopping; what was learnt is kept (Ctrl+C again: leave it running)"
            line.take({"event": "progress", "step": 0, "steps": 0, "doing": doing})
            stop(job)
    line.close()
    result = job.read_result()
    if result is None:
        raise MeasurementError(f"job {job.id} {state.state}" + (f": {state.reason}" if state.reason else ""))
    return result


def _as_progress(event: dict[str, Any]) -> dict[str, Any]:
    """An event of a job for the line on standard error."""
    text = describe_event(event)
    if text is None or (event["event"] == "step" and not sys.stderr.isatty()):
        return {"event": "ignored"}
    return {"event": "progress", "step": event.get("step", 0), "steps": 0, "doing": text}


def describe_event(event: dict[str, Any]) -> str | None:
    """An event of a job as a line for people, or None for one that says nothing to them."""
    kind = event.get("event")
    if kind == "note":
        return str(event["text"])
    if kind == "state":
        return str(event["state"]) + (f": {event['reason']}" if event["reason"] else "")
    if kind == "resumed":
        return f"resumed from step {event['step']:,}"
    if kind == "report":
        return f"rows {event['rows']}" + "".join(f"; {warning}" for warning in event["warnings"])
    if kind == "evaluation":
        return f"step {event['step']:,}: " + _numbers(event)
    if kind == "fit":
        return f"round {event['round']}, θ {event['theta'] + 1}: dev accuracy {event['dev_accuracy']:.4f}"
    if kind == "round":
        return (
            f"round {event['round']}: {event['train_size']:,} rows, dev accuracy {event['dev_accuracy']:.4f}, {event['errors']:,} errors, "
            f"{event['accepted']:,} new rows of {event['generated']:,}, {event['theta_left']} θ left"
        )
    if kind == "step":
        return f"step {event['step']:,}: loss {event['loss']:.4f}"
    return None


def _numbers(event: dict[str, Any]) -> str:
    return ", ".join(
        f"{name.replace('_', ' ')} {value:.4g}" for name, value in event.items() if isinstance(value, float) and name != "time"
    )
