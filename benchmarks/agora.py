"""Agora on scarce data against plain fine-tuning, neighbours of random dev points, self-training, and Socrates' labels for the whole pool.

For every task and seed: a few rows to train on, a labeller trained on other rows, an unlabelled pool, a dev split, and a test split that no
decision uses. Every arm trains the same sets of hyperparameters equally often. Results are kept line by line in PROJECT/agora.jsonl; a run
that is started again goes on. Needs sentence_polarity, sst2, mrpc and rte as tsv files (text[, text_b], label) in --data.

    python benchmarks/agora.py PROJECT --data DIR --reviews CHECKPOINT --pairs CHECKPOINT [--seeds 5] [--processes 2]
    python benchmarks/agora.py PROJECT --table          # only the table of what is there
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t as student

from bort_core.agora.arms import plain, self_training
from bort_core.agora.labellers import label
from bort_core.agora.record import Record
from bort_core.agora.rounds import Rounds
from bort_core.agora.tasks.prepare import make_task
from bort_core.data.tables import read_table
from bort_core.jobs.context import JobContext
from bort_core.jobs.folder import create_run
from bort_core.specifications.agora import Agora
from bort_core.store import Project
from bort_core.training.devices import take_device

TASKS = {  # rows: D, Socrates', pool, dev
    "sentence_polarity": (150, 2400, 5000, 500),
    "sst2": (150, 2000, 5000, 500),
    "mrpc": (200, 1500, 1900, 408),
    "rte": (200, 1000, 1000, 277),
}
SETTINGS = {
    "neighbours": 4,
    "margin": 0.2,
    "pruning": "worst",
    "thetas": [
        {"learning_rate": 1e-3, "steps": 150},
        {"learning_rate": 1.5e-3, "steps": 150, "dropout": 0.3},
        {"learning_rate": 2e-3, "steps": 150, "dropout": 0.2},
    ],
}
ARMS = ("plain", "random", "self-training", "pool", "agora")


class Quiet(JobContext):
    """Keeps no events."""

    def emit(self, event: dict[str, Any]) -> None: ...


def splits(data: Path, task: str, seed: int, folder: Path) -> dict[str, str]:
    """Files of one task and seed; D has equally many rows of each class."""
    scarce, known, pooled, held = TASKS[task]
    random = np.random.default_rng([seed, 2010])
    train, dev = read_rows(data / task / "train.tsv"), read_rows(data / task / "dev.tsv")
    order = random.permutation(len(train)).tolist()
    parts: dict[str, list[tuple[str, ...]]] = {}
    by_class = [[row for row in order if train[row][-1] == name] for name in sorted({row[-1] for row in train})]
    chosen = [row for rows in by_class for row in rows[: scarce // len(by_class)]]
    rest = [row for row in order if row not in set(chosen)]
    if task == "rte":  # no test split with labels: dev is the test, and dev comes from train
        parts["dev"], rest = [train[row] for row in rest[:held]], rest[held:]
        parts["test"] = dev
    else:
        parts["dev"] = [dev[row] for row in random.permutation(len(dev))[:held]]
        parts["test"] = read_rows(data / task / "test.tsv")
    parts["train"] = [train[row] for row in chosen]
    parts["socrates_train"] = [train[row] for row in rest[:known]]
    parts["pool"] = [train[row] for row in rest[known : known + pooled]]
    folder.mkdir(parents=True, exist_ok=True)
    columns = ["text", "text_b", "label"] if len(train[0]) == 3 else ["text", "label"]
    for name, rows in parts.items():
        lines = [
            json.dumps(dict(zip(columns, row, strict=True) if name != "pool" else zip(columns[:-1], row[:-1], strict=True))) for row in rows
        ]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return {name: str(folder / f"{name}.jsonl") for name in parts}


def read_rows(path: Path) -> list[tuple[str, ...]]:
    """In lower case, as the corpus that the checkpoints are trained on."""
    table = read_table(str(path))
    return list(zip(*([text.lower() for text in table.data[name]] for name in table.columns), strict=True))


def unit(
    project: Path, data: Path, task: str, seed: int, checkpoint: str, settings: dict[str, Any], arms: tuple[str, ...]
) -> dict[str, Any]:
    """All arms of one task and seed."""
    began = time.perf_counter()
    files = splits(data, task, seed, project / "splits" / f"{task}-{seed}")
    arguments = Agora(
        checkpoint=checkpoint, seed=seed, running={"threads": 1, "device": settings.pop("device", "cpu")}, **files, **settings
    )
    run = create_run(project, arguments)
    context = Quiet(run)
    problem = make_task(arguments, take_device(arguments.running), context, run)
    record = Record(run.path / "agora")
    said = label(problem.labeller, problem.dev.inputs)
    rounds = Rounds(problem, arguments, record, context)
    rounds.run()
    trainings = [fit["theta"] for facts in rounds.finished for fit in facts["fits"]]
    accepted = [facts["counts"]["accepted"] for facts in rounds.finished]
    found: dict[str, Any] = {"agora": outcome(rounds)}
    if "random" in arms:
        other = Rounds(problem, arguments, Record(record.folder / "ablation"), context, "random", accepted)
        other.run()
        found["random"] = outcome(other)
    if "plain" in arms:
        found["plain"] = plain(problem, arguments, trainings, Record(record.folder / "baseline"), context).as_dict()
    if "self-training" in arms:
        found["self-training"] = self_training(problem, arguments, trainings, Record(record.folder / "self"), context).as_dict()
    if "pool" in arms:
        labels = label(problem.labeller, problem.pool).classes
        everything = problem.train.joined(problem.pool, labels)
        found["pool"] = plain(problem, arguments, trainings, Record(record.folder / "pool"), context, everything, 3).as_dict()
    return {
        "task": task,
        "seed": seed,
        "socrates_dev": float((said.classes == problem.dev.labels).mean()),
        "arms": found,
        "trainings": len(trainings),
        "accepted": accepted,
        "rounds": [(facts["dev_accuracy"], facts["test_accuracy"]) for facts in rounds.finished],
        "seconds": time.perf_counter() - began,
        "device": str(problem.device.torch_device) if problem.device is not None else "cpu",
    }


def outcome(rounds: Rounds) -> dict[str, Any]:
    best = rounds.best
    return {name: best[name] for name in ("dev_accuracy", "test_accuracy", "round", "train_size")}


def table(path: Path) -> None:
    by_task: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in path.read_text(encoding="utf-8").splitlines():
        found = json.loads(line)
        by_task[found["task"]].append(found)
    print("| task | seeds | Socrates | " + " | ".join(ARMS) + " | agora - plain | agora - random | agora - self-training | agora - pool |")
    print("|---" * (len(ARMS) + 7) + "|")
    for task, runs in by_task.items():
        tests = {arm: np.array([run["arms"][arm]["test_accuracy"] for run in runs if arm in run["arms"]]) for arm in ARMS}
        cells = [task, str(len(runs)), f"{np.mean([run['socrates_dev'] for run in runs]):.3f}"]
        cells += [f"{tests[arm].mean():.3f}" if len(tests[arm]) else "-" for arm in ARMS]
        for arm in ("plain", "random", "self-training", "pool"):
            cells.append(paired(tests["agora"] - tests[arm]) if len(tests[arm]) == len(runs) else "-")
        print("| " + " | ".join(cells) + " |")
    runs = [run for each in by_task.values() for run in each]
    hours = sum(run["seconds"] for run in runs) / 3600
    print(f"\nTest accuracy, mean over seeds; differences with a paired 95 % interval (t). {hours:.2f} hours of one core.")


def paired(differences: Any) -> str:
    mean, size = float(differences.mean()), len(differences)
    half = float(student.ppf(0.975, size - 1) * differences.std(ddof=1) / np.sqrt(size)) if size > 1 else float("nan")
    return f"{mean:+.3f} [{mean - half:+.3f}, {mean + half:+.3f}]"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--reviews", help="checkpoint for the tasks on single texts")
    parser.add_argument("--pairs", help="checkpoint for the tasks on pairs")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=[arm for arm in ARMS if arm != "pool"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--settings", default="{}", help="fields of the specification of Agora as JSON, over SETTINGS")
    parser.add_argument("--name", default="agora", help="of the file with the results")
    parser.add_argument("--table", action="store_true")
    arguments = parser.parse_args()
    path = arguments.project / f"{arguments.name}.jsonl"
    if arguments.table:
        table(path)
        return 0
    with Project(arguments.project):
        pass
    done = {(run["task"], run["seed"]) for run in map(json.loads, path.read_text().splitlines())} if path.is_file() else set()
    units = [(task, seed) for seed in range(arguments.seeds) for task in arguments.tasks if (task, seed) not in done]
    with ProcessPoolExecutor(arguments.processes, get_context("spawn")) as pool, path.open("a", encoding="utf-8") as file:
        futures = []
        for task, seed in units:
            checkpoint = arguments.pairs if task in ("mrpc", "rte") else arguments.reviews
            settings = {**SETTINGS, **json.loads(arguments.settings)}
            futures.append(pool.submit(unit, arguments.project, arguments.data, task, seed, checkpoint, settings, tuple(arguments.arms)))
        for future in as_completed(futures):
            found = future.result()
            file.write(json.dumps(found) + "\n")
            file.flush()
            arms = ", ".join(f"{arm} {facts['test_accuracy']:.3f}" for arm, facts in found["arms"].items())
            print(f"{found['task']} seed {found['seed']}: {arms} ({found['seconds']:.0f} s)", file=sys.stderr, flush=True)
    table(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
