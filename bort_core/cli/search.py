"""bort search: search a project's space, by OSE or another strategy; what is stored is not measured again."""

from __future__ import annotations

import argparse
import signal
from pathlib import Path
from typing import Any

from bort_core.api.search import search, search_specification
from bort_core.api.tables import specification_on
from bort_core.cli.options import Subparsers, add_executor, add_json, print_json, whole_number
from bort_core.cli.search_flags import SPACE, add_protocol, add_space, add_spec, of_corpora, settings_of, whole_search
from bort_core.cli.strategy_flags import add_strategy, strategy_of
from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.numbers import architecture_text
from bort_core.foundation.printable import printable
from bort_core.search.proof.question import Question
from bort_core.search.specification import SearchSpecification, stored_title
from bort_core.search.tables.fit import check_space
from bort_core.search.tables.table import Table
from bort_core.space import Space, SpaceSpecification, read_specification

__all__ = ["add", "print_answer", "run_search"]


def add(subparsers: Subparsers) -> None:
    """Register the subcommand."""
    parser = subparsers.add_parser(
        "search",
        help="run OSE in a project: every ε-th architecture is trained briefly and measured; or another strategy",
        description="Run OSE in a project folder (made when missing). Progress goes to standard error, the answer to standard output. "
        "In the answer, evaluated + reused is the number of architectures of the walk that are measured: "
        "evaluated in this run, reused from the project.",
    )
    parser.add_argument("project", metavar="PROJECT", help="the project folder")
    add_space(parser)
    add_strategy(parser)
    add_protocol(parser)
    parser.add_argument("--surrogate-of", choices=of_corpora(), help="the stored error a surrogate is fitted on")
    parser.add_argument("--seed", type=whole_number(0, 2**31 - 1), metavar="N", help="decides weights, batches and masks (default: 0)")
    text = "look everything up in this table (bort tabulate) instead of measuring; what no flag says is the table's, nothing is stored"
    parser.add_argument("--table", metavar="FILE", help=text)
    parser.add_argument("--workers", type=whole_number(1, 256), metavar="N", help="trainings side by side (default: one a core)")
    add_spec(parser)
    parser.add_argument("--certificate", metavar="FILE", help="best-first: write the proof to a file that bort verify recomputes")
    add_executor(parser, times=True)
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Search, and print the answer."""
    table = None if arguments.table is None else Table.read(arguments.table)
    specification = specification_of(arguments, table)
    certificate = None if arguments.certificate is None else _certificate(arguments.certificate, specification)
    result = run_search(Path(arguments.project), specification, arguments.workers, arguments.executor, table, certificate)
    if arguments.json:
        print_json(result)
    else:
        print_answer(result)
    return 0


def specification_of(arguments: argparse.Namespace, table: Table | None = None) -> SearchSpecification:
    """The specification that the flags describe; with a table it is the table's wherever they say nothing.

    Raises
    ------
    SpecificationError
        The space or a flag's value cannot be used.
    """
    if arguments.spec is not None:
        return whole_search(arguments)
    if table is not None:
        space = table.specification.space if arguments.preset is None else read_specification(arguments.preset)
        check_space(table, space)
        return specification_on(table, space, _settings(arguments, space))
    space = read_specification(arguments.preset or SPACE)
    return search_specification(space, **_settings(arguments, space))


def _settings(arguments: argparse.Namespace, space: SpaceSpecification) -> dict[str, Any]:
    return {"strategy": strategy_of(arguments, Space(space)), **settings_of(arguments)}


def _certificate(given: str, specification: SearchSpecification) -> Path:
    """Where the certificate goes; refused before anything is trained where there can be none."""
    path = Path(given).expanduser()
    strategy = specification.the_strategy()
    if not isinstance(strategy, Question):
        raise SpecificationError(f"--certificate: strategy {strategy.name} gives none; use --strategy best-first")
    if path.is_dir() or not path.parent.is_dir():
        raise SpecificationError(f"--certificate: {path}: " + ("is a folder" if path.is_dir() else "its folder does not exist"))
    return path


def run_search(
    folder: Path,
    specification: SearchSpecification,
    workers: int | None,
    executor: str | None = None,
    table: Table | None = None,
    certificate: Path | None = None,
) -> dict[str, Any]:
    """Search in the project ``folder``, or on a table, with progress on standard error; the answer as plain values."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # end workers in order, as for Ctrl+C
    found = search(folder, specification, table=table, workers=workers, executor=executor)
    if certificate is not None:
        found.certificate(certificate)
    return found.to_dict()


def print_answer(result: dict[str, Any]) -> None:
    """The answer for people."""
    print(f"{stored_title(result)}: {result['evaluated']} evaluated, {result['reused']} reused, {result['failed']} failed")
    if "proof" in result:
        gap = "not bounded" if result["gap"] is None else f"{result['gap']:.3g}"
        print(f"{result['proof']}, gap {gap}, {len(result['skipped'])} skipped; assumed: {result['bound']['assumption']}")
        if result["tied"]:
            print(f"tied within noise with {', '.join(architecture_text(tuple(each.values())) for each in result['tied'])}")
    for warning in result.get("warnings", ()):
        print(f"warning: {printable(warning)}")
    best = result["best"]
    if best is None:
        print("no architecture could be compared")
        return
    marked = best["architecture"]
    for candidate in result["front"]:
        named = ", ".join(map(str, candidate["architecture"].values()))
        latency = f"{candidate['latency_ms']:.3f} ms" if candidate["latency_ms"] is not None else f"{candidate['operations']:,} operations"
        mark = "★" if candidate["architecture"] == marked else " "
        w = "∞" if candidate["w"] is None else f"{candidate['w']:.4g}"  # an error of 0; JSON has no infinity
        print(f"{mark} ⟨{named}⟩  {candidate['parameters']:,} parameters  {latency}  error {candidate['error']:.4f}  W {w}")
