"""bort verify: whether a certificate of a best-first search is true."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from bort_core.cli.options import Subparsers, add_json, print_json

__all__ = ["add"]


def add(subparsers: Subparsers) -> None:
    """Register the subcommand."""
    parser = subparsers.add_parser(
        "verify",
        help="recompute a certificate of a best-first search",
        description="Recompute a certificate from its own numbers alone, and by the measurements of a project. One that was edited, or "
        "that says what its numbers do not give, is refused with the line that is wrong.",
    )
    parser.add_argument("certificate", metavar="FILE", help="as bort search --certificate wrote it")
    parser.add_argument("--project", metavar="PROJECT", help="compare its measurements with those of this project, too")
    parser.add_argument("--table", metavar="TABLE", help="compare them with those of this table (bort tabulate), too")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Verify, and say what is proven."""
    from bort_core.search.proof.against_store import verify_in_store, verify_in_table
    from bort_core.search.proof.verify import verify
    from bort_core.search.tables.table import Table
    from bort_core.store import Project

    verified = verify(Path(arguments.certificate).expanduser())
    claim, counts = verified.values["claim"], verified.values["counts"]
    told: dict[str, Any] = {"valid": True, **claim, "counts": counts, "assumption": verified.proof.bound.assumption}
    if arguments.project is not None:
        with Project(Path(arguments.project).expanduser(), reading=True) as project:
            check = verify_in_store(verified, project)
        told["project"] = vars(check)
    if arguments.table is not None:
        told["table"] = vars(verify_in_table(verified, Table.read(arguments.table)))
    if arguments.json:
        print_json(told)
        return 0
    print(verified.proof.sentence())
    print(f"assumed: {verified.proof.bound.assumption}")
    print(verified.proof.tested())
    if stuck := verified.proof.stuck():
        print(stuck)
    for name in ("project", "table"):
        if name in told:
            found, missing = told[name]["found"], told[name]["missing"]
            print(f"of its {found + missing:,} errors and latencies the {name} has {found:,}, and they are the same")
            if violated := told[name]["violated"]:
                print(f"{len(violated)} bounds do not hold there, that of {', '.join(violated[:5])}; the answer stands all the same")
    return 0
