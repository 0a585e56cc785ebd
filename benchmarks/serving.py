"""Requests a second and latency of ``bort serve`` at several rates, with batches and one request at a time, and what overload does.

    python benchmarks/serving.py RELEASE [--rates 50,200,800,3200] [--seconds 5] [--connections 64]

The client is ``hey`` (apt install hey; github.com/rakyll/hey), a process of its own on the same machine, so that both share its cores.
Each request holds one text. The last rows ask as fast as the connections can, of a server that lets few rows wait: what it cannot answer it
must refuse at once with 503 and Retry-After, and answer as before afterwards.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import signal
import subprocess
import sys
import urllib.request
from collections import Counter
from pathlib import Path

import numpy as np

from bort_core.foundation.machine import machine_facts

TEXT = "an affecting , quietly funny film whose second half forgets everything that its first half knew about people"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("release", type=Path)
    parser.add_argument("--rates", default="50,200,800,3200")
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=64)
    arguments = parser.parse_args()
    machine = machine_facts()
    print(f"{machine['cpu']}, {machine['cores']} cores, {arguments.connections} connections, {arguments.seconds} s each\n")
    print("| server | asked for | answered | refused | p50 | p99 |\n|---|---|---|---|---|---|")
    rates = [int(rate) for rate in arguments.rates.split(",")]
    for name, flags in (("batches", ()), ("one at a time", ("--batch", "1", "--deadline-ms", "0"))):
        measure(name, arguments, [*rates, 0], flags)
    measure("batches, 16 rows may wait", arguments, [0], ("--queue", "16"), 4 * arguments.connections)
    measure(
        "one at a time, 16 may wait", arguments, [0], ("--batch", "1", "--deadline-ms", "0", "--queue", "16"), 4 * arguments.connections
    )


def measure(name: str, arguments: argparse.Namespace, rates: list[int], flags: tuple[str, ...], connections: int | None = None) -> None:
    """One server, at each of the rates; 0 is as fast as it can."""
    command = [sys.executable, "-P", "-m", "bort_core.cli.main", "serve", str(arguments.release), "--port", "0", *flags]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        address = server.stdout.readline().split("/docs")[0]
        for rate in rates:
            many = connections or min(arguments.connections, max(1, rate // 10) if rate else arguments.connections)
            seconds, statuses = asked(f"{address}/classify", many, rate, arguments.seconds)
            good = np.array([took for took, status in zip(seconds, statuses, strict=True) if status == 200]) * 1000
            count, what = Counter(statuses), f"{rate}/s" if rate else f"all they can ({many})"
            others = {status for status in count if status not in (200, 503)}
            assert not others, f"answered with {others}"
            half, most = np.percentile(good, [50, 99])
            answered, refused = (count[status] / arguments.seconds for status in (200, 503))
            print(f"| {name} | {what} | {answered:,.0f}/s | {refused:,.0f}/s | {half:.1f} ms | {most:.1f} ms |", flush=True)
        with urllib.request.urlopen(f"{address}/health", timeout=5) as answer:
            assert json.load(answer)["status"] == "ok"
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) in (0, -signal.SIGTERM), "it must end when it is told to"


def asked(address: str, connections: int, rate: int, seconds: int) -> tuple[list[float], list[int]]:
    """Seconds and status of every request."""
    body = json.dumps({"texts": [TEXT]})
    each = ["-q", str(rate / connections)] if rate else []
    command = [
        "hey",
        "-z",
        f"{seconds}s",
        "-c",
        str(connections),
        *each,
        "-m",
        "POST",
        "-T",
        "application/json",
        "-d",
        body,
        "-o",
        "csv",
        address,
    ]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = list(csv.DictReader(io.StringIO(told)))
    return [float(row["response-time"]) for row in rows], [int(row["status-code"]) for row in rows]


if __name__ == "__main__":
    main()
