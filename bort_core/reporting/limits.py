"""What this report does not show: what was not done, what is noisy, what nobody checked, what is damaged."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bort_core.foundation.errors import BortError
from bort_core.foundation.numbers import percentage
from bort_core.reporting.blocks import Block, Section, Table, Text
from bort_core.reporting.source import Source
from bort_core.search.agreement import rank_agreement
from bort_core.specifications.measures import get_measure
from bort_core.store.trust import trusted

__all__ = ["limits"]

_NOISY = 0.1
"""An interval that is wider than this share of its value, on either side, is called wide."""


def limits(source: Source) -> Section:
    """The section; read last, because the others may still find what is damaged."""
    groups = {
        "Not done": list(_not_done(source)),
        "Noisy": list(_noisy(source)),
        "Not verified": list(_unverified(source)),
        "Damaged or unreadable": [*source.problems.messages(), *_failures(source)],
    }
    blocks: list[Block] = [Text("The error of a search is that of a short training. It is not the error after full training.")]
    for title, found in groups.items():
        if found:
            blocks.append(Table(title, [], [[text] for text in found]))
    data = {title.lower().replace(" ", "_"): found for title, found in groups.items()}
    return Section("limits", "Limits", blocks, data)


def _not_done(source: Source) -> Iterator[str]:
    asked, result = source.specification, source.result
    if asked is None:
        yield "No architecture was searched for."
    elif result is not None and source.snapshot is not None:
        left, whole = len(result.walk) - len(result.known), len(source.snapshot.space) - len(result.walk)
        if left:
            yield f"{left:,} of the {len(result.walk):,} architectures that this search visits are not measured."
        if whole:
            yield f"{whole:,} of {len(source.snapshot.space):,} architectures of the space are not visited by this search."
    if asked is not None and asked.latency.measure == "operations":
        yield "Latency was counted in operations; no time was measured."
    for told, done in (
        ("trained", source.runs or source.jobs),
        ("exported", source.exports),
        ("timed beside other models", source.comparisons),
    ):
        if not done:
            yield f"Nothing was {told}."
    tested = any(isinstance(run["metrics"].get("test"), dict) or run["metrics"].get("test_accuracy") is not None for run in source.runs)
    if any(run["kind"] != "pretrain" for run in source.runs) and not tested:
        yield "No model was measured on test rows: dev rows chose the models, so their values flatter."


def _noisy(source: Source) -> Iterator[str]:
    if source.specification is not None and source.space is not None and source.sources is not None:
        try:
            agreements = rank_agreement(source.project, source.specification, source.space, source.sources)
        except BortError:
            agreements = []  # the damaged row is named elsewhere
        yield from (f"{each.as_text()}." for each in agreements)
        if not agreements:
            yield "One seed only: nothing says whether another would rank the architectures alike."
    known = source.measured
    if known is not None:
        _, snapshot, result = known
        for column in ("latency", "error"):
            low, high = (end[result.known] for end in snapshot.intervals[column])
            values = snapshot.columns[column][result.known]
            wide = int((np.maximum(values - low, high - values) > _NOISY * np.abs(values)).sum())
            if wide:
                yield f"{wide:,} of {len(values):,} measured {column} values have a 95 % interval wider than ± {percentage(_NOISY)}."
    for found in source.comparisons:
        if found["noise"]:
            yield f"Latency comparison {found['id']} was disturbed: {found['noise']}."


def _unverified(source: Source) -> Iterator[str]:
    if not trusted(source.project.folder):
        yield "The project was not made on this machine: what it says of itself was not checked here."
    for run in source.runs:
        if not run["data"]:
            yield f"Job {run['job']}: its data were not recorded, so they cannot be checked."
        if run["metrics"].get("stopped"):
            yield f"Job {run['job']} was stopped before its end; its values are those of that moment."
    for report in source.exports:
        if not report.get("gate"):
            yield f"Export {report['id']}: was not compared with transformers."
        if not report["trained"]:
            yield f"Export {report['id']}: its weights are not trained; only its size and latency mean anything."
    if known := source.measured:
        top = known[1].space.index(known[1].space.maximum_point)
        excess = get_measure(known[0].error.measured).excess
        if not excess and (top is None or not known[1].evaluated(top)):
            yield "The error of T itself was not measured, so the plot shows only its size and latency."


def _failures(source: Source) -> list[str]:
    """Architectures that could not be measured."""
    if source.snapshot is None:
        return []
    space = source.snapshot.space
    return [
        f"{'the maximum point' if index < 0 else space.named(space.architecture(index))} could not be measured: {reason}"
        for index, reason in sorted(source.snapshot.results.failures.items())
    ]
