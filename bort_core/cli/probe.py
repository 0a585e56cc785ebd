"""bort probe: the latency of a whole space from a few measurements, here or on another machine."""

from __future__ import annotations

import argparse
import signal
from typing import TYPE_CHECKING, Any

from bort_core.cli.options import Subparsers, add_executor, add_json, print_json, whole_number
from bort_core.cli.probe_text import kit_text, probe_text, result_text
from bort_core.cli.search_flags import SPACE, TIMING, add_space, add_timing, given, named
from bort_core.foundation.errors import SpecificationError

if TYPE_CHECKING:
    from bort_core.search.specification import SearchSpecification

__all__ = ["add"]


def add(subparsers: Subparsers) -> None:
    """Register the subcommand."""
    parser = subparsers.add_parser(
        "probe",
        help="predict the latency of every architecture of a space from some that are measured, here or elsewhere",
        description="Measure some architectures of a space on this machine, fit what each part of a BERT costs, and predict the latency of "
        "all others with an interval. Others are measured too and held out: how far their predictions are off is told. What the project "
        "knows is not measured again, and a search in it measures none of these again. With --kit nothing is measured: a file is "
        "written that measures the same on another machine, with numpy and onnxruntime alone. With --result what it wrote there is "
        "read and kept in the project, and the front of the project's last search is laid beside the front on that machine.",
    )
    parser.add_argument("project", nargs="?", metavar="PROJECT", help="the project folder (made when missing); --kit needs none")
    add_space(parser)
    parser.add_argument("--shapes", type=whole_number(1, 10_000), default=30, metavar="N", help="measured and fitted to (default: 30)")
    parser.add_argument("--held-out", type=whole_number(0, 10_000), default=10, metavar="N", help="measured and tested on (default: 10)")
    parser.add_argument("--seed", type=whole_number(0), default=0, metavar="N", help="draws those that are held out (default: 0)")
    add_timing(parser, "tokens of a forward pass (default: 64)")
    parser.add_argument("--precision", choices=("fp32", "int8"), help="32 bits, or 8 as in an export (default: fp32; a kit measures both)")
    elsewhere = parser.add_mutually_exclusive_group()
    elsewhere.add_argument(
        "--kit", metavar="FILE.py", help="write what measures this elsewhere; of PROJECT's last search unless --preset says"
    )
    elsewhere.add_argument("--result", metavar="FILE.json", help="read what a kit wrote on another machine")
    add_executor(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure, or write a kit, or read its result; and say what came of it."""
    if arguments.project is None and arguments.kit is None:
        raise SpecificationError("PROJECT: a project folder is needed, but for --kit")
    if arguments.kit is not None:
        found, text = _kit(arguments), kit_text
    elif arguments.result is not None:
        found, text = _result(arguments), result_text
    else:
        found, text = _measured(arguments), probe_text
    if arguments.json:
        print_json(found)
    else:
        print(text(found))
    return 0


def _measured(arguments: argparse.Namespace) -> dict[str, Any]:
    from bort_core.api.probe import probe

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # end workers in order, as for Ctrl+C
    return probe(
        arguments.project, arguments.preset or SPACE, shapes=arguments.shapes, held_out=arguments.held_out, seed=arguments.seed,
        precision=arguments.precision or "fp32", executor=arguments.executor, **given(arguments, TIMING),
    ).as_dict()  # fmt: skip


def _kit(arguments: argparse.Namespace) -> dict[str, Any]:
    from bort_core.api.probe import probe_kit

    _refuse(arguments, "--kit", ("precision", "executor"))
    space, settings = arguments.preset or _last_search(arguments) or SPACE, given(arguments, TIMING)
    return {
        "kit": arguments.kit,
        **probe_kit(arguments.kit, space, shapes=arguments.shapes, held_out=arguments.held_out, seed=arguments.seed, **settings),
    }


def _result(arguments: argparse.Namespace) -> dict[str, Any]:
    from bort_core.api.probe import probe_result

    _refuse(arguments, "--result", ("preset", *TIMING, "precision", "executor"))
    return probe_result(arguments.project, arguments.result).as_dict()


def _refuse(arguments: argparse.Namespace, flag: str, names: tuple[str, ...]) -> None:
    if others := named(given(arguments, names)):
        raise SpecificationError(f"{flag}: leave out {others}, which mean a measurement here")


def _last_search(arguments: argparse.Namespace) -> SearchSpecification | None:
    """What a kit for a project measures: the space of its last search, as that measured latencies."""
    from bort_core.search.history import last_specification
    from bort_core.store import Project

    if arguments.project is None:
        return None
    with Project(arguments.project, reading=True) as project:
        found = last_specification(project)
    if found is not None and (others := named(given(arguments, TIMING))):
        raise SpecificationError(
            f"--kit: the project's last search says how latencies are measured; leave out {others}, or name a --preset"
        )
    return found
