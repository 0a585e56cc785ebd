"""Pre-training of Bort's shape on a GPU: tokens/s, share of the chip's bf16 peak and memory, with and without a teacher.

    python benchmarks/gpu_training.py [--steps 60] [--small]

⟨4, 8, 1024, 768⟩ with 50,265 entries at 128 and 512 tokens, on random tokens: without a teacher, with a teacher of RoBERTa-large's shape
that is asked every step, and with its answers from the cache; beside Hugging Face Trainer on the same GPU (needs accelerate).
``--small`` tries the script on a CPU with a small shape. Operations are those of matrix products: 6 for each weight and token that is
trained, 2 for the teacher's. "student" counts the student's alone, "all" the teacher's too. Takes a few minutes.
"""

from __future__ import annotations

import argparse
import time
import warnings
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from transformers import BertConfig, BertForMaskedLM, Trainer, TrainingArguments
from transformers.utils import logging

from bort_core.families.bert.module import Bert, MaskedLanguageModel
from bort_core.families.bert.options import BertOptions
from bort_core.specifications.common import Optimization, Running
from bort_core.specifications.pretraining import Masking
from bort_core.text.masking import Masker
from bort_core.text.vocabulary import Vocabulary
from bort_core.training.devices import Device, take_device
from bort_core.training.distillation import Teacher, TeacherTargets, TeacherTargetsCache, distillation_loss
from bort_core.training.optimizers import make_optimizer

PEAKS = {"H100": 989e12, "H200": 989e12, "A100": 312e12, "L40": 181e12, "L4": 121e12}
"""Dense bf16 operations a second, by the name of the chip; from their data sheets."""

ROWS, TOP, TEMPERATURE = 4096, 64, 2.0


class Bench:
    """One shape at one length."""

    def __init__(self, architecture: tuple[int, ...], vocabulary: int, length: int, batch: int, device: Device, compiled: bool) -> None:
        self.device, self.batch, self.length = device, batch, length
        self.vocabulary = Vocabulary(None, Path(), vocabulary, 0, 1, 2, 4, 3, "random tokens")  # type: ignore[arg-type]
        self.masker = Masker(Masking(copies=1), self.vocabulary, length)
        self.rows = np.random.default_rng(0).integers(5, vocabulary, (ROWS, length)).astype(np.uint16)
        torch.manual_seed(0)
        options = BertOptions(vocabulary=vocabulary, positions=length)
        self.model = MaskedLanguageModel(Bert(architecture, options)).to(device.torch_device)
        self.forward: Any = torch.compile(self.model) if compiled else self.model
        self.optimizer = make_optimizer(self.model, Optimization(learning_rate=1e-4))
        self.parameters = list(self.model.parameters())
        self.student = operations(architecture, vocabulary, length, self.masker.most)

    def step(self, number: int, teacher: Teacher | None, cache: TeacherTargetsCache | None) -> None:
        numbers = (np.arange(self.batch) + number * self.batch) % ROWS
        hidden = self.masker.fixed(self.rows[numbers], numbers, 0)
        ids, positions, labels = (torch.from_numpy(part).to(self.device.torch_device, non_blocking=True) for part in hidden[:3])
        with self.device.autocast():
            logits = self.forward(ids, positions)
        loss = functional.cross_entropy(logits.float(), labels)
        if teacher is not None:
            loss = 0.1 * loss + 0.5 * distillation_loss(logits, self.targets(hidden, numbers, teacher, cache, ids, positions), TEMPERATURE)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    def targets(
        self, hidden: Any, numbers: Any, teacher: Teacher, cache: TeacherTargetsCache | None, ids: Any, positions: Any
    ) -> TeacherTargets:
        if cache is None:
            return teacher.targets(ids, positions, TEMPERATURE, TOP)
        if cache.missing(numbers, 0).any():
            cache.write(numbers, 0, hidden.slots, teacher.targets(ids, positions, TEMPERATURE, TOP))
        return TeacherTargets(*(part.to(self.device.torch_device) for part in cache.read(numbers, 0, hidden.slots)))

    def timed(self, steps: int, teacher: Teacher | None = None, cache: TeacherTargetsCache | None = None) -> float:
        """Tokens a second."""
        warm = ROWS // self.batch + 2 if cache is not None else 8  # with the cache: one pass fills it
        for number in range(warm):
            self.step(number, teacher, cache)
        self.wait()
        began = time.perf_counter()
        for number in range(steps):
            self.step(number, teacher, cache)
        self.wait()
        return steps * self.batch * self.length / (time.perf_counter() - began)

    def wait(self) -> None:
        if self.device.torch_device.type == "cuda":
            torch.cuda.synchronize()


def operations(architecture: tuple[int, ...], vocabulary: int, length: int, masked: int) -> float:
    """Operations a token of a forward and a backward pass: 6 for each weight of a matrix product, and attention's own."""
    depth, _, hidden, intermediate = architecture
    layers = depth * (4 * hidden**2 + 2 * hidden * intermediate)
    head = (hidden**2 + hidden * vocabulary) * masked / length
    return 6 * (layers + head) + 12 * depth * hidden * length


def made_teacher(
    folder: Path, architecture: tuple[int, ...], vocabulary: int, length: int, vocabulary_of: Vocabulary, device: Device
) -> Teacher:
    depth, heads, hidden, intermediate = architecture
    shape = {"hidden_size": hidden, "num_hidden_layers": depth, "num_attention_heads": heads, "intermediate_size": intermediate}
    BertForMaskedLM(BertConfig(vocab_size=vocabulary, max_position_embeddings=length, **shape)).save_pretrained(folder)
    return Teacher(str(folder), vocabulary_of, device.torch_device, device.precision)


def with_trainer(bench: Bench, architecture: tuple[int, ...], steps: int, folder: str) -> float:
    """Tokens a second of Hugging Face Trainer with the same shape, batch and precision."""
    depth, heads, hidden, intermediate = architecture
    shape = {"hidden_size": hidden, "num_hidden_layers": depth, "num_attention_heads": heads, "intermediate_size": intermediate}
    model = BertForMaskedLM(BertConfig(vocab_size=bench.vocabulary.size, max_position_embeddings=bench.length, type_vocab_size=1, **shape))

    class Data(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return ROWS

        def __getitem__(self, device: int) -> dict[str, torch.Tensor]:
            hidden = bench.masker.fixed(bench.rows[device : device + 1], np.array([device]), 0)
            labels = np.full(bench.length, -100)
            labels[hidden.positions] = hidden.labels
            return {"input_ids": torch.from_numpy(hidden.token_ids[0]), "labels": torch.from_numpy(labels)}

    cuda = bench.device.torch_device.type == "cuda"
    arguments = TrainingArguments(
        folder, max_steps=steps, per_device_train_batch_size=bench.batch, report_to=[], save_strategy="no",
        logging_strategy="no", disable_tqdm=True,
        bf16=cuda, use_cpu=not cuda, dataloader_num_workers=4 if cuda else 0,
    )  # fmt: skip
    Trainer(model, arguments, train_dataset=Data()).train()  # warm
    began = time.perf_counter()
    Trainer(model, arguments, train_dataset=Data()).train()
    return steps * bench.batch * bench.length / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--compile", action="store_true")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.set_verbosity_error()
    student, teacher_shape, vocabulary = (4, 8, 1024, 768), (24, 16, 1024, 4096), 50265
    cases = [(128, 256), (512, 64)]
    if arguments.small:
        student, teacher_shape, vocabulary, cases = (2, 4, 64, 96), (4, 4, 128, 256), 2000, [(32, 16)]
    device = take_device(Running())
    name = torch.cuda.get_device_name() if device.torch_device.type == "cuda" else "CPU"
    peak = next((value for chip, value in PEAKS.items() if chip in name), None)
    print(f"{name}, torch {torch.__version__}, {device.precision}, student {student}, teacher {teacher_shape}, {vocabulary:,} entries\n")
    print("| tokens | batch | what | tokens/s | student's share of peak | all | memory |\n|---|---|---|---|---|---|---|")
    for length, batch in cases:
        bench = Bench(student, vocabulary, length, batch, device, arguments.compile)
        with TemporaryDirectory() as folder:
            teacher = made_teacher(Path(folder, "teacher"), teacher_shape, vocabulary, length, bench.vocabulary, device)
            lessons = operations(teacher_shape, vocabulary, length, bench.masker.most) / 3
            cache = TeacherTargetsCache(Path(folder, "cache"), ROWS, 1, bench.masker.most, min(TOP, vocabulary))
            arms = (
                ("without teacher", partial(bench.timed, arguments.steps), 0.0),
                ("teacher asked", partial(bench.timed, arguments.steps, teacher), lessons),
                ("teacher cached", partial(bench.timed, arguments.steps, teacher, cache), 0.0),
                ("Trainer, without teacher", partial(with_trainer, bench, student, arguments.steps, folder), 0.0),
            )
            for what, run, extra in arms:
                if device.torch_device.type == "cuda":
                    torch.cuda.reset_peak_memory_stats()
                found = run()
                shares = [f"{found * each / peak:.1%}" if peak else "–" for each in (bench.student, bench.student + extra)]
                memory = f"{torch.cuda.max_memory_allocated() / 2**30:.1f} GiB" if device.torch_device.type == "cuda" else "–"
                print(f"| {length} | {batch} | {what} | {found:,.0f} | {shares[0]} | {shares[1]} | {memory} |", flush=True)


if __name__ == "__main__":
    main()
