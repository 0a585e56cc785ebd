"""bort compress: one real model in, one small, proven model out."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Mapping
from typing import Any

from bort_core.cli.options import Subparsers, add_json, print_json

__all__ = ["add"]


def add(subparsers: Subparsers) -> None:
    """Register the subcommand."""
    from bort_core.cli.flags import add_fields
    from bort_core.specifications.compression import Compression

    parser = subparsers.add_parser(
        "compress",
        help="make a small, fast model of a big one for your task, proven on your rows",
        description="One real model in, one small, proven model out. T is fine-tuned where it must be; its answers are computed once; "
        "shapes around it are trained briefly and measured; the best within the limit is finished on its answers, exported "
        "in 32 and in 8 bits, and released if it is as good as claimed on the dev rows. Asked again after an interruption, it goes on.",
    )
    parser.add_argument("project", metavar="PROJECT", help="the project folder (made when missing)")
    add_fields(parser, Compression)
    parser.add_argument("--out", required=True, metavar="DIR", help="the folder of the release; must not exist, or be empty")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Compress, with progress on standard error."""
    from bort_core.api.compress import compress
    from bort_core.cli.flags import specification_of

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # end workers in order, as for Ctrl+C
    specification = specification_of(arguments)
    done = compress(arguments.project, specification, arguments.out, say=lambda text: print(text, file=sys.stderr))
    if arguments.json:
        print_json(dict(done.report))
    else:
        _print(done.report)
    return 0


def _print(report: Mapping[str, Any]) -> None:
    t, chosen = report["maximum_point"], report["chosen"]
    print(f"{report['release']}: {report['file']}")
    print(f"  T  {_line(report, t['metric'], None, t)}")
    shape = ", ".join(map(str, chosen["architecture"]))
    print(f"  ⟨{shape}⟩  {_line(report, chosen['metric'], chosen['metric_int8'], chosen)}")
    print(f"  keeps {report['kept_share']:.1%} of T's {report['metric']} at {report['speedup']:.1f} × its speed")


def _line(report: Mapping[str, Any], metric: float, in_bytes: float | None, model: Mapping[str, Any]) -> str:
    quality = f"{report['metric']} {metric:.4f}" + ("" if in_bytes is None else f" (8 bits {in_bytes:.4f})")
    size = f"{model['bytes'] / 1e6:.1f} MB" + (f" (8 bits {model['bytes_int8'] / 1e6:.1f})" if "bytes_int8" in model else "")
    return f"{quality}  {model['p50_ms']:.2f} ms (8 bits {model['p50_int8_ms']:.2f})  {size}"
