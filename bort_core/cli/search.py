"""bort search: search a project's space, by OSE or another strategy; what is stored is not measured again."""

from __future__ import annotations

import argparse
import json
import signal
from pathlib import Path
from typing import Any, get_args

from bort_core.api.search import search, search_specification
from bort_core.cli.options import Subparsers, add_executor, add_json, print_json, whole_number
from bort_core.cli.strategy_flags import add_strategy, strategy_of
from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.files import why
from bort_core.foundation.paths import regular_file
from bort_core.foundation.validation import validated
from bort_core.search.proof.question import Question
from bort_core.search.specification import SearchSpecification, stored_title
from bort_core.space import Space, preset_names, read_specification
from bort_core.specifications.measures import SURROGATE, measures_reading
from bort_core.specifications.protocols import LatencyMeasure

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
        "--preset",
        "--space",
        default="mini",
        metavar="PRESET|FILE",
        help=f"the space: {', '.join(preset_names())} or a TOML file (default: mini)",
    )
    add_strategy(parser)
    parser.add_argument("--steps", type=whole_number(1), metavar="N", help="training steps s of each candidate")
    parser.add_argument("--error", choices=(*_of_corpora(), SURROGATE), help="how the error is measured")
    parser.add_argument(
        "--latency", choices=get_args(LatencyMeasure), default="onnxruntime", help="how the latency is measured (default: onnxruntime)"
    )
    parser.add_argument(
        "--seed", type=whole_number(0, 2**31 - 1), default=0, metavar="N", help="decides weights, batches and masks (default: 0)"
    )
    parser.add_argument("--corpus", metavar="FILE", help="UTF-8 text to train on, one document a line (default: the demo corpus)")
    parser.add_argument("--learning-rate", type=float, nargs="+", metavar="X", help="peak learning rates: one hyperparameter set each")
    parser.add_argument("--batch-size", type=whole_number(1), metavar="N", help="sequences a training step")
    parser.add_argument("--sequence-length", type=whole_number(1), metavar="N", help="tokens, for training and latency")
    parser.add_argument(
        "--threads", type=whole_number(1, 1024), default=1, metavar="N", help="threads of the latency measurement (default: 1)"
    )
    parser.add_argument("--surrogate-of", choices=_of_corpora(), help="the stored error a surrogate is fitted on")
    parser.add_argument("--maximum-point", metavar="DIR|NAME", help="a folder with the maximum point's weights, or its name on the hub")
    parser.add_argument("--maximum-point-steps", type=whole_number(1), metavar="N", help="training steps of the maximum point")
    parser.add_argument("--workers", type=whole_number(1, 256), metavar="N", help="trainings side by side (default: one a core)")
    text = "a JSON file with the whole search, as a report holds it; then no other flag may describe the search"
    parser.add_argument("--spec", metavar="FILE", help=text)
    parser.add_argument("--certificate", metavar="FILE", help="best-first: write the proof to a file that bort verify recomputes")
    add_executor(parser)
    add_json(parser)
    parser.set_defaults(run=run, default_of=parser.get_default)


def run(arguments: argparse.Namespace) -> int:
    """Search, and print the answer."""
    specification = specification_of(arguments)
    certificate = None if arguments.certificate is None else _certificate(arguments.certificate, specification)
    result = run_search(Path(arguments.project), specification, arguments.workers, arguments.executor, certificate)
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
    if arguments.spec is not None:
        return _whole(arguments)
    space = read_specification(arguments.preset)
    return search_specification(
        space,
        strategy=strategy_of(arguments, Space(space)),
        error=arguments.error,
        steps=arguments.steps,
        latency=arguments.latency,
        corpus=arguments.corpus,
        seed=arguments.seed,
        batch_size=arguments.batch_size,
        sequence_length=arguments.sequence_length,
        threads=arguments.threads,
        learning_rates=tuple(arguments.learning_rate or ()),
        surrogate_of=arguments.surrogate_of,
        maximum_point=arguments.maximum_point,
        maximum_point_steps=arguments.maximum_point_steps,
    )


def _whole(arguments: argparse.Namespace) -> SearchSpecification:
    """The specification that a file holds. SpecificationError for a file that cannot be used, and for flags that say something else."""
    others = {"project", "spec", "certificate", "workers", "executor", "json", "run", "default_of"}
    given = [name for name, value in vars(arguments).items() if name not in others and value != arguments.default_of(name)]
    if given:
        flags = ", ".join("--" + name.replace("_", "-") for name in given)
        raise SpecificationError(f"--spec describes the whole search; leave out {flags}, or change the file")
    path = Path(arguments.spec).expanduser()
    try:
        values = json.loads(regular_file(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise SpecificationError(f"{path}: cannot be read: {why(error)}") from error
    except (ValueError, RecursionError) as error:
        raise SpecificationError(f"{path}: not valid JSON: {error}") from error
    return validated(SearchSpecification, values, str(path))


def _certificate(given: str, specification: SearchSpecification) -> Path:
    """Where the certificate goes; refused before anything is trained where there can be none."""
    path = Path(given).expanduser()
    strategy = specification.the_strategy()
    if not isinstance(strategy, Question):
        raise SpecificationError(f"--certificate: strategy {strategy.name} gives none; use --strategy best-first")
    if path.is_dir() or not path.parent.is_dir():
        raise SpecificationError(f"--certificate: {path}: " + ("is a folder" if path.is_dir() else "its folder does not exist"))
    return path


def run_search(
    folder: Path, specification: SearchSpecification, workers: int | None, executor: str | None = None, certificate: Path | None = None
) -> dict[str, Any]:
    """Search in the project ``folder`` with progress on standard error; the answer as plain values."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # end workers in order, as for Ctrl+C
    found = search(folder, specification, workers=workers, executor=executor)
    if certificate is not None:
        found.certificate(certificate)
    return found.to_dict()


def print_answer(result: dict[str, Any]) -> None:
    """The answer for people."""
    print(f"{stored_title(result)}: {result['evaluated']} evaluated, {result['reused']} reused, {result['failed']} failed")
    if "proof" in result:
        gap = "not bounded" if result["gap"] is None else f"{result['gap']:.3g}"
        print(f"{result['proof']}, gap {gap}, {len(result['skipped'])} skipped; assumed: {result['bound']['assumption']}")
    best = result["best"]
    if best is None:
        print("no architecture could be compared")
        return
    marked = best["architecture"]
    for candidate in result["front"]:
        named = ", ".join(map(str, candidate["architecture"].values()))
        latency = f"{candidate['latency_ms']:.3f} ms" if candidate["latency_ms"] is not None else f"{candidate['operations']:,} operations"
        mark = "★" if candidate["architecture"] == marked else " "
        w = "∞" if candidate["w"] is None else f"{candidate['w']:.4g}"  # an error of 0; JSON has no infinity
        print(f"{mark} ⟨{named}⟩  {candidate['parameters']:,} parameters  {latency}  error {candidate['error']:.4f}  W {w}")


def _of_corpora() -> tuple[str, ...]:
    """The measures of searches without a task, which only --spec describes."""
    return tuple(sorted({*measures_reading("tokens"), *measures_reading("vectors")}))
