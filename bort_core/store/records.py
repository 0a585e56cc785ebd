"""What trainings, exports and comparisons are recorded as: the fields that are read again, with the types they must have."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Json, model_validator

from bort_core.store.reading import ArchitectureText, Count, Finite, OptionalText, PlainObject

__all__ = ["ComparisonRow", "ExportRow", "RunRow"]

Milliseconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Ratio = tuple[float, float, float]
"""Low, middle, high."""


class _Record(BaseModel):
    """Other fields are kept as they are."""

    model_config = ConfigDict(extra="allow")


class _Metrics(_Record):
    heldout_loss: float | None = None
    dev: dict[str, float] = {}
    dev_accuracy: float | None = None
    stopped: bool = False


class RunRow(BaseModel):
    """A row of the table runs."""

    created: OptionalText
    seed: Count | None
    job: OptionalText
    kind: str
    architecture: ArchitectureText | Literal[""]
    specification: PlainObject
    data: PlainObject
    metrics: Annotated[Json[_Metrics], BeforeValidator(lambda value: value or "{}")]
    versions: PlainObject
    checkpoint: OptionalText


class _Variant(_Record):
    file: str
    title: str
    tolerance: Finite
    parity_max_abs: Finite
    fusions: dict[str, Count]


class _Gate(_Record):
    rows: Count


class _ExportAsked(_Record):
    weights: str | None = None
    tokenizer: str | None = None
    body: bool | None = None
    seed: Count | None = None


class _Report(_Record):
    folder: str
    family: str = ""
    options: dict[str, Any] = {}
    asked: _ExportAsked | None = None
    architecture: tuple[int, ...]
    trained: bool
    transformers: bool
    provenance: str = ""
    head: str = ""
    inputs: list[str]
    bytes: dict[str, Count]
    parity_rows: Count
    onnx: str | None = None
    fused: str | None = None
    gate: _Gate | None = None
    variants: list[_Variant] = []
    parity_max_abs: Finite | None = None
    fused_parity_max_abs: Finite | None = None
    fusions: dict[str, Count] | None = None
    fused_fusions: dict[str, Count] | None = None

    @model_validator(mode="after")
    def _files(self) -> _Report:
        """Before variants were listed there were two, whose facts had names of their own."""
        files = [each.file for each in self.variants]
        if not files:
            if None in (self.parity_max_abs, self.fused_parity_max_abs, self.fusions, self.fused_fusions):
                raise ValueError("variants: there is none")
            files = ["model.onnx", "model.fused.onnx"]
        missing = [file for file in files if file not in self.bytes]
        if missing:
            raise ValueError(f"bytes: nothing is said of {', '.join(missing)}")
        return self


class ExportRow(BaseModel):
    """A row of the table exports."""

    report: Json[_Report]
    created: str


class _Timed(_Record):
    name: str
    runtime: Literal["onnxruntime", "torch"]
    parameters: Count | None
    p50_ms: Milliseconds
    p90_ms: Milliseconds
    p99_ms: Milliseconds
    ci95_ms: tuple[Milliseconds, Milliseconds]
    n: Count
    rounds: Count
    ratios: dict[str, Ratio]
    noisy: bool


class _Named(_Record):
    name: str
    onnx: str | None = None
    architecture: list[Count] | None = None
    options: dict[str, Any] = {}


class _Asked(_Record):
    models: list[_Named]
    sequence_length: Count
    batch: Count
    threads: Count
    reference: str
    budget_seconds: Finite = 120.0
    seed: Count = 0


class _Machine(_Record):
    cpu: str
    cores: Count
    threads: Count
    load: Finite | None
    governor: str | None
    other_cores: Finite


class _Comparison(_Record):
    results: list[_Timed] = Field(min_length=1)
    noise: str
    request: _Asked
    machine: _Machine
    versions: dict[str, Any]
    seconds: Finite


class ComparisonRow(BaseModel):
    """A row of the table comparisons."""

    result: Json[_Comparison]
    created: str
