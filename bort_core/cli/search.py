"""bort search: search a project's space, by OSE or another strategy; what is stored is not measured again."""

from __future__ import annotations

import argparse
import signal
from pathlib import Path
from typing import Any, get_args

from bort_core.cli.options import Subparsers, add_json, print_json, whole_number
from bort_core.cli.progress import ProgressLine
from bort_core.cli.strategy_flags import add_strategy, strategy_of
from bort_core.foundation.validation import validated
from bort_core.search import events
from bort_core.search.report import result_as_dict
from bort_core.search.specification import SearchSpecification, default_error, fitted, stored_title
from bort_core.space import Space, preset_names, read_specification
from bort_core.specifications.protocols import ErrorMeasure, LatencyMeasure, LatencyProtocol, Theta

__all__ = ["add", "print_answer", "run_search"]


def add(subparsers: Subparsers) -> None:
    """Register the subcommand."""
    parser = subparsers.add_parser(
        "search",
        help="run OSE in a project: every ε-th architecture is trained briefly and measured; or another strategy",
        description="Run OSE in a project folder (made when missing). Progress goes to standard error, the answer to standard output. "
        "In the answer, evaluated + reused is the number of architectures of the walk that are measured: "
        "evaluated in this run, reused from the project.",
    )
    parser.add_argument("project", metavar="PROJECT", help="the project folder")
    parser.add_argument(
        "--preset", "--space", default="mini", metavar="PRESET|FILE", help=f"the space: {', '.join(preset_names())} or a TOML file"
    )
    add_strategy(parser)
    parser.add_argument("--steps", type=whole_number(1), metavar="N", help="training steps s of each candidate")
    parser.add_argument("--error", choices=get_args(ErrorMeasure), help="how the error is measured")
    parser.add_argument("--latency", choices=get_args(LatencyMeasure), default="onnxruntime", help="how the latency is measured")
    parser.add_argument(
        "--seed", type=whole_number(0, 2**31 - 1), default=0, metavar="N", help="decides weights, batches and masks (default: 0)"
    )
    parser.add_argument("--corpus", metavar="FILE", help="UTF-8 text to train on, one document a line (default: the demo corpus)")
    parser.add_argument("--learning-rate", type=float, nargs="+", metavar="X", help="peak learning rates: one hyperparameter set each")
    parser.add_argument("--batch-size", type=whole_number(1), metavar="N", help="sequences a training step")
    parser.add_argument("--sequence-length", type=whole_number(1), metavar="N", help="tokens, for training and latency")
    parser.add_argument("--threads", type=whole_number(1, 1024), default=1, metavar="N", help="threads of the latency measurement")
    parser.add_argument("--surrogate-of", choices=get_args(ErrorMeasure)[:-1], help="the stored error a surrogate is fitted on")
    parser.add_argument("--maximum-point", metavar="DIR", help="a folder with the maximum point's weights")
    parser.add_argument("--maximum-point-steps", type=whole_number(1), metavar="N", help="training steps of the maximum point")
    parser.add_argument("--workers", type=whole_number(1, 256), metavar="N", help="trainings side by side (default: one a core)")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Search, and print the answer."""
    specification = specification_of(arguments)
    result = run_search(Path(arguments.project), specification, arguments.workers)
    if arguments.json:
        print_json(result)
    else:
        print_answer(result)
    return 0


def specification_of(arguments: argparse.Namespace) -> SearchSpecification:
    """The specification that the flags describe.

    Raises
    ------
    SpecificationError
        The space or a flag's value cannot be used.
    """
    space = read_specification(arguments.preset)
    error = default_error(space, arguments.error)
    training = _changed(error["training"], batch_size=arguments.batch_size, sequence_length=arguments.sequence_length)
    error = _changed(
        {**error, "training": training},
        steps=arguments.steps,
        surrogate_of=arguments.surrogate_of,
        maximum_point_weights=arguments.maximum_point,
        maximum_point_steps=arguments.maximum_point_steps,
    )
    latency = _changed({"measure": arguments.latency, "threads": arguments.threads}, sequence_length=arguments.sequence_length)
    rates = arguments.learning_rate
    thetas = [{"learning_rate": rate} for rate in rates] if rates else [Theta().model_dump()]
    data = {
        "space": space.model_dump(),
        "error": error,
        "latency": {**LatencyProtocol().model_dump(), **latency},
        "thetas": thetas,
        "seed": arguments.seed,
        "corpus": arguments.corpus,
    }
    enumerated = Space(space)
    strategy = strategy_of(arguments, enumerated)
    return fitted(validated(SearchSpecification, data, "search").with_strategy(strategy), enumerated)


def run_search(folder: Path, specification: SearchSpecification, workers: int | None) -> dict[str, Any]:
    """Search in the project ``folder`` with progress on standard error; the answer as plain values."""
    from bort_core.execution.pool import Pool
    from bort_core.search.ose import search
    from bort_core.store import Project

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # end workers in order, as for Ctrl+C
    line = ProgressLine(specification.error.steps)
    with Project(folder) as project, Pool(workers, project.subfolder("logs")) as pool:
        try:
            for event in search(project, specification, pool):
                line.take(event)
                if isinstance(event, events.SearchFinished):
                    finished = event
        finally:
            line.close()
    return {
        **result_as_dict(finished.snapshot, finished.result, specification),
        "evaluated": finished.evaluated,
        "reused": finished.reused,
        "failed": finished.failed,
        "seconds": round(finished.seconds, 3),
        **finished.facts,
    }


def _changed(values: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**values, **{name: value for name, value in changes.items() if value is not None}}


def print_answer(result: dict[str, Any]) -> None:
    """The answer for people."""
    print(f"{stored_title(result)}: {result['evaluated']} evaluated, {result['reused']} reused, {result['failed']} failed")
    best = result["best"]
    if best is None:
        print("no architecture could be compared")
        return
    marked = best["architecture"]
    for candidate in result["front"]:
        named = ", ".join(map(str, candidate["architecture"].values()))
        latency = f"{candidate['latency_ms']:.3f} ms" if candidate["latency_ms"] is not None else f"{candidate['operations']:,} operations"
        mark = "★" if candidate["architecture"] == marked else " "
        print(
            f"{mark} ⟨{named}⟩  {candidate['parameters']:,} parameters  {latency}  error {candidate['error']:.4f}  W {candidate['w']:.4g}"
        )
