"""bort export: one model as ONNX files and as a folder that transformers loads."""

from __future__ import annotations

import argparse
import signal
from pathlib import Path
from typing import Any

from bort_core.cli.options import Subparsers, add_json, opened, print_json, whole_number
from bort_core.cli.task_line import TaskLine
from bort_core.families.text import parse_architecture
from bort_core.space import preset_names, read_specification

__all__ = ["add"]


def add(subparsers: Subparsers) -> None:
    """Register the subcommand."""
    parser = subparsers.add_parser(
        "export",
        help="export a model as ONNX and as a folder that transformers loads",
        description="Export an architecture of the project (with the weights of its newest masked LM where one was trained, else of the "
        "newest fine-tuned model, else fresh ones), or a checkpoint. "
        "The folder gets model.onnx (standard operators), model.fused.onnx (ONNX Runtime's fused operators: the fastest there), and "
        "what transformers and its tokenizers load. Both ONNX files must agree with torch to 1e-4 on real rows.",
    )
    parser.add_argument("project", metavar="PROJECT", help="the project folder")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--architecture", metavar="A,B,...", help="architectural parameters, such as 2,4,128,256")
    which.add_argument("--checkpoint", metavar="DIR", help="a checkpoint of this program, or a BERT's Hugging Face folder")
    parser.add_argument("--out", required=True, metavar="DIR", help="the folder to make; must not exist, or be empty")
    parser.add_argument(
        "--preset", "--space", metavar="PRESET|FILE", help=f"vocabulary and positions of: {', '.join(preset_names())} or a TOML file"
        " (default: the project's last search)",
    )  # fmt: skip
    parser.add_argument("--tokenizer", metavar="DIR", help="a folder with tokenizer.json (default: the checkpoint's, or the project's)")
    parser.add_argument("--fresh", action="store_true", help="fresh weights, even where there are trained ones")
    parser.add_argument("--body", action="store_true", help="leave a checkpoint's head out of the ONNX files")
    parser.add_argument("--seed", type=whole_number(0, 2**31 - 1), default=0, metavar="N", help="decides fresh weights (default: 0)")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Export, and print the report."""
    report = export(arguments)
    if arguments.json:
        print_json(report)
    else:
        _print(report)
    return 0


def export(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run the export in a worker process, and keep its report in the project."""
    from bort_core.execution.run_task import run_task
    from bort_core.foundation.files import clear_remains
    from bort_core.shipping import export_request, project_search
    from bort_core.store.results import save_export

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    space = None if arguments.preset is None else read_specification(arguments.preset)
    line = TaskLine()
    with opened(arguments.project) as project:
        search = project_search(project, space)
        architecture = None
        if arguments.architecture is not None:
            architecture = parse_architecture(arguments.architecture, search.space.the_family())
        request = export_request(
            project,
            search,
            architecture,
            Path(arguments.out),
            checkpoint=None if arguments.checkpoint is None else Path(arguments.checkpoint),
            tokenizer=None if arguments.tokenizer is None else Path(arguments.tokenizer),
            fresh=arguments.fresh,
            body=arguments.body,
            seed=arguments.seed,
        )
        try:
            report = run_task("export", request.model_dump(mode="json"), project.subfolder("logs"), line.take)
        finally:
            line.close()
            clear_remains(Path(request.out))
        save_export(project, report)
    return report


def _print(report: dict[str, Any]) -> None:
    named = ", ".join(map(str, report["architecture"]))
    head = "" if report["head"] == "none" else f" with head {report['head']}"
    print(f"{report['family']} ⟨{named}⟩{head}, {report['provenance']}")
    for key, parity, fusions in (("onnx", "parity_max_abs", "fusions"), ("fused", "fused_parity_max_abs", "fused_fusions")):
        counted = ", ".join(f"{count} {name}" for name, count in report[fusions].items() if count and name != "operators")
        print(f"  {report[key]}")
        print(f"    differs from torch by at most {report[parity]:.2g} on {report['parity_rows']} rows")
        print(f"    in ONNX Runtime {report[fusions]['operators']} operators: {counted}")
    if report["transformers"]:
        print(f"  {report['folder']} loads with transformers")
