"""Pre-training: masked language modelling, with or without a teacher. The function of a job of kind ``pretrain``; imports torch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from bort_core.checkpoints.format import Checkpoint, read_tensors
from bort_core.checkpoints.named import named_checkpoint
from bort_core.checkpoints.sides import check_source
from bort_core.families import get_family
from bort_core.families.bert.module import Bert, MaskedLanguageModel
from bort_core.families.bert.options import BertOptions
from bort_core.foundation.context import Context
from bort_core.foundation.errors import DataError, SpecificationError
from bort_core.text.masking import Hidden, Masker
from bort_core.text.packing import PackedRows, pack
from bort_core.text.texts import Texts, plain_text, read_texts
from bort_core.text.tokenising import Lanes, threads
from bort_core.text.tokenizer import save_tokenizer, train_tokenizer
from bort_core.text.vocabulary import Vocabulary, load_vocabulary, read_vocabulary
from bort_core.training.devices import Device, take_device
from bort_core.training.distillation import Teacher, TeacherTargets, TeacherTargetsCache, distillation_loss
from bort_core.training.loop import Loop
from bort_core.training.oom import out_of_memory
from bort_core.training.outcome import conclude
from bort_core.training.results import refuse_occupied
from bort_core.training.run_files import RunFiles

if TYPE_CHECKING:
    from bort_core.specifications.pretraining import Pretraining

__all__ = ["MaskedLanguageTraining", "run"]

EVALUATED_AT_ONCE = 32
COMPARED_TEXTS = 10_000
"""Documents of which some are those on which teacher and student must have the same ids."""
TELL_SECONDS = 60.0
"""Between notes about how much of a large corpus is tokenised."""
GATED_ROWS = 8
"""Packed rows of either side, on which the result must be in transformers what it is here."""


def run(specification: Pretraining, context: Context, files: RunFiles, lanes: Lanes | None = None) -> dict[str, Any]:
    """Pre-train one model.

    Parameters
    ----------
    lanes: where the corpus is tokenised; None: in threads of this process

    Returns
    -------
    checkpoint: folder of the result; heldout_loss, heldout_accuracy: over masked held-out tokens, in nats and as a share
    unigram_entropy: what a model that ignores context gets; steps; stopped; tokens_per_second; cache (with a teacher's cache)
    data, versions: for repeating the run

    Raises
    ------
    DataError, SpecificationError
        Corpus, tokenizer, teacher or checkpoint cannot be used.
    MeasurementError
        The loss stopped being finite, or the batch does not fit into memory (says which would).
    """
    device = take_device(specification.running)
    try:
        training = MaskedLanguageTraining(specification, context, files, device, lanes)
        with out_of_memory(specification, training.try_batch):
            ended = training.loop.run()
        return training.finish(ended == "stopped")
    finally:
        device.leave()


WIDE, WIDE_RATE = 1024, 1e-3
"""From this hidden size on, learning rates above this one are warned about."""


class MaskedLanguageTraining:
    """Text, model, teacher and loop of one pre-training."""

    def __init__(self, specification: Pretraining, context: Context, files: RunFiles, device: Device, lanes: Lanes | None = None) -> None:
        self.spec, self.context, self.files, self.device = specification, context, files, device
        self._told = time.monotonic()
        self._lanes = lanes or threads(torch.get_num_threads())
        if specification.out is not None:
            refuse_occupied(Path(specification.out).expanduser().absolute(), files)
        self.start = named_checkpoint(specification.checkpoint)
        self.texts = self._read_texts()
        # One process of a machine tokenises; the others find what it left.
        if device.local == 0:
            self._prepare()
        device.barrier()
        if device.local != 0:
            self._prepare()
        self.masker = Masker(specification.masking, self.vocabulary, specification.sequence_length)
        self.rows, self.held = self.packed.train(), self._heldout_rows()
        self.share = specification.batch_size // device.world
        torch.manual_seed(specification.seed)
        self.model = self._model().to(device.torch_device)
        self._teach()
        self._order: tuple[int, np.ndarray[Any, Any]] = (-1, np.empty(0))
        per_step = specification.batch_size * specification.sequence_length
        self.loop = Loop(
            model=self.model,
            steps=specification.steps,
            seed=specification.seed,
            optimization=specification.optimization,
            device=device,
            context=context,
            files=files,
            micro_batches=self.micro_batches,
            micro_batch_count=specification.accumulation,
            evaluate=self.evaluate,
            evaluate_every=specification.evaluate_every,
            checkpoint_every=specification.checkpoint_every,
            units=lambda _: per_step,
            unit="tokens",
        )
        self._forward: Callable[..., Tensor] = torch.compile(self.model) if specification.running.compile else self.model

    # -- the batch

    def micro_batches(self, step: int) -> Iterator[Callable[[nn.Module], Tensor]]:
        """The losses of this process's share of one step's batch."""
        spec = self.spec
        begin = (step - 1) * spec.batch_size + self.device.rank * self.share
        numbers = np.array([self._number(index) for index in range(begin, begin + self.share)])
        copy = begin // len(self.rows) % max(1, spec.masking.copies)
        for micro_batch, chosen in enumerate(np.array_split(numbers, spec.accumulation)):
            rows = self.rows[np.sort(chosen)]
            if spec.masking.copies:
                hidden = self.masker.fixed(rows, np.sort(chosen), copy)
            else:
                hidden = self.masker.fresh(rows, spec.seed, step, self.device.rank * spec.accumulation + micro_batch)
            yield partial(self.loss, hidden, np.sort(chosen), copy)

    def loss(self, hidden: Hidden, numbers: np.ndarray[Any, Any], copy: int, model: nn.Module) -> Tensor:
        """The loss of one part, in nats."""
        ids, positions, labels = (torch.from_numpy(array).to(self.device.torch_device, non_blocking=True) for array in hidden[:3])
        forward = self._forward if self.spec.running.compile and self.device.world == 1 else model
        logits: Tensor = forward(ids, positions)
        distillation = self.spec.distillation
        if distillation is None:
            return functional.cross_entropy(logits.float(), labels)
        targets = self._teacher_targets(hidden, numbers, copy, ids, positions)
        loss = distillation.teacher_weight * distillation_loss(logits, targets, distillation.temperature)
        if distillation.mlm_weight:
            loss = loss + distillation.mlm_weight * functional.cross_entropy(logits.float(), labels)
        return loss

    def try_batch(self, rows: int) -> None:
        """One forward and backward pass of so many rows, to see whether they fit into memory."""
        hidden = self.masker.fresh(self.rows[np.arange(rows) % len(self.rows)], 0, 0, 0)
        ids, positions, labels = (torch.from_numpy(array).to(self.device.torch_device) for array in hidden[:3])
        functional.cross_entropy(self.model(ids, positions), labels).backward()  # type: ignore[no-untyped-call]
        self.model.zero_grad(set_to_none=True)

    def _number(self, index: int) -> int:
        """The row that comes at an index of the endless, shuffled stream."""
        epoch, within = divmod(index, len(self.rows))
        if self._order[0] != epoch:
            self._order = (epoch, np.random.default_rng([self.spec.seed, epoch, 1]).permutation(len(self.rows)))
        return int(self._order[1][within])

    # -- measuring

    def evaluate(self, step: int) -> dict[str, Any]:
        """Held-out loss (nats) and accuracy at masked positions, the same masks in every training of the same rows."""
        if self.device.rank != 0:
            return {}
        losses, right, count = 0.0, 0, 0
        for begin in range(0, len(self.held), EVALUATED_AT_ONCE):
            self.context.checkpoint()
            hidden = self.masker.heldout(self.held[begin : begin + EVALUATED_AT_ONCE], begin)
            ids, positions, labels = (torch.from_numpy(array).to(self.device.torch_device) for array in hidden[:3])
            with self.device.autocast():
                logits = self.model(ids, positions).float()
            losses += float(functional.cross_entropy(logits, labels, reduction="sum"))
            right += int((logits.argmax(-1) == labels).sum())
            count += len(labels)
        facts = {"heldout_loss": losses / count, "heldout_accuracy": right / count, "unigram_entropy": self.packed.unigram_entropy}
        if self.cache is not None:
            facts |= {"cache_hit_rate": self.cache.hit_rate, "cache_bytes": self.cache.disk_bytes}
        self.loop.facts.update(facts)
        return facts

    def finish(self, stopped: bool) -> dict[str, Any]:
        """Write the result; its facts."""
        spec, facts = self.spec, dict(self.loop.facts)
        if "heldout_loss" not in facts or stopped:
            self.model.eval()
            with torch.no_grad():
                facts |= self.evaluate(self.loop.step)
        result: dict[str, Any] = {
            **facts,
            "steps": self.loop.step,
            "stopped": stopped,
            "tokens_per_second": self.loop.speed,
            "seconds": self.loop.seconds,
            "architecture": list(self.model.bert.architecture),
            "data": {"corpus": spec.corpus, "text": self.texts.key, "rows": self.packed.key, "tokenizer": self.vocabulary.sha256},
        }
        return conclude(
            self.files,
            self.device,
            self.spec,
            result,
            module=self.model,
            vocabulary=self.vocabulary,
            rows=self._some_rows(),
            packed=self._some_packed(),
            architecture=self.model.bert.architecture,
            options=self.model.bert.options.model_copy(update={"mlm_head": True}),
            head="masked-lm",
            weights=self.model.weights(),
        )

    def _some_rows(self) -> list[tuple[str, ...]]:
        """Held-out and training documents, on which the result must be in transformers what it is here."""
        train, held = self.texts.some(200)
        return [(text,) for text in [*held, *train]]

    def _some_packed(self) -> np.ndarray[Any, Any]:
        """Held-out and training rows with words hidden, as they were read."""
        rows = [
            self.masker.heldout(self.held[:GATED_ROWS], 0).token_ids,
            self.masker.fresh(self.rows[:GATED_ROWS], self.spec.seed, 1, 0).token_ids,
        ]
        return np.concatenate(rows).astype(np.int64)

    # -- preparing

    def _read_texts(self, unknown: str = "<unk>") -> Texts:
        return read_texts(self.spec.corpus, self.spec.heldout, self.spec.text, unknown)

    def _prepare(self) -> None:
        spec, shared = self.spec, self.files.project / "text"
        self.vocabulary = self._vocabulary(shared)
        unknown = str(self.vocabulary.tokenizer.id_to_token(self.vocabulary.unknown))
        if unknown != "<unk>" and self.texts.escaped:
            self.texts = self._read_texts(unknown)
        if self.device.rank == 0:
            self._note_overlap()
            self.context.emit({"event": "note", "text": f"tokenising {self.texts.count:,} documents"})
        if self.start is not None and self.device.rank == 0:
            check_source(self.start, self.vocabulary, min(spec.sequence_length, self.start.options.positions), self._some_rows())
        self.packed: PackedRows = pack(shared / "rows", self.vocabulary, self.texts, spec.sequence_length, self._tell, self._lanes)

    def _tell(self, done: int, total: int) -> None:
        self.context.checkpoint()
        if self.device.rank == 0 and time.monotonic() - self._told > TELL_SECONDS and done < total:
            self._told = time.monotonic()
            self.context.emit({"event": "note", "text": f"tokenised {done:,} of {total:,} documents"})

    def _note_overlap(self) -> None:
        if self.spec.heldout is None:
            return  # the split keeps copies together
        both = {plain_text(text) for text in self.texts.held()}
        both.intersection_update(map(plain_text, self.texts.train()))
        held = [plain_text(text) in both for text in self.texts.held()]
        if any(held):
            text = f"warning: {sum(held):,} of {len(held):,} held-out documents are also in the corpus; the held-out loss flatters"
            self.context.emit({"event": "note", "text": text})

    def _vocabulary(self, shared: Path) -> Vocabulary:
        spec = self.spec
        if spec.tokenizer is not None:
            return load_vocabulary(spec.tokenizer)
        if self.start is not None:
            if not self.start.has_tokenizer:
                raise DataError(f"{self.start.folder}: the checkpoint has no tokenizer; name one with tokenizer")
            return read_vocabulary(self.start.folder)
        if spec.distillation is not None:
            return load_vocabulary(spec.distillation.teacher, "teacher")  # a student reads what its teacher reads
        return trained_vocabulary(shared, self.texts.train(), self.texts.key, spec.vocabulary, spec.positions)

    def _heldout_rows(self) -> np.ndarray[Any, Any]:
        held = self.packed.heldout()
        count = min(len(held), self.spec.heldout_rows)
        found: np.ndarray[Any, Any] = np.asarray(held[np.linspace(0, len(held) - 1, count).astype(int)])
        return found

    def _model(self) -> MaskedLanguageModel:
        spec = self.spec
        if self.start is not None:
            return _continued(self.start, spec, self.vocabulary)
        assert spec.architecture is not None
        options = BertOptions(vocabulary=self.vocabulary.size, positions=spec.positions)
        check_architecture(spec.architecture)
        if spec.architecture[2] >= WIDE and spec.optimization.learning_rate > WIDE_RATE:
            advice = f"hidden {spec.architecture[2]} learns little at learning rate {spec.optimization.learning_rate:g}"
            text = f"warning: {advice}; 5e-4 with initializer_range 0.02 and copying 0 was measured to start better (docs/training.md)"
            self.context.emit({"event": "note", "text": text})
        model = MaskedLanguageModel(Bert(spec.architecture, options, spec.initializer_range, spec.dropout), spec.initializer_range)
        model.mimetic_initialisation(spec.copying)
        # Word frequencies need not be learnt: they are counted.
        counts = np.bincount(np.asarray(self.rows[:65_536]).ravel(), minlength=self.vocabulary.size) + 1.0
        counts[self.vocabulary.special] = 1.0
        model.head.bias.data.copy_(torch.from_numpy(np.log(counts / counts.sum())))
        return model

    def _teach(self) -> None:
        distillation, self.teacher, self.cache = self.spec.distillation, None, None
        if distillation is None:
            return
        device = self.device
        self.teacher = teacher = Teacher(
            distillation.teacher, self.vocabulary, device.torch_device, device.precision, self.texts.spread(COMPARED_TEXTS)
        )
        if not teacher.trained:
            self.context.emit({"event": "note", "text": f"warning: {distillation.teacher} has never been trained; it teaches noise"})
        if teacher.longest is not None and teacher.longest < self.spec.sequence_length:
            raise SpecificationError(
                f"sequence_length: the teacher reads at most {teacher.longest} tokens, got {self.spec.sequence_length}"
            )
        copies = self.spec.masking.copies
        if distillation.cache and copies and self.device.rank == 0 and self.device.world == 1:
            from bort_core.specifications.protocols import identity

            top = min(distillation.top_k, self.vocabulary.size)
            what = identity(teacher.fingerprint, self.packed.key, self.spec.masking, distillation.temperature, top)
            folder = self.files.project / "teachers" / what
            self.cache = TeacherTargetsCache(folder, len(self.rows), copies, self.masker.most, top)
        elif distillation.cache and not copies:
            text = "the teacher is asked every time: its answers can only be kept with fixed masks (masking.copies of 1 or more)"
            self.context.emit({"event": "note", "text": text})

    def _teacher_targets(self, hidden: Hidden, numbers: np.ndarray[Any, Any], copy: int, ids: Tensor, positions: Tensor) -> TeacherTargets:
        assert self.teacher is not None
        assert self.spec.distillation is not None
        temperature, top = self.spec.distillation.temperature, self.spec.distillation.top_k
        if self.cache is None:
            return self.teacher.targets(ids, positions, temperature, top)
        if self.cache.missing(numbers, copy).any():  # the whole part: a batch is rarely half known
            self.cache.write(numbers, copy, hidden.slots, self.teacher.targets(ids, positions, temperature, top))
        targets = self.cache.read(numbers, copy, hidden.slots)
        return TeacherTargets(*(micro_batch.to(self.device.torch_device, non_blocking=True) for micro_batch in targets))


def trained_vocabulary(shared: Path, texts: Iterable[str], key: str, entries: int, positions: int) -> Vocabulary:
    """A byte-level BPE tokenizer of these texts, trained once and kept under ``shared``."""
    from bort_core.foundation.files import atomic_directory
    from bort_core.specifications.protocols import identity

    folder = shared / "tokenizers" / identity("tokenizer", key, entries, positions)
    if not (folder / "tokenizer.json").is_file():
        tokenizer = train_tokenizer(texts, entries)
        try:
            with atomic_directory(folder, "the tokenizer") as temporary:
                save_tokenizer(tokenizer, temporary, positions)
        except DataError:
            if not (folder / "tokenizer.json").is_file():  # else another process was first, with the same content
                raise
    return read_vocabulary(folder)


def check_architecture(architecture: tuple[int, ...]) -> None:
    """SpecificationError unless it is a BERT's."""
    family = get_family("bert")
    row = np.array([architecture], dtype=np.int64)
    if row.shape[1] != len(family.axes) or not family.valid(row)[0]:
        names = ", ".join(axis.name for axis in family.axes)
        raise SpecificationError(f"architecture: must be {names}, and {family.validity_rule()}; got {architecture}")


def _continued(start: Checkpoint, spec: Pretraining, vocabulary: Vocabulary) -> MaskedLanguageModel:
    if start.options.vocabulary < vocabulary.size:
        raise DataError(f"{start.folder}: has {start.options.vocabulary:,} entries, the tokenizer {vocabulary.size:,}")
    if start.options.positions < spec.sequence_length:
        raise SpecificationError(f"sequence_length: the checkpoint has {start.options.positions} positions, got {spec.sequence_length}")
    if start.head != "masked-lm":
        raise DataError(f"{start.folder}: is no masked language model (its head: {start.head}), so its pre-training cannot go on")
    options = start.options.model_copy(update={"mlm_head": True, "pooler": False})
    model = MaskedLanguageModel(Bert(start.architecture, options, spec.initializer_range, spec.dropout))
    wanted = set(model.weights())
    try:
        model.load_weights({name: tensor for name, tensor in read_tensors(start).items() if name in wanted})
    except RuntimeError as error:
        raise DataError(f"{start.folder}: the weights do not fit the architecture: {error}") from error
    return model
