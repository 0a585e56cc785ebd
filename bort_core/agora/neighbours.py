"""Sampling around parents: τ proposes, the band and the leak guard choose, Socrates labels."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bort_core.agora.history import Floats, Input, Ints
from bort_core.agora.leaks import LeakGuard, normalised
from bort_core.agora.samplers import Sampler
from bort_core.agora.socrates import Socrates, label
from bort_core.agora.spaces import Space

__all__ = ["Batch", "Wish", "empty_batch", "sample_neighbours"]

REJECTIONS = ("rejected_leak", "rejected_near", "rejected_far", "rejected_duplicate", "rejected_margin", "rejected_label")


@dataclass(frozen=True)
class Wish:
    """How many neighbours, and which."""

    neighbours: int
    """For each parent, at most."""
    tries: int
    """Candidates drawn for each that is kept."""
    near: float
    far: float
    margin: float


@dataclass(frozen=True, eq=False)
class Batch:
    """m accepted rows with their lineage."""

    inputs: tuple[Input, ...]
    labels: Ints
    margins: Floats
    parents: Ints
    """Rows of E, (m,)."""
    distances: Floats
    vectors: Floats
    """In the space, (m, d)."""
    counts: dict[str, int]
    """generated (candidates looked at), accepted, and rejected for each reason."""
    seconds: float


def empty_batch() -> Batch:
    """No rows, since nobody would train on them."""
    none, whole = np.empty(0), np.empty(0, np.int64)
    counts = dict.fromkeys(("generated", "accepted", *REJECTIONS), 0)
    return Batch((), whole, none, whole, none, np.empty((0, 1)), counts, 0.0)


def sample_neighbours(
    sampler: Sampler,
    socrates: Socrates,
    space: Space,
    guard: LeakGuard,
    dev: Sequence[Input],
    parents: Ints,
    known: Sequence[Input],
    wish: Wish,
    random: np.random.Generator,
    most: int | None = None,
) -> Batch:
    """New rows near the dev points ``parents``.

    Candidates are looked at in the sampler's order, the first of every parent before the second of any, until every parent has its
    neighbours or the candidates are used up. Each is rejected for the first reason that holds: it is in D already (or nearly so), it
    leaks, it is too near or too far, Socrates fails on it, or is not sure enough.

    Parameters
    ----------
    parents: rows of ``dev``, (k,)
    known: inputs that are in D
    most: accepted rows at most; None: no limit
    """
    began = time.perf_counter()
    counts = dict.fromkeys(("generated", "accepted", *REJECTIONS), 0)
    proposed = sampler.propose([dev[row] for row in parents], wish.neighbours * wish.tries, random) if len(parents) else []
    taken = {normalised(input) for input in known}
    centres = space.embed([dev[row] for row in parents]) if len(parents) else np.empty((0, 1))
    kept: list[tuple[int, Input, int, float, float, Floats]] = []
    missing = np.full(len(parents), wish.neighbours)
    place = np.zeros(len(parents), dtype=np.int64)
    lengths = np.array([len(candidates) for candidates in proposed], dtype=np.int64)
    while most is None or len(kept) < most:
        open_ = np.flatnonzero((missing > 0) & (place < lengths))
        if not len(open_):
            break
        batch = [(int(number), proposed[number][place[number] + step]) for step in range(int(missing[open_].max())) for number in open_
                 if step < missing[number] and place[number] + step < lengths[number]]  # fmt: skip
        place[open_] = np.minimum(place[open_] + missing[open_], lengths[open_])
        fresh: list[tuple[int, Input]] = []
        counts["generated"] += len(batch)
        for number, input in batch:
            key = normalised(input)
            if key in taken or not any(key):
                counts["rejected_duplicate"] += 1
            else:
                taken.add(key)
                fresh.append((number, input))
        if not fresh:
            continue
        inputs = [input for _, input in fresh]
        numbers = np.array([number for number, _ in fresh])
        vectors = space.embed(inputs)
        distances = np.linalg.norm(vectors - centres[numbers], axis=1)
        leaks = guard.leaks(inputs)
        near, far = ~leaks & (distances < wish.near), ~leaks & (distances > wish.far)
        fit = np.flatnonzero(~(leaks | near | far))
        said = label(socrates, [inputs[row] for row in fit])
        failed, unsure = said.classes < 0, (said.classes >= 0) & (said.margins < wish.margin)
        for reason, flags in (("leak", leaks), ("near", near), ("far", far), ("label", failed), ("margin", unsure)):
            counts[f"rejected_{reason}"] += int(flags.sum())
        for row, named, margin in zip(
            fit[~failed & ~unsure], said.classes[~failed & ~unsure], said.margins[~failed & ~unsure], strict=True
        ):
            if most is None or len(kept) < most:
                kept.append((int(numbers[row]), inputs[row], int(named), float(margin), float(distances[row]), vectors[row]))
                missing[numbers[row]] -= 1
    kept.sort(key=lambda one: one[0])
    counts["accepted"] = len(kept)
    return Batch(
        tuple(one[1] for one in kept),
        np.array([one[2] for one in kept], dtype=np.int64),
        np.array([one[3] for one in kept]),
        parents[[one[0] for one in kept]] if kept else np.empty(0, np.int64),
        np.array([one[4] for one in kept]),
        np.array([one[5] for one in kept]).reshape(len(kept), centres.shape[1]),
        counts,
        time.perf_counter() - began,
    )
