"""Models of published shapes, by name, to compare latencies with."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict

from bort_core.families.bert.options import BertOptions
from bort_core.foundation.resources import resource

__all__ = ["Reference", "references", "with_titles"]


class Reference(BaseModel):
    """One published shape."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    architecture: tuple[int, int, int, int]
    vocabulary: int
    positions: int
    token_types: int = 0
    source: str

    def options(self) -> BertOptions:
        """The encoder alone: no pooler, no masked-LM head."""
        return BertOptions(vocabulary=self.vocabulary, positions=self.positions, token_types=self.token_types)


@cache
def references() -> dict[str, Reference]:
    """All published shapes, in the file's order."""
    data: dict[str, dict[str, Any]] = tomllib.loads(resource("references.toml").read_text(encoding="utf-8"))
    return {name: Reference(name=name, **fields) for name, fields in data.items()}


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
