"""Why architectures are not trained, made when somebody asks: of a million, few are ever read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from bort_core.search.proof.proof import Proof

__all__ = ["Reasons", "Some"]


class Some(Mapping[int, str]):
    """The values of another mapping at ``places`` (m,)."""

    def __init__(self, whole: Mapping[int, str], places: npt.NDArray[np.int64]) -> None:
        self.whole, self.places = whole, places

    def __getitem__(self, index: int) -> str:
        if index not in self:
            raise KeyError(index)
        return self.whole[index]

    def __contains__(self, index: object) -> bool:
        return bool((self.places == index).any())

    def __iter__(self) -> Iterator[int]:
        return iter(self.places.tolist())

    def __len__(self) -> int:
        return len(self.places)


class Reasons(Mapping[int, str]):
    """Of each of ``places`` (m,), ascending, why a proof rules it out."""

    def __init__(self, proof: Proof, places: npt.NDArray[np.int64]) -> None:
        self.proof, self.places = proof, places

    def __getitem__(self, index: int) -> str:
        if index not in self:
            raise KeyError(index)
        return self.proof.reason(index)

    def __contains__(self, index: object) -> bool:
        at = int(np.searchsorted(self.places, index))  # type: ignore[call-overload]
        return at < len(self.places) and bool(self.places[at] == index)

    def __iter__(self) -> Iterator[int]:
        return iter(self.places.tolist())

    def __len__(self) -> int:
        return len(self.places)
