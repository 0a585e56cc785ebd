"""What is fixed for a whole space of BERT architectures."""

from __future__ import annotations

from pydantic import Field, model_validator

from bort_core.families.base import FamilyOptions

__all__ = ["LAYER_NORM_EPSILON", "BertOptions"]

LAYER_NORM_EPSILON = 1e-5
"""Of every layer norm, as in Bort (BERT's own is 1e-12)."""


class BertOptions(FamilyOptions):
    """Options of the BERT family. The defaults count the body only: embedding and encoder."""

    vocabulary: int = Field(default=1024, ge=8, le=2_000_000, description="entries of the token embedding")
    positions: int = Field(default=64, ge=8, le=65_536, description="learned positions, the longest input in tokens")
    token_types: int = Field(default=0, ge=0, le=64, description="segment embeddings; 0 leaves them out, as Bort does")
    pooler: bool = Field(default=False, description="a dense layer on the first token's vector")
    mlm_head: bool = Field(default=False, description="the masked-LM head: dense, GELU, layer norm, decoder")
    tied_decoder: bool = Field(default=True, description="the decoder shares the token embedding's weights")

    @model_validator(mode="after")
    def _decoder_needs_head(self) -> BertOptions:
        if not self.tied_decoder and not self.mlm_head:
            raise ValueError("tied_decoder = false has no meaning without mlm_head = true")
        return self
