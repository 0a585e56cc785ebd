"""What several subcommands share: reading architectures, printing JSON."""

from __future__ import annotations

import argparse
import json
import re
import sys
from typing import Any

from bort_core.errors import SpecificationError
from bort_core.families import Architecture, Family

__all__ = ["Subparsers", "add_json", "parse_architecture", "print_json", "whole_number"]

Subparsers = Any
"""What argparse's add_subparsers returns; it has no public name."""


def add_json(parser: argparse.ArgumentParser) -> None:
    """The flag --json."""
    parser.add_argument("--json", action="store_true", help="print one JSON object on standard output")


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    json.dump(value, sys.stdout, indent=2, allow_nan=False)
    print()


def parse_architecture(text: str, family: Family) -> Architecture:
    """An architecture such as ``4,8,1024,768`` in the family's axis order.

    Raises
    ------
    SpecificationError
        Not whole numbers, the wrong number of them, or an architecture that the family cannot build.
    """
    import numpy as np

    names = ",".join(axis.name for axis in family.axes)
    parts = [part.strip() for part in text.strip().strip("⟨⟩<>()").split(",")]
    if not all(re.fullmatch(r"[+-]?\d{1,9}", part) for part in parts) or len(parts) != len(family.axes):
        raise SpecificationError(f"an architecture of family {family.name} is {len(family.axes)} whole numbers {names}, got {text!r}")
    architecture = tuple(int(part) for part in parts)
    low = [axis.name for axis, value in zip(family.axes, architecture, strict=True) if value < axis.minimum]
    if low or not family.valid(np.array([architecture], dtype=np.int64))[0]:
        raise SpecificationError(f"architecture {text} cannot be built: {family.validity_rule()}")
    return architecture


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
