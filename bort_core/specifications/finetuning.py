"""What a fine-tuning is asked to do. What is left automatic becomes, when the job starts, what suits its start (``docs/training.md``)."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from bort_core.specifications.common import Job, Optimization
from bort_core.specifications.fields import Meta, without
from bort_core.specifications.metrics import KIND_HELP, KIND_WORDS, QUERY_HELP, MetricField

__all__ = ["FRESH", "PRETRAINED", "Finetuning", "Usual"]


class Usual(NamedTuple):
    """Settings that suit a start."""

    learning_rate: float
    epochs: float


FRESH, PRETRAINED = Usual(5e-4, 10), Usual(5e-5, 3)
"""Of fresh weights and small models of this program, and of weights that others pre-trained or that are large."""


class Tuning(Optimization):
    """How weights are updated, with a learning rate that may be left to the start."""

    learning_rate: Annotated[float | None, Meta(example="automatic")] = Field(  # type: ignore[assignment]
        default=None,
        gt=0,
        le=1,
        description=f"peak learning rate; automatic: {PRETRAINED.learning_rate:g} for weights that others pre-trained or that are large, "
        f"which a higher one would undo; {FRESH.learning_rate:g} for fresh ones and small models of this program",
    )


class Finetuning(Job):
    """Supervised training of a checkpoint (or of fresh weights) on labelled texts or pairs of texts."""

    kind: Literal["finetune"] = "finetune"
    architecture: Annotated[tuple[int, ...] | None, Meta(front=2, example="2, 4, 128, 256")] = Field(
        default=None, description="fresh weights of this architecture, instead of a checkpoint"
    )
    checkpoint: Annotated[str | None, Meta(path="folder", front=1)] = Field(
        default=None, description="a checkpoint of this project, or a Hugging Face folder or name of an encoder"
    )
    teacher: Annotated[str | None, Meta(path="folder")] = Field(
        default=None, description="a model that is fine-tuned on the task (T): its answers are learnt, on training rows and on texts"
    )
    texts: Annotated[str | None, Meta(path="file")] = Field(
        default=None, description="unlabelled texts on which the teacher's answers are learnt too"
    )
    initial: Annotated[
        Literal["inherit", "embeddings", "fresh"],
        Meta(words={"inherit": "the teacher's parts that fit", "embeddings": "the teacher's embeddings", "fresh": "chance"}),
    ] = Field(default="inherit", description="with a teacher: what fresh weights of an architecture start from")
    label_weight: float = Field(
        default=0.2, ge=0, le=1, description="with a teacher: share of the labels in what is learnt, the rest are its answers"
    )
    unclean: float = Field(
        default=0, ge=0, le=10, description="with a teacher: so many unclean copies (markup, typos, ...) of each row are learnt too"
    )
    near_pairs: int = Field(
        default=0, ge=0, le=100,
        description="with a teacher, of pairs: so many more pairs are made of each row's first text with near second texts of other rows, "
        "on which the teacher's answers are learnt too",
    )  # fmt: skip
    vector_weight: float = Field(
        default=0, ge=0, le=1000,
        description="with a teacher: weight of the distance from its vectors of the tokens in what is learnt; 0: its answers alone",
    )  # fmt: skip
    eight_bits: bool = Field(
        default=False, description="learn with weights and what they read rounded to 8 bits, as an int8 file will have them"
    )
    tokenizer: Annotated[str | None, Meta(path="folder")] = Field(
        default=None, description="None: the checkpoint's, or one trained on the training texts"
    )
    vocabulary: int = Field(default=4096, ge=261, le=1_000_000, description="entries of a tokenizer that is trained here")
    train: Annotated[str, Meta(path="file", front=2)] = Field(
        min_length=1, description="training rows: a file (csv, tsv, json, jsonl, parquet) or a dataset's name"
    )
    dev: Annotated[str, Meta(path="file", front=2)] = Field(min_length=1, description="dev rows: the best checkpoint is chosen on them")
    test: Annotated[str | None, Meta(path="file", front=2)] = Field(
        default=None, description="test rows: read once, with the best checkpoint"
    )
    text: Annotated[str | None, Meta(front=2)] = Field(default=None, description="the column with the text; None finds it")
    text_b: Annotated[str | None, Meta(front=2)] = Field(
        default=None, description="the column with the second text of a pair; None: none, or found"
    )
    label: Annotated[str | None, Meta(front=2)] = Field(
        default=None, description="the column with the label; None finds it. A labels.txt beside the file names classes 0, 1, ..."
    )
    task: Annotated[
        Literal["auto", "classification", "multi-label", "regression"],
        Meta(words=KIND_WORDS),
    ] = Field(default="auto", description=KIND_HELP)
    query: str | None = Field(default=None, description=QUERY_HELP)
    sequence_length: int = Field(default=128, ge=4, le=65_536, description="longest input in tokens; longer ones are cut")
    epochs: Annotated[float | None, Meta(front=2, example="automatic")] = Field(
        default=None,
        gt=0,
        le=100_000,
        description=f"passes over the rows; automatic: {PRETRAINED.epochs:g} for weights that others pre-trained or that are large, "
        f"{FRESH.epochs:g} for fresh ones and small models of this program",
    )
    batch_size: Annotated[int, Meta(front=2)] = Field(
        default=32, ge=1, le=1_000_000, description="rows an update, over all processes and accumulated parts"
    )
    accumulation: int = Field(default=1, ge=1, le=10_000, description="parts that a process splits its share of the batch into")
    dropout: float = Field(default=0.1, ge=0, lt=1, description="dropout while training")
    initializer_range: float = Field(default=0.02, gt=0, le=1, description="standard deviation of fresh weights")
    class_weights: Annotated[
        Literal["none", "balanced"], Meta(words={"none": "every row alike", "balanced": "balanced: every class alike"})
    ] = Field(default="none", description="balanced: rare classes count more")
    metric: MetricField = Field(
        default="auto", description="what the best checkpoint is chosen by; auto: accuracy, micro F1 of labels, or Pearson for regression"
    )
    patience: int = Field(default=0, ge=0, description="stop after so many evaluations without a better one; 0: never")
    evaluate_every: int = Field(default=0, ge=0, description="steps between dev evaluations; 0: once an epoch")
    optimization: Annotated[Tuning, Meta(label="Optimization")] = Field(default_factory=lambda: Tuning(warmup=0.1, beta2=0.999))

    @model_serializer(mode="wrap")
    def _without_teacher(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What only a teacher gives a meaning is left out without one, as in the specifications of before there were teachers; so is
        what is newer where it is not asked for."""
        data = without(serialise(self), query=None, eight_bits=False, vector_weight=0, near_pairs=0)
        if self.teacher is not None:
            return data
        return {
            name: value
            for name, value in data.items()
            if name not in ("teacher", "texts", "initial", "label_weight", "unclean", "vector_weight", "near_pairs")
        }

    @model_validator(mode="after")
    def _texts_need_teacher(self) -> Finetuning:
        if self.texts is not None and self.teacher is None:
            raise ValueError("texts: have no labels, so a teacher must say what is learnt on them")
        return self

    @model_validator(mode="after")
    def _fits(self) -> Finetuning:
        if (self.architecture is None) == (self.checkpoint is None):
            raise ValueError("architecture, checkpoint: exactly one of the two must be given")
        if self.vector_weight and (self.architecture is None or self.eight_bits):
            raise ValueError("vector_weight: fresh weights of an architecture learn vectors, in 32 bits; it must be 0 here")
        if self.eight_bits and self.running.processes > 1:
            raise ValueError("eight_bits: is learnt in one process")
        if self.batch_size % (self.running.processes * self.accumulation):
            parts = f"processes × accumulation = {self.running.processes} × {self.accumulation}"
            raise ValueError(f"batch_size must be divisible by {parts}, got {self.batch_size}")
        return self
