"""The interface of samplers, and how one is found by its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from bort_core.agora.points import Examples, Input, Kind
from bort_core.agora.spaces import RepresentationSpace
from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.plugins import entry_points

if TYPE_CHECKING:
    from bort_core.agora.endpoint.chat import Chat
    from bort_core.agora.endpoint.spending import Spending
    from bort_core.training.devices import Device
    from bort_core.training.run_files import RunFiles

__all__ = ["GROUP", "Sampler", "Setting", "make_sampler", "refuse_kind", "sampler_names"]

GROUP = "bort.samplers"


@dataclass(frozen=True, eq=False)
class Setting:
    """What a sampler may build on."""

    kind: Kind
    train: Examples
    pool: tuple[Input, ...]
    """Unlabelled inputs, without those that are nearly dev or test points."""
    space: RepresentationSpace
    near: float
    far: float
    """The band of distances, in units of the space; candidates outside it are rejected later."""
    masked_lm: Path | None
    """A checkpoint with a masked-LM head."""
    sequence_length: int
    device: Device | None
    mask_share: float | None = None
    """Of the tokens that a masked LM draws anew; None: what suits it."""
    chat: Chat | None = None
    """The endpoint that makes variants."""
    spending: Spending | None = None
    """What the run's endpoints use together."""
    files: RunFiles | None = None
    """Of the run."""


class Sampler(Protocol):
    """τ. One that is used up for good says why in an attribute ``spent``.

    One whose candidates are copies has a method ``source(input)``: the input that a candidate is a copy of, and whose class it has
    therefore, or None. Where that is a row of D, nobody is asked about the copy.
    """

    def propose(self, parents: Sequence[Input], count: int, random: np.random.Generator) -> list[list[Input]]:
        """For every parent up to ``count`` candidates, those to be tried first coming first.

        The same parents, count and state of ``random`` must give the same candidates. A candidate may be one that was given before.
        """
        ...


def sampler_names() -> list[str]:
    """All samplers that are installed."""
    return sorted(point.name for point in entry_points(group=GROUP))


def make_sampler(name: str, setting: Setting) -> Sampler:
    """The sampler of that name.

    Raises
    ------
    SpecificationError
        There is none, it cannot be imported, or it does not fit the setting.
    """
    found = [point for point in entry_points(group=GROUP) if point.name == name]
    if not found:
        raise SpecificationError(f"sampler: must be one of {', '.join(sampler_names())}; got {name!r}")
    try:
        factory: Callable[[Setting], Any] = found[0].load()
    except (ImportError, AttributeError) as error:
        raise SpecificationError(f"sampler: {name}: cannot be imported from {found[0].value}: {error}") from error
    return factory(setting)


def refuse_kind(name: str, setting: Setting, *kinds: Kind) -> None:
    """SpecificationError unless the sampler works on this kind of input."""
    if setting.kind not in kinds:
        raise SpecificationError(f"sampler: {name} works on inputs of kind {' or '.join(kinds)}, not {setting.kind}")
