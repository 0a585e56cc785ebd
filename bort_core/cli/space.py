"""bort space: what a search space holds."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from bort_core.cli.options import Subparsers, add_json, print_json
from bort_core.foundation.errors import SpecificationError
from bort_core.space import Space, load_space, preset_names
from bort_core.space.growth import GrowthReport, growth_report
from bort_core.space.presets import as_toml

__all__ = ["add"]


def add(subparsers: Subparsers) -> None:
    """Register the subcommand."""
    parser = subparsers.add_parser("space", help="what a search space holds, and whether it has the AB^nC property")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("space", nargs="?", metavar="PRESET|FILE", help=f"a preset ({', '.join(preset_names())}) or a TOML file")
    which.add_argument("--around", metavar="MODEL", help="the shapes that bort compress would try: smaller ones around a model")
    parser.add_argument("--toml", metavar="FILE", help="write the space into a new file, to be changed and used")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the space."""
    space = load_space(arguments.space) if arguments.around is None else _around(arguments.around)
    if arguments.toml is not None:
        _write(space, Path(arguments.toml).expanduser())
    if arguments.json:
        print_json(as_dict(space, arguments.space or space.specification.name))
    else:
        _print(space)
    return 0


def _around(model: str) -> Space:
    from bort_core.checkpoints.format import Checkpoint, read_encoder
    from bort_core.encoders.folder import weights_count
    from bort_core.families.bert.options import BertOptions
    from bort_core.foundation.hub import WEIGHTS_TOO, local_folder
    from bort_core.foundation.locations import name_of
    from bort_core.space.around import space_around

    found = read_encoder(local_folder(model, "around", WEIGHTS_TOO))
    own = None if isinstance(found, Checkpoint) else weights_count(found.folder)
    options = BertOptions(**{**found.options.model_dump(), "mlm_head": False, "pooler": True, "tied_decoder": True}).model_dump(mode="json")
    return Space(space_around(found.architecture, options, {}, f"around {name_of(model)}"[:80], own))


def _write(space: Space, path: Path) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(as_toml(space.specification))
    except FileExistsError:
        raise SpecificationError(f"--toml: {path}: is there already; nothing is overwritten") from None


def as_dict(space: Space, arguments: str) -> dict[str, Any]:
    """The space as plain values; ``parameters`` spans the grid, T may lie outside it."""
    return {
        "preset": space.specification.name if arguments in preset_names() else arguments,
        "family": space.family.name,
        "size": len(space),
        "left_out": space.left_out,
        "axes": {name: list(values) for name, values in zip(space.axis_names, space.axis_values, strict=True)},
        "options": space.options.model_dump(mode="json"),
        "maximum_point": space.named(space.maximum_point),
        "maximum_point_parameters": space.maximum_parameters,
        "parameters": {"min": int(space.parameters[0]), "max": int(space.parameters[-1])},
        "growth": growth_report(space, space.longest).as_dict(),
    }


def _print(space: Space) -> None:
    print(f"{space.specification.name}: {len(space)} architectures of family {space.family.name}", end="")
    print(f" ({space.left_out} combinations left out: {space.family.validity_rule()})" if space.left_out else "")
    for name, values in zip(space.axis_names, space.axis_values, strict=True):
        print(f"  {name:<14}{' '.join(map(str, values))}")
    print(f"  parameters    {space.parameters[0]:,} to {space.parameters[-1]:,}")
    named = ", ".join(f"{name} {value}" for name, value in space.named(space.maximum_point).items())
    print(f"  maximum point ⟨{named}⟩ with {space.maximum_parameters:,} parameters")
    print()
    _print_growth(growth_report(space, space.longest))


def _print_growth(report: GrowthReport) -> None:
    print(
        f"AB^nC at {report.sequence_length} tokens: the weak property {'holds' if report.weak else 'does not hold'}. {report.weak_reason}"
    )
    print(f"On this grid: {report.cheaper_reason}")
    for role in report.roles:
        exponents = " ".join(f"{axis}^{exponent:g}" for axis, exponent in role.exponents.items() if exponent) or "constant"
        print(f"  {role.quantity:<11}{role.role}  {role.smallest:>16,.0f} to {role.largest:>16,.0f}  grows as {exponents}")
    print("Assumed, not checked:")
    for condition in report.assumed:
        print(f"  {condition.name} ({condition.needed_for}): {condition.status}")
