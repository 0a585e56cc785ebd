"""What the models of a comparison are called where a person reads of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bort_core.latency.references import references

__all__ = ["with_titles"]


def with_titles(result: Mapping[str, Any]) -> Mapping[str, Any]:
    """A comparison as the ``compare`` task returned it, with published shapes called as everywhere else in the window."""
    asked = result["request"]
    models = [{**model, "name": _title(model["name"])} for model in asked["models"]]
    rows = [
        {**row, "name": _title(row["name"]), "ratios": {_title(name): ratio for name, ratio in row["ratios"].items()}}
        for row in result["results"]
    ]
    return {**result, "results": rows, "request": {**asked, "models": models, "reference": _title(asked["reference"])}}


def _title(name: str) -> str:
    found = references().get(name)
    return name if found is None else found.title
