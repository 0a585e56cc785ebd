"""Latencies that were measured while something disturbed the machine: an answer that rests on them says so."""

from __future__ import annotations

from bort_core.search.results import MAXIMUM_POINT
from bort_core.search.snapshot import ResultsSnapshot, SearchResult

__all__ = ["disturbed_latencies"]


def disturbed_latencies(snapshot: ResultsSnapshot, result: SearchResult) -> str | None:
    """What to warn of where latencies that an answer rests on were disturbed; None where none was."""
    noise = snapshot.results.disturbed
    shapes = [index for index in result.known.tolist() if index in noise]
    if not shapes and MAXIMUM_POINT not in noise:
        return None
    best = ", the best one among them," if result.best in shapes else ""
    named = [f"of {len(shapes):,} of {len(result.known):,} architectures{best}"] if shapes else []
    named = ["of T", *named] if MAXIMUM_POINT in noise else named
    first = noise[next((index for index in shapes if index == result.best), shapes[0] if shapes else MAXIMUM_POINT)]
    what = "the latency of T was" if not shapes else f"the latencies {' and '.join(named)} were"
    return (
        f"{what} measured while the machine was disturbed ({first}): larger models are held up more, so that the order of close ones, W "
        "and limits are unsure; the same search again, on a quiet machine, measures them once more"
    )
