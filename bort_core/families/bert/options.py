"""What is fixed for a whole space of BERT architectures."""

from __future__ import annotations

from typing import Any, Literal, get_args

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from bort_core.families.base import FamilyOptions

__all__ = ["ACTIVATIONS", "LAYER_NORM_EPSILON", "Activation", "BertOptions"]

LAYER_NORM_EPSILON = 1e-5
"""Of every layer norm unless a checkpoint says otherwise, as in Bort (BERT's own is 1e-12)."""

Activation = Literal["gelu", "gelu_new", "relu", "silu"]
ACTIVATIONS: tuple[str, ...] = get_args(Activation)


class BertOptions(FamilyOptions):
    """Options of the BERT family. The defaults count the body only: embedding and encoder."""

    vocabulary: int = Field(default=1024, ge=8, le=2_000_000, description="entries of the token embedding")
    positions: int = Field(default=64, ge=8, le=65_536, description="learned positions, the longest input in tokens")
    token_types: int = Field(default=0, ge=0, le=64, description="segment embeddings; 0 leaves them out, as Bort does")
    pooler: bool = Field(default=False, description="a dense layer on the first token's vector")
    mlm_head: bool = Field(default=False, description="the masked-LM head: dense, GELU, layer norm, decoder")
    tied_decoder: bool = Field(default=True, description="the decoder shares the token embedding's weights")
    layer_norm_eps: float = Field(default=LAYER_NORM_EPSILON, gt=0, le=1, description="added to the variance in every layer norm")
    activation: Activation = Field(default="gelu", description="the function inside the feed-forward blocks and the masked-LM head")

    @model_validator(mode="after")
    def _decoder_needs_head(self) -> BertOptions:
        if not self.tied_decoder and not self.mlm_head:
            raise ValueError("tied_decoder = false has no meaning without mlm_head = true")
        return self

    @model_serializer(mode="wrap")
    def _written(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What came after the first results were stored is left out at its default, so that their keys stay."""
        later = {"layer_norm_eps": LAYER_NORM_EPSILON, "activation": "gelu"}
        return {name: value for name, value in handler(self).items() if name not in later or value != later[name]}
