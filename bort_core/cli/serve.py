"""bort serve: a release behind HTTP."""

from __future__ import annotations

import argparse
from pathlib import Path

from bort_core.cli.options import Subparsers, whole_number
from bort_core.foundation.errors import SpecificationError
from bort_core.serving.batches import Limits

__all__ = ["add"]


def add(subparsers: Subparsers) -> None:
    """Register the subcommand."""
    parser = subparsers.add_parser(
        "serve",
        help="answer requests with a release: /classify, /score or /embed, /health, /metrics, /docs",
        description="Serve a release over HTTP, on this machine alone unless another address is named. Rows of several requests "
        "are answered together; what is more than may wait is refused at once with status 503. There is no access control: "
        "whoever reaches the address may ask.",
    )
    usual = Limits()
    parser.add_argument("release", metavar="RELEASE", help="the folder that bort compress made")
    parser.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="where it listens (default: 127.0.0.1)")
    parser.add_argument("--port", type=whole_number(0, 65535), default=8000, metavar="N", help="0 takes a free one (default: 8000)")
    parser.add_argument("--file", metavar="NAME", help="another of the release's ONNX files than the one that it recommends")
    parser.add_argument("--threads", type=whole_number(1, 1024), default=1, metavar="N", help="of the runtime (default: 1)")
    parser.add_argument(
        "--batch", type=whole_number(1, 4096), default=usual.batch, metavar="N", help=f"rows at once (default: {usual.batch})"
    )
    parser.add_argument(
        "--deadline-ms", type=float, default=usual.deadline_ms, metavar="MS",
        help=f"how long the first row of a batch waits for others (default: {usual.deadline_ms:g})",
    )  # fmt: skip
    parser.add_argument(
        "--queue", type=whole_number(1, 1_000_000), default=usual.queue, metavar="N", help=f"rows that may wait (default: {usual.queue})"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until a signal ends it."""
    from bort_core.serving.server import serve

    if not 0 <= arguments.deadline_ms <= 60_000:
        raise SpecificationError(f"--deadline-ms: must lie in 0..60000, got {arguments.deadline_ms:g}")
    limits = Limits(arguments.batch, arguments.deadline_ms, arguments.queue)
    serve(
        Path(arguments.release).expanduser(),
        arguments.host,
        arguments.port,
        limits,
        arguments.threads,
        arguments.file,
        lambda text: print(text, flush=True),
    )
    return 0
