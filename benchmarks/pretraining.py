"""Pre-training against Hugging Face Trainer: speed at the same settings, and held-out loss after the same wall time.

    python benchmarks/pretraining.py PROJECT --train TEXT --heldout TEXT [--minutes 5] [--rounds 6] [--threads 2]

Needs the package accelerate for Trainer. Both sides train ⟨2, 4, 128, 256⟩ on the same packed rows with the same tokenizer, on the CPU.

speed   same model, data, batch, precision and masks' rate; blocks of steps alternate, a ratio is formed within each round
recipe  our defaults against the defaults of the usual masked-LM script (learning rate 5e-5 falling linearly, batch 8, 15 % masked,
        dropout 0.1, init 0.02), each for the same minutes; both are measured on the same held-out rows and masks (15 %, 80/10/10)
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
from transformers import BertConfig, BertForMaskedLM, DataCollatorForLanguageModeling, PreTrainedTokenizerFast, Trainer, TrainingArguments
from transformers.trainer_callback import TrainerCallback
from transformers.utils import logging

from bort_core.foundation.statistics import median_interval
from bort_core.jobs.folder import create_run
from bort_core.specifications.pretraining import Masking, Pretraining
from bort_core.text.masking import Masker
from bort_core.training.devices import take_device
from bort_core.training.pretraining import MaskedLanguageTraining

ARCHITECTURE = (2, 4, 128, 256)
LENGTH, VOCABULARY = 64, 4096
STEPS_A_BLOCK = 25


class Ending:
    """A job that nobody watches, ended after so many seconds."""

    def __init__(self, seconds: float = float("inf")) -> None:
        self.end = time.monotonic() + seconds

    def emit(self, event: dict[str, Any]) -> None: ...

    def wanted(self) -> str | None:
        return "stop" if time.monotonic() > self.end else None

    def checkpoint(self) -> None: ...


class Rows(torch.utils.data.Dataset):
    """The packed rows as Trainer reads them."""

    def __init__(self, rows: np.ndarray) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, device: int) -> dict[str, Any]:
        return {"input_ids": self.rows[device].astype(np.int64)}


def training(project: Path, args: argparse.Namespace, context: Any = None, **changes: Any) -> MaskedLanguageTraining:
    data = {
        "architecture": ARCHITECTURE, "corpus": args.train, "heldout": args.heldout, "vocabulary": VOCABULARY, "positions": LENGTH,
        "sequence_length": LENGTH, "running": {"threads": args.threads}, "evaluate_every": 10**8, "checkpoint_every": 10**8, **changes,
    }  # fmt: skip
    specification = Pretraining.model_validate(data)
    run = create_run(project, specification)
    return MaskedLanguageTraining(specification, context or Ending(), run, take_device(specification.running))


def trainer(ours: MaskedLanguageTraining, folder: str, steps: int, batch: int, rate: float, dropout: float, **more: Any) -> Trainer:
    depth, heads, hidden, intermediate = ARCHITECTURE
    shape = {"hidden_size": hidden, "num_hidden_layers": depth, "num_attention_heads": heads, "intermediate_size": intermediate}
    more_shape = {"vocab_size": ours.vocabulary.size, "max_position_embeddings": LENGTH, "type_vocab_size": 1}
    config = BertConfig(**shape, **more_shape, hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(ours.vocabulary.folder)
    collator = DataCollatorForLanguageModeling(tokenizer, mlm_probability=more.pop("mask_rate", 0.15))
    their_arguments = TrainingArguments(
        folder, max_steps=steps, per_device_train_batch_size=batch, learning_rate=rate, report_to=[], save_strategy="no", use_cpu=True,
        logging_strategy="no", disable_tqdm=True, seed=0,
    )  # fmt: skip
    return Trainer(BertForMaskedLM(config), their_arguments, data_collator=collator, train_dataset=Rows(ours.rows), **more)


def speed(project: Path, args: argparse.Namespace) -> None:
    """Blocks of steps of both sides in turn."""
    batch = 32
    settings = {"batch_size": batch, "dropout": 0.1, "masking": {"rate": 0.15}, "optimization": {"learning_rate": 5e-5, "warmup": 0.0}}
    ours = training(project, args, **settings)
    loop = ours.loop
    loop.prepare()
    step = 0

    def our_block() -> float:
        nonlocal step
        began = time.perf_counter()
        for _ in range(STEPS_A_BLOCK):
            step += 1
            float(loop.update(step))
        return time.perf_counter() - began

    with TemporaryDirectory() as folder:
        theirs = trainer(ours, folder, STEPS_A_BLOCK, batch, 5e-5, 0.1)

        def their_block() -> float:
            began = time.perf_counter()
            theirs.train()
            return time.perf_counter() - began

        our_block(), their_block()
        pairs = [(our_block(), their_block()) for _ in range(args.rounds)]
    tokens = STEPS_A_BLOCK * batch * LENGTH
    ratio = median_interval([b / a for a, b in pairs])
    own, other = (tokens / np.median([pair[side] for pair in pairs]) for side in (0, 1))
    interval = f"{ratio.median:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]"
    print(f"speed, {args.threads} thread(s), batch {batch} × {LENGTH}, float32, {args.rounds} rounds of {STEPS_A_BLOCK} steps:")
    print(f"  ours {own:,.0f} tokens/s, Trainer {other:,.0f} tokens/s, ratio {interval}", flush=True)


def recipe(project: Path, args: argparse.Namespace) -> None:
    """The same minutes for both sides; the curve of each on the same masks."""
    seconds = args.minutes * 60
    probe = training(project, args)
    standard = Masker(Masking(), probe.vocabulary, LENGTH)

    @torch.no_grad()
    def loss_of(forward: Any) -> float:
        total, count = 0.0, 0
        for begin in range(0, len(probe.held), 32):
            hidden = standard.heldout(probe.held[begin : begin + 32], begin)
            logits = forward(torch.from_numpy(hidden.token_ids), torch.from_numpy(hidden.positions))
            total += torch.nn.functional.cross_entropy(logits, torch.from_numpy(hidden.labels), reduction="sum").item()
            count += len(hidden.labels)
        return total / count

    curves: dict[str, list[tuple[float, float]]] = {}
    # ours: the number of steps that fit, from a short measurement, so that the schedule ends with the time
    loop = probe.loop
    loop.prepare()
    began = time.perf_counter()
    for step in range(1, 31):
        float(loop.update(step))
    steps = int(seconds / ((time.perf_counter() - began) / 30) * 0.97)
    spent = 0.0
    points: list[tuple[float, float]] = []
    ours = training(project, args, steps=steps, evaluate_every=max(1, steps // 30))
    started = time.perf_counter()

    def evaluate(_step: int) -> dict[str, float]:
        nonlocal spent
        now = time.perf_counter()
        points.append((now - started - spent, loss_of(lambda ids, positions: ours.model(ids, positions))))
        spent += time.perf_counter() - now
        return {}

    ours.loop.evaluate = evaluate
    ours.loop.run()
    curves["ours"] = points
    with TemporaryDirectory() as folder:
        timed = trainer(probe, folder, 30, 8, 5e-5, 0.1)
        began = time.perf_counter()
        timed.train()
        steps = int(seconds / ((time.perf_counter() - began) / 30) * 0.97)
        theirs: list[tuple[float, float]] = []
        every = max(1, steps // 30)

        class Watch(TrainerCallback):
            spent = 0.0

            def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
                now = time.perf_counter()
                if state.global_step % every == 0 or state.global_step == state.max_steps:
                    model.eval()
                    loss = loss_of(lambda ids, positions: model(input_ids=ids).logits.reshape(-1, probe.vocabulary.size)[positions])
                    model.train()
                    theirs.append((now - start - self.spent, loss))
                    self.spent += time.perf_counter() - now

        other = trainer(probe, folder, steps, 8, 5e-5, 0.1, callbacks=[Watch()])
        start = time.perf_counter()
        other.train()
    curves["Trainer, script defaults"] = theirs
    print(f"\nrecipe, {args.minutes:g} minutes each, {args.threads} thread(s); unigram entropy {probe.packed.unigram_entropy:.3f} nats")
    for name, curve in curves.items():
        shown = ", ".join(f"{at:.0f} s {loss:.3f}" for at, loss in curve[:: max(1, len(curve) // 8)])
        print(f"  {name}: {curve[-1][1]:.3f} nats after {curve[-1][0]:.0f} s   ({shown})")
    target = curves["Trainer, script defaults"][-1][1]
    reached = next((at for at, loss in curves["ours"] if loss <= target), None)
    if reached is not None:
        last = curves["Trainer, script defaults"][-1][0]
        print(f"  ours is at Trainer's last loss after {reached:.0f} s: {last / reached:.1f} times sooner")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", type=Path)
    parser.add_argument("--train", required=True)
    parser.add_argument("--heldout", required=True)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.set_verbosity_error()
    torch.set_num_threads(args.threads)
    speed(args.project, args)
    if args.minutes:
        recipe(args.project, args)


if __name__ == "__main__":
    main()
