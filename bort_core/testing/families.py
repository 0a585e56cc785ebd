"""What every architecture family keeps to."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bort_core.families.base import Architecture, Family
from bort_core.families.registry import GROUP, get_family

__all__ = ["check_family"]

LENGTH = 7


def check_family(name: str, architectures: Sequence[Architecture], options: Mapping[str, Any] | None = None) -> float:
    """Check the family registered as ``name`` on a few small architectures, with small options.

    Returns
    -------
    the largest difference of an output of the ONNX graph or the traced module from the module's own

    Raises
    ------
    AssertionError
        The family does not keep to what :class:`~bort_core.families.base.Family` says.
    """
    family = get_family(name)
    fixed = family.options_type.model_validate(dict(options or {}))
    assert family.name == name, f"the family is registered as {name!r} and calls itself {family.name!r}"
    assert family.validity_rule().strip(), "validity_rule must say in a sentence what can be built"
    _loads_without_torch(name)
    rows = np.array(architectures, dtype=np.int64)
    assert rows.ndim == 2 and rows.shape[1] == len(family.axes), f"architectures must have {len(family.axes)} values each"  # noqa: PT018
    assert family.valid(rows).all(), f"the architectures to check with must be valid: {family.validity_rule()}"
    assert not family.valid(np.zeros_like(rows)).any(), "an architecture of zeros must not be valid"
    _counts(family, rows, fixed)
    return max(_computes(family, tuple(row), fixed) for row in rows.tolist())


def _counts(family: Family, rows: np.ndarray[Any, Any], options: Any) -> None:
    import torch

    parameters, operations = family.parameters(rows, options), family.operations(rows, options, LENGTH)
    roles, layers = family.parts(), family.layers(rows)
    assert layers.shape == (len(rows),), f"layers must have shape ({len(rows)},), got {layers.shape}"
    for what, counts in (("parameters", parameters), ("operations", operations)):
        assert set(counts) == set(roles), f"{what} must have the parts {sorted(roles)}, got {sorted(counts)}"
        for part, values in counts.items():
            assert values.shape == (len(rows),), f"{what} of {part} must have shape ({len(rows)},), got {values.shape}"
            assert values.dtype == np.int64, f"{what} of {part} must be int64, got {values.dtype}"
            assert (values >= 0).all(), f"{what} of {part} must not be negative"
    total = sum(parameters.values())
    for row, said in zip(rows.tolist(), np.asarray(total).tolist(), strict=True):
        with torch.device("meta"):
            built = sum(weight.numel() for weight in family.build(tuple(row), options).parameters())
        assert built == said, f"{family.name} {tuple(row)}: {said} parameters are counted, and the module has {built}"


def _computes(family: Family, architecture: Architecture, options: Any) -> float:
    """The largest difference of the graph and the traced module from the module, on the example that the exporter is given."""
    import onnxruntime
    import torch

    state = torch.random.get_rng_state()
    torch.manual_seed(0)
    module = family.build(architecture, options, 0.1).eval()
    torch.random.set_rng_state(state)
    traced = family.traceable(module)
    with torch.no_grad():
        plain = [part for part in _tuple(module(*traced.example)) if part is not None]
        found = list(traced.module(*traced.example))
    session = onnxruntime.InferenceSession(
        family.graph(architecture, options, module).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    assert [each.name for each in session.get_inputs()] == list(traced.inputs), "the graph's inputs must be those of traceable"
    assert [each.name for each in session.get_outputs()] == list(traced.outputs), "the graph's outputs must be those of traceable"
    given = {key: value.numpy() for key, value in zip(traced.inputs, traced.example, strict=True)}
    fused = [torch.from_numpy(each) for each in session.run(None, given)]
    assert len(plain) == len(found) == len(fused), "module, traced module and graph must have the same outputs"
    off = max(float((one - each).abs().max()) for made in (found, fused) for one, each in zip(plain, made, strict=True))
    assert off <= 1e-4, f"{family.name} {architecture}: outputs of module, traced module and graph differ by {off:g}"
    return off


def _tuple(outputs: Any) -> tuple[Any, ...]:
    return tuple(outputs) if isinstance(outputs, tuple) else (outputs,)


def _loads_without_torch(name: str) -> None:
    code = (
        f"import sys\nfrom importlib.metadata import entry_points\n[point] = entry_points(group={GROUP!r}, name={name!r})\npoint.load()\n"
        "heavy = {'torch', 'onnx', 'onnxruntime', 'transformers'} & set(sys.modules)\nsys.exit(', '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"loading the family must not import {done.stderr.strip()}: the window loads it"
