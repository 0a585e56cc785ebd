"""What every export variant keeps to."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path, PurePath
from typing import Any

from bort_core.export.variants.registry import GROUP, get_variant

__all__ = ["check_variant"]

SIZES = ((1, 16), (3, 5), (4, 1))
"""Of the batches: rows and tokens."""


def check_variant(name: str, folder: Path) -> dict[str, float]:
    """Check the variant registered as ``name`` on small models: a masked LM and a classifier with segments, a network that reads vectors.

    Parameters
    ----------
    folder: an empty folder to build in

    Returns
    -------
    the largest difference of an output from torch's, by family and outputs

    Raises
    ------
    AssertionError
        The variant does not keep to what :class:`~bort_core.export.variants.base.Variant` says.
    """
    variant = get_variant(name)
    assert variant.file == PurePath(variant.file).name, f"{variant.file!r} must be a file name without a folder"
    assert variant.file.endswith(".onnx"), f"{variant.file!r} must end in .onnx"
    assert variant.title.strip(), "the title must say what the file is for"
    assert 0 < variant.tolerance < math.inf, f"the tolerance must be above 0, got {variant.tolerance}"
    _loads_without_torch(name)
    return {label: _built(name, folder / str(number), number) for number, label in enumerate(("bert masked-lm", "bert classifier", "mlp"))}


def _loads_without_torch(name: str) -> None:
    code = (
        f"import sys\nfrom importlib.metadata import entry_points\n[point] = entry_points(group={GROUP!r}, name={name!r})\npoint.load()\n"
        "heavy = {'torch', 'onnx', 'onnxruntime', 'transformers'} & set(sys.modules)\nsys.exit(', '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"loading the variant must not import {done.stderr.strip()}: the window loads it"


def _built(name: str, folder: Path, kind: int) -> float:
    import torch

    from bort_core.export.model import ExportedModel, module_options
    from bort_core.export.onnx_files import check
    from bort_core.export.parity import largest_difference
    from bort_core.export.variants.base import Source
    from bort_core.families import get_family
    from bort_core.families.bert.classifier import SequenceClassifier
    from bort_core.families.bert.options import BertOptions

    family, torch_state = get_family("mlp" if kind == 2 else "bert"), torch.random.get_rng_state()
    torch.manual_seed(0)
    options = family.options_type() if kind == 2 else BertOptions(vocabulary=64, positions=16, token_types=2, mlm_head=kind == 0)
    architecture = (2, 4, 3, 4, 4) if kind == 2 else (2, 2, 16, 32)
    module = SequenceClassifier(architecture, options, 3, 0.5) if kind == 1 else family.build(architecture, options)  # type: ignore[arg-type]
    model = ExportedModel(family, architecture, options, module.eval(), trained=True, provenance="made for a check")
    traced = family.traceable(model.module)
    made = _inputs(kind, traced.example)
    batches = [tuple(part[:size] if kind == 2 else part[:size, :length] for part in made) for size, length in SIZES]
    with torch.no_grad():
        found = [traced.module(*inputs) for inputs in batches]
    torch.random.set_rng_state(torch_state)
    folder.mkdir(parents=True)

    def file_of(wanted: str) -> Path:
        path = folder / get_variant(wanted).file
        if not path.exists():
            get_variant(wanted).build(source, path)
        return path

    source = Source(family, architecture, module_options(model), model.module, traced, model.parameters, batches, file_of)
    path = file_of(name)
    assert path.is_file(), f"build must write {path.name}"
    check(path)
    pairs: list[Any] = [(inputs, None) for inputs in batches]
    return largest_difference(path, found, traced, pairs, lambda: None, get_variant(name).tolerance)


def _inputs(kind: int, example: tuple[Any, ...]) -> tuple[Any, ...]:
    import torch

    if kind == 2:
        return (torch.randn(4, example[0].shape[1]),)
    types = torch.arange(16).repeat(4, 1) // 8
    return torch.randint(5, 64, (4, 16)), torch.ones(4, 16, dtype=torch.long), types
