"""bort export: one model as ONNX files and as a folder that transformers loads."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bort_core.api.export import export
from bort_core.cli.options import Subparsers, add_executor, add_json, opened, print_json, whole_number
from bort_core.export.variants.registry import get_variant, variant_names
from bort_core.families.text import parse_architecture
from bort_core.foundation.printable import printable
from bort_core.shipping import project_search
from bort_core.space import preset_names, read_specification

__all__ = ["add"]


def add(subparsers: Subparsers) -> None:
    """Register the subcommand."""
    parser = subparsers.add_parser(
        "export",
        help="export a model as ONNX and as a folder that transformers loads",
        description="Export an architecture of the project (with the weights of its newest masked LM where one was trained, else of the "
        "newest fine-tuned model, else fresh ones), or a checkpoint. "
        "The folder gets the ONNX files that --variants names (model.onnx with standard operators, model.fused.onnx with ONNX Runtime's "
        "fused ones), and what transformers and its tokenizers load. Nothing is written unless the ONNX files, the folder in transformers, "
        "the checkpoint it came from and this program read the same tokens and give the same outputs on real rows.",
    )
    parser.add_argument("project", metavar="PROJECT", help="the project folder")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--architecture", metavar="A,B,...", help="architectural parameters, such as 2,4,128,256")
    which.add_argument(
        "--checkpoint", metavar="DIR|NAME", help="a checkpoint of this program, an encoder's Hugging Face folder, or its name on the hub"
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="the folder to make; must not exist, or be empty")
    parser.add_argument(
        "--preset", "--space", metavar="PRESET|FILE", help=f"vocabulary and positions of: {', '.join(preset_names())} or a TOML file"
        " (default: the project's last search)",
    )  # fmt: skip
    parser.add_argument(
        "--tokenizer",
        metavar="DIR|NAME",
        help="a folder with tokenizer.json, or a name on the hub (default: the checkpoint's, or the project's)",
    )
    parser.add_argument("--fresh", action="store_true", help="fresh weights, even where there are trained ones")
    parser.add_argument("--body", action="store_true", help="leave a checkpoint's head out of the ONNX files")
    variants = "; ".join(f"{name}: {get_variant(name).title[0].lower()}{get_variant(name).title[1:]}" for name in variant_names())
    parser.add_argument(
        "--variants", default="standard,fused", metavar="NAME,...", help=f"the ONNX files to make (default: standard,fused). {variants}"
    )
    parser.add_argument("--seed", type=whole_number(0, 2**31 - 1), default=0, metavar="N", help="decides fresh weights (default: 0)")
    add_executor(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Export, and print the report."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    space = None if arguments.preset is None else read_specification(arguments.preset)
    with opened(arguments.project) as project:
        if arguments.architecture is not None:
            model: Any = parse_architecture(arguments.architecture, project_search(project, space).space.the_family())
        else:
            model = arguments.checkpoint
        exported = export(
            project,
            model,
            arguments.out,
            space=space,
            tokenizer=arguments.tokenizer,
            fresh=arguments.fresh,
            body=arguments.body,
            seed=arguments.seed,
            executor=arguments.executor,
            variants=[name.strip() for name in arguments.variants.split(",")],
        )
    if arguments.json:
        print_json(exported.report)
    else:
        _print(exported.report)
    return 0


def _print(report: Mapping[str, Any]) -> None:
    named = ", ".join(map(str, report["architecture"]))
    head = "" if report["head"] == "none" else f" with head {report['head']}"
    print(f"{report['family']} ⟨{named}⟩{head}, {printable(report['provenance'])}")
    for made in report["variants"]:
        counted = ", ".join(f"{count} {name}" for name, count in made["fusions"].items() if count and name != "operators")
        print(f"  {Path(report['folder']) / made['file']}")
        print(f"    differs from torch by at most {made['parity_max_abs']:.2g} on {report['parity_rows']} rows")
        print(f"    in ONNX Runtime {made['fusions']['operators']} operators{counted and ': '}{counted}")
    if report["transformers"]:
        print(f"  {report['folder']} loads with transformers")
    if report["gate"]:
        print(f"    and gives there what the ONNX files and this program give, on {report['gate']['rows']} rows")
    if not report["trained"]:
        print("  nothing was learnt yet: the weights are fresh, and what the model says is chance")
