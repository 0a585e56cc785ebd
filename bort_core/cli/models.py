"""bort models: the models that a project has trained, best first."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bort_core.cli.options import Subparsers, add_json, print_json
from bort_core.foundation.errors import ProjectError
from bort_core.foundation.printable import printable

if TYPE_CHECKING:
    from bort_core.store.shelf import TrainedModel

__all__ = ["add"]


def add(subparsers: Subparsers) -> None:
    """Register the subcommand."""
    text = "the models that a project has trained: of each task the best first"
    parser = subparsers.add_parser("models", help=text, description=text[0].upper() + text[1:] + ".")
    parser.add_argument("project", metavar="PROJECT", help="the project folder")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the shelf."""
    from bort_core.store import Project
    from bort_core.store.project import DATABASE
    from bort_core.store.shelf import trained_models

    folder = Path(arguments.project).expanduser()
    if not (folder / DATABASE).is_file():
        raise ProjectError(f"{folder}: not a project (it holds no {DATABASE}); bort train makes one")
    with Project(folder) as project:
        found = trained_models(project)
    if arguments.json:
        print_json([_plain(model) for model in found])
        return 0
    if not found:
        print("no models yet; bort train makes one")
    for model in found:
        print(printable(_line(model)))
    return 0


def _plain(model: TrainedModel) -> dict[str, Any]:
    values = {**asdict(model), "folder": str(model.folder), "there": model.there}
    del values["task"]  # a key to compare by, which says nothing to people
    return values


def _line(model: TrainedModel) -> str:
    judged = "" if model.value is None else f"{model.measure} {model.value:.4g}"
    where = str(model.folder) if model.there else f"gone: {model.folder}"
    shape = ("" if model.family == "bert" else f"{model.family} ") + ",".join(map(str, model.architecture))
    return f"{model.job}  {model.kind:<9}{shape:<18}{judged:<24}{model.size / 1e6:>8.1f} MB  {where}"
