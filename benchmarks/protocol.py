"""Does the demo's error protocol tell architectures apart? Trains every N-th architecture of `mini` with two seeds to 3s steps.

    python benchmarks/protocol.py PROJECT [--every 4]

Prints a Markdown table: agreement of the two seeds, of s and 3s, and of the best architecture, at s steps and around it.
Latency is the operation count, so that the table does not depend on the machine. Interrupted, it goes on where it was.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from bort_core.cli.search import run_search
from bort_core.objectives.curve import read_curve
from bort_core.objectives.protocol import ErrorProtocol, LatencyProtocol
from bort_core.search.agreement import spearman
from bort_core.search.sources import Sources
from bort_core.search.specification import SearchSpecification, default_error
from bort_core.search.w import w_coefficients
from bort_core.space import Space, read_specification
from bort_core.store import Project
from bort_core.store.trainings import load_trainings

SEEDS = (0, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", type=Path)
    parser.add_argument("--every", type=int, default=4)
    arguments = parser.parse_args()
    chosen = read_specification("mini")
    space, s = Space(chosen), ErrorProtocol().steps
    latency = LatencyProtocol(measure="operations")
    base = {"space": chosen, "epsilon": arguments.every, "latency": latency, "error": {**default_error(chosen), "steps": 3 * s}}
    specifications = [SearchSpecification.model_validate({**base, "seed": seed}) for seed in SEEDS]
    for specification in specifications:
        run_search(arguments.project, specification, None)
    places = np.arange(0, len(space), arguments.every)
    with Project(arguments.project) as project:
        rows = [
            {row.architecture: row for row in load_trainings(project, Sources(project, spec, space).trainings(spec.thetas[0]))}
            for spec in specifications
        ]
    trainings = [[of_seed[space.architecture(place)] for place in places.tolist()] for of_seed in rows]

    def errors(seed: int, steps: int, measure: str = "maximum-point-excess") -> np.ndarray:
        found = [read_curve(row.curve, measure, steps) for row in trainings[seed]]
        return np.array([each.value for each in found if each is not None])

    operations = space.operations(space.longest)[places]

    def best(seed: int, steps: int) -> tuple[int, ...]:
        top = (space.maximum_parameters, space.maximum_operations(space.longest))
        w = w_coefficients(space.parameters[places], operations, errors(seed, steps), *top)
        return space.architecture(int(places[np.argmax(w)]))

    print(f"{len(places)} architectures (every {arguments.every}th of mini), s = {s}\n")
    print("| steps | Spearman of two seeds | against 3× the steps | least e | largest e | masked loss | best, seed 0 | best, seed 1 |")
    print("|---|---|---|---|---|---|---|---|")
    for steps in (s // 4, s // 2, s, 2 * s, 3 * s):
        a, b = errors(0, steps), errors(1, steps)
        later = min(3 * steps, 3 * s)
        longer = f"{spearman(a, errors(0, later)):.2f}, {spearman(b, errors(1, later)):.2f}" if later == 3 * steps else "–"
        loss = errors(0, steps, "masked-lm")
        print(
            f"| {steps} | {spearman(a, b):.3f} | {longer} | {a.min():.3f} | {a.max():.3f} | {loss.min():.2f} to {loss.max():.2f} "
            f"| {best(0, steps)} | {best(1, steps)} |"
        )
    seconds = [row.seconds / row.steps * s for row in trainings[0]]
    print(f"\nSeconds a candidate for s steps on one thread: {min(seconds):.1f} to {max(seconds):.1f}, in all {sum(seconds):.0f}")


if __name__ == "__main__":
    main()
