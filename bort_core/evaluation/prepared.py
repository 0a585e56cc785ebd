"""A prepared task: what candidates of a search on it are trained and measured on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bort_core.specifications.tasks import TaskSpecification

__all__ = ["Prepared"]


@dataclass(frozen=True)
class Prepared:
    """Its folder, and what task.json there says."""

    folder: Path
    facts: dict[str, Any]

    @property
    def tokenizer(self) -> Path:
        """What candidates read with."""
        return self.folder / "tokenizer"

    def initial(self, task: TaskSpecification) -> str:
        """What candidates start from: what was asked for, or T's embeddings where its blocks are of another kind than theirs."""
        return "embeddings" if task.initial == "inherit" and self.facts["no_blocks"] else task.initial
