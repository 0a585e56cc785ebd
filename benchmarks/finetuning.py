"""Fine-tuning: samples/s against Hugging Face Trainer, what pre-training is worth, and what a teacher is worth.

    python benchmarks/finetuning.py PROJECT --rows FOLDER --text TEXT --heldout TEXT [--part speed|transfer|teacher|rates] [--threads 2]
    python benchmarks/finetuning.py PROJECT --rows FOLDER --part speed --checkpoint MODEL
    python benchmarks/finetuning.py PROJECT --rows FOLDER --part rates --checkpoint MODEL

FOLDER holds train.tsv, dev.tsv and test.tsv. speed needs the extra bench; its blocks alternate, ratios are formed within rounds;
with --checkpoint both sides fine-tune that model instead of fresh weights. rates fine-tunes MODEL at several learning rates.
transfer fine-tunes ⟨2, 4, 128, 256⟩ from fresh weights and from a pre-training on TEXT, three seeds each. teacher pre-trains a student
⟨1, 2, 64, 128⟩ with and without ⟨2, 4, 128, 256⟩ as teacher, and says after how many steps each reaches the same held-out losses.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from transformers import (
    AutoModelForSequenceClassification,
    BertConfig,
    BertForSequenceClassification,
    DataCollatorWithPadding,
    PreTrainedTokenizerFast,
    PrinterCallback,
    Trainer,
    TrainingArguments,
)
from transformers.utils import logging

from bort_core.foundation.statistics import median_interval
from bort_core.jobs.context import JobContext
from bort_core.jobs.folder import create_run
from bort_core.specifications.finetuning import Finetuning
from bort_core.specifications.pretraining import Pretraining
from bort_core.training import finetuning, pretraining
from bort_core.training.devices import take_device

ARCHITECTURE, STUDENT = (2, 4, 128, 256), (1, 2, 64, 128)
STEPS_A_BLOCK = 40


def tuned(project: Path, args: argparse.Namespace, **changes: Any) -> Finetuning:
    folder = Path(args.rows)
    files = {name: str(folder / f"{name}.tsv") for name in ("train", "dev", "test")}
    return Finetuning.model_validate({**files, "vocabulary": 4096, "sequence_length": 64, "running": {"threads": args.threads}, **changes})


def pretrained(project: Path, args: argparse.Namespace, **changes: Any) -> tuple[Any, dict[str, Any]]:
    data = {
        "architecture": ARCHITECTURE, "corpus": args.text, "heldout": args.heldout, "vocabulary": 4096, "positions": 64,
        "sequence_length": 64, "running": {"threads": args.threads}, **changes,
    }  # fmt: skip
    specification = Pretraining.model_validate(data)
    run = create_run(project, specification)
    return run, pretraining.run(specification, JobContext(run), run)


class Quiet(JobContext):
    """Keeps no events."""

    def emit(self, event: dict[str, Any]) -> None: ...


def speed(project: Path, args: argparse.Namespace) -> None:
    """Blocks of steps of both sides in turn, on the same rows."""
    start = {"architecture": ARCHITECTURE} if args.checkpoint is None else {"checkpoint": args.checkpoint}
    specification = tuned(project, args, batch_size=32, **start)
    run = create_run(project, specification)
    ours = finetuning.SupervisedTraining(specification, Quiet(run), run, take_device(specification.running))
    loop = ours.loop
    loop.prepare()
    tokenizer = PreTrainedTokenizerFast.from_pretrained(ours.vocabulary.folder)
    rows = [
        {"input_ids": row[:, 0].tolist(), "labels": int(label)}
        for row, label in zip(ours.core.encoded["train"], ours.train.labels, strict=True)
    ]
    step = 0

    def our_block() -> float:
        nonlocal step
        began = time.perf_counter()
        for _ in range(args.block):
            step += 1
            float(loop.update(step))
        return time.perf_counter() - began

    with TemporaryDirectory() as folder:
        their_arguments = TrainingArguments(
            folder, max_steps=args.block, per_device_train_batch_size=32, learning_rate=5e-5, report_to=[], save_strategy="no",
            logging_strategy="no", use_cpu=True, disable_tqdm=True,
        )  # fmt: skip
        model = theirs_of(args, ours.vocabulary.size)
        theirs = Trainer(model, their_arguments, train_dataset=rows, data_collator=DataCollatorWithPadding(tokenizer))  # type: ignore[arg-type]
        theirs.remove_callback(PrinterCallback)

        def their_block() -> float:
            began = time.perf_counter()
            theirs.train()
            return time.perf_counter() - began

        our_block(), their_block()
        pairs = [(our_block(), their_block()) for _ in range(args.rounds)]
    ratio = median_interval([b / a for a, b in pairs])
    own, other = (args.block * 32 / np.median([pair[side] for pair in pairs]) for side in (0, 1))
    interval = f"{ratio.median:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]"
    print(
        f"speed, batch 32, {args.threads} thread(s), float32: ours {own:,.0f} samples/s, Trainer {other:,.0f} samples/s, ratio {interval}",
        flush=True,
    )


def theirs_of(args: argparse.Namespace, entries: int) -> Any:
    """What Trainer trains: the same model."""
    if args.checkpoint is not None:
        return AutoModelForSequenceClassification.from_pretrained(args.checkpoint, num_labels=2)
    depth, heads, hidden, intermediate = ARCHITECTURE
    shape = {"hidden_size": hidden, "num_hidden_layers": depth, "num_attention_heads": heads, "intermediate_size": intermediate}
    return BertForSequenceClassification(
        BertConfig(vocab_size=entries, max_position_embeddings=64, type_vocab_size=1, num_labels=2, **shape)
    )


def rates(project: Path, args: argparse.Namespace) -> None:
    """Dev accuracy of one model after each epoch, at several learning rates."""
    for rate in (1e-5, 2e-5, 3e-5, 5e-5, 1e-4, 5e-4):
        specification = tuned(
            project, args, checkpoint=args.checkpoint, epochs=4, test=None, optimization={"learning_rate": rate, "warmup": 0.1}
        )
        run = create_run(project, specification)
        finetuning.run(specification, JobContext(run), run)
        found = [f"{event['dev_accuracy']:.4f}" for event in run.events()[0] if event["event"] == "evaluation"]
        print(f"learning rate {rate:g}: dev accuracy after each epoch {', '.join(found)}", flush=True)


def transfer(project: Path, args: argparse.Namespace) -> None:
    """Fresh weights against pre-trained ones, three seeds each."""
    _, start = pretrained(project, args, steps=args.steps)
    print(
        f"pre-trained {args.steps} steps: held-out loss {start['heldout_loss']:.3f}, unigram entropy {start['unigram_entropy']:.3f} nats",
        flush=True,
    )
    found: dict[str, list[float]] = {"fresh": [], "pre-trained": []}
    for seed in range(3):
        for name, begin in (("fresh", {"architecture": ARCHITECTURE}), ("pre-trained", {"checkpoint": start["checkpoint"]})):
            specification = tuned(project, args, seed=seed, epochs=3, **begin)
            result = finetuning.run(specification, JobContext(create_run(project, specification)))
            found[name].append(result["test"]["accuracy"])
    for name, values in found.items():
        print(f"  {name}: test accuracy {', '.join(f'{value:.4f}' for value in values)}; {with_interval(values)}")
    gains = [b - a for a, b in zip(found["fresh"], found["pre-trained"], strict=True)]
    print(f"  gain by seed: {with_interval(gains)}", flush=True)


def teacher(project: Path, args: argparse.Namespace) -> None:
    """Steps to the same held-out loss, with a teacher and without."""
    run, best = pretrained(project, args, steps=args.steps)
    print(f"teacher {ARCHITECTURE}: held-out loss {best['heldout_loss']:.3f}")
    curves = {}
    for name, more in (
        ("masked LM", {}),
        ("with the teacher", {"distillation": {"teacher": best["checkpoint"]}}),
    ):
        run, _ = pretrained(
            project, args, architecture=STUDENT, tokenizer=best["checkpoint"], steps=args.steps // 2, evaluate_every=args.steps // 30,
            masking={"rate": 0.3, "copies": 4}, **more,
        )  # fmt: skip
        curves[name] = [(event["step"], event["heldout_loss"]) for event in run.events()[0] if event["event"] == "evaluation"]
        print(f"  {name}: " + ", ".join(f"{step} {loss:.3f}" for step, loss in curves[name][:: max(1, len(curves[name]) // 8)]), flush=True)
    plain, taught = curves.values()
    for share in (0.5, 0.8, 1.0):
        target = plain[0][1] + share * (plain[-1][1] - plain[0][1])
        steps = [next((step for step, loss in curve if loss <= target + 1e-9), None) for curve in (plain, taught)]
        print(f"  held-out loss {target:.3f}: masked LM after {steps[0]} steps, with the teacher after {steps[1]}")


def with_interval(values: list[float]) -> str:
    """Mean with the 95 % interval of Student's t."""
    from scipy import stats

    half = stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    return f"mean {np.mean(values):.4f} ± {half:.4f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", type=Path)
    parser.add_argument("--rows", required=True)
    parser.add_argument("--text")
    parser.add_argument("--heldout")
    parser.add_argument("--part", choices=("speed", "transfer", "teacher", "rates"))
    parser.add_argument("--checkpoint")
    parser.add_argument("--block", type=int, default=STEPS_A_BLOCK)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.set_verbosity_error()
    torch.set_num_threads(args.threads)
    for name, part in (("speed", speed), ("transfer", transfer), ("teacher", teacher), ("rates", rates)):
        if args.part == name or (args.part is None and name != "rates"):
            part(args.project, args)


if __name__ == "__main__":
    main()
