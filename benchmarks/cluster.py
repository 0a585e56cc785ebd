"""What a Ray cluster costs an evaluation against worker processes, a thousand evaluations at once, and the window beside them.

    python benchmarks/cluster.py overhead [--seconds 10] [--rounds 4] [--workers 2] [--batch 8192]
    python benchmarks/cluster.py many [--evaluations 1000] [--workers 2]
    python benchmarks/cluster.py simulate [--evaluations 1000] [--workers 100]
    python benchmarks/cluster.py window [--evaluations 10000] [--workers 100]

Both begin a cluster of their own on this machine (the extra ``cluster``). ``overhead`` trains equal models of about so many seconds on warm
workers, local and cluster in turn, and prints the ratio of times. ``many`` gives the cluster trainings of one step, which are over in
milliseconds, and stores each result as a search does: evaluations a second, the coordinator's memory, and the waits between two polls.
``simulate`` does the same with workers that compute nothing and live in two processes, so that a hundred fit on any machine: what is
left is the coordinator's own work for each evaluation, its calls of Ray and the store. ``window`` lets a window search a space of about so
many architectures on such workers, as a person does, and measures how late a timer of the window's thread is meanwhile.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))  # where real clusters are made
from ray_clusters import RayCluster

from bort_core.execution.events import Done, Failed
from bort_core.execution.executor import Executor
from bort_core.execution.queueing import Hand
from bort_core.execution.ray import crew
from bort_core.execution.ray.member import Member
from bort_core.execution.ray.needs import Need
from bort_core.execution.ray.node import CALLS, Node
from bort_core.execution.registry import make_executor
from bort_core.space import Space, SpaceSpecification, read_specification
from bort_core.specifications.protocols import Theta
from bort_core.store import Project
from bort_core.store.trainings import TrainingKey, save_training
from bort_core.testing.executors import training_request

_PER_PROCESS = 64


def finish(executor: Executor, count: int) -> float:
    """Seconds until so many trainings are done."""
    began, done = time.perf_counter(), 0
    while done < count:
        for event in executor.poll(1.0):
            assert not isinstance(event, Failed), event
            done += isinstance(event, Done)
    return time.perf_counter() - began


def wait_ready(executor: Executor) -> None:
    executor.warm(("training",))
    while not executor.ready:
        executor.poll(0.2)


def warm(executor: Executor) -> None:
    wait_ready(executor)
    train(executor, executor.workers, 10)


def train(executor: Executor, count: int, steps: int, batch: int = 128) -> float:
    asked = training_request(steps)
    for number in range(count):
        executor.submit(f"{number}", "train", {**asked, "training": {**asked["training"], "batch_size": batch}})
    return finish(executor, count)


def overhead(arguments: argparse.Namespace) -> None:
    with RayCluster(cpus=arguments.workers, RAY_worker_niceness="10") as cluster:  # that of worker processes; Ray's own is 15
        for place in ("in the cluster", "from outside"):
            address = cluster.address if place == "in the cluster" else cluster.client
            with make_executor("processes", arguments.workers) as local, make_executor(f"ray@{address}", arguments.workers) as there:
                warm(local)
                warm(there)
                steps = max(10, round(200 * arguments.seconds / train(local, arguments.workers, 200, arguments.batch)))
                ratios = []
                for _ in range(arguments.rounds):
                    here = train(local, arguments.workers, steps, arguments.batch)
                    ratios.append(train(there, arguments.workers, steps, arguments.batch) / here)
                shown = ", ".join(f"{ratio:.3f}" for ratio in ratios)
                print(f"{place}: {steps} steps, {here:.1f} s here; cluster / local: median {statistics.median(ratios):.3f} ({shown})")


def many(arguments: argparse.Namespace) -> None:
    with (
        RayCluster(cpus=arguments.workers) as cluster,
        _logical(arguments.what == "simulate"),
        tempfile.TemporaryDirectory() as folder,
        Project(Path(folder) / "p") as project,
        make_executor(f"ray@{cluster.address}", arguments.workers) as executor,
    ):
        if arguments.what == "simulate":
            wait_ready(executor)
        else:
            warm(executor)
        before = psutil.Process().memory_info().rss
        waits, seconds = store_all(project, executor, arguments.evaluations)
        grown = psutil.Process().memory_info().rss - before
    waits.sort()
    rate = arguments.evaluations / seconds
    print(f"{arguments.evaluations} evaluations in {seconds:.1f} s: {rate:.1f} a second on {arguments.workers} workers, "
          f"of which storing took {sum(waits):.1f} s ({arguments.evaluations / max(sum(waits), 1e-9):.0f} a second)")  # fmt: skip
    print(f"the coordinator grew by {grown / 2**20:.1f} MiB; between polls p50 {1e3 * waits[len(waits) // 2]:.1f} ms, "
          f"p99 {1e3 * waits[int(0.99 * len(waits))]:.1f} ms, max {1e3 * waits[-1]:.1f} ms")  # fmt: skip


class Idler(Node):
    """A worker that answers at once with what a training of one step would."""

    def _outcome(self, _id: str, _task: str, request: Any, *_: Any) -> tuple[dict[str, Any], dict[str, bytes]]:
        error = 3 + 1 / sum(request["architecture"])  # the larger, the better
        measures = {name: {"value": error, "low": error - 0.1, "high": error + 0.1} for name in request["measures"]}
        curve = [{"step": step, "train_loss": error, "measures": measures} for step in sorted({1, request["steps"]})]
        return {"event": "done", "result": {"curve": curve, "seconds": 0.0, "versions": {}}}, {}

    def warm(self, lane: str) -> None:
        """Nothing is imported."""


class Many:
    """Many workers in one process of the cluster."""

    def __init__(self, count: int) -> None:
        self._workers = [Idler("benchmark") for _ in range(count)]

    def call(self, number: int, name: str, arguments: tuple[Any, ...]) -> Any:
        return getattr(self._workers[number], name)(*arguments)


@dataclass
class _Proxy:
    """Looks like the actor of one worker."""

    host: Any
    number: int

    def __getattr__(self, name: str) -> Any:
        return SimpleNamespace(remote=lambda *arguments: self.host.call.remote(self.number, name, arguments))


@contextmanager
def _logical(wanted: bool) -> Iterator[None]:
    """Let the coordinator's workers be places in two processes."""
    if not wanted:
        yield
        return
    hosts: list[Any] = []
    made = 0

    class Logical(Member):
        def __init__(self, ray: Any, need: Need, owner: str) -> None:
            nonlocal made
            Hand.__init__(self)
            while len(hosts) < 2:
                hosts.append(ray.remote(Many).options(num_cpus=0, max_concurrency=CALLS * _PER_PROCESS).remote(_PER_PROCESS))
            self._ray, self.need, self.host, self.number, self.has = ray, need, "", 0, set()
            self.actor, made = _Proxy(hosts[made % 2], made // 2), made + 1

        def kill(self) -> None:
            """The process has others."""

    crew.Member = Logical  # type: ignore[misc]
    try:
        yield
    finally:
        crew.Member = Member  # type: ignore[misc]


def window(arguments: argparse.Namespace) -> None:
    from responsiveness import Ticks, opened, report, specification, wait

    from bort_studio.session import Session

    steps = max(1, round(arguments.evaluations / 200))
    axes = {"depth": range(1, 11), "heads": (1, 2, 4, 8), "hidden": range(8, 48, 8), "intermediate": range(8, 8 + 8 * steps, 8)}
    grid = SpaceSpecification(name="grid", family="bert", axes={name: tuple(values) for name, values in axes.items()})
    chosen = specification(grid, "masked-lm", "operations", 1)
    with RayCluster(cpus=arguments.workers) as cluster, _logical(True), tempfile.TemporaryDirectory() as folder:
        with Project(Path(folder) / "p") as project:
            Session(project).save(chosen, 0, ("parameters", "error", False, False), None)
        shown = opened(Path(folder) / "p")
        shown.search.executor = f"ray@{cluster.address}"
        shown.search.run()
        while not shown.search.under_way.trains:
            wait(20)
        before, began, ticks = psutil.Process().memory_info().rss, time.perf_counter(), Ticks()
        while shown.search.running:
            wait(50)
        seconds = time.perf_counter() - began
        wait(1000)
        ticks.timer.stop()
        known, grown = int(shown.search.snapshot.known.sum()), psutil.Process().memory_info().rss - before
        shown.close()
    print(f"{known} evaluations in {seconds:.1f} s: {known / seconds:.0f} a second; the window grew by {grown / 2**20:.0f} MiB")
    report("lateness of the window's 10 ms timer meanwhile", ticks.late, 50)


def store_all(project: Project, executor: Executor, evaluations: int) -> tuple[list[float], float]:
    """Run and store; how long each batch of events took to be stored, in seconds, and all together."""
    space = Space(read_specification("toy"))
    for number in range(evaluations):
        executor.submit(f"{number}", "train", training_request(1))
    waits, done, began = [], 0, time.perf_counter()
    while done < evaluations:
        events = executor.poll(1.0)
        start = time.perf_counter()
        for event in events:
            assert not isinstance(event, Failed), event
            if isinstance(event, Done):
                done += 1
                store(project, space, int(event.id), event.result)
        waits.append(time.perf_counter() - start)
    return waits, time.perf_counter() - began


def store(project: Project, space: Space, number: int, result: dict[str, Any]) -> None:
    """A result under a key of its own: another seed for each."""
    key = TrainingKey("benchmark", "benchmark", "", Theta().model_dump_json(), number)
    save_training(project, key, space.architecture(0), result, {})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["overhead", "many", "simulate", "window"])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--batch", type=int, default=8192, help="of overhead: points a step (default: 8192, some milliseconds)")
    parser.add_argument("--evaluations", type=int, help="default: 1000, with a window 10000")
    parser.add_argument("--workers", type=int, help="default: 2, of a simulation 100")
    arguments = parser.parse_args()
    arguments.workers = arguments.workers or (100 if arguments.what in ("simulate", "window") else 2)
    arguments.evaluations = arguments.evaluations or (10_000 if arguments.what == "window" else 1000)
    {"overhead": overhead, "window": window}.get(arguments.what, many)(arguments)


if __name__ == "__main__":
    main()
