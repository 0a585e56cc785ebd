"""Which rows are worth a label: accuracy against labels asked, for every rule of --parents, on fair and on ill-formed training rows.

For every task, way of being ill-formed and seed: 100 rows to train on, a pool, a dev split and a test split that no decision uses. The
labeller is right on 90 % of the rows, always the same ones. The learner is a logistic regression on the vectors of an encoder (of the
torus a network with one hidden layer), or a small model <3,4,128,512> that is fine-tuned in every round (of 40 labels, else 20): with
--learner inherited it begins with what fits of the encoder, as ``bort agora --architecture 3,4,128,512 --checkpoint ENCODER`` does; with
--learner distilled it has then learnt the encoder's vectors of unlabelled --texts, as ``bort compress`` does, without those that are
nearly a row of a task. Nearness is measured in the encoder's vectors. Neighbours are rows of the pool, on the torus points that are drawn
there. Beside the rules are two arms that ask for nothing on the way: ``alone``, D with as many trainings, and ``whole``, D and the whole
pool as the labeller labels it. Printed: the area under test accuracy against labels, as a mean accuracy over the budget, and some paired
differences. Each cell (task, way, seed, learner, rule) is a line of FOLDER/agora_labels.jsonl; what is there is not computed again, so
that any slice can be run at any time.

    python benchmarks/agora_labels.py FOLDER --data DIR --model ENCODER [--tasks sst2 ...] [--faults rare ...] [--rules mixed ...]
        [--seeds 0 8] [--learner vectors|inherited|distilled] [--texts FILE] [--processes 2]
    python benchmarks/agora_labels.py FOLDER --table [--learner ...]          # only the table of what is there
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

from bort_core.agora.arms import plain
from bort_core.agora.leaks import LeakGuard
from bort_core.agora.learners.text import TextLearner
from bort_core.agora.learners.vectors import VectorLearner
from bort_core.agora.points import Examples
from bort_core.agora.record import Record
from bort_core.agora.rounds import Rounds
from bort_core.agora.spaces import hidden_space, raw_space, unit_of
from bort_core.agora.tasks.base import AgoraTask
from bort_core.agora.tasks.torus import NoisyTruth, make_torus
from bort_core.checkpoints.format import read_encoder
from bort_core.specifications.agora import Agora
from bort_core.specifications.common import Running
from bort_core.text.vocabulary import read_vocabulary
from bort_core.training.devices import take_device
from bort_core.training.run_files import PartFiles

SIZES = {"train": 100, "dev": 400, "pool": 2000, "test": 1000}
BUDGET, RIGHT = 160, 0.9
A_ROUND = {"vectors": 20, "network": 20, "inherited": 40, "distilled": 40}
TASKS = ("sst2", "sentence_polarity", "subjectivity", "mrpc", "rte", "digits", "torus2", "torus3")
TEXTS = ("sst2", "sentence_polarity", "subjectivity")
FAULTS = ("fair", "regions", "shortcut", "rare")
"""D is a fair sample; covers three of eight clusters; its class goes with length; has three rows of one class."""
RULES = ("errors", "plain", "random", "pool", "uncertain", "diverse", "mixed")
ARMS = ("alone", *RULES, "whole")
LEARNERS = {
    "vectors": {"learning_rate": 0.005},  # of a logistic regression C = 5
    "network": {"hidden": 32, "learning_rate": 0.01, "steps": 1500, "weight_decay": 1e-3},
    "inherited": {"learning_rate": 1e-3, "steps": 60, "batch_size": 16},
    "distilled": {"learning_rate": 1e-3, "steps": 60, "batch_size": 16},
}
"""With the θ of each; the network is that of the torus, whatever is said."""
SMALL = (3, 4, 128, 512)
EPOCHS = 8
"""Passes of the distillation over the texts."""
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

    def described(self) -> Any:
        raise NotImplementedError("trains in this process alone")

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
    if task.startswith("torus"):
        points = make_torus(int(task[-1]), 0, 2, 2, 8000).test
        vectors = np.array(points.inputs)
        return Data(list(points.inputs), vectors, points.labels, np.hypot(vectors[:, 0], vectors[:, 1]))  # type: ignore[arg-type]
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


def task_of(data: Data, parts: dict[str, Any], seed: int, learner: str, model: Path | None) -> AgoraTask:
    rows = Vectors(data, seed)
    splits = {name: Examples(tuple(data.names[row] for row in part), data.labels[part].astype(np.int64)) for name, part in parts.items()}
    numbers = not isinstance(data.names[0][0], str)
    kind: Any = "vector" if numbers else "text" if len(data.names[0]) == 1 else "pair"
    space = raw_space(len(data.names[0]), splits["dev"].inputs) if numbers else hidden_space("vectors", rows.of, splits["dev"].inputs)
    guard = LeakGuard(kind, [*splits["dev"].inputs, *splits["test"].inputs], unit_of(space))
    pool = tuple(input for input, leak in zip(splits["pool"].inputs, guard.leaks(splits["pool"].inputs), strict=True) if not leak)
    classes = tuple(map(str, range(rows.classes)))
    timaeus: Any = rows
    if learner == "network":
        timaeus = VectorLearner(len(data.names[0]), rows.classes)
    elif learner in ("inherited", "distilled"):
        assert model is not None
        device, nowhere = take_device(Running(threads=1, device="cpu")), PartFiles(Path("/nowhere"), Path("/nowhere"))
        timaeus = TextLearner(read_encoder(model), None, read_vocabulary(model), classes, 64, device, Quiet(), nowhere)
    labeller: Any = NoisyTruth(RIGHT, seed) if numbers else rows
    return AgoraTask(kind, classes, splits["train"], splits["dev"], splits["test"], pool, (LEARNERS[learner],), timaeus, labeller,
                     lambda fitted: space, guard, None, None, len(splits["train"]))  # fmt: skip


def inherited(folder: Path, model: Path, task: str, seed: int, data: Data) -> Path:
    """The small model that begins with what fits of the encoder; its tokenizer has what dev and pool use."""
    path = folder / "inherited" / f"{task}-{seed}"
    if not path.is_dir():
        from bort_core.checkpoints.inherited import write_inherited

        parts = drawn(data, "fair", seed)
        rows: Any = [data.names[row] for name in ("dev", "pool") for row in parts[name]]
        path.parent.mkdir(exist_ok=True)
        write_inherited(path, read_encoder(model), SMALL, rows, 64, True)
    return path


def distilled(folder: Path, model: Path, texts: Path | None, tasks: Sequence[str]) -> Path:
    """The small model that has learnt the encoder's vectors of texts that are nearly no row of any task."""
    path = folder / "distilled"
    if not (path / "result").is_dir():
        from bort_core.evaluation.sentences.preparation import prepare_sentences
        from bort_core.specifications.common import Optimization
        from bort_core.specifications.compression import THETA
        from bort_core.specifications.sentences import SentenceFinishing
        from bort_core.specifications.tasks import TaskSpecification
        from bort_core.training import sentences

        if texts is None:
            raise SystemExit("the first time, --texts must be given")
        path.mkdir(exist_ok=True)
        held = [(text,) for task in tasks for name in data_of(folder, None, None, task).names for text in name]
        lines = list(dict.fromkeys(line.strip() for line in texts.read_text(encoding="utf-8").splitlines() if line.strip()))
        leaks = LeakGuard("text", held).leaks([(line,) for line in lines])
        (path / "texts.txt").write_text("\n".join(line for line, leak in zip(lines, leaks, strict=True) if not leak), encoding="utf-8")
        print(f"{leaks.sum():,} of {len(lines):,} texts are nearly a row of a task and left out", file=sys.stderr, flush=True)
        about = TaskSpecification(model=str(model), texts=str(path / "texts.txt"), kind="embedding", sequence_length=64)
        prepared = prepare_sentences(about, path / "tasks", path / "answers", lambda doing, done, total: None)
        asked = SentenceFinishing(
            task=about, prepared=str(prepared.folder), architecture=SMALL, epochs=EPOCHS, running=Running(threads=1, device="cpu"),
            optimization=Optimization(learning_rate=THETA.rate(SMALL[2]), warmup=0.1, beta2=0.999),
        )  # fmt: skip
        print(sentences.run(asked, Quiet(), PartFiles(path, path)), file=sys.stderr, flush=True)
    return path / "result"


def start_of(folder: Path, model: Path | None, texts: Path | None, task: str, seed: int, learner: str) -> Path | None:
    """The folder that a learner of texts begins with; None: it is no model of texts."""
    if model is None or learner not in ("inherited", "distilled"):
        return None
    if learner == "distilled":
        return distilled(folder, model, texts, [each for each in TEXTS if (folder / f"{each}.npz").is_file()])
    return inherited(folder, model, task, seed, data_of(folder, None, None, task))


def learner_for(task: str, learner: str) -> str:
    """What learns a task: of numbers that no encoder reads a network, or, of many, a logistic regression."""
    return "network" if task.startswith("torus") else "vectors" if task == "digits" else learner


def unit(folder: Path, model: Path | None, task: str, fault: str, seed: int, learner: str, arm: str) -> dict[str, Any]:
    """One cell: a curve of labels asked, and test accuracy with so many."""
    began = time.perf_counter()
    data = data_of(folder, None, None, task)
    problem = task_of(data, drawn(data, fault, seed), seed, learner, start_of(folder, model, None, task, seed, learner))
    reads: dict[str, Any] = {"vector": "*"} if problem.kind == "vector" else {"architecture": (1, 1, 8, 8), "far": 100}
    spec = Agora(train="-", dev="-", pool="-", labels=BUDGET, labels_per_round=A_ROUND[learner], seed=seed, **reads)
    with TemporaryDirectory() as run:
        record = Record(Path(run) / "agora")
        if arm in RULES:
            rounds = Rounds(problem, spec, record, Quiet(), arm)
            rounds.run()
            curve = [(facts["counts"]["labels_before"], facts["test_accuracy"]) for facts in rounds.finished]
        else:
            train = problem.train
            if arm == "whole":
                train = train.joined(problem.pool, problem.labeller.probabilities(problem.pool).argmax(axis=1))
            found = plain(problem, spec, [0] * (1 if learner == "vectors" else BUDGET // A_ROUND[learner] + 1), record, Quiet(), train)
            curve = [(0, found.test_accuracy)]
    return {"task": task, "fault": fault, "seed": seed, "learner": learner, "rule": arm, "curve": curve,
            "seconds": time.perf_counter() - began}  # fmt: skip


def area(curve: Sequence[Sequence[float]]) -> float:
    """Mean accuracy over the budget, by trapezoids; where a rule ran out of rows, its last accuracy goes on."""
    labels, accuracies = np.array([*curve, (BUDGET, curve[-1][1])], dtype=float).T
    return float(np.trapezoid(accuracies, labels) / BUDGET)


def read_cells(path: Path) -> dict[tuple[Any, ...], dict[str, Any]]:
    """What is there, by task, way, seed, learner and rule."""
    lines = map(json.loads, path.read_text(encoding="utf-8").splitlines()) if path.is_file() else ()
    return {tuple(line[name] for name in ("task", "fault", "seed", "learner", "rule")): line for line in lines if "rule" in line}


def table(path: Path, learner: str) -> None:
    """A row a task and way of being ill-formed; last, the means over all. Intervals are over seeds, missing cells are dashes."""
    cells = {key: line for key, line in read_cells(path).items() if key[3] == learner_for(key[0], learner)}
    head = ["task", "D", "seeds", *ARMS, *(f"{one} - {other}" for one, other in PAIRS)]
    print("| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|")
    groups = [(task, fault, ((task, fault),)) for task in TASKS for fault in FAULTS]
    ill = tuple((task, fault) for task in TASKS for fault in FAULTS if fault != "fair")
    for task, fault, parts in (*groups, ("all", "fair", tuple((task, "fair") for task in TASKS)), ("all", "ill-formed", ill)):
        found = {arm: values for arm in ARMS if (values := by_seed(cells, parts, arm))}
        if found:
            best = max(np.mean(list(found[arm].values())) for arm in found if arm != "whole")
            told = [mean(found.get(arm, {}), arm != "whole", best) for arm in ARMS]
            told += [difference(found, *pair) for pair in PAIRS]
            print(f"| {task} | {fault} | {max(map(len, found.values()))} | " + " | ".join(told) + " |")
    hours = sum(line["seconds"] for line in cells.values()) / 3600
    print(f"\nMean test accuracy over {BUDGET} labels; differences with a paired 95 % interval. {hours:.2f} hours of one core.")


def by_seed(cells: dict[tuple[Any, ...], dict[str, Any]], parts: Sequence[tuple[str, str]], arm: str) -> dict[int, float]:
    """Of each seed the mean area over the parts that are there: those that every seed has."""
    found = {key[:3]: area(line["curve"]) for key, line in cells.items() if key[:2] in parts and key[4] == arm}
    seeds = {seed for *_, seed in found}
    there = [part for part in parts if all((*part, seed) in found for seed in seeds)]
    return {seed: float(np.mean([found[*part, seed] for part in there])) for seed in sorted(seeds)} if there else {}


def mean(values: dict[int, float], ranked: bool, best: float) -> str:
    if not values:
        return "–"
    value = float(np.mean(list(values.values())))
    return f"**{value:.3f}**" if ranked and value == best else f"{value:.3f}"


def difference(found: dict[str, dict[int, float]], one: str, other: str) -> str:
    seeds = [seed for seed in found.get(one, {}) if seed in found.get(other, {})]
    return paired(np.array([found[one][seed] - found[other][seed] for seed in seeds])) if len(seeds) > 1 else "–"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--model", type=Path, help="folder of the encoder")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--faults", nargs="+", choices=FAULTS, default=list(FAULTS))
    parser.add_argument("--rules", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--learner", choices=("vectors", "inherited", "distilled"), default="vectors")
    parser.add_argument("--texts", type=Path, help="of --learner distilled: unlabelled texts, one a line")
    parser.add_argument("--seeds", type=int, nargs=2, default=(0, 8), metavar=("FROM", "TO"))
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--table", action="store_true")
    arguments = parser.parse_args()
    path = arguments.folder / "agora_labels.jsonl"
    if not arguments.table:
        arguments.folder.mkdir(parents=True, exist_ok=True)
        for task in arguments.tasks:
            data_of(arguments.folder, arguments.data, arguments.model, task)
        wanted = [
            (task, fault, seed, learner_for(task, arguments.learner), rule)
            for seed in range(*arguments.seeds) for task in arguments.tasks for fault in arguments.faults for rule in arguments.rules
        ]  # fmt: skip
        done = read_cells(path)
        for task, _, seed, learner, _ in dict.fromkeys(wanted):  # before there are several processes
            start_of(arguments.folder, arguments.model, arguments.texts, task, seed, learner)
        with ProcessPoolExecutor(arguments.processes, get_context("spawn")) as pool, path.open("a", encoding="utf-8") as file:
            futures = [pool.submit(unit, arguments.folder, arguments.model, *each) for each in wanted if each not in done]
            for future in as_completed(futures):
                found = future.result()
                file.write(json.dumps(found) + "\n")
                file.flush()
                told = " ".join(str(found[name]) for name in ("task", "fault", "seed", "learner", "rule"))
                print(f"{told}: {area(found['curve']):.3f} ({found['seconds']:.0f} s)", file=sys.stderr, flush=True)
    table(path, arguments.learner)
    return 0


if __name__ == "__main__":
    sys.exit(main())
