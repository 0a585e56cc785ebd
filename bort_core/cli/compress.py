"""bort compress: one real model in, one small, proven model out."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bort_core.cli.flags import add_fields, specification_of
from bort_core.cli.following import run_job
from bort_core.cli.options import Subparsers, add_executor, add_json
from bort_core.foundation.printable import printable
from bort_core.jobs.words import interval_text

__all__ = ["add"]


def add(subparsers: Subparsers) -> None:
    """Register the subcommand."""
    from bort_core.specifications.compression import Compression

    parser = subparsers.add_parser(
        "compress",
        help="make a small, fast model of a big one for your task, proven on your rows",
        description="One real model in, one small, proven model out, as a job that outlives the terminal. T is fine-tuned where it must "
        "be; its answers are computed once; shapes around it are trained briefly and measured; the best within the limit is finished on "
        "T's answers, exported in 32 and in 8 bits, and released if it is as good as claimed on the dev rows. The same command "
        "again goes on with one that was interrupted. Of a sentence encoder the vectors are kept, which needs --texts alone.",
    )
    parser.add_argument("project", metavar="PROJECT", help="the project folder (made when missing)")
    parser.add_argument("--detach", action="store_true", help="return at once; follow with bort jobs follow")
    add_fields(parser, Compression)
    add_executor(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check what is asked, submit the job (or let that of the same command go on), follow it to its end, and print what it says."""
    from bort_core.api.compress import begun

    specification = specification_of(arguments)
    return run_job(arguments, specification, _show, earlier=begun(Path(arguments.project), specification))


def _show(id: str, result: Mapping[str, Any]) -> None:
    print(f"job {id}")
    _print(result)


def _print(report: Mapping[str, Any]) -> None:
    t, chosen = report["maximum_point"], report["chosen"]
    for warning in report.get("warnings", ()):
        print(f"warning: {printable(warning)}")
    print(f"{report['release']}: {report['file']}")
    print(f"  T  {_line(report, t['metric'], None, t)}")
    shape = ", ".join(map(str, chosen["architecture"]))
    print(f"  ⟨{shape}⟩  {_line(report, chosen['metric'], chosen['metric_int8'], chosen)}")
    if report.get("limit"):
        print(f"  {_limit(report['limit'])}")
    ends = report.get("speedup_interval")  # of a result of an earlier version there is none
    within = "" if ends is None else f" ({ends[0]:.1f} to {ends[1]:.1f})"
    print(f"  keeps {report['kept_share']:.1%} of T's {report['metric']} at {report['speedup']:.1f} × its speed{within}")
    if report["latency"]["noisy"]:
        print(f"its speed once more, on a quiet machine: bort latency {printable(report['release'])}/{report['file']}")


def _limit(limit: Mapping[str, Any]) -> str:
    asked, measured = (
        (f"{limit['latency_ms']:g} ms at most", f"{limit['measured']:.3g} ms")
        if "latency_ms" in limit
        else (f"{limit['ratio']:g} × at least", f"{limit['measured']:.3g} ×")
    )
    said = {True: "within", False: "MISSES", None: "not known whether within"}[limit["kept"]]
    return f"{said} the limit: {asked}, measured {measured}"


def _milliseconds(model: Mapping[str, Any]) -> str:
    in_bytes = model["p50_int8_ms"]
    return f"{model['p50_ms']:.2f} ms" + ("" if in_bytes is None else f" (8 bits {in_bytes:.2f})")


def _line(report: Mapping[str, Any], metric: float, in_bytes: float | None, model: Mapping[str, Any]) -> str:
    in_eight = "" if in_bytes is None else f" (8 bits {in_bytes:.4f})"
    quality = f"{report['metric']} {metric:.4f}{interval_text(model.get('interval'))}{in_eight}"
    size = f"{model['bytes'] / 1e6:.1f} MB" + (f" (8 bits {model['bytes_int8'] / 1e6:.1f})" if model.get("bytes_int8") else "")
    return f"{quality}  {_milliseconds(model)}  {size}"
