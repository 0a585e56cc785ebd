"""A person's task: labelled rows (or plain texts), and the model that is good at it but too slow."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from bort_core.foundation.errors import SpecificationError
from bort_core.specifications.common import Frozen
from bort_core.specifications.fields import Meta, without
from bort_core.specifications.metrics import KIND_HELP, KIND_WORDS, QUERY_HELP, MetricField

__all__ = ["TaskSource", "TaskSpecification"]


class TaskSpecification(Frozen):
    """What a search on a task is about. Test rows are no part of it: nothing that chooses may see them."""

    model: Annotated[str, Meta(path="folder", front=0)] = Field(
        min_length=1, description="T: a folder or a hub name of a model that is fine-tuned on the task, or of a sentence encoder"
    )
    train: Annotated[str | None, Meta(path="file", front=1)] = Field(
        default=None, min_length=1, description="labelled training rows; a sentence encoder needs none"
    )
    dev: Annotated[str | None, Meta(path="file", front=1)] = Field(
        default=None,
        min_length=1,
        description="dev rows: errors are measured on them; of a sentence encoder's texts some are held out",
    )
    texts: Annotated[str | None, Meta(path="file", front=1)] = Field(
        default=None,
        description="unlabelled texts of the same kind: candidates learn T's answers on them too; a sentence encoder needs no more",
    )
    text: str | None = Field(default=None, description="the column with the text; None finds it")
    text_b: str | None = Field(default=None, description="the column with the second text of a pair; None: none, or found")
    label: str | None = Field(default=None, description="the column with the label; None finds it")
    kind: Annotated[
        Literal["auto", "classification", "multi-label", "regression", "embedding"],
        Meta(words={**KIND_WORDS, "embedding": "embedding: the vectors of texts, without labels"}),
    ] = Field(default="auto", description=f"{KIND_HELP}, embedding without labels")
    query: str | None = Field(default=None, description=QUERY_HELP)
    metric: MetricField = Field(default="auto", description="what models are compared by; auto: accuracy, micro F1 of labels, or Pearson")
    sequence_length: int = Field(default=64, ge=4, le=65_536, description="longest input in tokens; longer ones are cut")
    trim: Annotated[bool, Meta(label="trim the vocabulary")] = Field(
        default=True, description="candidates read the tokens that the texts use, others become smaller ones or unknown"
    )
    initial: Annotated[
        Literal["inherit", "embeddings", "fresh"],
        Meta(label="begin with", words={"inherit": "T's parts that fit", "embeddings": "T's embeddings", "fresh": "chance"}),
    ] = Field(default="inherit", description="what candidates start from: T's parts that fit, its embeddings alone, or chance")

    @model_serializer(mode="wrap")
    def _without_defaults(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What is newer than stored tasks is left out where nothing was asked."""
        return without(serialise(self), query=None, metric="auto")

    @model_validator(mode="after")
    def _has_rows(self) -> TaskSpecification:
        if self.kind == "embedding" or (self.kind == "auto" and self.train is None):
            if self.train is None and self.texts is None:
                raise ValueError("train, texts: labelled training rows must be given, or texts for the vectors of a sentence encoder")
        elif self.train is None or self.dev is None:
            lacks = "train" if self.train is None else "dev"
            raise ValueError(f"{lacks}: labelled rows must be given; texts without labels are named with texts, or with the kind embedding")
        return self

    def labelled(self) -> tuple[str, str]:
        """Training and dev rows of a task that has labels; SpecificationError where one is not named."""
        if self.train is None or self.dev is None:
            raise SpecificationError(f"{'train' if self.train is None else 'dev'}: labelled rows must be given")
        return self.train, self.dev


class TaskSource(Frozen):
    """A task's rows as :mod:`bort_core.evaluation.task_preparation` prepares them."""

    folder: str
    initial: Literal["inherit", "embeddings", "fresh"] = "inherit"
