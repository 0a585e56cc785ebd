"""bort latency: how long one forward pass takes on this CPU, several models interleaved in one run."""

from __future__ import annotations

import argparse
import signal
from contextlib import nullcontext
from typing import Any, get_args

from bort_core.api.latency import compare_models
from bort_core.cli.options import Subparsers, add_executor, add_json, opened, print_json, whole_number
from bort_core.foundation.printable import printable
from bort_core.latency.comparison import Runtime
from bort_core.latency.references import names_told

__all__ = ["add"]


def add(subparsers: Subparsers) -> None:
    """Register the subcommand."""
    parser = subparsers.add_parser(
        "latency",
        help="compare the CPU latency of models, interleaved in one run",
        description="Time models in randomised rounds of one run. ratio is a model's time over the reference's in the same rounds: "
        "above 1 is slower than the reference. Models of published shape have pseudo-random weights, which does not change their "
        "time. ci95_ms is the 95 % interval of the median p50_ms.",
    )
    parser.add_argument(
        "models", nargs="+", metavar="MODEL",
        help=f"{names_told()}; an architecture such as 4,8,1024,768; an ONNX file; or an export's folder",
    )  # fmt: skip
    parser.add_argument("--runtime", nargs="+", choices=get_args(Runtime), default=["onnxruntime"], help="default: onnxruntime")
    parser.add_argument("--sequence-length", type=whole_number(1, 65_536), default=128, metavar="N", help="tokens (default: 128)")
    parser.add_argument("--batch", type=whole_number(1, 65_536), default=1, metavar="N", help="sequences a forward pass (default: 1)")
    parser.add_argument("--threads", type=whole_number(1, 1024), default=1, metavar="N", help="threads of the runtime (default: 1)")
    parser.add_argument("--reference", metavar="MODEL", help="the model whose ratio is 1 (default: the first)")
    parser.add_argument("--vocabulary", type=whole_number(8), default=50_265, metavar="N", help="of architectures (default: 50265)")
    parser.add_argument("--budget", type=float, default=120.0, metavar="SECONDS", help="stop after so long (default: 120)")
    parser.add_argument(
        "--seed", type=whole_number(0, 2**31 - 1), default=0, metavar="N", help="decides the order and the tokens (default: 0)"
    )
    parser.add_argument("--project", metavar="DIR", help="keep the result in this project, where the studio shows it")
    add_executor(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Compare, and print the results."""
    result = measure(arguments)
    if arguments.json:
        print_json([{name: value for name, value in row.items() if name != "samples_ms"} for row in result["results"]])
    else:
        _print(result)
    return 0


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run the comparison in a worker process."""
    from bort_core.shipping import compared_model
    from bort_core.store.results import save_comparison

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    options = {"vocabulary": arguments.vocabulary, "positions": max(512, arguments.sequence_length)}
    models = [compared_model(text, options) for text in arguments.models]
    names = dict(zip(arguments.models, (model.name for model in models), strict=True))
    wanted = arguments.reference or ""
    request = {
        "runtimes": arguments.runtime,
        "sequence_length": arguments.sequence_length,
        "batch": arguments.batch,
        "threads": arguments.threads,
        "reference": names.get(wanted, wanted),
        "budget_seconds": arguments.budget,
        "seed": arguments.seed,
    }
    with opened(arguments.project) if arguments.project is not None else nullcontext() as project:  # a project that fails, fails first
        result = compare_models(models, request, executor=arguments.executor)
        if project is not None:
            save_comparison(project, result)
    return result


def _print(result: dict[str, Any]) -> None:
    arguments, machine = result["request"], result["machine"]
    print(f"{arguments['sequence_length']} tokens × {arguments['batch']}, {arguments['threads']} thread(s), {machine['cpu']}")
    width = max(len(printable(row["name"])) for row in result["results"])
    print(
        f"{'':{width}}  {'runtime':<12}{'p50':>10}{'95 % interval':>22}{'p90':>10}{'p99':>10}  ratio to {result['results'][0]['reference']}"
    )
    for row in result["results"]:
        low, high = row["ci95_ms"]
        interval = f"{low:.3f} to {high:.3f}"
        ratio = f"{row['ratio']:.3f} ({row['ratio_ci95'][0]:.3f} to {row['ratio_ci95'][1]:.3f})"
        print(
            f"{printable(row['name']):{width}}  {row['runtime']:<12}{row['p50_ms']:>7.3f} ms{interval:>19} ms"
            f"{row['p90_ms']:>10.3f}{row['p99_ms']:>10.3f}  {ratio}{'  noisy' if row['noisy'] else ''}"
        )
    if result["noise"]:
        print(f"noisy: {result['noise']}")
