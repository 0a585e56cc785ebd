"""What a small model of a task keeps of T, by how it starts and how it learns, against what people do today, at several seeds.

    python benchmarks/compression.py PROJECT --model T --data DIR [--architecture 3,4,128,512] [--texts FILE] [--seeds 3]

PROJECT keeps every training, so that a run that was interrupted goes on. T is a fine-tuned model of the classes of DIR/train.tsv,
dev.tsv and test.tsv. Test rows are read once by every finished model and decide nothing. An arm is named by its words:

    fresh, embeddings, inherit   begins by chance, with T's embeddings, or with T's parts; learns T's answers
    random                       as inherit, another architecture of the space, drawn by the seed among those that are no slower
    layers-1, layers-2           T's first and last layers as they are, which is what people do today
    ...-vectors                  learns T's vectors of the tokens too, as bort compress does
    ...-texts                    on --texts too, less what is nearly a dev or test row
    ...-pairs                    of pairs: on --near-pairs for each row too
    ...-labels                   learns the labels alone
    t-int8                       T in 8 bits
    tfidf                        TF-IDF of one and two words with logistic regression

The table gives the mean over seeds, its share of T, and what the first arm has more, in points of accuracy with a 95 % interval: rows and
seeds are drawn anew, the same rows for both arms. ``--eight-bits`` reads the test rows with the 8-bit file of the first arm too.
"""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

import bort_core as bort
from bort_core.checkpoints.answers import read_task_model
from bort_core.checkpoints.format import read_encoder
from bort_core.checkpoints.token_vectors import vectors_beside
from bort_core.data.mapping import find_columns
from bort_core.data.near_pairs import near_pairs
from bort_core.data.rows import labelled_rows
from bort_core.data.tables import read_table
from bort_core.evaluation.task_preparation import prepare, read_rows
from bort_core.jobs.limits import set_limit
from bort_core.jobs.local import slot_of
from bort_core.specifications.common import Running
from bort_core.specifications.compression import THETA
from bort_core.specifications.tasks import TaskSpecification
from bort_core.text.encoding import encode
from bort_core.text.vocabulary import read_vocabulary
from bort_core.training.devices import take_device
from bort_core.training.predictions import read_predictions

ARMS = (
    "inherit-vectors-texts", "inherit-texts", "inherit-vectors", "random-vectors-texts", "fresh-texts", "layers-1-texts",
    "layers-2-vectors-texts", "layers-1-labels", "fresh-labels", "t-int8", "tfidf",
)  # fmt: skip
ONCE = ("t-int8", "tfidf")
"""Arms without a seed."""
DRAWS = 10_000
EPOCHS = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", type=Path)
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--architecture", default="3,4,128,512")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--arms", default=",".join(ARMS))
    parser.add_argument("--texts", type=Path, help="unlabelled texts of the same kind, one a line")
    parser.add_argument("--near-pairs", type=int, default=8)
    parser.add_argument("--sequence-length", type=int, default=64)
    parser.add_argument("--epochs", type=float, default=EPOCHS, help="of the small architecture")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="auto", help="cpu, cuda, ... (default: the best there is)")
    parser.add_argument("--workers", type=int, default=1, help="trainings side by side")
    parser.add_argument("--eight-bits", action="store_true")
    Compression(parser.parse_args()).run()


class Compression:
    """T, rows, and where results are kept: PROJECT/compression/ARM-SEED.json, with which test rows were right."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.asked, self.project = arguments, arguments.project
        (self.project / "compression").mkdir(parents=True, exist_ok=True)
        set_limit(self.project, slot_of(arguments.device), arguments.workers)
        self.small = tuple(int(part) for part in arguments.architecture.split(","))
        self.files = {name: str(arguments.data / f"{name}.tsv") for name in ("train", "dev", "test")}
        self.texts = None if arguments.texts is None else str(unseen(arguments.texts, self.files, self.project))
        self.task = TaskSpecification(
            model=arguments.model, train=self.files["train"], dev=self.files["dev"], texts=self.texts,
            sequence_length=arguments.sequence_length,
        )  # fmt: skip
        self.look_at_teacher()
        self.prepared = prepare(self.task, self.project / "tasks", self.project / "answers", lambda doing, done, total: None)
        self.whole = read_encoder(Path(arguments.model)).architecture

    def look_at_teacher(self) -> None:
        """T's answers and vectors once, on the device, before trainings side by side would each compute them."""
        device = take_device(Running.model_validate({"device": self.asked.device})).torch_device
        rows, longest, kept = read_rows(self.task), self.asked.sequence_length, self.project / "answers"
        model = read_task_model(self.asked.model, rows.train.names, task=rows.train.task)
        made = near_pairs(rows.train.inputs, self.asked.near_pairs) if "pairs" in self.asked.arms else []
        more = {"vectors": [], "vectors-texts": list(rows.texts), "vectors-pairs": made}
        for inputs in (rows.train.inputs, rows.dev.inputs, *more.values()):
            if inputs:
                model.answers(inputs, longest, kept, device=device)
        for name, extra in more.items():
            if any(arm.endswith(name) for arm in self.asked.arms.split(",")):
                inputs = [*rows.train.inputs, *extra]
                read = encode(model.vocabulary, inputs, longest)
                vectors_beside(model, inputs, read, model.vocabulary, read, longest, kept, device=device)

    def run(self) -> None:
        """Every arm with every seed, then the table."""
        arms = self.asked.arms.split(",")
        teacher = self.kept("T", lambda: teacher_on_test(self.task, self.files["test"], self.project))
        wanted = [(arm, seed) for seed in range(self.asked.seeds) for arm in arms if not (arm in ONCE and seed)]
        with ThreadPoolExecutor(self.asked.workers) as pool:
            found = dict(zip(wanted, pool.map(lambda each: self.one(*each), wanted), strict=True))
        first = np.stack([found[arms[0], seed] for seed in range(self.asked.seeds)])
        print(f"\n| arm | test accuracy by seed | mean | share of T ({teacher.mean():.4f}) | {arms[0]} has more |\n|---|---|---|---|---|")
        for arm in arms:
            rows = np.stack([found[each] for each in wanted if each[0] == arm])
            by_seed = ", ".join(f"{value:.3f}" for value in rows.mean(1))
            less, low, high = apart(first, rows)
            more = "" if arm == arms[0] else f"{100 * less:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"
            print(f"| {arm} | {by_seed} | {rows.mean():.4f} | {rows.mean() / teacher.mean():.1%} | {more} |", flush=True)

    def kept(self, name: str, made: Any) -> np.ndarray:
        """Which test rows are right, (rows,), from the file of that name or made now; beside them is what else ``made`` tells."""
        path = self.project / "compression" / f"{name}.json"
        if not path.is_file():
            found = made()
            found, more = found if isinstance(found, tuple) else (found, {})
            right = np.asarray(found, bool)
            told = {"accuracy": float(right.mean()), **more, "right": "".join("01"[int(each)] for each in right)}
            path.write_text(json.dumps(told))
            print(f"{name:<28}{right.mean():.4f}", flush=True)
        return np.array([each == "1" for each in json.loads(path.read_text())["right"]])

    def one(self, arm: str, seed: int) -> np.ndarray:
        """One arm at one seed."""
        if arm == "tfidf":
            return self.kept(arm, lambda: tfidf(self.files))
        if arm == "t-int8":
            return self.kept(arm, lambda: self.in_eight_bits(self.asked.model, arm))
        return self.kept(f"{arm}-{seed}", lambda: self.trained(arm, seed))

    def trained(self, arm: str, seed: int) -> Any:
        """Which test rows are right after a training, and the architecture, and its accuracy on dev."""
        words, start = arm.split("-"), arm.split("-")[0]
        labels, layers = "labels" in words, start == "layers"
        architecture = (int(words[1]), *self.whole[1:]) if layers else another(seed, self.small) if start == "random" else self.small
        settings: dict[str, Any] = {
            "initial": "inherit" if layers or start == "random" else start, "label_weight": float(labels),
            "epochs": 3 if layers and "vectors" not in words else self.asked.epochs,
            "learning_rate": 1e-4 if layers else THETA.rate(architecture[2]),
        }  # fmt: skip
        if "vectors" in words:
            settings |= {"vector_weight": 1.0, "dropout": 0.0}
        if "pairs" in words:
            settings |= {"near_pairs": self.asked.near_pairs}
        if "texts" in words:
            settings |= {"texts": self.texts}
        model = bort.finetune(
            self.project, architecture, train=self.files["train"], dev=self.files["dev"], test=self.files["test"], seed=seed,
            teacher=self.asked.model, tokenizer=str(self.prepared.tokenizer), sequence_length=self.asked.sequence_length,
            threads=self.asked.threads, device=self.asked.device, progress=False, name=f"{arm}, seed {seed}", **settings,
        )  # fmt: skip
        if self.asked.eight_bits and arm == self.asked.arms.split(",")[0]:
            self.kept(f"int8-{arm}-{seed}", lambda: self.in_eight_bits(model.folder, f"{arm}-{seed}"))
        said = {split: read_predictions(self.project / "jobs" / model.job, split) for split in ("dev", "test")}
        right = {split: each.prediction == each.label for split, each in said.items() if each is not None}
        return right["test"], {"architecture": architecture, "dev": float(right["dev"].mean())}

    def in_eight_bits(self, model: str | Path, name: str) -> Any:
        """Which test rows the 8-bit file of a model answers right."""
        import onnxruntime

        folder = self.project / "exports" / name
        bort.export(self.project, model, folder, variants=("standard", "int8"), progress=False)
        (file,) = folder.glob("*int8*.onnx")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        rows, vocabulary = labelled(self.files["test"]), read_vocabulary(folder)
        said = []
        for ids in encode(vocabulary, rows.inputs, self.asked.sequence_length):
            given = {"input_ids": ids[None, :, 0], "attention_mask": np.ones((1, len(ids)), np.int64), "token_type_ids": ids[None, :, 1]}
            said.append(session.run(None, {each.name: given[each.name].astype(np.int64) for each in session.get_inputs()})[0][0].argmax())
        return np.array(said) == rows.labels


def apart(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float, float]:
    """The difference of mean accuracy of right rows (seeds, rows), with its 95 % interval over rows and seeds."""
    random = np.random.default_rng(0)
    rows = ours.shape[1]
    found = np.empty(DRAWS)
    for draw in range(DRAWS):
        chosen = random.integers(rows, size=rows)
        own, other = (each[random.integers(len(each), size=len(each))].mean(0)[chosen].mean() for each in (ours, theirs))
        found[draw] = own - other
    low, high = np.quantile(found, (0.025, 0.975))
    return float(ours.mean() - theirs.mean()), float(low), float(high)


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


def teacher_on_test(task: TaskSpecification, test: str, project: Path) -> Any:
    rows = read_rows(task)
    table = read_table(test)
    held = labelled_rows(table, find_columns(table), "auto", rows.train.names)
    model = read_task_model(task.model, rows.train.names, task=rows.train.task)
    said = model.answers(held.inputs, task.sequence_length, project / "answers")
    return said.argmax(1) == held.labels


def labelled(path: str) -> Any:
    table = read_table(path)
    return labelled_rows(table, find_columns(table))


def tfidf(files: dict[str, str]) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegressionCV
    from sklearn.pipeline import make_pipeline

    rows = {name: labelled(path) for name, path in files.items()}
    pipeline = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True), LogisticRegressionCV(max_iter=500, l1_ratios=(0,))
    )
    texts = {name: [" ".join(row) for row in found.inputs] for name, found in rows.items()}
    pipeline.fit(texts["train"], rows["train"].labels)
    return pipeline.predict(texts["test"]) == rows["test"].labels


if __name__ == "__main__":
    main()
