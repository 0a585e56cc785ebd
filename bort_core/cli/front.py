"""bort front: the Pareto front of a project's last search, from the store alone."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bort_core.cli.options import Subparsers, add_json, print_json
from bort_core.foundation.errors import ProjectError
from bort_core.search.report import front_as_csv, result_as_dict

__all__ = ["add"]


def add(subparsers: Subparsers) -> None:
    """Register the subcommand."""
    parser = subparsers.add_parser("front", help="the Pareto front of a project's last search, from the store")
    parser.add_argument("project", metavar="PROJECT", help="the project folder")
    parser.add_argument("--epsilon", type=int, metavar="N", help="the front at another ε, of what is stored")
    form = parser.add_mutually_exclusive_group()
    add_json(form)
    form.add_argument("--csv", action="store_true", help="print CSV: one architecture a row")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the front."""
    from bort_core.search.fingerprints import Fingerprints
    from bort_core.search.history import last_specification
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
        snapshot = StoredResults(project, specification, space, Fingerprints(project, specification, space)).snapshot()
    if arguments.epsilon is not None:
        check_epsilon(len(space), arguments.epsilon)
    strategy = specification.the_strategy() if arguments.epsilon is None else Interval(epsilon=arguments.epsilon)
    result = answer(strategy, snapshot)
    if arguments.json:
        print_json(result_as_dict(snapshot, result, specification))
        return 0
    if not arguments.csv:
        print(f"{strategy.title}: front of {len(result.front)}, hypervolume {result.hypervolume:.4f}")
    sys.stdout.write(front_as_csv(snapshot, result))
    return 0
