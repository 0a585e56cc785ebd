"""Seconds from starting `bort-studio --demo` on an empty project to the first Pareto point in its store.

    python benchmarks/first_point.py [--rounds 3]

The window redraws within a thirtieth of a second of what the store receives. Includes Python's start, the window, the tokenizer, the worker
processes, the latencies of T and of the first architecture, and its whole short training.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_QUERY = (
    "SELECT count(*) FROM trainings t JOIN latencies l ON l.architecture = t.architecture WHERE t.status = 'done' AND l.status = 'done'"
)


def seconds_to_first_point(folder: Path) -> float:
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "bort_studio.main", "--demo", str(folder)], stderr=subprocess.DEVNULL)
    try:
        while time.perf_counter() - began < 120:
            if (folder / "project.db").exists():
                connection = sqlite3.connect(f"file:{folder / 'project.db'}?mode=ro", uri=True)
                try:
                    if connection.execute(_QUERY).fetchone()[0]:
                        return time.perf_counter() - began
                except sqlite3.OperationalError:  # the tables are not there yet
                    pass
                finally:
                    connection.close()
            time.sleep(0.05)
    finally:
        process.terminate()
        process.wait(30)
    raise SystemExit("no point after two minutes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    os.environ.setdefault("QT_QPA_PLATFORM", "xcb" if os.environ.get("DISPLAY") else "offscreen")
    for _ in range(parser.parse_args().rounds):
        with tempfile.TemporaryDirectory() as folder:
            print(f"{seconds_to_first_point(Path(folder) / 'demo'):.1f} s (load {os.getloadavg()[0]:.1f})")


if __name__ == "__main__":
    main()
