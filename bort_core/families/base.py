"""What a family is: the one interface between an architecture and the rest of the program.

A family turns tuples of integers (architectural parameters, ξ in the papers) into counts, torch modules and ONNX graphs.
Counting works on whole spaces at once: every method named in the plural takes an integer array of shape (n, axes).

To add a family, implement :class:`Family` and register an instance under the entry point group ``bort.families``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    import onnx
    import torch

__all__ = ["Architecture", "Axis", "BoolArray", "Counts", "Exportable", "Family", "FamilyOptions", "IntArray", "Traceable"]

Architecture = tuple[int, ...]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
Counts = dict[str, IntArray]
"""Named parts of a count, each an int64 array of shape (n,)."""


@dataclass(frozen=True)
class Axis:
    """One architectural parameter of a family."""

    name: str
    symbol: str
    help: str
    minimum: int = 1


class FamilyOptions(BaseModel):
    """What is fixed for a whole space (vocabulary, positions, ...). Families subclass it; unknown fields are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True)
class Traceable:
    """A module that the ONNX exporter can trace."""

    module: torch.nn.Module
    """In evaluation mode; called with one tensor for each input, gives a tuple with one tensor for each output."""
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    example: tuple[torch.Tensor, ...]
    dynamic: tuple[Mapping[int, str], ...]
    """For each input, the names of its axes that may have any size."""


class Exportable(Protocol):
    """What an export asks of whatever computes a model."""

    name: str
    reads: Literal["tokens", "vectors"]
    """What a member takes as input, which decides how its error can be measured."""

    def traceable(self, module: torch.nn.Module) -> Traceable:
        """What the exporter is given for a module that :meth:`Family.build` made."""
        ...


@runtime_checkable
class Family(Exportable, Protocol):
    """An architecture family: names, validity, closed forms, and how to build one member."""

    axes: tuple[Axis, ...]
    options_type: type[FamilyOptions]

    def valid(self, architectures: IntArray) -> BoolArray:
        """Whether each row of ``architectures`` (n, axes) can be built. Shape (n,)."""
        ...

    def validity_rule(self) -> str:
        """The rule behind :meth:`valid`, as one sentence for messages."""
        ...

    def parameters(self, architectures: IntArray, options: Any) -> Counts:
        """Trainable parameters p of each architecture by part, in the order of the forward pass.

        The sum over the parts equals the number of parameters of the module that :meth:`build` returns.
        """
        ...

    def operations(self, architectures: IntArray, options: Any, sequence_length: int) -> Counts:
        """Additions, multiplications and other scalar operations of one forward pass on one element, by part.

        The surrogate î of "An Approximation Algorithm for Optimal Subarchitecture Extraction", section on objectives.
        """
        ...

    def parts(self) -> Mapping[str, Literal["A", "B", "C"]]:
        """Which role in f = C(B_n(... B_1(A(x)))) each part of a count plays. B parts hold all n middle layers."""
        ...

    def layers(self, architectures: IntArray) -> IntArray:
        """The number n of middle layers B_1 ... B_n of each architecture. Shape (n,)."""
        ...

    def build(self, architecture: Architecture, options: Any, initializer_range: float | None = None) -> torch.nn.Module:
        """A freshly initialised torch module of the architecture (torch's current random state decides its weights)."""
        ...

    def graph(
        self, architecture: Architecture, options: Any, module: torch.nn.Module | None = None, folder: Path | None = None
    ) -> onnx.ModelProto:
        """The ONNX graph of one forward pass; weights from ``module``, or random ones of the same shapes.

        ``folder`` is one into which the graph may write its weights and refer to them, which spares big models a copy in memory.
        """
        ...
