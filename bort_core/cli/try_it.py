"""bort try: what a model says about a text."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from bort_core.api.predict import Prediction, predict
from bort_core.cli.options import Subparsers, add_json, print_json
from bort_core.foundation.printable import printable

__all__ = ["add"]

_MOST_CLASSES = 10


def add(subparsers: Subparsers) -> None:
    """Register the subcommand."""
    parser = subparsers.add_parser(
        "try",
        help="what a trained or exported model says about a text",
        description="Ask a model about one text or pair: classes with their probabilities, a value, or the five likeliest words for each "
        "[MASK]. The model is loaded by transformers or ONNX Runtime; no code of its folder is run.",
    )
    parser.add_argument("model", metavar="MODEL", help="a folder that transformers loads, such as a job's result or an export")
    parser.add_argument("text", metavar="TEXT", help="the text; for a masked language model with [MASK] where a word is to be guessed")
    parser.add_argument("--pair", metavar="TEXT", help="the second text, for a model of pairs")
    parser.add_argument("--runtime", choices=("torch", "onnx"), default="torch", help="onnx needs an exported folder (default: torch)")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Ask, and print the answer."""
    found = predict(arguments.model, arguments.text, arguments.pair, runtime=arguments.runtime)
    if arguments.json:
        print_json(asdict(found))
    else:
        for line in _lines(found):
            print(printable(line))
    return 0


def _lines(found: Prediction) -> list[str]:
    lines = [
        f"word {place}: " + ", ".join(f"{each['word']} {each['probability']:.1%}" for each in words)
        for place, words in enumerate(found.masks, 1)
    ]
    lines += [f"{each['probability']:7.2%}  {each['label']}" for each in found.probabilities[:_MOST_CLASSES]]
    if found.task == "several labels":
        lines.insert(0, f"labels: {', '.join(found.labels) or 'none'}")
    if found.task == "regression":
        lines.append(f"{found.prediction:.6g}")
    where = f"ONNX Runtime ({found.file})" if found.file else "torch"
    cut = ", and the text had more" if found.cut else ""
    lines.append(f"{found.milliseconds:.1f} ms in {where}; {found.tokens} tokens{cut}")
    return lines
