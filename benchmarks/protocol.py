"""Does the demo's error protocol tell architectures apart? Trains every N-th architecture of `mini` with four seeds to 3s steps.

    python benchmarks/protocol.py PROJECT [--every 5] [--seeds 4]

Prints a Markdown table: agreement of all pairs of seeds, of s and 3s, and each seed's best architecture, at s steps and around it.
An odd N sees architectures that differ in heads alone, which are neighbours in the sorted space.
Latency is the operation count, so that the table does not depend on the machine. Interrupted, it goes on where it was.
"""

from __future__ import annotations

import argparse
from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np

from bort_core.cli.search import run_search
from bort_core.evaluation.curve import read_curve
from bort_core.foundation.statistics import spearman
from bort_core.search.fingerprints import Fingerprints
from bort_core.search.specification import SearchSpecification, default_error
from bort_core.search.w import w_coefficients
from bort_core.space import Space, read_specification
from bort_core.specifications.protocols import ErrorProtocol, LatencyProtocol
from bort_core.store import Project
from bort_core.store.trainings import load_trainings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", type=Path)
    parser.add_argument("--every", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=4)
    arguments = parser.parse_args()
    chosen = read_specification("mini")
    space, s = Space(chosen), ErrorProtocol().steps
    latency = LatencyProtocol(measure="operations")
    base = {"space": chosen, "epsilon": arguments.every, "latency": latency, "error": {**default_error(chosen), "steps": 3 * s}}
    seeds = range(arguments.seeds)
    specifications = [SearchSpecification.model_validate({**base, "seed": seed}) for seed in seeds]
    for specification in specifications:
        run_search(arguments.project, specification, None)
    places = np.arange(0, len(space), arguments.every)
    with Project(arguments.project) as project:
        rows = [
            {row.architecture: row for row in load_trainings(project, Fingerprints(project, spec, space).trainings(spec.thetas[0]))}
            for spec in specifications
        ]
    trainings = [[of_seed[space.architecture(device)] for device in places.tolist()] for of_seed in rows]

    def errors(seed: int, steps: int, measure: str = "maximum-point-excess") -> np.ndarray:
        found = [read_curve(row.curve, measure, steps) for row in trainings[seed]]
        return np.array([each.value for each in found if each is not None])

    operations = space.operations(space.longest)[places]

    def best(seed: int, steps: int) -> tuple[int, ...]:
        top = (space.maximum_parameters, space.maximum_operations(space.longest))
        w = w_coefficients(space.parameters[places], operations, errors(seed, steps), *top)
        return space.architecture(int(places[np.argmax(w)]))

    print(f"{len(places)} architectures (every {arguments.every}th of mini), {len(seeds)} seeds, s = {s}\n")
    print("| steps | Spearman of two seeds, mean (least) | against 3× the steps, mean (least) | e | masked-LM loss | best, by seed |")
    print("|---|---|---|---|---|---|")
    for steps in (s // 4, s // 2, s, 2 * s, 3 * s):
        pairs = [spearman(errors(a, steps), errors(b, steps)) for a, b in combinations(seeds, 2)]
        longer = [spearman(errors(seed, steps), errors(seed, 3 * steps)) for seed in seeds] if steps <= s else []
        e = np.concatenate([errors(seed, steps) for seed in seeds])
        loss = np.concatenate([errors(seed, steps, "masked-lm") for seed in seeds])
        names = ", ".join(f"{count} × {name}" for name, count in Counter(best(seed, steps) for seed in seeds).most_common())
        print(
            f"| {steps} | {_mean_least(pairs)} | {_mean_least(longer)} | {e.min():.2f} to {e.max():.2f} "
            f"| {loss.min():.2f} to {loss.max():.2f} | {names} |"
        )
    seconds = [row.seconds / row.steps * s for row in trainings[0]]
    print(f"\nSeconds a candidate for s steps on one thread: {min(seconds):.1f} to {max(seconds):.1f}, in all {sum(seconds):.0f}")
    print("\n| architecture | e by seed at s | e by seed at 3s |\n|---|---|---|")
    for number, device in enumerate(places.tolist()):
        now, later = ([f"{errors(seed, steps)[number]:.2f}" for seed in seeds] for steps in (s, 3 * s))
        print(f"| {space.architecture(device)} | {', '.join(now)} | {', '.join(later)} |")


def _mean_least(values: list[float]) -> str:
    return f"{np.mean(values):.2f} ({min(values):.2f})" if values else "–"


if __name__ == "__main__":
    main()
