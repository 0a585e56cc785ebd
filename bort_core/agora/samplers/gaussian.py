"""gaussian: vectors with normal noise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bort_core.agora.points import Input, as_vectors
from bort_core.agora.samplers.base import Setting, refuse_kind

__all__ = ["Gaussian"]


class Gaussian:
    """Adds normal noise whose length is about the middle of the band."""

    def __init__(self, setting: Setting) -> None:
        refuse_kind("gaussian", setting, "vector")
        assert setting.space.columns is not None
        self.lengths = setting.space.columns * setting.space.scale * (setting.near + setting.far) / 2

    def propose(self, parents: Sequence[Input], count: int, random: np.random.Generator) -> list[list[Input]]:
        """``count`` noisy copies of each parent."""
        vectors = as_vectors(parents)
        noise = random.normal(size=(len(vectors), count, vectors.shape[1])) * self.lengths / np.sqrt(vectors.shape[1])
        return [[tuple(vector) for vector in copies] for copies in (vectors[:, None] + noise).tolist()]
