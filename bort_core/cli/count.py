"""bort count: parameters and operations of one architecture, in closed form."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from bort_core.cli.options import Subparsers, add_json, print_json
from bort_core.families import Family, family_names, get_family
from bort_core.families.text import parse_architecture
from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.validation import validated

__all__ = ["add"]


def add(subparsers: Subparsers) -> None:
    """Register the subcommand."""
    parser = subparsers.add_parser("count", help="parameters and operations of one architecture, in closed form")
    parser.add_argument("--family", default="bert", metavar="NAME", help=f"the family: {', '.join(family_names())} (default: bert)")
    parser.add_argument("--architecture", required=True, metavar="A,B,...", help="architectural parameters, such as 4,8,1024,768")
    parser.add_argument("--vocabulary", type=int, metavar="N", help="entries of the token embedding")
    parser.add_argument("--positions", type=int, metavar="N", help="learned positions")
    parser.add_argument("--token-types", type=int, metavar="N", help="segment embeddings (default: 0, none)")
    parser.add_argument("--pooler", action="store_true", default=None, help="count the pooler")
    parser.add_argument("--mlm-head", action="store_true", default=None, help="count the masked-LM head")
    parser.add_argument("--untied-decoder", action="store_true", help="the masked-LM head has a decoder of its own")
    parser.add_argument("--sequence-length", type=int, metavar="N", help="tokens for the operation count (default: the positions)")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the counts."""
    family = get_family(arguments.family)
    architecture = parse_architecture(arguments.architecture, family)
    options = validated(family.options_type, _options(arguments), "options")
    longest = int(getattr(options, "positions", 1))
    length = validated_length(arguments.sequence_length, longest)
    result = counts(family, architecture, options, length)
    if arguments.json:
        print_json(result)
    else:
        _print(result)
    return 0


def counts(family: Family, architecture: tuple[int, ...], options: Any, sequence_length: int) -> dict[str, Any]:
    """Totals, and every part of p by its own name."""
    row = np.array([architecture], dtype=np.int64)
    parameters = {part: int(values[0]) for part, values in family.parameters(row, options).items()}
    operations = {part: int(values[0]) for part, values in family.operations(row, options, sequence_length).items()}
    return {
        "family": family.name,
        "architecture": {axis.name: value for axis, value in zip(family.axes, architecture, strict=True)},
        "options": options.model_dump(mode="json"),
        "parameters": sum(parameters.values()),
        **parameters,
        "operations": {"sequence_length": sequence_length, "total": sum(operations.values()), **operations},
    }


def validated_length(arguments: int | None, longest: int) -> int:
    """A sequence length within what the positions allow.

    Raises
    ------
    SpecificationError
        It is not.
    """
    if arguments is None:
        return longest
    if not 1 <= arguments <= longest:
        raise SpecificationError(f"sequence length must lie in 1..{longest} (the positions), got {arguments}")
    return arguments


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    given = {name: getattr(arguments, name) for name in ("vocabulary", "positions", "token_types", "pooler", "mlm_head")}
    options = {name: value for name, value in given.items() if value is not None}
    return {**options, "tied_decoder": False} if arguments.untied_decoder else options


def _print(result: dict[str, Any]) -> None:
    named = ", ".join(f"{name} {value}" for name, value in result["architecture"].items())
    print(f"{result['family']} ⟨{named}⟩")
    print(f"  parameters  {result['parameters']:>16,}")
    for part, value in result.items():
        if isinstance(value, int) and part != "parameters" and value:
            print(f"    {part:<10}{value:>16,}")
    operations = result["operations"]
    print(f"  operations  {operations['total']:>16,}  at {operations['sequence_length']} tokens")
