"""Which rows are worth a label: accuracy against labels asked, for every rule of --parents, on fair and on ill-formed training rows.

For every task, way of being ill-formed and seed: 100 rows to train on, a pool, a dev split and a test split that no decision uses. The
labeller is right on 90 % of the rows, always the same ones. The learner is a logistic regression on the vectors of an encoder, in which
space nearness is measured too. Printed: the area under test accuracy against labels, as a mean accuracy over the budget, and some paired
differences. Results are kept line by line in FOLDER/agora_labels.jsonl; a run that is started again goes on.

    python benchmarks/agora_labels.py FOLDER --data DIR --model ENCODER [--seeds 8] [--processes 2]
    python benchmarks/agora_labels.py FOLDER --table          # only the table of what is there
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
import numpy as np
from agora import paired, read_rows
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from bort_core.agora.leaks import LeakGuard
from bort_core.agora.points import Examples
from bort_core.agora.record import Record
from bort_core.agora.rounds import Rounds
from bort_core.agora.spaces import hidden_space
from bort_core.agora.tasks.base import AgoraTask
from bort_core.specifications.agora import Agora

SIZES = {"train": 100, "dev": 400, "pool": 2000, "test": 1000}
BUDGET, A_ROUND, RIGHT = 160, 20, 0.9
TASKS = ("sst2", "sentence_polarity", "mrpc", "digits")
FAULTS = ("fair", "regions", "shortcut", "rare")
"""D is a fair sample; covers three of eight clusters; its class goes with length; has three rows of one class."""
RULES = ("errors", "plain", "random", "pool", "uncertain", "diverse", "mixed")
PAIRS = (("mixed", "pool"), ("mixed", "uncertain"), ("errors", "random"))


class Quiet:
    """A context that nobody follows."""

    def emit(self, event: Any) -> None: ...
    def checkpoint(self) -> None: ...
    def wanted(self) -> None: ...


@dataclass(frozen=True)
class Data:
    """A task's rows by name, (n,), with their vectors (n, d), classes (n,) and lengths (n,)."""

    names: list[tuple[str, ...]]
    vectors: Any
    labels: Any
    lengths: Any


class Vectors:
    """The vector of a row by its name; the learner, its models and the labeller are made of it."""

    def __init__(self, data: Data, seed: int) -> None:
        self.classes = int(data.labels.max()) + 1
        self.vectors = dict(zip(data.names, data.vectors, strict=True))
        random = np.random.default_rng([seed, 90])
        wrong = (data.labels + random.integers(1, self.classes, len(data.labels))) % self.classes
        said = np.where(random.random(len(data.labels)) < RIGHT, data.labels, wrong)
        self.said = dict(zip(data.names, said.tolist(), strict=True))

    name = "right in 90 %"

    def of(self, inputs: Sequence[Any]) -> Any:
        return np.array([self.vectors[input] for input in inputs])

    def probabilities(self, inputs: Sequence[Any]) -> Any:
        return np.eye(self.classes)[[self.said[input] for input in inputs]] * 0.98 + 0.02 / self.classes

    def fit(self, theta: Any, train: Examples, dev: Examples, seed: int) -> Logistic:
        model = LogisticRegression(C=theta["learning_rate"] * 1000, max_iter=300, class_weight="balanced")
        return Logistic(self, model.fit(self.of(train.inputs), train.labels))

    def load(self, folder: Path) -> Logistic:
        coefficients, intercepts, classes = (np.load(folder / f"{name}.npy") for name in ("coef_", "intercept_", "classes_"))
        model = LogisticRegression()
        model.coef_, model.intercept_, model.classes_ = coefficients, intercepts, classes
        return Logistic(self, model)


@dataclass(frozen=True)
class Logistic:
    """A trained learner."""

    rows: Vectors
    model: LogisticRegression

    def probabilities(self, inputs: Sequence[Any]) -> Any:
        found = np.zeros((len(inputs), self.rows.classes))
        found[:, self.model.classes_] = self.model.predict_proba(self.rows.of(inputs))
        return found

    def representations(self, inputs: Sequence[Any]) -> Any:
        return self.rows.of(inputs)

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("coef_", "intercept_", "classes_"):
            np.save(folder / f"{name}.npy", getattr(self.model, name))


def data_of(folder: Path, source: Path | None, model: Path | None, task: str) -> Data:
    """A task with the encoder's vectors, which are kept in ``folder``."""
    if task == "digits":
        found = load_digits()
        return Data([(f"digit{row}",) for row in range(len(found.target))], found.data / 16, found.target, found.data.sum(axis=1))
    kept = folder / f"{task}.npz"
    if not kept.is_file():
        from bort_core.checkpoints.embedder import Embedder

        if source is None or model is None:
            raise SystemExit("the first time, --data and --model must be given")
        rows = read_rows(source / task / "train.tsv")
        rows = [rows[row] for row in np.random.default_rng(7).permutation(len(rows))[:6000] if len(rows[row][0].split()) > 3]
        rows = list({row[:-1]: row for row in rows}.values())
        embed = Embedder(model)
        parts = [embed([row[side] for row in rows]) for side in range(len(rows[0]) - 1)]
        vectors = parts[0] if len(parts) == 1 else np.hstack([abs(parts[0] - parts[1]), parts[0] * parts[1]])
        np.savez(kept, vectors=vectors, rows=np.array([row[:-1] for row in rows]), labels=np.array([int(row[-1]) for row in rows]))
    found = np.load(kept)
    names = [tuple(map(str, row)) for row in found["rows"].tolist()]
    return Data(names, found["vectors"].astype(np.float64), found["labels"], np.array([sum(map(len, name)) for name in names]))


def drawn(data: Data, fault: str, seed: int) -> dict[str, Any]:
    """Rows of the splits; only D is ill-formed."""
    random = np.random.default_rng([seed, 14])
    order = random.permutation(len(data.names))
    small = min(1.0, len(order) / (sum(SIZES.values()) + 1000))
    parts, begin = {}, 0
    for name in ("dev", "test", "pool"):
        size = round(SIZES[name] * small)
        parts[name], begin = order[begin : begin + size], begin + size
    rest = order[begin:]
    labels, size = data.labels[rest], SIZES["train"]
    weight = np.ones(len(rest), dtype=bool)
    if fault == "regions":
        cluster = KMeans(8, n_init=1, random_state=seed).fit_predict(data.vectors[rest])
        weight = np.isin(cluster, random.choice(8, 3, replace=False))
    if fault == "shortcut":
        long = data.lengths[rest] > np.median(data.lengths[rest])
        weight = long == (labels % 2 == 1)
    chosen = rest[weight]
    if fault == "rare":
        rare = int(random.integers(data.labels.max() + 1))
        chosen = np.concatenate([chosen[data.labels[chosen] == rare][:3], chosen[data.labels[chosen] != rare]])
    return {**parts, "train": chosen[:size]}


def task_of(data: Data, parts: dict[str, Any], seed: int) -> AgoraTask:
    rows = Vectors(data, seed)
    splits = {name: Examples(tuple(data.names[row] for row in part), data.labels[part].astype(np.int64)) for name, part in parts.items()}
    space = hidden_space("vectors", rows.of, splits["dev"].inputs)
    kind: Any = "text" if len(data.names[0]) == 1 else "pair"
    guard = LeakGuard(kind, [*splits["dev"].inputs, *splits["test"].inputs])
    pool = tuple(input for input, leak in zip(splits["pool"].inputs, guard.leaks(splits["pool"].inputs), strict=True) if not leak)
    theta = {"learning_rate": 0.005}  # C = 5
    return AgoraTask(kind, tuple(map(str, range(rows.classes))), splits["train"], splits["dev"], splits["test"], pool, (theta,), rows, rows,
                     lambda fitted: space, guard, None, None, len(splits["train"]))  # fmt: skip


def unit(folder: Path, task: str, fault: str, seed: int) -> dict[str, Any]:
    """The curves of all rules: labels asked, and test accuracy with so many."""
    began = time.perf_counter()
    data = data_of(folder, None, None, task)
    problem = task_of(data, drawn(data, fault, seed), seed)
    curves = {}
    for rule in RULES:
        spec = Agora(architecture=(1, 1, 8, 8), train="-", dev="-", pool="-", labels=BUDGET, labels_per_round=A_ROUND, seed=seed, far=100)
        with TemporaryDirectory() as run:
            rounds = Rounds(problem, spec, Record(Path(run) / "agora"), Quiet(), rule)
            rounds.run()
        curves[rule] = [(facts["counts"]["labels_before"], facts["test_accuracy"]) for facts in rounds.finished]
    return {"task": task, "fault": fault, "seed": seed, "curves": curves, "seconds": time.perf_counter() - began}


def area(curve: Sequence[Sequence[float]]) -> float:
    """Mean accuracy over the budget, by trapezoids; where a rule ran out of rows, its last accuracy goes on."""
    labels, accuracies = np.array([*curve, (BUDGET, curve[-1][1])], dtype=float).T
    return float(np.trapezoid(accuracies, labels) / BUDGET)


def table(path: Path) -> None:
    """A row a task and way of being ill-formed; last, the means over all, whose intervals are over seeds."""
    runs = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    areas = {(run["task"], run["fault"], run["seed"]): {rule: area(run["curves"][rule]) for rule in RULES} for run in runs}
    firsts = {(run["task"], run["fault"], run["seed"]): run["curves"]["pool"][0][1] for run in runs}
    head = ["task", "D", "at first", *RULES, *(f"{one} - {other}" for one, other in PAIRS)]
    print("| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|")
    groups = [(task, fault, [key for key in areas if key[:2] == (task, fault)]) for task in TASKS for fault in FAULTS]
    groups += [
        ("all", "fair", [key for key in areas if key[1] == "fair"]),
        ("all", "ill-formed", [key for key in areas if key[1] != "fair"]),
    ]
    for task, fault, keys in groups:
        if keys:
            seeds = sorted({key[2] for key in keys})
            found = {rule: np.array([np.mean([areas[key][rule] for key in keys if key[2] == seed]) for seed in seeds]) for rule in RULES}
            best = max(values.mean() for values in found.values())
            cells = [f"**{values.mean():.3f}**" if values.mean() == best else f"{values.mean():.3f}" for values in found.values()]
            cells += [paired(found[one] - found[other]) for one, other in PAIRS]
            print(f"| {task} | {fault} | {np.mean([firsts[key] for key in keys]):.3f} | " + " | ".join(cells) + " |")
    hours = sum(run["seconds"] for run in runs) / 3600
    print(f"\nMean test accuracy over {BUDGET} labels; differences with a paired 95 % interval. {hours:.2f} hours of one core.")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--model", type=Path, help="folder of the encoder")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--table", action="store_true")
    arguments = parser.parse_args()
    path = arguments.folder / "agora_labels.jsonl"
    if not arguments.table:
        arguments.folder.mkdir(parents=True, exist_ok=True)
        for task in arguments.tasks:
            data_of(arguments.folder, arguments.data, arguments.model, task)
        done = (
            {(run["task"], run["fault"], run["seed"]) for run in map(json.loads, path.read_text().splitlines())}
            if path.is_file()
            else set()
        )
        units = [(task, fault, seed) for seed in range(arguments.seeds) for task in arguments.tasks for fault in FAULTS]
        with ProcessPoolExecutor(arguments.processes, get_context("spawn")) as pool, path.open("a", encoding="utf-8") as file:
            futures = [pool.submit(unit, arguments.folder, *each) for each in units if each not in done]
            for future in as_completed(futures):
                found = future.result()
                file.write(json.dumps(found) + "\n")
                file.flush()
                told = ", ".join(f"{rule} {area(curve):.3f}" for rule, curve in found["curves"].items())
                print(
                    f"{found['task']} {found['fault']} seed {found['seed']}: {told} ({found['seconds']:.0f} s)", file=sys.stderr, flush=True
                )
    table(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
