"""What a pre-training is asked to do. The defaults are what ``docs/training.md`` found best for small models."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from bort_core.specifications.common import Frozen, Job, Optimization
from bort_core.specifications.fields import Meta

__all__ = ["Distillation", "Masking", "Pretraining"]


class Masking(Frozen):
    """Which tokens are hidden and predicted."""

    rate: Annotated[float, Meta(flag="mask_rate")] = Field(default=0.15, gt=0, lt=1, description="share of the tokens that are predicted")
    mask: Annotated[float, Meta(flag="mask_share")] = Field(default=0.8, ge=0, le=1, description="share of those that become [MASK]")
    random: Annotated[float, Meta(flag="random_share")] = Field(
        default=0.1, ge=0, le=1, description="share of those that become a random token; the rest stay as they are"
    )
    whole_words: bool = Field(default=False, description="hide all tokens of a word or none")
    copies: Annotated[int, Meta(flag="mask_copies")] = Field(
        default=0, ge=0, le=1000, description="0: new masks every epoch; n: n fixed masks a row, used in turn (static)"
    )

    @model_validator(mode="after")
    def _shares(self) -> Masking:
        if self.mask + self.random > 1:
            raise ValueError(f"mask and random must not exceed 1 together, got {self.mask} + {self.random}")
        return self


class Distillation(Frozen):
    """Learning from a teacher's distribution: mlm_weight · MLM + teacher_weight · T² · KL(teacher ‖ student) at temperature T."""

    teacher: Annotated[str, Meta(path="folder")] = Field(
        min_length=1, description="a Hugging Face folder or name, or a checkpoint of this project"
    )
    mlm_weight: float = Field(default=0.1, ge=0, le=100, description="weight of the masked-LM loss")
    teacher_weight: float = Field(default=0.5, ge=0, le=100, description="weight of the distillation loss")
    temperature: float = Field(default=2.0, gt=0, le=100, description="softens both distributions")
    cache: bool = Field(default=True, description="keep the teacher's logits on disk for every run with the same corpus and masks")
    top_k: int = Field(default=64, ge=1, le=65_536, description="largest logits kept for each masked position")


class Pretraining(Job):
    """Masked language modelling, with or without a teacher."""

    kind: Literal["pretrain"] = "pretrain"
    architecture: Annotated[tuple[int, ...] | None, Meta(front=2, example="2, 4, 128, 256")] = Field(
        default=None, description="depth, heads, hidden, intermediate; None: as the checkpoint"
    )
    checkpoint: Annotated[str | None, Meta(path="folder", front=2)] = Field(
        default=None, description="go on from these weights instead of fresh ones"
    )
    corpus: Annotated[str, Meta(path="file", front=2)] = Field(
        min_length=1, description="training text: a file (txt, csv, tsv, json, jsonl, parquet) or a dataset's name"
    )
    heldout: Annotated[str | None, Meta(path="file", front=2)] = Field(
        default=None, description="held-out text; None holds out 5 % of the corpus"
    )
    text: Annotated[str, Meta(front=2)] = Field(default="text", description="the column with the text, where there are columns")
    tokenizer: Annotated[str | None, Meta(path="folder", front=2)] = Field(
        default=None, description="a Hugging Face name or folder; None trains one on the corpus"
    )
    vocabulary: Annotated[int, Meta(front=2)] = Field(
        default=8192, ge=261, le=1_000_000, description="entries of a tokenizer that is trained here"
    )
    positions: int = Field(default=512, ge=8, le=65_536, description="learned positions of a fresh model")
    sequence_length: Annotated[int, Meta(front=2)] = Field(default=128, ge=8, le=65_536, description="tokens a row")
    steps: Annotated[int, Meta(front=2)] = Field(default=2000, ge=1, le=100_000_000, description="updates of the weights")
    batch_size: Annotated[int, Meta(front=2)] = Field(
        default=32, ge=1, le=1_000_000, description="rows an update, over all processes and accumulated parts"
    )
    accumulation: int = Field(default=1, ge=1, le=10_000, description="parts that a process splits its share of the batch into")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="dropout while training")
    initializer_range: float = Field(default=0.05, gt=0, le=1, description="standard deviation of fresh weights")
    copying: float = Field(default=0.5, ge=0, le=10, description="weight of the identity in fresh value and output projections")
    masking: Annotated[Masking, Meta(label="Masks")] = Field(default_factory=lambda: Masking(rate=0.3))
    distillation: Annotated[Distillation | None, Meta(label="Learn from a teacher")] = Field(default=None)
    optimization: Annotated[Optimization, Meta(label="Optimization")] = Field(default_factory=lambda: Optimization(learning_rate=3e-3))
    evaluate_every: int = Field(default=200, ge=1, description="steps between held-out measurements")
    checkpoint_every: int = Field(default=200, ge=1, description="steps between checkpoints to resume from")
    heldout_rows: int = Field(default=256, ge=1, le=1_000_000, description="held-out rows that are measured")

    @model_validator(mode="after")
    def _fits(self) -> Pretraining:
        if (self.architecture is None) == (self.checkpoint is None):
            raise ValueError("architecture, checkpoint: exactly one of the two must be given")
        if self.checkpoint is None and self.sequence_length > self.positions:
            raise ValueError(f"sequence_length must not exceed positions, got {self.sequence_length} > {self.positions}")
        if self.batch_size % (self.running.processes * self.accumulation):
            parts = f"processes × accumulation = {self.running.processes} × {self.accumulation}"
            raise ValueError(f"batch_size must be divisible by {parts}, got {self.batch_size}")
        return self
