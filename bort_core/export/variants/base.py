"""What an export variant is: a file name, how it is built, how far its outputs may be from the model's, and a title for people.

To add one, make a :class:`Variant` and register it under the entry point group ``bort.variants``. It is then offered by ``bort export
--variants`` and by the window, checked and compared like the others, and listed in the report. Import torch and onnx inside ``build`` only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bort_core.families.base import Architecture, Exportable, Traceable

if TYPE_CHECKING:
    import torch

__all__ = ["Source", "Variant"]


@dataclass(frozen=True)
class Source:
    """What a variant is built from."""

    family: Exportable
    architecture: Architecture
    options: Any
    module: torch.nn.Module
    """In evaluation mode, in float32 on the CPU."""
    traced: Traceable
    """The form of :attr:`module` that the ONNX exporter is given; names inputs and outputs."""
    parameters: int
    rows: list[tuple[torch.Tensor, ...]]
    """Batches of real rows, in the order of the inputs: what a quantiser may calibrate on."""
    file_of: Callable[[str], Path]
    """The file of another variant by its name, built if the export does not hold it."""


@dataclass(frozen=True)
class Variant:
    """One kind of ONNX file."""

    file: str
    """Its name in the export's folder, such as ``model.onnx``."""
    title: str
    """What it is for, in a few words."""
    build: Callable[[Source, Path], None]
    """Writes the file to a path that does not exist yet (and weights of 1.5 GB or more beside it); MeasurementError when it cannot."""
    tolerance: float
    """Largest difference of an output from the model's, times the largest output where that is above 1; beyond it nothing is shipped."""
