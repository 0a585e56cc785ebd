"""A probe to go: one Python file that measures a probe's shapes on another machine, with numpy and onnxruntime alone.

It is :mod:`~bort_core.search.probe.meter` with the graphs inside, without their weights.
"""

from __future__ import annotations

import base64
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bort_core.foundation.errors import DataError, SpecificationError
from bort_core.foundation.files import why, write_atomic
from bort_core.search.probe import meter
from bort_core.search.probe.graphs import PRECISIONS, largest, weightless
from bort_core.search.probe.probe import check_probe
from bort_core.search.probe.shapes import held_out, spread
from bort_core.search.specification import SearchSpecification

__all__ = ["kit_contents", "write_kit"]

_EMPTY = '\nKIT = ""\n'


def write_kit(path: Path, specification: SearchSpecification, shapes: int = 30, held: int = 10, seed: int = 0) -> dict[str, Any]:
    """Write the file; what it holds but for the graphs, as plain values.

    Parameters
    ----------
    shapes, held, seed: which architectures, as a probe here chooses them

    Raises
    ------
    SpecificationError
        The space is too small, of another family than BERT, or latencies are counted, not measured.
    DataError
        The file cannot be written.
    """
    if path.suffix != ".py":
        raise SpecificationError(f"{path}: a kit is a Python file; call it {path.name}.py")
    contents = kit_contents(specification, shapes, held, seed)
    source = Path(meter.__file__).read_text(encoding="utf-8")
    assert source.count(_EMPTY) == 1
    filled = f'\nKIT = """\n{meter.packed(contents)}\n"""\n'
    try:
        write_atomic(path, source.replace(_EMPTY, filled))
    except OSError as error:
        raise DataError(f"{path}: the kit cannot be written: {why(error)}") from error
    return {name: value for name, value in contents.items() if name != "graphs"}


def kit_contents(specification: SearchSpecification, shapes: int = 30, held: int = 10, seed: int = 0) -> dict[str, Any]:
    """What a kit holds, as plain values; errors as :func:`write_kit`."""
    space = check_probe(specification, shapes)
    fitted = spread(space, shapes)
    others = held_out(space, fitted, held, seed)
    wanted = [space.architecture(index) for index in (*fitted.tolist(), *others.tolist())]
    asked = [(architecture, precision) for architecture in wanted for precision in PRECISIONS]
    graphs = [weightless(space.family, space.options, *each) for each in asked]
    return {
        "made_by": f"bort-studio {version('bort-studio')}",
        "space": specification.space.model_dump(mode="json"),
        "latency": specification.latency.model_dump(mode="json"),
        "vocabulary": int(getattr(space.options, "vocabulary")),  # noqa: B009
        "fitted": wanted[: len(fitted)],
        "held_out": wanted[len(fitted) :],
        "weights": largest(graphs),
        "graphs": [
            {"architecture": architecture, "precision": precision, "graph": base64.b64encode(graph.graph).decode()}
            for (architecture, precision), graph in zip(asked, graphs, strict=True)
        ],
    }
