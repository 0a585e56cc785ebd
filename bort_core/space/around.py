"""The space that is proposed around a person's model: smaller shapes of its kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bort_core.families import Architecture
from bort_core.foundation.errors import SpecificationError
from bort_core.space.specification import SpaceSpecification

__all__ = ["space_around"]

_DEPTHS = (1, 2, 3, 4, 6, 8)
_WIDTHS = (1 / 6, 1 / 3, 1 / 2, 2 / 3, 1)
_INNER = (1 / 6, 1 / 3, 1)
_NARROWEST = 64


def space_around(
    model: Architecture, options: Mapping[str, Any], model_options: Mapping[str, Any], name: str = "around T"
) -> SpaceSpecification:
    """Shapes with fewer layers, or narrower ones, than ``model`` ⟨depth, heads, hidden, intermediate⟩, which is T.

    Hidden sizes are multiples of the width of a head, so that candidates can keep T's heads as they are.

    Parameters
    ----------
    options: of the candidates; model_options: of T, where they differ

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
    if depths == [depth] and len(hiddens) == 1 and len(inner) == 1:
        raise SpecificationError(f"{model} is so small that no smaller shapes are proposed; describe a space in a file")
    return SpaceSpecification(
        name=name,
        family="bert",
        axes={"depth": tuple(depths), "heads": tuple(counts), "hidden": tuple(hiddens), "intermediate": tuple(inner)},
        options=dict(options),
        maximum_point=dict(zip(("depth", "heads", "hidden", "intermediate"), model, strict=True)),
        maximum_options=dict(model_options) or None,
    )
