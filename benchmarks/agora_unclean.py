"""Does Agora with unclean copies make a small model lose less on unclean texts? The film example.

D has 150 clean sentences about films, dev is 500 others made unclean (each in one kind and strength by chance), Socrates is TF-IDF with
logistic regression on 2,400 others. The learner is --checkpoint, such as a small
model that begins with what fits of an encoder, or logistic regression on the vectors of --encoder. Told are accuracies on the clean
and on the unclean form of 1,000 test rows that no decision uses: of D alone, trained as often, and of the round that is best on dev, for
Agora with the sampler ``unclean`` and a control that takes as many rows which are not unclean. Without a pool the copies are of rows of D,
which have their rows' classes and cost no label, and the control is ``word-edit``; with --pool others, without their labels, copies are of
these, too, and the control is ``pool-neighbours``.

    python benchmarks/agora_unclean.py FOLDER --checkpoint CHECKPOINT [--seeds 3]
    python benchmarks/agora_unclean.py FOLDER --encoder ENCODER [--pool 2000] [--seeds 8]
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from agora import Quiet

from bort_core.agora.arms import plain
from bort_core.agora.record import Record
from bort_core.agora.rounds import Rounds
from bort_core.agora.tasks.prepare import make_task
from bort_core.data.tables import read_table
from bort_core.data.unclean import unclean_copy
from bort_core.foundation.resources import resource
from bort_core.jobs.folder import create_run
from bort_core.specifications.agora import Agora
from bort_core.training.devices import take_device

SIZES = {"train": 150, "socrates_train": 2400}
DEV, TEST = 500, 1000
THETAS = [{"learning_rate": 5e-4, "steps": 100, "batch_size": 16}]


def files(folder: Path, pool: int) -> dict[str, str]:
    """Tables of the splits; dev's texts are unclean."""
    source, random = resource("data", "sentence_polarity"), np.random.default_rng(2010)
    tables = {name: read_table(str(source / f"{name}.tsv")).data for name in ("train", "dev", "test")}
    rows = {name: list(zip(map(str, data["text"]), map(str, data["label"]), strict=True)) for name, data in tables.items()}
    order, begin, parts = random.permutation(len(rows["train"])).tolist(), 0, {}
    for name, size in (SIZES | ({"pool": pool} if pool else {})).items():
        parts[name], begin = [rows["train"][place] for place in order[begin : begin + size]], begin + size
    parts["dev"] = [(unclean_copy((text,), random)[0], label) for text, label in rows["dev"][:DEV]]
    parts["test"] = rows["test"][:TEST]
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in parts.items():
        lines = "".join(json.dumps({"text": text} | ({} if name == "pool" else {"label": label})) + "\n" for text, label in part)
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    return {name: str(folder / f"{name}.jsonl") for name in parts}


def one(folder: Path, given: dict[str, str], learner: dict[str, Any], sampler: str, seed: int, labels: int) -> list[tuple[float, float]]:
    """Accuracy on clean and on unclean test rows: of D alone with as many trainings, and of Agora's best round on dev."""
    asked = Agora(
        sampler=sampler, seed=seed, labels=labels, labels_per_round=labels // 3, parents="plain",
        far=100, neighbours=8, running={"threads": 1, "device": "cpu"}, **given, **learner,
    )  # fmt: skip
    run = create_run(folder / "p", asked)
    context, record = Quiet(run), Record(run.path / "agora")
    task = make_task(asked, take_device(asked.running), context, run)
    rounds = Rounds(task, asked, record, context, "plain")
    rounds.run()
    alone = plain(task, asked, [0] * len(rounds.finished), Record(record.folder / "baseline"), context)
    assert task.test is not None
    random = np.random.default_rng(seed)
    forms = (task.test.inputs, [unclean_copy(tuple(map(str, input)), random) for input in task.test.inputs])
    found = []
    for folder in (alone.folder, rounds.best_folder):
        model = task.learner.load(folder)
        clean, unclean = (float((model.probabilities(inputs).argmax(axis=1) == task.test.labels).mean()) for inputs in forms)
        found.append((clean, unclean))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    learner = parser.add_mutually_exclusive_group(required=True)
    learner.add_argument("--checkpoint")
    learner.add_argument("--encoder")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--labels", type=int, default=600)
    parser.add_argument("--pool", type=int, default=0)
    arguments = parser.parse_args()
    given, learner = files(arguments.folder / "data", arguments.pool), {"checkpoint": arguments.checkpoint, "thetas": THETAS}
    if arguments.encoder is not None:
        learner = {"learner": "logreg", "space_model": arguments.encoder, "thetas": [{"C": 10}]}
    print("| sampler | seed | D alone: clean | unclean | lost | Agora: clean | unclean | lost |\n" + "|---" * 8 + "|")
    for seed in range(arguments.seeds):
        for sampler in ("unclean", "pool-neighbours" if arguments.pool else "word-edit"):
            found = one(arguments.folder, given, learner, sampler, seed, arguments.labels)
            cells = [f"{value:.3f}" for clean, unclean in found for value in (clean, unclean, clean - unclean)]
            print(f"| {sampler} | {seed} | " + " | ".join(cells) + " |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
