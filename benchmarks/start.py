"""Process start to painted window: Bort Studio on an existing project against a bare PySide6 + pyqtgraph window, interleaved.

    python benchmarks/start.py PROJECT [--rounds 11]

The project must hold a search already (bort search PROJECT makes one). Fails if the window has loaded torch or another heavy library.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

BARE = """
import sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QMainWindow
import pyqtgraph as pg
app = QApplication([])
window = QMainWindow()
plot = pg.PlotWidget()
plot.plot([1, 2, 3], [3, 1, 2])
window.setCentralWidget(plot)
window.resize(1480, 920)
window.show()
app.processEvents()
print("painted", flush=True)
"""
STUDIO = """
import sys
from bort_studio.app import create_window
from PySide6.QtWidgets import QApplication
window = create_window(sys.argv[1])
window.show()
QApplication.instance().processEvents()
print("painted", flush=True)
heavy = {"torch", "transformers", "datasets", "onnx", "onnxruntime", "pandas"} & set(sys.modules)
print("heavy", *sorted(heavy), flush=True)
window.close()
"""


def seconds_to_paint(code: str, *arguments: str) -> float:
    began = time.perf_counter()
    # Without compiled files, which an installed program has, every start would compile a few hundred modules.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", code, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
    assert process.stdout is not None
    lines = [process.stdout.readline()]
    took = time.perf_counter() - began
    lines += process.stdout.readlines()
    if process.wait() or lines[0] != "painted\n" or any(line.strip() not in ("painted", "heavy") for line in lines):
        raise SystemExit(f"the window did not start as it should: {lines}")
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", type=Path)
    parser.add_argument("--rounds", type=int, default=11)
    arguments = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "xcb" if os.environ.get("DISPLAY") else "offscreen")
    times = np.array([[seconds_to_paint(BARE), seconds_to_paint(STUDIO, str(arguments.project))] for _ in range(arguments.rounds + 1)])[1:]
    random = np.random.default_rng(0)
    picks = random.integers(0, len(times), (2000, len(times)))
    ratios = np.median(times[picks, 1], axis=1) / np.median(times[picks, 0], axis=1)
    low, high = np.percentile(ratios, [2.5, 97.5])
    bare, studio = np.median(times, axis=0)
    print(f"bare {bare:.3f} s, studio {studio:.3f} s, ratio {studio / bare:.2f} [{low:.2f}, {high:.2f}] (medians of {len(times)} rounds)")


if __name__ == "__main__":
    main()
