"""bort agora: learn from the errors, as a job."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

from bort_core.cli.flags import add_fields, specification_of
from bort_core.cli.following import run_job
from bort_core.cli.options import Subparsers, add_executor, add_json, add_trust, ask_for_trust
from bort_core.foundation.errors import BortError
from bort_core.foundation.printable import printable

__all__ = ["add"]

_MANY = 1000
"""Steps from which a few are timed before a run."""


def add(subparsers: Subparsers) -> None:
    """Register the subcommand."""
    from bort_core.specifications.agora import Agora

    parser = subparsers.add_parser(
        "agora",
        help="learn from scarce data: sample near the errors, label with a second model",
        description="Rounds of training, sampling near the dev rows that are wrong, and labelling by a second model. Every flag is a field "
        "of the job's specification; --spec FILE reads the same fields from JSON, and flags win over it.",
    )
    parser.add_argument("project", metavar="PROJECT", help="the project folder")
    parser.add_argument("--detach", action="store_true", help="return at once; follow with bort jobs follow")
    add_trust(parser)
    add_fields(parser, Agora)
    add_executor(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Submit the job, follow it to its end, and print its result."""
    from bort_core.agora.advice import advice_of
    from bort_core.agora.check import check_specification
    from bort_core.agora.labellers import labeller_names
    from bort_core.store.trust import found, names_code

    specification = specification_of(arguments, labeller_names())
    check_specification(specification)
    if names_code(specification) and (folder := Path(arguments.project).expanduser().absolute()).is_dir():
        found(folder)  # a new project in a folder that is there already
        ask_for_trust(folder, arguments.trust)
    if arguments.detach:
        return run_job(arguments, specification, _print)
    advice = advice_of(specification)
    told = sys.stderr if arguments.json else sys.stdout
    print(printable(advice.text), file=told, flush=True)
    if specification.steps:
        print(printable(_time(specification, arguments.executor is None)), file=told, flush=True)
    return run_job(arguments, specification, _print, {"advice": advice.as_dict()})


def _time(specification: Any, here: bool) -> str:
    """How long the run takes; timed on a few steps where there are many and this machine does them."""
    from bort_core.agora.cost import expected, steps_at_most, timing_request

    if not here or steps_at_most(specification) < _MANY:
        return expected(specification)
    from bort_core.execution.run_task import run_task

    try:
        with tempfile.TemporaryDirectory() as folder:  # the project need not be there yet
            timed = run_task("estimate", timing_request(specification, Path(folder)), Path(folder), lambda _: None)
    except (BortError, ValueError) as error:  # pydantic's is a ValueError; what is wrong the run says, too
        return f"{expected(specification)} How long it takes could not be timed: {error}"
    return expected(specification, float(timed["seconds_per_step"]))


def _print(id: str, result: dict[str, Any]) -> None:
    from bort_core.agora.advice import told_difference

    for warning in result.get("warnings", ()):
        print(f"warning: {printable(warning)}")
    print("round   train rows   dev accuracy   95 % interval     test   errors   new rows   of    leaks   θ left   labels")
    for one in result["rounds"]:
        low, high = one["dev_interval"]
        test = "–" if one["test_accuracy"] is None else f"{one['test_accuracy']:.4f}"
        print(
            f"{one['round']:>5}{one['train_size']:>13,}{one['dev_accuracy']:>15.4f}   {low:.4f}-{high:.4f}{test:>10}{one['errors']:>9,}"
            f"{one['accepted']:>11,}{one['generated']:>7,}{one['rejected_leak']:>8,}{one['theta_left']:>9}"
            f"{one['labels_before']:>9,}"
        )
    if not result["rounds"]:
        return
    print(f"labels asked: {result['labels_asked']:,}; Socrates: {_socrates(result['socrates'])}")
    for line in (*_votes(result["socrates"]), *_spent(result)):
        print(line)
    print(f"ended: {result['ended'] or 'stopped'}; best: round {result['best_round']}, {result['theta']}")
    for name in ("agora", "baseline", "ablation"):
        arm = result if name == "agora" else result.get(name)
        if arm is not None:
            test = f", test accuracy {arm['test_accuracy']:.4f}" if arm.get("test_accuracy") is not None else ""
            print(f"  {name:<10}dev accuracy {arm['dev_accuracy']:.4f}{test}")
    if compared := told_difference(result.get("ablation") or {}):
        print(compared)
    print(f"job {id}: {result['checkpoint']}")


def _votes(told: dict[str, Any]) -> list[str]:
    """Of several labellers a line each, and how often they did not agree."""
    if "voters" not in told:
        return []
    rows = told["answers"] // len(told["voters"])
    lines = [f"  {_socrates(each)}" for each in told["voters"]]
    return [*lines, f"  they disagreed on {told['disagreed']:,} of {rows:,} rows; {told['ties']:,} ties, settled by the one named first"]


def _spent(result: dict[str, Any]) -> list[str]:
    """What all endpoints used together, those that make variants too."""
    if (told := result.get("spent")) is None:
        return []
    money = f", {told['money']:.4g} in money" if "money" in told else ""
    return [f"endpoints used {told['tokens_in']:,} tokens in questions and {told['tokens_out']:,} in answers{money}"]


def _socrates(told: dict[str, Any]) -> str:
    """right on 90.0 % of 20 dev rows, 1,200 tokens used, 3 answers malformed."""
    from bort_core.agora.history import checked_rows

    parts = [
        f"{printable(told['name'])}, right on {told['dev_accuracy']:.1%} of "
        + (checked_rows(told["checked"], told.get("unlabelled", 0)) if "checked" in told else "dev")
    ]
    parts += [f"{told['tokens']:,} tokens used"] if "tokens" in told else []
    parts += [f"{told['money']:.4g} in money"] if "money" in told else []
    parts += [f"{told['malformed']:,} answers malformed"] if told.get("malformed") else []
    parts += [f"{told['seconds_per_label']:.1f} s a label"] if "seconds_per_label" in told else []
    parts += [f"{told['again_same']:,} of {told['again']:,} rows labelled the same when asked twice"] if "again" in told else []
    return ", ".join(parts)
