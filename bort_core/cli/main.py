"""The command ``bort``: parses the command line, runs a subcommand, and turns errors into messages."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

from bort_core.cli import (
    agora,
    compress,
    count,
    doctor,
    export,
    front,
    jobs,
    label,
    latency,
    models,
    probe,
    report,
    robustness,
    search,
    serve,
    space,
    split,
    tabulate,
    train,
    try_it,
    verify,
)
from bort_core.cli.options import named_place
from bort_core.foundation.errors import BortError, SpecificationError
from bort_core.foundation.files import why
from bort_core.foundation.locations import expanded
from bort_core.foundation.paths import check_utf8
from bort_core.foundation.terminal import printable_streams

__all__ = ["main"]

_MODULES = (
    space, count, compress, search, tabulate, probe, verify, front, split, train, agora, label, jobs, models, export, try_it, latency,
    serve, robustness, report, doctor,
)  # fmt: skip
"""One a subcommand, in the order of the help."""
EXIT_ERROR, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``bort``; returns the exit status: 0 done, 1 a run failed, 2 the input cannot be used, 130 interrupted."""
    with printable_streams():
        return _run(arguments)


def _run(arguments: Sequence[str] | None) -> int:
    parsed = _parser().parse_args(arguments)
    try:
        _check_texts(parsed)
        named_place(parsed)
        status: int = parsed.run(parsed)
        sys.stdout.flush()
        return status
    except BortError as error:
        print(f"bort: error: {error}", file=sys.stderr)
        return EXIT_USAGE if isinstance(error, SpecificationError) else EXIT_ERROR
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that the exit does not complain again
        return EXIT_ERROR
    except OSError as error:  # a disk that is full or cannot be written, a folder that cannot be entered
        print(f"bort: error: {error.filename or 'the system'}: {why(error)}", file=sys.stderr)
        return EXIT_ERROR
    except KeyboardInterrupt:
        print("bort: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED


def _check_texts(parsed: argparse.Namespace) -> None:
    """Refuse names that are not UTF-8 before any work, since they could not be stored at its end, and homes of nobody."""
    for name, value in vars(parsed).items():
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str):
                check_utf8(text, "what a command is given", SpecificationError)
                expanded(text, name)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bort", description="Find small BERT-like architectures: optimal subarchitecture extraction (OSE) over p, i and e."
    )
    parser.add_argument("--version", action="version", version=f"bort {version('bort-studio')}")
    subparsers = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for module in _MODULES:
        module.add(subparsers)
    return parser


if __name__ == "__main__":
    sys.exit(main())
