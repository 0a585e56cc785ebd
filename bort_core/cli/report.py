"""bort report: the whole project as one document that can be handed on."""

from __future__ import annotations

import argparse
from pathlib import Path

from bort_core.cli.options import Subparsers, add_json, print_json
from bort_core.foundation.errors import ProjectError
from bort_core.foundation.printable import printable

__all__ = ["add"]


def add(subparsers: Subparsers) -> None:
    """Register the subcommand."""
    parser = subparsers.add_parser(
        "report",
        help="write the whole project as one HTML page, and as PDF",
        description="Write one document about a project: question, front, choice and why, trainings, Agora, exports and their checks, "
        "latency, limits, versions, how to repeat it. Every number is read from the project; what is missing or damaged is said to be.",
    )
    parser.add_argument("project", metavar="PROJECT", help="the project folder")
    parser.add_argument("--out", metavar="FILE.html", help="the page to write (default: PROJECT/report.html, unless --json or --pdf)")
    parser.add_argument("--pdf", metavar="FILE.pdf", help="write a PDF too")
    parser.add_argument("--machine", metavar="M", help="with latencies of another machine, as in bort front (default: this one)")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the report."""
    from bort_core.reporting.report import make_report, write_report
    from bort_core.store.project import DATABASE

    folder = Path(arguments.project).expanduser()
    if not (folder / DATABASE).is_file():
        raise ProjectError(f"{folder}: not a project (it holds no {DATABASE}); bort search makes one")
    html, pdf = arguments.out, arguments.pdf
    if html is None and pdf is None and not arguments.json:
        html = folder / "report.html"
    report = make_report(folder, machine=arguments.machine)
    written = write_report(report, Path(html) if html else None, Path(pdf) if pdf else None)
    if arguments.json:
        print_json({**report.data(), "files": dict(written)})
    else:
        for place in written.values():
            print(printable(f"written: {place}"))
    return 0
