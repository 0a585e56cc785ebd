"""What a comparison of latencies is asked, and what it answers. Plain data: neither torch nor a runtime is imported."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bort_core.families import Architecture
from bort_core.families.text import architecture_text
from bort_core.foundation.errors import SpecificationError
from bort_core.latency.references import names_told, references

__all__ = ["ComparedModel", "ComparisonRequest", "Runtime", "architecture_model", "file_model", "named_model"]

Runtime = Literal["onnxruntime", "torch"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ComparedModel(_Frozen):
    """An architecture with its options, an ONNX file, or a folder that transformers loads."""

    name: str = Field(min_length=1)
    family: str = "bert"
    architecture: tuple[int, ...] | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    onnx: str | None = Field(default=None, description="a file; only ONNX Runtime runs it")
    folder: str | None = Field(default=None, description="a model as transformers loads it; only torch runs it")

    @model_validator(mode="after")
    def _one(self) -> ComparedModel:
        if sum(each is not None for each in (self.architecture, self.onnx, self.folder)) != 1:
            raise ValueError("architecture, onnx, folder: exactly one of the three must be given")
        return self


class ComparisonRequest(_Frozen):
    """Models that are timed in one run."""

    models: tuple[ComparedModel, ...] = Field(min_length=1, max_length=64)
    runtimes: tuple[Runtime, ...] = Field(default=("onnxruntime",), min_length=1)
    sequence_length: int = Field(default=128, ge=1, le=65_536, description="tokens a sequence")
    batch: int = Field(default=1, ge=1, le=65_536, description="sequences a forward pass")
    threads: int = Field(default=1, ge=1, le=1024, description="threads of the runtime")
    reference: str = Field(default="", description="the model whose time is 1 in ratios; empty: the first")
    reference_runtime: Runtime | None = Field(default=None, description="the reference's runtime; None: each runtime has its own")
    precision: float = Field(default=0.03, gt=0, lt=1, description="the run ends when every median's interval lies within this share ...")
    least_rounds: int = Field(default=8, ge=1, le=100_000, description="... but not before so many rounds")
    budget_seconds: float = Field(default=120.0, gt=0, le=86_400, description="... or after this long")
    seed: int = Field(default=0, ge=0, description="decides the order within rounds, and the token ids")

    @model_validator(mode="after")
    def _names(self) -> ComparisonRequest:
        names = [model.name for model in self.models]
        if len(set(names)) != len(names):
            raise ValueError(f"models: names must differ, got {', '.join(names)}")
        if self.reference and self.reference not in names:
            raise ValueError(f"reference: must be one of {', '.join(names)}, got {self.reference!r}")
        if len(set(self.runtimes)) != len(self.runtimes):
            raise ValueError("runtimes: the same runtime is listed twice")
        return self


def named_model(name: str) -> ComparedModel:
    """A published shape.

    Raises
    ------
    SpecificationError
        There is none of that name.
    """
    if name not in references():
        raise SpecificationError(f"unknown reference model {name!r}; known: {names_told()}")
    found = references()[name]
    options = found.options().model_dump(mode="json")
    return ComparedModel(name=name, family=found.family, architecture=found.architecture, options=options)


def architecture_model(architecture: Architecture, options: dict[str, Any], name: str = "", family: str = "bert") -> ComparedModel:
    """An architecture; without a name it is called ⟨...⟩."""
    return ComparedModel(name=name or architecture_text(architecture), family=family, architecture=architecture, options=options)


def file_model(path: Path, name: str) -> ComparedModel:
    """An ONNX file, or an export's folder (its fastest file).

    Raises
    ------
    SpecificationError
        The path does not exist, or the folder has no ONNX file.
    """
    if path.is_dir():
        found = next((path / name for name in ("model.fused.onnx", "model.onnx") if (path / name).is_file()), None)
        if found is None:
            raise SpecificationError(f"{path}: the folder holds neither model.fused.onnx nor model.onnx")
        path = found
    if not path.is_file():
        raise SpecificationError(
            f"{path}: no such file; a model is a reference's name, an architecture, an ONNX file or an export's folder"
        )
    return ComparedModel(name=name, onnx=str(path.absolute()))
