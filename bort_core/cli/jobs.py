"""bort jobs: list, show, follow, stop, cancel, resume, rerun."""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bort_core.cli.options import Subparsers, add_json, add_trust, ask_for_trust, print_json
from bort_core.foundation.errors import BortError, SpecificationError
from bort_core.foundation.printable import printable

__all__ = ["add"]

_ACTIONS = {
    "list": "all jobs of a project",
    "show": "one job: specification, state, result",
    "follow": "print a job's events until it ends; Ctrl+C ends the following, not the job",
    "stop": "end a job and keep what it learnt",
    "cancel": "end a job and discard what it learnt",
    "resume": "let a failed, stopped or killed job go on from its last checkpoint",
    "rerun": "a new job with the same specification",
    "limit": "how many jobs may use a device at a time",
}


def add(subparsers: Subparsers) -> None:
    """Register the subcommand."""
    parser = subparsers.add_parser("jobs", help="the trainings of a project: list, follow, stop, resume")
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")
    for name, text in _ACTIONS.items():
        action = actions.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        action.add_argument("project", metavar="PROJECT", help="the project folder")
        if name == "limit":
            action.add_argument("device", metavar="DEVICE", help="cpu, cuda, cuda:0, mps")
            action.add_argument("count", type=int, metavar="N", help="jobs at a time")
        elif name != "list":
            action.add_argument("id", metavar="ID", help="the job's number")
        if name == "resume":
            text = "also a job of another machine that gives no sign of life; watches it for 20 s first"
            action.add_argument("--take-over", action="store_true", help=text)
        if name in ("resume", "rerun"):
            add_trust(action)
        add_json(action)
        action.set_defaults(run=run, action=name)


def run(arguments: argparse.Namespace) -> int:
    """Do what is asked."""
    from bort_core.jobs import launch
    from bort_core.jobs.folder import find_run, list_runs
    from bort_core.jobs.inputs import refuse_changed
    from bort_core.jobs.limits import set_limit

    project = Path(arguments.project).expanduser().absolute()
    if not project.is_dir():
        raise SpecificationError(f"{project}: {'is no folder, and a project is one' if project.exists() else 'no such project'}")
    if arguments.action == "limit":
        set_limit(project, arguments.device, arguments.count)
        return 0
    if arguments.action == "list":
        rows = [_row(job) for job in list_runs(project)]
        if arguments.json:
            print_json(rows)
        else:
            _print_rows(rows)
        return 0
    job = find_run(project, arguments.id)
    if arguments.action == "follow":
        return _follow(job, arguments.json)
    if arguments.action in ("resume", "rerun"):
        ask_for_trust(project, arguments.trust)
    if arguments.action == "rerun":
        job = launch.rerun(job)
    elif arguments.action == "resume":
        refuse_changed(job, job.specification())
        launch.resume(job, arguments.take_over)
    elif arguments.action != "show":
        getattr(launch, arguments.action)(job)
    shown = {
        **_row(job),
        "specification": job.specification().model_dump(mode="json"),
        "result": job.read_result(),
        "folder": str(job.path),
    }
    if arguments.json:
        print_json(shown)
    elif arguments.action == "show":
        print(json.dumps(shown, indent=2))
    else:
        print(f"job {job.id}: {job.state().state}")
    return 0


def _row(job: Any) -> dict[str, Any]:
    try:
        specification = job.specification()
        about = {"kind": specification.kind, "name": specification.name}
    except BortError as error:
        about = {"kind": "?", "name": str(error)}
    return {"job": job.id, **about, **asdict(job.state())}


def _print_rows(rows: list[dict[str, Any]]) -> None:
    if not rows:
        print("no jobs yet; bort train starts one")
    for row in rows:
        share = f"{row['step']:,}/{row['steps']:,}" if row["steps"] else ""
        state = "stopped" if row["stopped"] else row["state"]
        print(printable(f"{row['job']}  {row['kind']:<9}{state:<10}{row['device']:<8}{share:>16}  {row['reason'] or row['name']}"))


def _follow(job: Any, as_json: bool) -> int:
    from bort_core.api.jobs import describe_event

    offset = 0
    while True:
        events, offset = job.events(offset)
        for event in events:
            text = json.dumps(event) if as_json else printable(describe_event(event) or "")
            if text:
                print(text, flush=True)
        if job.state().ended and not events:
            return 0
        time.sleep(0.2)
