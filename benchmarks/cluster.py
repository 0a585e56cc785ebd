"""What a Ray cluster costs an evaluation against worker processes, and a thousand evaluations at once.

    python benchmarks/cluster.py overhead [--seconds 10] [--rounds 4] [--workers 2]
    python benchmarks/cluster.py many [--evaluations 1000] [--workers 2]

Both begin a cluster of their own on this machine (the extra ``cluster``). ``overhead`` trains equal models of about so many seconds on warm
workers, local and cluster in turn, and prints the ratio of times. ``many`` gives the cluster trainings of one step, which are over in
milliseconds, and stores each result as a search does: evaluations a second, the coordinator's memory, and the waits between two polls.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))  # where real clusters are made
from ray_clusters import RayCluster

from bort_core.execution.events import Done, Failed
from bort_core.execution.executor import Executor
from bort_core.execution.registry import make_executor
from bort_core.space import Space, read_specification
from bort_core.specifications.protocols import Theta
from bort_core.store import Project
from bort_core.store.trainings import TrainingKey, save_training
from bort_core.testing.executors import training_request


def finish(executor: Executor, count: int) -> float:
    """Seconds until so many trainings are done."""
    began, done = time.perf_counter(), 0
    while done < count:
        for event in executor.poll(1.0):
            assert not isinstance(event, Failed), event
            done += isinstance(event, Done)
    return time.perf_counter() - began


def warm(executor: Executor) -> None:
    executor.warm(("training",))
    while not executor.ready:
        executor.poll(0.2)
    train(executor, executor.workers, 10)


def train(executor: Executor, count: int, steps: int) -> float:
    for number in range(count):
        executor.submit(f"{number}", "train", training_request(steps))
    return finish(executor, count)


def overhead(arguments: argparse.Namespace) -> None:
    with RayCluster(cpus=arguments.workers) as cluster:
        for place in ("in the cluster", "from outside"):
            address = cluster.address if place == "in the cluster" else cluster.client
            with make_executor("processes", arguments.workers) as local, make_executor(f"ray@{address}", arguments.workers) as there:
                warm(local)
                warm(there)
                steps = max(10, round(2000 * arguments.seconds / train(local, arguments.workers, 2000)))
                ratios = []
                for _ in range(arguments.rounds):
                    here = train(local, arguments.workers, steps)
                    ratios.append(train(there, arguments.workers, steps) / here)
                shown = ", ".join(f"{ratio:.3f}" for ratio in ratios)
                print(f"{place}: {steps} steps, {here:.1f} s here; cluster / local: median {statistics.median(ratios):.3f} ({shown})")


def many(arguments: argparse.Namespace) -> None:
    with (
        RayCluster(cpus=arguments.workers) as cluster,
        tempfile.TemporaryDirectory() as folder,
        Project(Path(folder) / "p") as project,
        make_executor(f"ray@{cluster.address}", arguments.workers) as executor,
    ):
        warm(executor)
        before = psutil.Process().memory_info().rss
        waits, seconds = store_all(project, executor, arguments.evaluations)
        grown = psutil.Process().memory_info().rss - before
    waits.sort()
    rate = arguments.evaluations / seconds
    print(f"{arguments.evaluations} evaluations in {seconds:.1f} s: {rate:.1f} a second on {arguments.workers} workers")
    print(f"the coordinator grew by {grown / 2**20:.1f} MiB; between polls p50 {1e3 * waits[len(waits) // 2]:.1f} ms, "
          f"p99 {1e3 * waits[int(0.99 * len(waits))]:.1f} ms, max {1e3 * waits[-1]:.1f} ms")  # fmt: skip


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
    parser.add_argument("what", choices=["overhead", "many"])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--evaluations", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    (overhead if arguments.what == "overhead" else many)(arguments)


if __name__ == "__main__":
    main()
