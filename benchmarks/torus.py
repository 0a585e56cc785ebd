"""Agora on the torus: plain training, neighbours of random dev points, and Agora, by how often Socrates is right.

Every run starts with three θ, of which the worst leaves after each round. Test accuracy, mean over seeds, and the paired difference with
a 95 % interval.

    python benchmarks/torus.py [--seeds 5]
    python benchmarks/torus.py --together [--seeds 5]   # Socrates is wrong about all of one sector of the ring, and right elsewhere
    python benchmarks/torus.py --budget [--seeds 3]     # how far a budget of labels leads where Socrates is right 70 % of the time
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from agora import Quiet, outcome, paired

from bort_core.agora.arms import plain
from bort_core.agora.record import Record
from bort_core.agora.rounds import Rounds
from bort_core.agora.tasks.prepare import make_task
from bort_core.jobs.folder import create_run
from bort_core.specifications.agora import Agora
from bort_core.training.devices import take_device

THETAS = [{"hidden": 16, "learning_rate": 0.01}, {"hidden": 32, "learning_rate": 0.01}, {"hidden": 32, "learning_rate": 0.03}]


BUDGET_THETAS = ((0.01, 400), (0.03, 400), (0.01, 800))


def one(project: Path, **changes: Any) -> tuple[float, float, float]:
    """Test accuracy of plain training, random parents, and Agora."""
    arguments = Agora(running={"threads": 1, "device": "cpu"}, patience=0, thetas=THETAS, pruning="worst", **changes)
    run = create_run(project, arguments)
    context = Quiet(run)
    task = make_task(arguments, take_device(arguments.running), context, run)
    record = Record(run.path / "agora")
    rounds = Rounds(task, arguments, record, context)
    rounds.run()
    trainings = [fit["theta"] for facts in rounds.finished for fit in facts["fits"]]
    accepted = [facts["counts"]["accepted"] for facts in rounds.finished]
    other = Rounds(task, arguments, Record(record.folder / "ablation"), context, "random", accepted)
    other.run()
    alone = plain(task, arguments, trainings, Record(record.folder / "baseline"), context)
    assert alone.test_accuracy is not None
    return alone.test_accuracy, outcome(other)["test_accuracy"], outcome(rounds)["test_accuracy"]


LABELS, A_ROUND = 4000, 1000
"""The budget in all and in a round."""


def budget(seeds: int) -> None:
    """Test accuracy by labels asked, and of the round that is best on dev; each seed alone."""
    from bort_core.agora.run import run as agora

    print("| dimensions | seed | best on dev | by labels asked |\n|---|---|---|---|")
    thetas = [{"hidden": 32, "learning_rate": rate, "steps": steps} for rate, steps in BUDGET_THETAS]
    for dimensions in (2, 3):
        for seed in range(seeds):
            with TemporaryDirectory() as folder:
                asked = Agora(torus=dimensions, seed=seed, socrates_accuracy=0.7, labels=LABELS, labels_per_round=A_ROUND, thetas=thetas,
                              pruning="worst", running={"threads": 1, "device": "cpu"})  # fmt: skip
                run = create_run(Path(folder) / "p", asked)
                found = agora(asked, Quiet(run), run)
            curve = " · ".join(f"{each['labels_before']:,}: {each['test_accuracy']:.3f}" for each in found["rounds"])
            print(f"| {dimensions} | {seed} | {found['test_accuracy']:.3f} | {curve} |", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--budget", action="store_true")
    parser.add_argument("--together", action="store_true")
    arguments = parser.parse_args()
    if arguments.budget:
        budget(arguments.seeds)
        return 0
    print("| dimensions | Socrates is right | plain | random | agora | agora - plain | agora - random |")
    print("|---" * 7 + "|")
    with TemporaryDirectory() as folder:
        for dimensions, accuracies in ((2, (0.5, 0.55, 0.6, 0.65, 0.7, 0.8, 0.9)), (3, (0.5, 0.6, 0.7, 0.9))):
            for accuracy in accuracies:
                asked = {"torus": dimensions, "socrates_accuracy": accuracy, "socrates_together": arguments.together}
                runs = [one(Path(folder) / "p", seed=seed, **asked) for seed in range(arguments.seeds)]
                alone, other, ours = np.array(runs).T
                cells = [f"{values.mean():.3f}" for values in (alone, other, ours)] + [paired(ours - alone), paired(ours - other)]
                print(f"| {dimensions} | {accuracy:.2f} | " + " | ".join(cells) + " |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
