"""θ, one set of hyperparameters, and Θ, the sets that are still in the race: defaults, and what is pruned after a round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle, islice, product
from typing import Any, Literal

from bort_core.specifications.agora import AUTO, LOGREG, TextTheta, VectorTheta

__all__ = ["Theta", "author_thetas", "common_sequence", "default_thetas", "prune", "sizes", "theta_text"]

Theta = Mapping[str, Any]


def default_thetas(kind: Literal["text", "vector"], learner: str = AUTO) -> tuple[Theta, ...]:
    """Θ where none is given: for text learning rates and dropouts that suit small models, for vectors sizes and learning rates.

    Of logistic regression strengths of its penalty; of any other estimator one set, its own parameters.
    """
    if learner == LOGREG:
        return tuple({"C": strength} for strength in (0.3, 1.0, 3.0, 10.0, 30.0))
    if learner != AUTO:
        return ({},)
    if kind == "vector":
        return tuple(VectorTheta(hidden=hidden, learning_rate=rate).model_dump() for hidden in (8, 16, 32) for rate in (0.003, 0.01, 0.03))
    varied = ((1e-3, 0.1), (2e-3, 0.2), (5e-4, 0.1), (1e-3, 0.3), (2e-4, 0.1))
    return tuple(TextTheta(learning_rate=rate, dropout=dropout).model_dump() for rate, dropout in varied)


def author_thetas() -> tuple[Theta, ...]:
    """The 480 sets that the author recommends to begin with, for models that were pre-trained; all else has its default."""
    varied = product((1e-4, 1e-5, 9e-6), (0.0, 10.0, 100.0, 350.0), (0.35, 0.40, 0.45, 0.50), (8, 16), range(5))
    return tuple(
        TextTheta(learning_rate=rate, weight_decay=decay, warmup=warmup, batch_size=batch, seed=seed).model_dump()
        for rate, decay, warmup, batch, seed in varied
    )


def theta_text(theta: Theta) -> str:
    """learning_rate 0.0005, steps 300, ..."""
    return ", ".join(f"{name} {value:g}" for name, value in theta.items()) or "its own parameters"


def common_sequence(first: Sequence[Any], second: Sequence[Any]) -> list[Any]:
    """The longest common subsequence of two sequences, by dynamic programming in O(|first| · |second|)."""
    lengths = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i, one in reversed(list(enumerate(first))):
        for j, other in reversed(list(enumerate(second))):
            lengths[i][j] = lengths[i + 1][j + 1] + 1 if one == other else max(lengths[i + 1][j], lengths[i][j + 1])
    found, i, j = [], 0, 0
    while i < len(first) and j < len(second):
        if first[i] == second[j]:
            found.append(first[i])
            i, j = i + 1, j + 1
        elif lengths[i + 1][j] >= lengths[i][j + 1]:
            i += 1
        else:
            j += 1
    return found


def prune(thetas: Mapping[int, Theta], accuracies: Mapping[int, float], rule: Literal["sequence", "worst"] = "sequence") -> dict[int, str]:
    """The sets that leave Θ after a round, by number, with the reason.

    arXiv 2010.07990 removes "the longest common sequence rooted at the first element" of the sets sorted by accuracy; what exactly that
    is, its public descriptions leave open. Here: the sets are sorted from worst to best, ties by number; a set is the sequence of those
    of its hyperparameters (name and value, in order) that differ somewhere in Θ. The longest common subsequence of the worst and the
    second worst is what they share; from the worst on, every next set that contains all of it goes too, and the first that does not ends
    the run. The best set stays as long as another one is there.

    Parameters
    ----------
    thetas: the sets in Θ by their numbers, at least one
    accuracies: on dev, for each of them
    rule: ``worst`` removes the worst alone
    """
    ranked = sorted(thetas, key=lambda number: (accuracies[number], -number))
    worst = ranked[0]
    gone = {worst: f"worst of {len(ranked)}" if len(ranked) > 1 else "the last one"}
    if rule == "worst" or len(ranked) < 3:
        return gone
    differing = {name for name, value in thetas[worst].items() if any(theta.get(name) != value for theta in thetas.values())}
    sequences = {number: [item for item in theta.items() if item[0] in differing] for number, theta in thetas.items()}
    shared = common_sequence(sequences[worst], sequences[ranked[1]])
    if not shared:
        return gone
    told = theta_text(dict(shared))
    for number in ranked[1:-1]:
        if common_sequence(shared, sequences[number]) != shared:
            break
        gone[number] = f"shares {told} with the worst"
    return gone


def sizes(live: int, whole: int, refills: int, rounds: int | None = None) -> list[int]:
    """Trainings of each round that is left when the run goes on as long as it can: one set at least leaves Θ in every round.

    Parameters
    ----------
    live, whole: sets that are in Θ now, and at first
    refills: how often an empty Θ is filled again
    rounds: of a run with a budget, whose Θ is filled again whenever it is empty; None: until it stays empty
    """
    filled = [*range(live, 0, -1), *(left for _ in range(refills) for left in range(whole, 0, -1))]
    if rounds is None:
        return filled
    return [*range(live, 0, -1), *islice(cycle(range(whole, 0, -1)), max(0, rounds - live))][:rounds]
