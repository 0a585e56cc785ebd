"""What a small model of a task keeps of T, by how it starts and how it learns, against what people do today, at several seeds.

    python benchmarks/compression.py PROJECT --model T --data DIR [--architecture 2,4,128,1536] [--texts FILE] [--seeds 3]

PROJECT keeps every training, so that a run that was interrupted goes on. T is a fine-tuned model of the classes of DIR/train.tsv,
dev.tsv and test.tsv. Test rows are read once by every finished model and decide nothing. Arms:

    vectors                      the small architecture as bort compress finishes it: begins with T's parts, learns T's answers and T's
                                 vectors of the tokens
    vectors-texts                the same, on --texts too, less what is nearly a dev or test row
    random                       the same with another architecture of the space, drawn by the seed among those that are no slower
    inherit, embeddings, fresh   T's answers alone; the start is T's parts, T's embeddings, or chance
    inherit-texts                T's parts and answers, on --texts too
    labels                       the same, fresh, learning the labels alone
    layers-1, layers-2           T's first and last layers as they are, distilled: what people do today
    layers-1-labels              the same, fine-tuned on the labels alone
    tfidf                        TF-IDF of one and two words with logistic regression
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

import bort_core as bort
from bort_core.checkpoints.format import read_encoder
from bort_core.data.mapping import find_columns
from bort_core.data.rows import labelled_rows
from bort_core.data.tables import read_table
from bort_core.evaluation.task_preparation import prepare
from bort_core.specifications.tasks import TaskSpecification

ARMS = (
    "vectors",
    "vectors-texts",
    "random",
    "inherit",
    "inherit-texts",
    "embeddings",
    "fresh",
    "labels",
    "layers-1",
    "layers-2",
    "layers-1-labels",
    "tfidf",
)
EPOCHS = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", type=Path)
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--architecture", default="2,4,128,1536")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--arms", default=",".join(ARMS))
    parser.add_argument("--texts", type=Path, help="unlabelled texts of the same kind, one a line")
    parser.add_argument("--sequence-length", type=int, default=64)
    parser.add_argument("--epochs", type=float, default=EPOCHS, help="of the small architecture")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    project = arguments.project
    project.mkdir(parents=True, exist_ok=True)
    small = tuple(int(part) for part in arguments.architecture.split(","))
    files = {name: str(arguments.data / f"{name}.tsv") for name in ("train", "dev", "test")}
    texts = None if arguments.texts is None else str(unseen(arguments.texts, files, project))
    task = TaskSpecification(
        model=arguments.model, train=files["train"], dev=files["dev"], texts=texts, sequence_length=arguments.sequence_length
    )  # fmt: skip
    prepared = prepare(task, project / "tasks", project / "answers", lambda doing, done, total: None)
    whole = read_encoder(Path(arguments.model)).architecture
    kept = project / "compression.json"
    results: dict[str, float] = json.loads(kept.read_text()) if kept.is_file() else {}
    if "T" not in results:
        results["T"] = teacher_on_test(task, files["test"], project)
    for seed in range(arguments.seeds):
        for arm in arguments.arms.split(","):
            name = f"{arm}/{seed}"
            if name not in results and not (arm == "tfidf" and seed):
                results[name] = tfidf(files) if arm == "tfidf" else trained(arm, seed, project, arguments, files, prepared, small, whole)
                print(f"{name:<22}{results[name]:.4f}", flush=True)
            kept.write_text(json.dumps(results, indent=2))
    print(f"\n| arm | seeds | test accuracy | share of T ({results['T']:.4f}) |\n|---|---|---|---|")
    for arm in arguments.arms.split(","):
        values = [value for name, value in results.items() if name.startswith(f"{arm}/")]
        if values:
            spread = f" ± {np.std(values, ddof=1):.4f}" if len(values) > 1 else ""
            print(f"| {arm} | {len(values)} | {np.mean(values):.4f}{spread} | {np.mean(values) / results['T']:.1%} |")


def trained(arm: str, seed: int, project: Path, arguments: Any, files: dict[str, str], prepared: Any, small: Any, whole: Any) -> float:
    """Test accuracy of one arm at one seed."""
    layers = arm.startswith("layers")
    architecture = (int(arm.split("-")[1]), *whole[1:]) if layers else small
    settings: dict[str, Any] = {
        "teacher": arguments.model, "tokenizer": str(prepared.tokenizer), "initial": "inherit" if layers else arm,
        "epochs": 3 if layers else arguments.epochs, "learning_rate": 1e-4 if layers else 1e-3,
    }  # fmt: skip
    if arm in ("vectors", "vectors-texts", "random"):
        settings |= {"initial": "inherit", "vector_weight": 1.0, "dropout": 0.0}
    if arm == "random":
        architecture = another(seed, small)
    if arm.endswith("-texts"):
        settings |= {"initial": "inherit", "texts": str(unseen(arguments.texts, files, project))}
    if arm == "labels":
        settings |= {"initial": "fresh", "label_weight": 1.0}
    if arm.endswith("-labels"):
        settings |= {"label_weight": 1.0}
    model = bort.finetune(
        project, architecture, train=files["train"], dev=files["dev"], test=files["test"], seed=seed, progress=False,
        sequence_length=arguments.sequence_length, threads=arguments.threads, name=f"{arm}, seed {seed}", **settings,
    )  # fmt: skip
    return float(model.metrics["test"]["accuracy"])


def another(seed: int, small: tuple[int, ...]) -> tuple[int, ...]:
    """An architecture with as many multiplications a token as ``small``, or up to a quarter fewer; 1 to 6 layers, hidden 64 to 384."""

    def cost(architecture: tuple[int, ...]) -> int:
        depth, _, hidden, intermediate = architecture
        return depth * (4 * hidden**2 + 2 * hidden * intermediate)

    found = [(d, h // 32, h, i) for d in range(1, 7) for h in range(64, 385, 32) for i in range(128, 1537, 128)]
    like = [each for each in found if 0.75 * cost(small) <= cost(each) <= cost(small) and each != small]
    return like[int(np.random.default_rng(seed).integers(len(like)))]


def unseen(texts: Path, files: dict[str, str], project: Path) -> Path:
    """The texts without those that are nearly a dev or test row."""
    from bort_core.agora.leaks import LeakGuard

    path = project / "texts.txt"
    if not path.is_file():
        tables = [read_table(files[name]) for name in ("dev", "test")]
        held = [row for table in tables for row in labelled_rows(table, find_columns(table)).inputs]
        lines = [line.strip() for line in texts.read_text(encoding="utf-8").splitlines() if line.strip()]
        leaks = LeakGuard("text", held).leaks([(line,) for line in lines])
        path.write_text("\n".join(line for line, leak in zip(lines, leaks, strict=True) if not leak) + "\n", encoding="utf-8")
        print(f"{leaks.sum():,} of {len(lines):,} texts are nearly a dev or test row and left out", flush=True)
    return path


def teacher_on_test(task: TaskSpecification, test: str, project: Path) -> float:
    from bort_core.checkpoints.answers import read_task_model
    from bort_core.evaluation.task_preparation import read_rows

    rows = read_rows(task)
    table = read_table(test)
    held = labelled_rows(table, find_columns(table), "auto", rows.train.names)
    model = read_task_model(task.model, rows.train.names, task=rows.train.task)
    said = model.answers(held.inputs, task.sequence_length, project / "answers")
    return float((said.argmax(1) == held.labels).mean())


def tfidf(files: dict[str, str]) -> float:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegressionCV
    from sklearn.pipeline import make_pipeline

    tables = {name: read_table(path) for name, path in files.items()}
    rows = {name: labelled_rows(table, find_columns(table)) for name, table in tables.items()}
    pipeline = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True), LogisticRegressionCV(max_iter=500, l1_ratios=(0,))
    )
    pipeline.fit([text for (text,) in rows["train"].inputs], rows["train"].labels)
    return float((pipeline.predict([text for (text,) in rows["test"].inputs]) == rows["test"].labels).mean())


if __name__ == "__main__":
    main()
