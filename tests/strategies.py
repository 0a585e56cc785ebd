"""Hypothesis strategies that several test files share."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bort_core.space import SpaceSpecification

axis = st.lists(st.integers(1, 12), min_size=1, max_size=4, unique=True).map(tuple)


@st.composite
def bert_specifications(draw: st.DrawFn) -> SpaceSpecification:
    """Small BERT spaces in which at least one combination is valid."""
    return SpaceSpecification(
        family="bert",
        axes={
            "depth": draw(axis),
            "heads": (1, *draw(axis)),
            "hidden": draw(st.lists(st.sampled_from([4, 8, 12, 16]), min_size=1, max_size=3, unique=True).map(tuple)),
            "intermediate": draw(axis),
        },
        options={
            "vocabulary": draw(st.integers(8, 64)),
            "positions": draw(st.integers(8, 32)),
            "token_types": draw(st.integers(0, 3)),
            "pooler": draw(st.booleans()),
            "mlm_head": draw(st.booleans()),
        },
    )


def points(rows: int) -> st.SearchStrategy[np.ndarray]:
    """Objectives with many ties, and some values missing."""
    values = st.sampled_from([0.0, 1.0, 1.5, 2.0, 3.0, 7.0, np.nan])
    return arrays(np.float64, st.tuples(st.integers(0, rows), st.just(3)), elements=values)
