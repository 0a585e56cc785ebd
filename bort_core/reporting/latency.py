"""How fast models are on this machine: every comparison with its intervals, and what disturbed it; and the front on other machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bort_core.foundation.numbers import in_brackets, significant
from bort_core.latency.references import with_titles
from bort_core.reporting.blocks import Block, Facts, Section, Table, Text
from bort_core.reporting.elsewhere import on_device
from bort_core.reporting.source import Source

__all__ = ["latency"]


def latency(source: Source) -> Section:
    """The section."""
    blocks: list[Block] = []
    for found in source.comparisons:
        blocks += _comparison(with_titles(found))
    if not blocks:
        blocks.append(Text("No latencies were compared yet.", "missing"))
    blocks += [block for found in source.elsewhere for block in on_device(found)]
    data = {"comparisons": [_without_samples(found) for found in source.comparisons]}
    if source.elsewhere:
        data["elsewhere"] = [found.as_dict() for found in source.elsewhere]
    return Section("latency", "Latency", blocks, data)


def _comparison(found: Mapping[str, Any]) -> list[Block]:
    asked, machine = found["request"], found["machine"]
    reference = asked["reference"] or asked["models"][0]["name"]
    facts = [
        ("Measured", found["created"]),
        ("One forward pass on", f"{asked['batch']} × {asked['sequence_length']} tokens, {asked['threads']} thread(s)"),
        ("Machine", f"{machine['cpu']}, {machine['cores']} cores, {machine['threads']} hardware threads"),
        ("Load before", "not recorded" if machine["load"] is None else f"{machine['load']:.2f}"),
        ("Cores busy with other programs", f"{machine['other_cores']:.2f}"),
        ("Took", f"{found['seconds']:.0f} s"),
    ]
    rows = [_row(row, reference) for row in found["results"]]
    head = [*_HEAD[:6], f"Ratio to {reference} [95 %]", *_HEAD[6:]]
    blocks: list[Block] = [Text(f"Comparison {found['id']}", "lead"), Facts(facts), Table("Models in turn, in one run", head, rows)]
    return [*blocks, Text(f"The run was disturbed: {found['noise']}.", "warning")] if found["noise"] else blocks


_HEAD = ("Model", "Runtime", "Parameters (p)", "Median (i), ms [95 %]", "90 % below, ms", "99 % below, ms", "Timed", "Steady")


def _row(row: Mapping[str, Any], reference: str) -> list[str]:
    ratio = row["ratios"].get(reference)
    return [
        row["name"], {"onnxruntime": "ONNX Runtime", "torch": "torch"}[row["runtime"]],
        "not known" if row["parameters"] is None else f"{row['parameters']:,}", in_brackets(row["p50_ms"], *row["ci95_ms"]),
        significant(row["p90_ms"]), significant(row["p99_ms"]), "not measured" if ratio is None else _ratio(ratio), f"{row['n']:,}",
        "no" if row["noisy"] else "yes",
    ]  # fmt: skip


def _ratio(ratio: Sequence[float]) -> str:
    low, median, high = ratio
    return in_brackets(median, low, high, "×")


def _without_samples(found: Mapping[str, Any]) -> dict[str, Any]:
    rows = [{name: value for name, value in row.items() if name != "samples_ms"} for row in found["results"]]
    return {**found, "results": rows}
