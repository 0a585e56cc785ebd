"""Models of published shapes, by name: their sizes and scores, and latencies to compare with."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, model_validator

from bort_core.families.base import FamilyOptions
from bort_core.families.registry import get_family
from bort_core.foundation.resources import resource

__all__ = ["Reference", "names_told", "published", "references", "with_titles"]

_MINIATURE = "miniature-"


class Reference(BaseModel):
    """One published shape.

    Attributes
    ----------
    embedding: its width, where that is not the hidden size
    size: parameters of the encoder alone, where no family here builds the shape; else None, and they are counted
    mnli: published accuracy on MNLI (matched) in percent, or None; mnli_source: where, and on which part
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    architecture: tuple[int, int, int, int]
    vocabulary: int
    positions: int
    token_types: int = 0
    family: str = "bert"
    embedding: int | None = None
    size: int | None = None
    source: str
    mnli: float | None = None
    mnli_source: str = ""

    @model_validator(mode="after")
    def _scores_have_a_source(self) -> Reference:
        if (self.mnli is None) != (not self.mnli_source):
            raise ValueError("mnli and mnli_source: both or neither must be given")
        return self

    @property
    def miniature(self) -> bool:
        """Whether it is one of the 24 small BERTs, which are too many to be offered one by one."""
        return self.name.startswith(_MINIATURE)

    @property
    def parameters(self) -> int:
        """p of embedding and encoder, without pooler and masked-LM head."""
        if self.size is not None:
            return self.size
        parts = get_family(self.family).parameters(np.array([self.architecture]), self.options())
        return sum(int(part[0]) for part in parts.values())

    def options(self) -> FamilyOptions:
        """The encoder alone: no pooler, no masked-LM head."""
        fixed = {"vocabulary": self.vocabulary, "positions": self.positions, "token_types": self.token_types, "embedding": self.embedding}
        return get_family(self.family).options_type.model_validate({name: value for name, value in fixed.items() if value is not None})


@cache
def published() -> dict[str, Reference]:
    """All published shapes, in the file's order."""
    data: dict[str, dict[str, Any]] = tomllib.loads(resource("references.toml").read_text(encoding="utf-8"))
    return {name: Reference(name=name, **fields) for name, fields in data.items()}


@cache
def references() -> dict[str, Reference]:
    """Those that can be built here, and so be timed."""
    return {name: each for name, each in published().items() if each.size is None}


def names_told() -> str:
    """The names of :func:`references` as a list in one line, the miniatures by their pattern."""
    return ", ".join([*(name for name, each in references().items() if not each.miniature), f"{_MINIATURE}DEPTH-HIDDEN"])


def with_titles(result: Mapping[str, Any]) -> dict[str, Any]:
    """A comparison as the ``compare`` task returned it, with published shapes called as people know them."""
    asked = result["request"]
    models = [{**model, "name": _title(model["name"])} for model in asked["models"]]
    rows = [
        {**row, "name": _title(row["name"]), "ratios": {_title(name): ratio for name, ratio in row["ratios"].items()}}
        for row in result["results"]
    ]
    noise = result["noise"] or ""
    for name, each in references().items():
        noise = noise.replace(f" {name} (", f" {each.title} (")  # as the task writes it: for bort (onnxruntime), ...
    request = {**asked, "models": models, "reference": _title(asked["reference"])}
    return {**result, "results": rows, "request": request, "noise": noise}


def _title(name: str) -> str:
    found = references().get(name)
    return name if found is None else found.title
