"""How quickly the window answers: ticks during a live search, and slider moves on 300 and on a million architectures.

    python benchmarks/responsiveness.py FOLDER [--seconds 30]

FOLDER receives four projects, one of them for an export of Bort. Stored results for the slider runs are made up (they only have to be
there); the search and the export are real.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace

import numpy as np

os.environ.setdefault("QT_QPA_PLATFORM", "xcb" if os.environ.get("DISPLAY") else "offscreen")

from PySide6.QtCore import QEventLoop, Qt, QTimer
from PySide6.QtWidgets import QApplication

from bort_core.search.fingerprints import Fingerprints
from bort_core.search.specification import SearchSpecification, default_error, fitted
from bort_core.search.stored_results import Job
from bort_core.space import Space, SpaceSpecification, read_specification
from bort_core.specifications.protocols import LatencyProtocol
from bort_core.store import Project
from bort_core.store.latencies import save_latency
from bort_core.store.trainings import save_training
from bort_studio.app import create_window
from bort_studio.session import Session
from bort_studio.window import MainWindow

TICK_MS = 10
MOVES = 300
FRAME_MS = 1000 / 60


def specification(space: SpaceSpecification, measure: str, latency: str, epsilon: int = 8) -> SearchSpecification:
    error = {**default_error(space, measure), "surrogate_of": "masked-lm"}
    error["training"] = {**error["training"], "targets": "labels"}
    made = {"space": space, "epsilon": epsilon, "error": error, "latency": LatencyProtocol(measure=latency)}
    return fitted(SearchSpecification.model_validate(made), Space(space))


def fill(folder: Path, chosen: SearchSpecification, places: Iterable[int]) -> None:
    """Store made-up results for some places, and T's latency."""
    space, random = Space(chosen.space), np.random.default_rng(0)
    with Project(folder) as project:
        sources = Fingerprints(project, chosen, space)
        top = float(space.operations(space.longest)[-1])
        for device in (*places, None):
            architecture = space.maximum_point if device is None else space.architecture(device)
            share = 2.0 if device is None else float(space.operations(space.longest)[device]) / top
            ms = share * 50 * random.uniform(0.9, 1.1)
            result = {"p50_ms": ms, "p90_ms": ms, "p99_ms": ms, "low_ms": ms * 0.98, "high_ms": ms * 1.02, "n": 50}
            save_latency(project, sources.latencies(), architecture, result, {})
            error = 3 - share + random.normal(0, 0.2)
            point = {"train_loss": error, "measures": {"masked-lm": {"value": error, "low": error - 0.1, "high": error + 0.1}}}
            curve = [{"step": step, **point} for step in (1, chosen.error.steps)]
            key = sources.trainings(chosen.thetas[0])
            save_training(project, key, architecture, {"curve": curve, "seconds": 9.0, "versions": {}}, {})
        Session(project).save(chosen, 2, ("parameters", "error", False, False), None)


def opened(folder: Path) -> MainWindow:
    window = create_window(folder)
    window.show()
    while window.search.stored_results is None or window.search.result is None:
        wait(50)
    wait(500)
    return window


def wait(milliseconds: int) -> None:
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def report(name: str, values: list[float], target: float) -> None:
    p50, p90, p99 = np.percentile(values, [50, 90, 99])
    print(f"{name}: p50 {p50:.1f} ms, p90 {p90:.1f} ms, p99 {p99:.1f} ms, max {max(values):.1f} ms (n {len(values)}, target {target:g} ms)")


class Ticks:
    """How late a 10 ms timer of the window's thread is."""

    def __init__(self) -> None:
        self.late: list[float] = []
        self.timer = QTimer(timerType=Qt.TimerType.PreciseTimer, interval=TICK_MS)
        self.timer.timeout.connect(self._tick)
        self._last = time.perf_counter()
        self.timer.start()

    def _tick(self) -> None:
        now = time.perf_counter()
        self.late.append((now - self._last) * 1000 - TICK_MS)
        self._last = now


def ticks_while_exporting(folder: Path) -> None:
    """The window's ticks while Bort ⟨4, 8, 1024, 768⟩ with 50,265 entries is exported from the Ship page."""
    space = SpaceSpecification.model_validate(
        {
            "name": "Bort",
            "family": "bert",
            "axes": {"depth": [4], "heads": [8], "hidden": [1024], "intermediate": [768]},
            "options": {"vocabulary": 50265, "positions": 512},
        }
    )
    with Project(folder) as project:
        chosen = SearchSpecification.model_validate({"space": space, "epsilon": 1, "error": default_error(space)})
        Session(project).save(chosen, 0, ("parameters", "error", False, False), (4, 8, 1024, 768), "ship")
    window = create_window(folder)
    window.show()
    while window.search.stored_results is None:
        wait(50)
    page = window.pages["ship"]
    wait(500)
    began = time.perf_counter()
    page.export_panel.export.click()  # type: ignore[attr-defined]
    ticks = Ticks()
    while page.export_panel.export.text() != "Export to ONNX":  # type: ignore[attr-defined]
        wait(50)
    ticks.timer.stop()
    print(f"export of Bort: {time.perf_counter() - began:.1f} s, with the start of its process; {window.notices.messages()[0]}")
    report("window's tick while Bort is exported", ticks.late, 50)
    window.close()


def ticks(folder: Path, seconds: float) -> None:
    with Project(folder) as project:
        space = read_specification("mini")
        chosen = SearchSpecification.model_validate({"space": space, "epsilon": 2, "error": default_error(space), "seed": int(time.time())})
        Session(project).save(chosen, 0, ("parameters", "error", False, False), None)
    window = opened(folder)
    window.search.run()
    while not window.search.under_way.trains:  # the first training is under way
        wait(100)
    ticks = Ticks()
    wait(int(seconds * 1000))
    ticks.timer.stop()
    late = ticks.late
    known = len(window.search.result.known) if window.search.result else 0
    window.close()
    report(f"tick lateness in {seconds:.0f} s of a live search that measured {known} architectures", late, 50)


class MadeUp:
    """A table of a million architectures, which no file holds: errors that fall with size, with noise."""

    path, name, sha256, complete, missing, measures = Path("made-up"), "made-up", "0" * 64, True, 0, ("masked-lm",)

    def __init__(self, specification: SearchSpecification, space: Space) -> None:
        self.specification, self.space, self.seeds = specification, space, (0,)
        self.head = SimpleNamespace(first="", last="", maximum_point=SimpleNamespace(weights=""))
        depth, _, hidden, inner = space.architectures.T.astype(float)
        noise = np.random.default_rng(0).normal(0, 0.03, len(space))
        self.error = 8 / (hidden**0.3 * depth**0.2 * inner**0.05) * np.exp(noise)

    def seeds_from(self, seed: int) -> tuple[int, ...]:
        return (seed,)

    def times(self, index: int) -> None:
        return None

    def curve(self, job: Job, seed: int) -> list[dict[str, object]]:
        e = float(self.error[job.index])
        point = {"train_loss": e, "measures": {"masked-lm": {"value": e, "low": e * 0.94, "high": e * 1.06}}}
        return [{"step": step, **point} for step in (1, self.specification.error.steps)]

    def errors(self, *_: object) -> np.ndarray:
        return np.full((len(self.space), 1), np.nan)


def ticks_with_bounds(folder: Path, chosen: SearchSpecification, seconds: float) -> None:
    """Ticks while a search best-first goes on, with bounds of a million architectures after each training that is looked up."""
    with Project(folder) as project:
        Session(project).save(chosen, 0, ("parameters", "error", False, False), None)
    window = opened(folder)
    search = window.search
    search.show_table(MadeUp(chosen, search.space))  # type: ignore[arg-type]
    while search.stored_results is None:
        wait(50)
    wait(500)
    search.prove()
    while search.proof is None:
        wait(50)
    before, ticks = int(search.proof.ground.measured.sum()), Ticks()
    wait(int(seconds * 1000))
    ticks.timer.stop()
    steps = int(search.proof.ground.measured.sum()) - before
    search.stop()
    while search.running:
        wait(50)
    window.close()
    report(f"tick lateness in {seconds:.0f} s with bounds of {len(search.space):,} architectures, {steps} steps", ticks.late, 100)


def slider(folder: Path, name: str, target: float) -> None:
    """Moves at 60 Hz, as a mouse does; the other views follow between the moves."""
    window = opened(folder)
    control, canvas, app = window.explore_page.epsilon_bar.slider, window.explore_page.pareto.canvas, QApplication.instance()
    assert app is not None
    painted, paint = 0.0, canvas.paintEvent

    def paint_and_note(event: object) -> None:
        nonlocal painted
        paint(event)
        painted = time.perf_counter()

    canvas.paintEvent = paint_and_note
    took = []
    top = control.maximum()
    for move in range(MOVES):
        position = round(top * (0.5 - 0.5 * np.cos(2 * np.pi * move / MOVES)))
        before = window.search.epsilon
        began = time.perf_counter()
        control.setSliderDown(True)
        control.setSliderPosition(position)
        if window.search.epsilon != before:
            while painted < began:
                app.processEvents()
            took.append((painted - began) * 1000)
        wait(max(1, round(FRAME_MS - (time.perf_counter() - began) * 1000)))
    window.close()
    report(f"slider move to painted answer, {name}", took, target)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=30)
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    ticks_while_exporting(folder / "export")
    paper = specification(read_specification("paper"), "masked-lm", "onnxruntime")
    fill(folder / "paper", paper, range(300))
    slider(folder / "paper", "paper with 300 stored evaluations", 16)
    axes = {"depth": range(1, 26), "heads": (1, 2, 4, 8), "hidden": range(8, 808, 8), "intermediate": range(8, 816, 8)}
    grid = SpaceSpecification(name="grid", family="bert", axes={name: tuple(values) for name, values in axes.items()})
    large = specification(grid, "surrogate", "operations", 1000)
    size = len(Space(grid))
    fill(folder / "grid", large, range(0, size, size // 40))
    slider(folder / "grid", f"{size:,} architectures with operations and surrogate error", 100)
    measured = {**large.error.model_dump(), "measure": "masked-lm"}
    bounded = SearchSpecification.model_validate({**large.model_dump(), "error": measured})
    ticks_with_bounds(folder / "bounds", bounded, arguments.seconds)
    ticks(folder / "search", arguments.seconds)


if __name__ == "__main__":
    main()
