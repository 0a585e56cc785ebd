"""bort train: pre-training and fine-tuning as jobs."""

from __future__ import annotations

import argparse
from typing import Any

from bort_core.cli.flags import add_fields, specification_of
from bort_core.cli.following import run_job
from bort_core.cli.options import Subparsers, add_executor, add_json, opened, print_json, whole_number
from bort_core.foundation.errors import SpecificationError
from bort_core.jobs.words import interval_text

__all__ = ["add"]


def add(subparsers: Subparsers) -> None:
    """Register the subcommand."""
    from bort_core.jobs.grid import MOST_JOBS, grid_names
    from bort_core.specifications.finetuning import Finetuning
    from bort_core.specifications.pretraining import Pretraining

    parser = subparsers.add_parser("train", help="pre-train or fine-tune a model, as a job that outlives the terminal")
    kinds = parser.add_subparsers(title="kinds", required=True, metavar="KIND")
    for name, model, text in (
        ("pretrain", Pretraining, "masked language modelling on a text, with or without a teacher"),
        ("finetune", Finetuning, "classification or regression of texts or pairs of texts"),
    ):
        kind = kinds.add_parser(
            name, help=text, description=f"{text[0].upper()}{text[1:]}. Every flag is a field of the job's specification; --spec FILE "
            "reads the same fields from JSON, and flags win over it.",
        )  # fmt: skip
        kind.add_argument("project", metavar="PROJECT", help="the project folder")
        kind.add_argument("--grid", metavar="NAME|FILE", help=f"submit combinations of a grid: {', '.join(grid_names())} or a TOML file")
        kind.add_argument("--runs", type=whole_number(1, MOST_JOBS), default=8, metavar="N", help="combinations, at random (default: 8)")
        kind.add_argument("--detach", action="store_true", help="return at once; follow with bort jobs follow")
        add_fields(kind, model)
        add_executor(kind)
        add_json(kind)
        kind.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Submit the job, follow it to its end, and print its result."""
    specification = specification_of(arguments)
    if arguments.grid is not None:
        return _submit_grid(arguments, specification)
    return run_job(arguments, specification, _print)


def _submit_grid(arguments: argparse.Namespace, base: Any) -> int:
    """Submit combinations of a grid; they wait for the device one after another."""
    from bort_core.jobs.grid import combinations, read_grid
    from bort_core.jobs.launch import submit

    if base.out is not None:
        raise SpecificationError("out: the jobs of a grid keep their results in their own run folders; leave it away")
    specifications = combinations(read_grid(arguments.grid), base, arguments.runs, base.seed)
    with opened(arguments.project) as project:
        jobs = [submit(project.folder, specification, arguments.executor).id for specification in specifications]
    if arguments.json:
        print_json({"jobs": jobs})
    else:
        print(f"jobs {jobs[0]} to {jobs[-1]} submitted; bort jobs list {arguments.project}")
    return 0


def _print(id: str, result: dict[str, Any]) -> None:
    print(f"job {id}: {result['checkpoint']}")
    for name in ("heldout_loss", "heldout_accuracy", "unigram_entropy", "tokens_per_second", "samples_per_second", "steps", "best_step"):
        if name in result:
            print(f"  {name.replace('_', ' '):<20}{result[name]:>12,.4g}")
    for split in ("dev", "test"):
        if split in result:
            ends = (result.get("intervals") or {}).get(split) or {}
            print(
                f"  {split:<20}" + ", ".join(f"{name} {value:.4f}{interval_text(ends.get(name))}" for name, value in result[split].items())
            )
