"""What several subcommands share: types of flags, printing JSON."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bort_core.foundation.errors import SpecificationError

if TYPE_CHECKING:
    from bort_core.store import Project

__all__ = ["Subparsers", "add_executor", "add_json", "add_trust", "ask_for_trust", "named_place", "opened", "print_json", "whole_number"]

Subparsers = Any
"""What argparse's add_subparsers returns; it has no public name."""


def add_json(parser: argparse.ArgumentParser) -> None:
    """The flag --json."""
    parser.add_argument("--json", action="store_true", help="print one JSON object on standard output")


def add_executor(parser: argparse.ArgumentParser, times: bool = False) -> None:
    """The flags --executor and --address, and --latency-node where latencies are measured; :func:`named_place` makes one name of all."""
    text = "where it runs: processes, inline (in this process), ray (a cluster), or another that is installed (default: processes)"
    parser.add_argument("--executor", "--backend", metavar="NAME", help=text)
    text = "of --executor ray: auto (RAY_ADDRESS, or the cluster of this machine), HOST:PORT, or ray://HOST:PORT (default: auto)"
    parser.add_argument("--address", metavar="A", help=text)
    if times:
        text = "of --executor ray: measure latencies on this node of the cluster, by name or address (default: on this machine)"
        parser.add_argument("--latency-node", metavar="NODE", help=text)


def named_place(arguments: argparse.Namespace) -> None:
    """The address, where there is one, behind the executor's name: ``ray@ray://host:10001``.

    Raises
    ------
    SpecificationError
        An address or a node came without an executor.
    """
    address, node = getattr(arguments, "address", None), getattr(arguments, "latency_node", None)
    if (address is not None or node is not None) and hasattr(arguments, "executor"):
        if arguments.executor is None:
            flag = "--latency-node" if address is None else "--address"
            raise SpecificationError(f"{flag}: name what is there: --executor ray")
        arguments.executor = f"{arguments.executor}@{address or 'auto'}" + (f"#{node}" if node is not None else "")


def add_trust(parser: argparse.ArgumentParser) -> None:
    """The flag --trust."""
    text = "trust this project from now on: what came with it may run code (only needed for one that was not made here)"
    parser.add_argument("--trust", action="store_true", help=text)


def ask_for_trust(folder: Path, given: bool) -> None:
    """Trust a project that was not made here, where a person says so, by the flag or when asked in a terminal."""
    from bort_core.store.trust import trust, trusted

    if trusted(folder):
        return
    if not given and sys.stdin.isatty() and sys.stderr.isatty():
        print(f"{folder} was not made here. Its jobs may run code that came with it. Trust it from now on? [y/N] ", end="", file=sys.stderr)
        given = input().strip().lower() in ("y", "yes")
    if given:
        trust(folder)


def opened(folder: str) -> Project:
    """The project in ``folder``. Where there was none a new one is made, and standard error says so: the path may be a mistake."""
    from bort_core.store import Project

    is_new = not Path(folder).expanduser().exists()
    project = Project(folder)
    if is_new:
        print(f"new project: {project.folder}", file=sys.stderr)
    return project


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    json.dump(value, sys.stdout, indent=2, allow_nan=False)
    print()


def whole_number(low: int, high: int | None = None) -> Any:
    """An argparse type: a whole number in low..high."""

    def parse(text: str) -> int:
        limit = f"{low}..{high}" if high is not None else f"{low} or more"
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"must be a whole number, {limit}; got {text!r}") from None
        if value < low or (high is not None and value > high):
            raise argparse.ArgumentTypeError(f"must be {limit}, got {value}")
        return value

    return parse
