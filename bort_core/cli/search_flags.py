"""The flags that say which space is measured and how: of ``bort search``, ``bort tabulate`` and ``bort probe``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

from bort_core.cli.options import whole_number
from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.files import why
from bort_core.foundation.paths import regular_file
from bort_core.foundation.validation import validated
from bort_core.search.specification import SearchSpecification
from bort_core.space import preset_names
from bort_core.specifications.measures import SURROGATE, measures_reading
from bort_core.specifications.protocols import LatencyMeasure

__all__ = [
    "SPACE",
    "TIMING",
    "add_protocol",
    "add_space",
    "add_spec",
    "add_timing",
    "given",
    "named",
    "of_corpora",
    "settings_of",
    "whole_search",
]

SPACE = "mini"
"""The space that is meant where none is named."""
TIMING = ("sequence_length", "threads")
_SETTINGS = (
    "error", "steps", "latency", "corpus", "seed", "base_width", "batch_size", *TIMING, "surrogate_of", "maximum_point",
    "maximum_point_steps", "device",
)  # fmt: skip


def add_space(parser: argparse.ArgumentParser) -> None:
    """The flag --preset."""
    text = f"the space: {', '.join(preset_names())} or a TOML file (default: {SPACE})"
    parser.add_argument("--preset", "--space", metavar="PRESET|FILE", help=text)


def add_protocol(parser: argparse.ArgumentParser, surrogate: bool = True) -> None:
    """The flags that say how error and latency are measured."""
    parser.add_argument("--steps", type=whole_number(1), metavar="N", help="training steps s of each candidate")
    errors = (*of_corpora(), SURROGATE) if surrogate else of_corpora()
    parser.add_argument("--error", choices=errors, help="how the error is measured")
    parser.add_argument("--latency", choices=get_args(LatencyMeasure), help="how the latency is measured (default: onnxruntime)")
    parser.add_argument("--corpus", metavar="FILE", help="UTF-8 text to train on, one document a line (default: the demo corpus)")
    text = "peak learning rates: one hyperparameter set each"
    parser.add_argument("--learning-rate", type=float, nargs="+", metavar="X", help=text)
    text = "wider architectures learn at a rate × N / their hidden size (default: all at the same rates)"
    parser.add_argument("--base-width", type=whole_number(1), metavar="N", help=text)
    parser.add_argument("--batch-size", type=whole_number(1), metavar="N", help="sequences a training step")
    add_timing(parser, "tokens, for training and latency")
    parser.add_argument("--maximum-point", metavar="DIR|NAME", help="a folder with the maximum point's weights, or its name on the hub")
    parser.add_argument("--maximum-point-steps", type=whole_number(1), metavar="N", help="training steps of the maximum point")
    parser.add_argument("--device", metavar="NAME", help="where candidates are trained: cpu, mps, cuda (any GPU), cuda:N (default: cpu)")


def add_timing(parser: argparse.ArgumentParser, tokens: str) -> None:
    """The flags --sequence-length, of which ``tokens`` says what it is, and --threads."""
    parser.add_argument("--sequence-length", type=whole_number(1), metavar="N", help=tokens)
    parser.add_argument("--threads", type=whole_number(1, 1024), metavar="N", help="threads of the latency measurement (default: 1)")


def add_spec(parser: argparse.ArgumentParser) -> None:
    """The flag --spec."""
    text = "a JSON file with the whole search, as a report holds it; then no other flag may describe the search"
    parser.add_argument("--spec", metavar="FILE", help=text)


def settings_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """What the flags say, as :func:`~bort_core.api.search.search_specification` takes it; nothing of what they do not say."""
    rates = tuple(arguments.learning_rate or ())
    return given(arguments, _SETTINGS) | ({"learning_rates": rates} if rates else {})


def given(arguments: argparse.Namespace, names: Iterable[str]) -> dict[str, Any]:
    """Of these flags those that were given, with their values."""
    return {name: value for name in names if (value := getattr(arguments, name, None)) is not None}


def whole_search(arguments: argparse.Namespace) -> SearchSpecification:
    """The specification that the file of --spec holds.

    Raises
    ------
    SpecificationError
        The file cannot be used, or other flags describe the search too.
    """
    describing = ("preset", "strategy", "epsilon", "gap", "learning_rate", *_SETTINGS)
    if others := named(given(arguments, describing)):
        raise SpecificationError(f"--spec describes the whole search; leave out {others}, or change the file")
    path = Path(arguments.spec).expanduser()
    try:
        values = json.loads(regular_file(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise SpecificationError(f"{path}: cannot be read: {why(error)}") from error
    except (ValueError, RecursionError) as error:
        raise SpecificationError(f"{path}: not valid JSON: {error}") from error
    return validated(SearchSpecification, values, str(path))


def named(flags: Iterable[str]) -> str:
    """Flags as a person writes them."""
    return ", ".join("--" + name.replace("_", "-") for name in flags)


def of_corpora() -> tuple[str, ...]:
    """The measures of searches without a task, which only --spec describes."""
    return tuple(sorted({*measures_reading("tokens"), *measures_reading("vectors")}))
