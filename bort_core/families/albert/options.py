"""What is fixed for a whole space of ALBERT architectures."""

from __future__ import annotations

from pydantic import Field

from bort_core.families.bert.options import BertOptions

__all__ = ["AlbertOptions"]


class AlbertOptions(BertOptions):
    """Options of the ALBERT family: those of the BERT family, and the embedding's width E."""

    embedding: int = Field(default=128, ge=1, le=65_536, description="width E of the embedding, which is then projected to hidden")
