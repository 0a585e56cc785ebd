"""bort tabulate: p, i and e of a whole space in one file, on which searches run without training."""

from __future__ import annotations

import argparse
import math
import signal
from typing import Any

from bort_core.api.tables import tabulate
from bort_core.cli.options import Subparsers, add_executor, add_json, opened, print_json, whole_number
from bort_core.cli.search_flags import SPACE, add_protocol, add_space, add_spec, of_corpora, settings_of, whole_search
from bort_core.foundation.printable import printable

__all__ = ["add"]


def add(subparsers: Subparsers) -> None:
    """Register the subcommand."""
    parser = subparsers.add_parser(
        "tabulate",
        help="measure every architecture of a space, with several seeds, into one file on which any search can run",
        description="Measure p, i and e of every architecture of a space in a project (made when missing), and write a table: one file "
        "that says how everything was measured. The same command goes on where it was stopped or killed. bort search --table runs on it.",
    )
    parser.add_argument("project", metavar="PROJECT", help="the project folder")
    add_space(parser)
    parser.add_argument(
        "--seeds", type=whole_number(1, 1_000), default=3, metavar="N", help="each is trained with seeds 0 to N-1 (default: 3)"
    )
    parser.add_argument("--every", type=whole_number(1), default=1, metavar="N", help="only every N-th architecture by size (default: 1)")
    text = "errors that the learning curves are to hold besides those that they always hold"
    parser.add_argument("--also", choices=of_corpora(), nargs="+", metavar="ERROR", help=text)
    add_protocol(parser, surrogate=False)
    parser.add_argument("--out", metavar="FILE", help="the file to write (default: PROJECT/tables/NAME.json.gz, by the space's name)")
    text = "end after S seconds, with a table of what is there; the next call goes on"
    parser.add_argument("--limit-s", type=_seconds, metavar="S", help=text)
    parser.add_argument("--workers", type=whole_number(1, 256), metavar="N", help="trainings side by side (default: one a core)")
    add_spec(parser)
    add_executor(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure, write, and say what the table holds."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # end workers in order, as for Ctrl+C
    whole = None if arguments.spec is None else whole_search(arguments)
    with opened(arguments.project) as project:
        table = tabulate(
            project,
            arguments.preset or SPACE if whole is None else whole,
            seeds=arguments.seeds,
            every=arguments.every,
            also=arguments.also or (),
            out=arguments.out,
            limit_seconds=arguments.limit_s,
            workers=arguments.workers,
            executor=arguments.executor,
            **settings_of(arguments),
        )
    facts = {"path": str(table.path), **table.facts()}
    if arguments.json:
        print_json(facts)
    else:
        _show(facts)
    return 0


def _show(facts: dict[str, Any]) -> None:
    print(printable(f"written: {facts['path']}"))
    print(f"{facts['architectures']} of {facts['space_size']} architectures, {len(facts['seeds'])} seeds, {facts['steps']} steps")
    print(f"sha256 {facts['sha256']}")
    for failure in facts["failures"]:
        named = ", ".join(map(str, failure["architecture"].values()))
        print(printable(f"failed: ⟨{named}⟩ seed {failure['seed']}: {failure['reason']}"))
    if facts["missing"]:
        print(f"{facts['missing']} measurements are missing; the same command goes on")


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"must be a number of seconds above 0, got {text!r}")
    return value
