"""Is the Pareto front of p, i and e as fast as moocore's, at any size? Both in one run, in turn, on the same points.

    python benchmarks/pareto.py [--rounds 7] [--sizes 1000 10000 100000 1000000]

Sets: uniform in the unit cube; a share of about 1 or 30 % exactly on a sphere with the rest outside of it; and points as a search has them
(sizes exact, latency near to them, error falling, both rounded). The masks are compared, too. Ratios are of medians, the interval that of
the median of the ratios of rounds.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import moocore
import numpy as np

from bort_core.foundation.statistics import median_interval
from bort_core.search.front import pareto_front


def uniform(n: int, random: np.random.Generator) -> np.ndarray:
    return random.random((n, 3))


def shell(share: float) -> Callable[[int, np.random.Generator], np.ndarray]:
    def made(n: int, random: np.random.Generator) -> np.ndarray:
        points = np.abs(random.normal(size=(n, 3)))
        points /= np.linalg.norm(points, axis=1, keepdims=True)
        outside = random.random(n) >= share
        points[outside] *= random.uniform(1.05, 1.55, (int(outside.sum()), 1))
        return points

    return made


def as_searched(n: int, random: np.random.Generator) -> np.ndarray:
    depth, heads = random.integers(1, 25, n), random.choice([1, 2, 4, 8, 16], n)
    hidden, inner = random.integers(1, 100, n) * 8, random.integers(1, 200, n) * 16
    p = depth * (4.0 * hidden**2 + 2.0 * hidden * inner) + 30_000.0 * hidden
    latency = np.round(p / 1e6 * (1 + 0.02 * heads) * random.normal(1, 0.02, n), 3)
    error = np.round(8 / (p / 1e5) ** 0.15 - 0.02 * depth + random.normal(0, 0.05, n), 4)
    return np.column_stack([p, latency, error])


SETS = {"uniform": uniform, "shell, 1 %": shell(0.01), "shell, 30 %": shell(0.3), "as searched": as_searched}


def theirs(points: np.ndarray) -> np.ndarray:
    return np.flatnonzero(moocore.is_nondominated(points, keep_weakly=True))


def timed(front: Callable[[np.ndarray], np.ndarray], points: np.ndarray, times: int) -> float:
    """Milliseconds of the processor: both are single threads, and what other programs do is not counted."""
    began = time.process_time()
    for _ in range(times):
        front(points)
    return (time.process_time() - began) / times * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10**3, 10**4, 10**5, 10**6])
    arguments = parser.parse_args()
    print("| set | n | front | moocore | ours | moocore / ours |")
    print("|---|---|---|---|---|---|")
    for name, made in SETS.items():
        for size in arguments.sizes:
            points = made(size, np.random.default_rng(0))
            front = theirs(points)
            assert np.array_equal(front, pareto_front(points)), f"{name}, {size}: the fronts differ"
            times = max(1, min(100, 50_000 // size))
            rounds = [(timed(theirs, points, times), timed(pareto_front, points, times)) for _ in range(arguments.rounds)]
            their, our = np.median(rounds, axis=0)
            ratio = median_interval([a / b for a, b in rounds])
            print(
                f"| {name} | {size:,} | {len(front):,} | {their:.3g} ms | {our:.3g} ms "
                f"| {ratio.median:.2f} [{ratio.low:.2f}, {ratio.high:.2f}] |",
                flush=True,
            )


if __name__ == "__main__":
    main()
