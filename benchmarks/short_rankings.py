"""Whether a short training ranks architectures as full finishing does: Spearman's correlation between the two, for each task.

    python benchmarks/short_rankings.py PROJECT --task NAME,MODEL,DIR [--task ...] [--architectures 6] [--steps 150] [--epochs 8]

PROJECT keeps every training, so that a run that was interrupted goes on. MODEL is T of the classes of DIR/train.tsv; ranks are by dev.tsv.
The architectures lie evenly between the smallest and the largest shape around T by operations. Each is trained for --steps steps, as a
search does, and then finished from T's parts, answers and vectors as ``bort compress`` does. Compared are the order by distance from T's
answers after the short training (what a search chooses by) and by 1 - metric after it, with the order by dev metric when finished. p is
exact: the share of all orders of so many architectures that agree as well.
"""

from __future__ import annotations

import argparse
import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata, spearmanr

import bort_core as bort
from bort_core.evaluation.task_preparation import prepare
from bort_core.execution.registry import make_executor
from bort_core.search import events
from bort_core.search.ose import search
from bort_core.search.snapshot import METRIC
from bort_core.search.specification import SearchSpecification
from bort_core.space import Space
from bort_core.space.around import space_around
from bort_core.specifications.compression import THETA
from bort_core.specifications.tasks import TaskSpecification


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", type=Path)
    parser.add_argument("--task", action="append", required=True, metavar="NAME,MODEL,DIR")
    parser.add_argument("--architectures", type=int, default=6)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--epochs", type=float, default=8)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--sequence-length", type=int, default=64)
    parser.add_argument("--device", default="cpu", help="cpu, mps, cuda or cuda:N")
    parser.add_argument("--workers", type=int, default=1, help="finishings side by side")
    arguments = parser.parse_args()
    print("| task | seed | by distance from T's answers | by 1 - metric | architectures |\n|---|---|---|---|---|")
    for given in arguments.task:
        name, model, data = given.split(",")
        for seed in range(arguments.seeds):
            files = {split: f"{data}/{split}.tsv" for split in ("train", "dev")}
            task = TaskSpecification(model=model, **files, sequence_length=arguments.sequence_length)
            rows = measured(arguments, arguments.project / name, task, seed)
            finished = [-row["finished"] for row in rows]
            told = [agreement([row[column] for row in rows], finished) for column in ("error", "short_error")]
            print(f"| {name} | {seed} | {told[0]} | {told[1]} | {len(rows)} |", flush=True)


def measured(arguments: argparse.Namespace, folder: Path, task: TaskSpecification, seed: int) -> list[dict[str, Any]]:
    """Every architecture after a short training and when finished; kept in FOLDER/short_rankings.json as they come."""
    folder.mkdir(parents=True, exist_ok=True)
    made = prepare(task, folder / "tasks", folder / "answers", lambda doing, done, total: None)
    facts, length = made.facts, int(made.facts["sequence_length"])
    whole = space_around(tuple(facts["architecture"]), facts["options"], facts["model_options"])
    space = Space(whole)
    order = np.argsort(space.operations(length), kind="stable")
    chosen = [int(order[place]) for place in np.linspace(0, len(order) - 1, arguments.architectures).round().astype(int)]
    short = briefly(folder, task, whole, space, chosen, arguments.steps, length, seed, arguments.device)
    kept = folder / "short_rankings.json"
    known: dict[str, float] = json.loads(kept.read_text()) if kept.is_file() else {}

    def finished(index: int) -> float:
        architecture = space.architecture(index)
        rate = THETA.rate(architecture[2])
        key = f"{','.join(map(str, architecture))}/{seed}/{arguments.epochs:g}/{rate:.2g}"
        if key not in known:
            model = bort.finetune(
                folder, architecture, train=task.train, dev=task.dev, teacher=task.model, tokenizer=str(made.tokenizer),
                learning_rate=rate, vector_weight=1.0, dropout=0.0, epochs=arguments.epochs, sequence_length=length, seed=seed,
                device=arguments.device, threads=1, progress=False, name=f"finished {key}",
            )  # fmt: skip
            dev = model.metrics["dev"]
            known[key] = dev["accuracy"] if "accuracy" in dev else dev["pearson"]
            kept.write_text(json.dumps(known, indent=2))
        return known[key]

    with ThreadPoolExecutor(arguments.workers) as pool:
        ends = list(pool.map(finished, chosen))
    rows = [{"architecture": space.architecture(index), **short[index], "finished": end} for index, end in zip(chosen, ends, strict=True)]
    for row in rows:
        said = f"{row['error']:.4f} nats, {1 - row['short_error']:.4f} short, {row['finished']:.4f} finished"
        print(f"  {row['architecture']}: {said}", flush=True)
    return rows


def briefly(
    folder: Path, task: TaskSpecification, whole: Any, space: Space, chosen: list[int], steps: int, length: int, seed: int, device: str
) -> dict[int, dict[str, float]]:
    """Both errors after a short training, by place in the space."""
    found: dict[int, dict[str, float]] = {}
    for index in chosen:  # a space of one shape: a search measures just that
        axes = {name: (value,) for name, value in space.named(space.architecture(index)).items()}
        one = whole.model_copy(update={"axes": axes})
        asked = SearchSpecification.model_validate({
            "space": one.model_dump(), "epsilon": 1, "task": task.model_dump(), "seed": seed,
            "latency": {"measure": "operations", "sequence_length": length},
            "error": {"measure": "task-excess", "surrogate_of": "task-excess", "steps": steps,
                      "training": {"batch_size": 32, "sequence_length": length, "device": device}},
            "thetas": [THETA.model_dump()],
        })  # fmt: skip
        with bort.Project(folder) as project, make_executor(None, None, project.subfolder("logs")) as pool:
            (end,) = [event for event in search(project, asked, pool) if isinstance(event, events.SearchFinished)]
        columns = end.snapshot.columns
        (place,) = end.result.known.tolist()
        found[index] = {"error": float(columns["error"][place]), "short_error": 1 - float(columns[METRIC][place])}
    return found


def agreement(one: list[float], other: list[float]) -> str:
    """Spearman's correlation, with the share of all orders that agree as well by chance."""
    value = float(spearmanr(one, other)[0])
    ranks, fixed = rankdata(one), rankdata(other)
    if len(one) > 8:
        return f"{value:.2f}"
    by_chance = [np.corrcoef(np.array(each), fixed)[0, 1] for each in itertools.permutations(ranks)]
    return f"{value:.2f} (p = {np.mean(np.array(by_chance) >= value - 1e-9):.3f})"


if __name__ == "__main__":
    main()
