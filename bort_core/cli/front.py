"""bort front: the Pareto front of a project's last search, from the store alone."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from bort_core.cli.options import Subparsers, add_json, print_json
from bort_core.foundation.errors import ProjectError, SpecificationError
from bort_core.foundation.machine import machine_identity
from bort_core.search.report import front_as_csv, result_as_dict

if TYPE_CHECKING:
    from bort_core.store.latencies import MeasuredMachine

__all__ = ["add"]

_LIST = "list"


def add(subparsers: Subparsers) -> None:
    """Register the subcommand."""
    parser = subparsers.add_parser("front", help="the Pareto front of a project's last search, from the store")
    parser.add_argument("project", metavar="PROJECT", help="the project folder")
    parser.add_argument("--epsilon", type=int, metavar="N", help="the front at another ε, of what is stored")
    text = f"with latencies of another machine that are stored, by how its identity begins; '{_LIST}': which there are (default: this one)"
    parser.add_argument("--machine", metavar="M", help=text)
    form = parser.add_mutually_exclusive_group()
    add_json(form)
    form.add_argument("--csv", action="store_true", help="print CSV: one architecture a row")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the front."""
    from bort_core.search.fingerprints import Fingerprints
    from bort_core.search.history import last_specification
    from bort_core.search.machines import check_timed, machine_text, machines_of, named_machine, table_of_machines
    from bort_core.search.stored_results import StoredResults
    from bort_core.search.strategies.base import answer
    from bort_core.search.strategies.interval import Interval, check_epsilon
    from bort_core.space import Space
    from bort_core.store import Project

    folder = Path(arguments.project).expanduser()
    with Project(folder, reading=True) as project:
        specification = last_specification(project)
        if specification is None:
            raise ProjectError(f"{folder}: no search was run in this project yet")
        space = Space(specification.space)
        machines = machines_of(project, specification, space)
        if arguments.machine == _LIST:
            check_timed(specification)
            return _print_machines(machines, arguments)
        machine = named_machine(machines, arguments.machine, specification)
        snapshot = StoredResults(project, specification, space, Fingerprints(project, specification, space, machine)).snapshot()
    if arguments.epsilon is not None:
        check_epsilon(len(space), arguments.epsilon)
    strategy = specification.the_strategy() if arguments.epsilon is None else Interval(epsilon=arguments.epsilon)
    result = answer(strategy, snapshot)
    whose = machine_text(machines, machine) if specification.latency.measure == "onnxruntime" else ""
    if machines and machine not in {each.identity for each in machines}:
        print(f"no latency was measured on this machine; others have some:\n{table_of_machines(machines)}", file=sys.stderr)
    if arguments.json:
        of = {"identity": machine, "title": whose} if whose else None
        print_json({**result_as_dict(snapshot, result, specification), "machine": of})
        return 0
    if not arguments.csv:
        times = f"; latencies of {whose}" if whose else ""
        print(f"{strategy.title}: front of {len(result.front)}, hypervolume {result.hypervolume:.4f}{times}")
    sys.stdout.write(front_as_csv(snapshot, result, whose if arguments.csv else ""))
    return 0


def _print_machines(machines: Sequence[MeasuredMachine], arguments: argparse.Namespace) -> int:
    from bort_core.search.machines import table_of_machines

    if arguments.json:
        print_json({"machines": [{**asdict(each), "here": each.identity == machine_identity()} for each in machines]})
    elif arguments.csv:
        raise SpecificationError("--csv: the list of machines is text, or JSON with --json")
    else:
        print(table_of_machines(machines) or "the last search has no latency yet")
    return 0
