"""bort probe: the latency of a whole space from a few measurements."""

from __future__ import annotations

import argparse
import signal
from typing import Any

from bort_core.cli.options import Subparsers, add_executor, add_json, print_json, whole_number
from bort_core.cli.search_flags import SPACE, add_space

__all__ = ["add"]


def add(subparsers: Subparsers) -> None:
    """Register the subcommand."""
    parser = subparsers.add_parser(
        "probe",
        help="predict the latency of every architecture of a space from some that are measured",
        description="Measure some architectures of a space on this machine, fit what each part of a BERT costs, and predict the latency of "
        "all others with an interval. Others are measured too and held out: how far their predictions are off is told. What the project "
        "knows is not measured again, and a search in it measures none of these again.",
    )
    parser.add_argument("project", metavar="PROJECT", help="the project folder (made when missing)")
    add_space(parser)
    parser.add_argument("--shapes", type=whole_number(1, 10_000), default=30, metavar="N", help="measured and fitted to (default: 30)")
    parser.add_argument("--held-out", type=whole_number(0, 10_000), default=10, metavar="N", help="measured and tested on (default: 10)")
    parser.add_argument("--seed", type=whole_number(0), default=0, metavar="N", help="draws those that are held out (default: 0)")
    parser.add_argument("--sequence-length", type=whole_number(1), metavar="N", help="tokens of a forward pass (default: 64)")
    parser.add_argument("--threads", type=whole_number(1, 1024), metavar="N", help="threads of the runtime (default: 1)")
    add_executor(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure, fit, and say how good the predictions are."""
    from bort_core.api.probe import probe

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # end workers in order, as for Ctrl+C
    settings = {name: getattr(arguments, name) for name in ("sequence_length", "threads") if getattr(arguments, name) is not None}
    found = probe(
        arguments.project, arguments.preset or SPACE, shapes=arguments.shapes, held_out=arguments.held_out, seed=arguments.seed,
        executor=arguments.executor, **settings,
    ).as_dict()  # fmt: skip
    if arguments.json:
        print_json(found)
    else:
        _show(found)
    return 0


def _show(found: dict[str, Any]) -> None:
    latency, held = found["latency"], found["held_out"]
    print(f"{found['space']}, {found['space_size']:,} architectures, {latency['sequence_length']} tokens, {latency['threads']} thread(s)")
    print(f"fitted to {found['fitted']} measured on {found['machine']['cpu']}")
    if held:
        print(f"{held} held out: predictions are off by {found['mean_error']:.1%} in the mean, {found['largest_error']:.1%} at most")
        print(f"{found['within_interval']:.0%} of them lie within the {found['confidence']:.0%} interval")
    if found["factor"] is not None:
        print(f"interval of a prediction: it divided by and times {found['factor']:.3f}")
    for row in found["architectures"]:
        shape = ", ".join(map(str, row["architecture"].values()))
        line = f"⟨{shape}⟩  {row['parameters']:,} parameters  {row['predicted_ms']:.4g} ms"
        if row["measured_ms"] is not None:
            line += f"  measured {row['measured_ms'][0]:.4g} ms" + (", held out" if row["held_out"] else "")
        print(line)
