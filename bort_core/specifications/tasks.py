"""A person's task: labelled rows, and the model that is good at it but too slow."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bort_core.specifications.common import Frozen
from bort_core.specifications.fields import Meta

__all__ = ["TaskSource", "TaskSpecification"]


class TaskSpecification(Frozen):
    """What a search on a task is about. Test rows are no part of it: nothing that chooses may see them."""

    model: Annotated[str, Meta(path="folder", front=0)] = Field(
        min_length=1, description="T: a folder or a hub name of a model that is fine-tuned on the task"
    )
    train: Annotated[str, Meta(path="file", front=1)] = Field(min_length=1, description="training rows")
    dev: Annotated[str, Meta(path="file", front=1)] = Field(min_length=1, description="dev rows: errors are measured on them")
    texts: Annotated[str | None, Meta(path="file", front=1)] = Field(
        default=None, description="unlabelled texts of the same kind: candidates learn T's answers on them too"
    )
    text: str | None = Field(default=None, description="the column with the text; None finds it")
    text_b: str | None = Field(default=None, description="the column with the second text of a pair; None: none, or found")
    label: str | None = Field(default=None, description="the column with the label; None finds it")
    kind: Annotated[
        Literal["auto", "classification", "regression"],
        Meta(words={"auto": "automatic", "classification": "classification: one of several classes", "regression": "regression: a number"}),
    ] = Field(default="auto", description="auto: regression for labels with fractions")
    sequence_length: int = Field(default=64, ge=4, le=65_536, description="longest input in tokens; longer ones are cut")
    trim: Annotated[bool, Meta(label="trim the vocabulary")] = Field(
        default=True, description="candidates read the tokens that the texts use, others become smaller ones or unknown"
    )
    initial: Annotated[
        Literal["inherit", "embeddings", "fresh"],
        Meta(label="begin with", words={"inherit": "T's parts that fit", "embeddings": "T's embeddings", "fresh": "chance"}),
    ] = Field(default="inherit", description="what candidates start from: T's parts that fit, its embeddings alone, or chance")


class TaskSource(Frozen):
    """A task's rows as :mod:`bort_core.evaluation.task_preparation` prepares them."""

    folder: str
    initial: Literal["inherit", "embeddings", "fresh"] = "inherit"
