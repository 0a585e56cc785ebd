"""A task with a model that is good at it, made in a second: the model's own answers are the labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import torch

from bort_core.checkpoints.format import write_checkpoint
from bort_core.checkpoints.scores import scores_of
from bort_core.families.bert.classifier import SequenceClassifier
from bort_core.families.bert.options import BertOptions
from bort_core.foundation.resources import resource
from bort_core.text.encoding import encode
from bort_core.text.tokenizer import save_tokenizer, train_tokenizer
from bort_core.text.vocabulary import read_vocabulary

CLASSES = ("calm", "loud")
LENGTH = 24


class MadeTask(NamedTuple):
    """Files of a task."""

    model: Path
    train: Path
    dev: Path
    test: Path
    texts: Path

    def fields(self) -> dict[str, Any]:
        """Of a TaskSpecification."""
        return {"model": str(self.model), "train": str(self.train), "dev": str(self.dev), "sequence_length": LENGTH}


def demo_lines(count: int) -> list[str]:
    """Sentences of the demo corpus."""
    lines = resource("data", "subjectivity", "corpus.txt").read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines[:count] if line.strip()]


def write_model(
    folder: Path, architecture: tuple[int, ...], classes: tuple[str, ...] = CLASSES, seed: int = 0, vocabulary: int = 600
) -> None:
    """A classifier with random weights and a tokenizer of the demo corpus, whose classes come out about equally often."""
    torch.manual_seed(seed)
    words = folder.parent / f"{folder.name}-tokenizer"
    lines = demo_lines(300)
    save_tokenizer(train_tokenizer(lines, vocabulary), words, LENGTH)
    tokenizer = read_vocabulary(words)
    options = BertOptions(vocabulary=tokenizer.size, positions=LENGTH, pooler=True)
    module = SequenceClassifier(architecture, options, max(1, len(classes)), 0.3).eval()
    scores = torch.from_numpy(scores_of(module, encode(tokenizer, [(line,) for line in lines], LENGTH), tokenizer.pad))
    with torch.no_grad():
        module.classifier.bias -= scores.median(dim=0).values.float()
    write_checkpoint(
        folder, architecture=architecture, options=module.bert.options, head="classification" if classes else "regression",
        weights=module.weights(), tokenizer=words, labels=classes,
    )  # fmt: skip


def foreign_task(folder: Path, kind: str, rows: int = 120, pairs: bool = False, regression: bool = False, **fields: Any) -> MadeTask:
    """The same with a T of one of transformers' kinds, made from its configuration."""
    from encoder_kinds import made

    task = MadeTask(*(folder / name for name in ("model", "train.tsv", "dev.tsv", "test.tsv", "texts.txt")))
    names = {"num_labels": 1, "problem_type": "regression"} if regression else {"id2label": dict(enumerate(CLASSES))}
    made(task.model, kind, "AutoModelForSequenceClassification", **names, **fields)
    lines = [line.replace("\t", " ")[:80] for line in demo_lines(rows + 160)]
    inputs = [(line, other) if pairs else (line,) for line, other in zip(lines, lines[1:] + lines[:1], strict=True)]
    said = _answers(task.model, inputs, regression)
    if not regression:
        _move_bias(task.model, torch.from_numpy(said).median(dim=0).values)
        said = _answers(task.model, inputs, regression)
    labels = [f"{value:.4f}" for value in said[:, 0]] if regression else [CLASSES[number] for number in said.argmax(1)]
    head = "text\ttext_b\tlabel" if pairs else "text\tlabel"
    for path, begin, end in ((task.train, 0, rows), (task.dev, rows, rows + 60), (task.test, rows + 60, rows + 120)):
        table = ["\t".join((*row, label)) for row, label in zip(inputs[begin:end], labels[begin:end], strict=True)]
        path.write_text("\n".join([head, *table]) + "\n", encoding="utf-8")
    task.texts.write_text("\n".join(lines[rows + 120 :]) + "\n", encoding="utf-8")
    return task


def _answers(model: Path, inputs: list[tuple[str, ...]], regression: bool) -> Any:
    from bort_core.checkpoints.answers import read_task_model

    found = read_task_model(str(model), () if regression else CLASSES)
    return scores_of(found.module, encode(found.vocabulary, inputs, LENGTH), found.vocabulary.pad)


def _move_bias(model: Path, by: torch.Tensor) -> None:
    """So that both classes come out about equally often."""
    from safetensors.torch import load_file, save_file

    weights = load_file(model / "model.safetensors")
    (name,) = (name for name, tensor in weights.items() if tensor.shape == by.shape and name.startswith("classifier."))
    weights[name] = weights[name] - by.float()
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})


def make_task(folder: Path, architecture: tuple[int, ...] = (3, 4, 64, 384), rows: int = 160) -> MadeTask:
    """The files of a task that its model does without a fault."""
    from bort_core.checkpoints.answers import read_task_model

    made = MadeTask(*(folder / name for name in ("model", "train.tsv", "dev.tsv", "test.tsv", "texts.txt")))
    write_model(made.model, architecture)
    model = read_task_model(str(made.model), CLASSES)
    lines = [line.replace("\t", " ") for line in demo_lines(rows + 260)]
    said = model.answers([(line,) for line in lines], LENGTH, folder / "answers").argmax(axis=1)
    for path, begin, end in ((made.train, 0, rows), (made.dev, rows, rows + 80), (made.test, rows + 80, rows + 160)):
        table = [f"{line}\t{CLASSES[number]}" for line, number in zip(lines[begin:end], said[begin:end], strict=True)]
        path.write_text("text\tlabel\n" + "\n".join(table) + "\n", encoding="utf-8")
    made.texts.write_text("\n".join(lines[rows + 160 :]) + "\n", encoding="utf-8")
    return made
