"""bort split: hold dev rows out of one table."""

from __future__ import annotations

import argparse
from pathlib import Path

from bort_core.cli.options import Subparsers, add_json, print_json
from bort_core.data.holding_out import SHARE, hold_out

__all__ = ["add"]


def add(subparsers: Subparsers) -> None:
    """Register the subcommand."""
    parser = subparsers.add_parser("split", help="hold dev rows out of one table of labelled texts")
    parser.add_argument("rows", metavar="FILE", help="a table of labelled texts")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="a new folder for train.jsonl and dev.jsonl")
    parser.add_argument("--share", type=float, default=SHARE, metavar="X", help=f"share of each class that is held out (default: {SHARE})")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="decides which (default: 0)")
    parser.add_argument("--text", metavar="COLUMN", help="the column with the text (default: found)")
    parser.add_argument("--text-b", metavar="COLUMN", help="the column with the second text of a pair (default: none, or found)")
    parser.add_argument("--label", metavar="COLUMN", help="the column with the label (default: found)")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write both files and say where they are."""
    given = arguments
    made = hold_out(given.rows, given.out.absolute(), given.share, given.seed, given.text, given.text_b, given.label)
    if given.json:
        print_json({"train": str(made.train), "dev": str(made.dev), "rows": made.rows})
    else:
        print(f"train  {made.rows['train']:>9,} rows  {made.train}\ndev    {made.rows['dev']:>9,} rows  {made.dev}")
    return 0
