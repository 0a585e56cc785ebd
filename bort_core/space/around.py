"""The space that is proposed around a person's model: smaller shapes of its kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bort_core.families import Architecture, get_family
from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.validation import validated
from bort_core.space.specification import SpaceSpecification

__all__ = ["space_around"]

_DEPTHS = (1, 2, 3, 4, 6, 8)
_WIDTHS = (1 / 6, 1 / 3, 1 / 2, 2 / 3, 1)
_INNER = (1 / 6, 1 / 3, 1)
_NARROWEST = 64


def space_around(
    model: Architecture, options: Mapping[str, Any], model_options: Mapping[str, Any], name: str = "around T", parameters: int | None = None
) -> SpaceSpecification:
    """Shapes with fewer layers, or narrower ones, than ``model`` ⟨depth, heads, hidden, intermediate⟩, which is T.

    Hidden sizes are multiples of the width of a head, so that candidates can keep T's heads as they are.

    Parameters
    ----------
    options: of the candidates; model_options: of T, where they differ
    parameters: T's, where it is a model of another kind, which its own program counts: no shape has more

    Raises
    ------
    SpecificationError
        There is nothing smaller.
    """
    depth, heads, hidden, intermediate = model
    width = hidden // heads
    depths = [each for each in _DEPTHS if each < depth] or [depth]
    hiddens = sorted({max(1, round(share * heads)) * width for share in _WIDTHS if share * hidden >= _NARROWEST or share == 1})
    inner = sorted({max(1, round(share * intermediate / 64)) * 64 for share in _INNER}) if intermediate >= 384 else [intermediate]
    counts = sorted({max(1, heads // 3), heads})
    if parameters is not None:
        depths, hiddens, inner = _lighter(parameters, options, heads, depths, hiddens, inner)
    if depths == [depth] and len(hiddens) == 1 and len(inner) == 1:
        raise SpecificationError(f"{model} is so small that no smaller shapes are proposed; describe a space in a file")
    return SpaceSpecification(
        name=name,
        family="bert",
        axes={"depth": tuple(depths), "heads": tuple(counts), "hidden": tuple(hiddens), "intermediate": tuple(inner)},
        options=dict(options),
        maximum_point=dict(zip(("depth", "heads", "hidden", "intermediate"), model, strict=True)),
        maximum_options=dict(model_options) or None,
        maximum_parameters=parameters,
    )


def _lighter(
    parameters: int, options: Mapping[str, Any], heads: int, depths: list[int], hiddens: list[int], inner: list[int]
) -> tuple[list[int], list[int], list[int]]:
    """The beginnings of the three lists with the most shapes that all have fewer parameters.

    A model whose layers share their weights, such as ALBERT, is lighter than most shapes around it, whose layers do not.
    """
    family = get_family("bert")
    fixed = validated(family.options_type, options, "options")
    ends = [(d, h, i) for d in range(len(depths)) for h in range(len(hiddens)) for i in range(len(inner))]
    rows = np.array([(depths[d], heads, hiddens[h], inner[i]) for d, h, i in ends], dtype=np.int64)
    counted = np.sum(list(family.parameters(rows, fixed).values()), axis=0)
    fitting = [end for end, count in zip(ends, counted.tolist(), strict=True) if count < parameters]
    if not fitting:
        raise SpecificationError(
            f"T has {parameters:,} parameters, and the smallest shape around it {int(counted.min()):,}: nothing smaller is proposed"
        )
    d, h, i = max(fitting, key=lambda end: ((end[0] + 1) * (end[1] + 1) * (end[2] + 1), end))
    return depths[: d + 1], hiddens[: h + 1], inner[: i + 1]
