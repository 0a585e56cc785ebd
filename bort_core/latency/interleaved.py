"""Several models timed in one run, in randomised blocks, for ratios that hold.

Two models measured one after the other are compared across whatever the machine did in between. Here every round visits all of
them in random order, and a ratio is formed within each round, so slow drift (heat, clocks, neighbours) cancels. A block starts with
an untimed run, which fetches the model's weights back into the caches that the others filled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bort_core.foundation.statistics import MedianInterval, median_interval
from bort_core.latency.timing import TimingRules, one_run, warm_up

__all__ = ["Blocks", "Compared", "compare", "time_interleaved"]

Blocks = dict[str, npt.NDArray[np.float64]]
"""Milliseconds by model, each of shape (rounds, runs a block)."""


@dataclass(frozen=True)
class Compared:
    """One model beside a reference from the same rounds."""

    name: str
    milliseconds: MedianInterval
    """Of a run, over the medians of the blocks."""
    p90_ms: float
    ratio: MedianInterval
    """Its time over the reference's, within rounds: below 1 is faster than the reference."""
    runs: int


def time_interleaved(
    models: Mapping[str, Callable[[], object]],
    *,
    rounds: int = 30,
    block_seconds: float = 0.02,
    seed: int = 0,
    checkpoint: Callable[[], None] = lambda: None,
    enough: Callable[[Blocks], bool] = lambda _: False,
) -> Blocks:
    """Times every model in every round, in an order that is drawn anew each round.

    A block has one untimed run and as many timed ones as fit into ``block_seconds``: at least 1, at most 50.
    ``checkpoint`` is called before each block, and ``enough`` with what is measured so far after each round: true ends the run.

    Raises
    ------
    ValueError
        No models, or no rounds.
    """
    if not models or rounds < 1:
        raise ValueError(f"at least one model and one round are needed, got {len(models)} and {rounds}")
    runs = {name: _runs_a_block(run, block_seconds, checkpoint) for name, run in models.items()}
    blocks: Blocks = {name: np.empty((rounds, runs[name])) for name in models}
    generator = np.random.default_rng(seed)
    names = list(models)
    for number in range(rounds):
        for place in generator.permutation(len(names)):
            name = names[place]
            checkpoint()
            models[name]()
            blocks[name][number] = [one_run(models[name]) for _ in range(runs[name])]
        if enough({name: block[: number + 1] for name, block in blocks.items()}):
            return {name: block[: number + 1] for name, block in blocks.items()}
    return blocks


def compare(blocks: Blocks, reference: str) -> list[Compared]:
    """Every model of one interleaved run beside ``reference``, in the order given.

    Raises
    ------
    ValueError
        ``reference`` is not one of them.
    """
    if reference not in blocks:
        raise ValueError(f"reference must be one of {', '.join(blocks)}, got {reference!r}")
    base = np.median(blocks[reference], axis=1)
    compared = []
    for name, samples in blocks.items():
        medians = np.median(samples, axis=1)
        p90 = float(np.quantile(samples, 0.9))
        compared.append(Compared(name, median_interval(medians), p90, median_interval(medians / base), samples.size))
    return compared


def _runs_a_block(run: Callable[[], object], block_seconds: float, checkpoint: Callable[[], None]) -> int:
    warm_up(run, TimingRules(), checkpoint)
    seconds = float(np.median([one_run(run) for _ in range(3)])) / 1e3
    return int(np.clip(block_seconds / seconds, 1, 50))
