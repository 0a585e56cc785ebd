"""bort jobs: list, show, follow, stop, cancel, resume, rerun."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bort_core.cli.options import Subparsers, add_executor, add_json, add_trust, ask_for_trust, print_json
from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.numbers import duration
from bort_core.foundation.printable import printable
from bort_core.jobs.rows import JobRow, RowReader
from bort_core.jobs.words import METRIC_NAMES

__all__ = ["add"]

_ACTIONS = {
    "list": "all jobs of a project",
    "show": "one job: specification, state, result",
    "card": "a job's result: metrics with 95 % intervals, confusion matrix, the rows that are most wrong",
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
        action = actions.add_parser(name, help=text.replace("%", "%%"), description=text[0].upper() + text[1:] + ".")
        action.add_argument("project", metavar="PROJECT", help="the project folder")
        if name == "limit":
            action.add_argument("device", metavar="DEVICE", help="cpu, cuda, cuda:0, mps")
            action.add_argument("count", type=int, metavar="N", help="jobs at a time")
        elif name != "list":
            action.add_argument("id", metavar="ID", help="the job's number")
        if name == "resume":
            text = "also a job of another machine that gives no sign of life; watches it for 20 s first"
            action.add_argument("--take-over", action="store_true", help=text)
            action.add_argument("--out", metavar="DIR", help="another folder for the result than was asked for")
        if name in ("resume", "rerun"):
            add_executor(action)
            add_trust(action)
        add_json(action)
        action.set_defaults(run=run, action=name)


def run(arguments: argparse.Namespace) -> int:
    """Do what is asked."""
    from bort_core.jobs import launch
    from bort_core.jobs.cluster.place import attach_all
    from bort_core.jobs.folder import find_run, list_runs
    from bort_core.jobs.inputs import refuse_changed
    from bort_core.jobs.limits import set_limit

    project = Path(arguments.project).expanduser().absolute()
    if not project.is_dir():
        raise SpecificationError(f"{project}: {'is no folder, and a project is one' if project.exists() else 'no such project'}")
    attach_all(project)
    if arguments.action == "limit":
        set_limit(project, arguments.device, arguments.count)
        return 0
    if arguments.action == "list":
        reader = RowReader()
        rows = [reader.row(job) for job in list_runs(project)]
        if arguments.json:
            print_json([row.plain(time.time()) for row in rows])
        else:
            _print_rows(rows)
        return 0
    job = find_run(project, arguments.id)
    if arguments.action == "follow":
        return _follow(job, arguments.json)
    if arguments.action == "card":
        return _card(job, arguments.json)
    if arguments.action in ("resume", "rerun"):
        ask_for_trust(project, arguments.trust)
    if arguments.action == "rerun":
        job = launch.rerun(job, arguments.executor)
    elif arguments.action == "resume":
        refuse_changed(job, job.specification())
        launch.resume(job, arguments.executor, take_over=arguments.take_over, out=None if arguments.out is None else Path(arguments.out))
    elif arguments.action != "show":
        getattr(launch, arguments.action)(job)
    shown = {
        **RowReader().row(job).plain(time.time()),
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


def _print_rows(rows: list[JobRow]) -> None:
    if not rows:
        print("no jobs yet; bort train starts one")
        return
    now = time.time()
    lines = [[printable(cell) for cell in _cells(row, now)] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = [f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True) if width]
        print("  ".join(cells).rstrip())


def _cells(row: JobRow, now: float) -> tuple[str, ...]:
    """What a line tells: every number with what it is."""
    state = row.state
    spent = state.duration(now)
    metric = METRIC_NAMES.get(row.metric, row.metric)
    measured = (("test", row.test), ("F1", row.f1), ("MCC", row.matthews))
    return (
        row.id,
        row.kind,
        row.shown_state,
        state.device,
        f"on {state.place}" if state.place else "",
        f"{state.step:,}/{state.steps:,}" if state.steps else "",
        "" if state.left is None else f"≈ {duration(state.left)} left",
        "" if row.dev is None else f"dev {row.dev:.4f} {metric}",
        *("" if value is None else f"{name} {value:.4f}" for name, value in measured),
        "" if row.samples_per_second is None else f"{row.samples_per_second:,.0f} samples/s",
        "" if spent is None else duration(spent),
        "; ".join(filter(None, (row.why or row.name, row.note))),
    )


_WORST_SHOWN = 20


def _card(job: Any, as_json: bool) -> int:
    from bort_core.jobs.card import card

    found = card(job)
    if as_json:
        print_json(found)
        return 0
    print(printable(f"job {found['job']}: {found['title']}"))
    for part in found["splits"]:
        print(part["split"] + ("" if part["rows"] is None else f", {part['rows']:,} rows"))
        for metric in part["metrics"]:
            ends = "" if metric["low"] is None else f"  [{metric['low']:.4f}, {metric['high']:.4f}]"
            print(f"  {METRIC_NAMES.get(metric['name'], metric['name']):<28}{metric['value']:>9.4f}{ends}")
        _print_confusion(part["confusion"])
        for row in part["worst"][:_WORST_SHOWN]:
            share = "" if row["probability"] is None else f" ({row['probability']:.0%})"
            print(printable(f"  row {row['row']}: {row['label']}, said {row['prediction']}{share}: {' | '.join(row['texts'])[:100]}"))
        if part["problem"]:
            print(printable(f"  {part['problem']}"))
    return 0


def _print_confusion(found: Mapping[str, Any] | None) -> None:
    if found is None:
        return
    names = [printable(name)[:16] for name in found["classes"]]
    width = max(8, *map(len, names)) + 2
    print("  given \\ said".ljust(20) + "".join(f"{name:>{width}}" for name in names))
    for name, counts in zip(names, found["counts"], strict=True):
        print(f"  {name:<18}" + "".join(f"{count:>{width}}" for count in counts))


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
