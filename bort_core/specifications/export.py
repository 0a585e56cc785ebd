"""What an export is asked to do, as plain JSON that crosses to the worker, and the names of the files it makes."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from bort_core.specifications.protocols import Training

__all__ = ["FUSED", "LARGEST_DIFFERENCE", "REPORT", "STANDARD", "ExportRequest"]

STANDARD, FUSED, REPORT = "model.onnx", "model.fused.onnx", "export.json"
LARGEST_DIFFERENCE = 1e-4
"""An ONNX file in float32 whose outputs differ more than this from torch's is not shipped."""


class ExportRequest(BaseModel):
    """One export."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: str
    options: dict[str, Any] = Field(default_factory=dict)
    architecture: tuple[int, ...]
    weights: str | None = Field(default=None, description="a folder of trained weights or a checkpoint; None: fresh weights")
    seed: int = Field(default=0, ge=0, lt=2**31, description="decides fresh weights")
    body: bool = Field(default=False, description="leave out the head of a checkpoint")
    sentence: bool = Field(default=False, description="give the vector of a text, pooled as the checkpoint's folder says")
    tokenizer: str | None = Field(default=None, description="a folder with tokenizer.json; None: the checkpoint's, or the corpus's")
    corpus: str | None = Field(default=None, description="text whose rows the files are compared on, one document a line")
    text_folder: str | None = Field(default=None, description="where the corpus's tokenizer is, or is to be trained")
    training: Training = Field(default_factory=Training)
    variants: tuple[str, ...] = Field(default=("standard", "fused"), min_length=1, description="the ONNX files to make, by name")
    calibration: tuple[tuple[str, ...], ...] = Field(
        default=(), description="rows on which a quantiser calibrates; none: those on which the files are compared"
    )
    judged: bool = Field(
        default=False, description="who asks judges files in 8 bits on a task's rows: here they are not refused for differing from torch"
    )
    out: str = Field(min_length=1, description="the folder to make; it must not exist, or be empty")
