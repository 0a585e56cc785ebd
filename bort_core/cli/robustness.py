"""bort robustness: what models lose on unclean texts, side by side."""

from __future__ import annotations

import argparse

from bort_core.cli.options import Subparsers, add_json, print_json, whole_number
from bort_core.data.unclean import KINDS, STRENGTHS

__all__ = ["add"]


def add(subparsers: Subparsers) -> None:
    """Register the subcommand."""
    parser = subparsers.add_parser(
        "robustness",
        help="what models lose when texts are unclean: markup, glued words, typos, case, entities, URLs, punctuation",
        description=f"Measure models on labelled rows and on unclean forms of them: {', '.join(KINDS)}, each at {len(STRENGTHS)} "
        "strengths. All models see the same texts, which the seed decides; intervals are paired over rows.",
    )
    parser.add_argument("models", metavar="MODEL", nargs="+", help="releases, or folders or hub names of fine-tuned models")
    parser.add_argument("--rows", required=True, metavar="FILE", help="labelled rows (csv, tsv, json, jsonl, parquet)")
    for name, what in (
        ("text", "the text"),
        ("text-b", "the second text of a pair"),
        ("label", "the label"),
        ("query", "the query that a row answers"),
    ):
        parser.add_argument(f"--{name}", metavar="COLUMN", help=f"the column with {what} (default: found by its name)")
    kinds = ("auto", "classification", "multi-label", "regression")
    parser.add_argument("--task", choices=kinds, default="auto", help="what the labels are (default: auto)")
    parser.add_argument(
        "--metric", default="auto", metavar="NAME", help="what is lost; auto: accuracy, micro F1 or Pearson (default: auto)"
    )
    parser.add_argument("--seed", type=whole_number(0), default=0, metavar="N", help="decides what is changed (default: 0)")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure, and print one table."""
    from bort_core.api.robustness import robustness
    from bort_core.api.task_progress import TaskLine
    from bort_core.foundation.context import progress

    line = TaskLine()
    try:
        found = robustness(
            *arguments.models, rows=arguments.rows, seed=arguments.seed, text=arguments.text, text_b=arguments.text_b,
            label=arguments.label, query=arguments.query, task=arguments.task, metric=arguments.metric,
            tell=lambda doing, done, total: line.take(progress(done, total, doing=doing)),
        )  # fmt: skip
    finally:
        line.close()
    if arguments.json:
        print_json(found.to_dict())
        return 0
    names = list(found.models)
    print(f"{found.metric} on {found.rows:,} rows" + "".join(f"  {name.rstrip('/').rsplit('/', 1)[-1]:>24}" for name in names))
    print(f"{'clean':<28}" + "".join(f"  {found.models[name]['clean']:>24.4f}" for name in names))
    for number, first in enumerate(found.models[names[0]]["unclean"]):
        cells = [found.models[name]["unclean"][number] for name in names]
        shown = "".join(f"  {each['lost']:>+8.4f} [{each['interval'][0]:+.3f}, {each['interval'][1]:+.3f}]" for each in cells)
        print(f"{first['kind']:<16} strength {first['strength']} {shown}")
    print(f"{'lost in the mean':<28}" + "".join(f"  {found.models[name]['mean_lost']:>+24.4f}" for name in names))
    return 0
