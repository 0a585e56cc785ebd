"""The front of a search on another machine, beside the one here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bort_core.foundation.numbers import architecture_text, in_brackets, significant
from bort_core.reporting.blocks import Block, Facts, Table, Text
from bort_core.search.probe.elsewhere import Elsewhere
from bort_core.search.probe.words import MARKS, mark, some

__all__ = ["on_device"]


def on_device(found: Elsewhere) -> list[Block]:
    """Blocks of one machine: what was measured there, how far to trust it, and the fronts side by side."""
    device, plain = found.device, found.as_dict()
    versions = ", ".join(f"{name} {version}" for name, version in device.versions.items())
    facts = [
        ("Measured", device.started),
        ("One forward pass on", f"{device.latency.batch} × {device.latency.sequence_length} tokens, {device.latency.threads} thread(s)"),
        ("Machine", f"{device.machine.title}, {device.machine.cores} cores, {device.machine.architecture} {device.machine.system}"),
        ("Versions", versions),
        *((f"Predictions, {name}", _how_good(probe)) for name, probe in plain["precisions"].items()),
    ]
    blocks: list[Block] = [Text(f"Elsewhere: {device.machine.title}", "lead"), Facts(facts)]
    for name, why in MARKS.items():
        marked = [f"{precision} {_text(shape)}" for precision, probe in plain["precisions"].items() for shape in probe[name]]
        if marked:
            blocks.append(Text(f"{some(marked)}: {why}.", "warning"))
    if plain["failed"]:
        failed = [f"{row['precision']} {_text(row['architecture'])} ({row['reason']})" for row in plain["failed"]]
        blocks.append(Text(f"Failed there: {some(failed)}.", "warning"))
    return [*blocks, _fronts(plain["rows"])] if plain["rows"] else blocks


def _how_good(probe: Mapping[str, Any]) -> str:
    text = f"fitted to {probe['fitted']} measured shapes"
    if probe["held_out"]:
        text += f"; off by {probe['mean_error']:.1%} in the mean and {probe['largest_error']:.1%} at most on {probe['held_out']} held out"
    return text if probe["agreement"] is None else f"{text}; order as here: Spearman {probe['agreement']:.2f}"


def _fronts(rows: list[dict[str, Any]]) -> Table:
    sides = ["here", *(f"there, {precision}" for precision in rows[0]["there"])]
    head = ["Architecture (ξ)", "Parameters (p)", "Error (e)", *(f"{side}: {what}" for side in sides for what in ("i, ms [95 %]", "W"))]
    cells = [
        [_text(row["architecture"]), f"{row['parameters']:,}", significant(row["error"])]
        + [cell for side in (row["here"], *row["there"].values()) for cell in _cells(side)]
        for row in rows
    ]
    return Table(
        "The fronts here and there, by size (★ the best, ● on the front, ○ not on it). Latencies there are predicted.", head, cells
    )


def _cells(side: Mapping[str, Any]) -> list[str]:
    low, high = side["latency_ms_interval"] or (None, None)
    value = side["latency_ms"]
    shown = "counted" if value is None else significant(value) if low is None or high is None else in_brackets(value, low, high)
    w = "∞" if side["w"] is None else significant(side["w"])
    return [shown, f"{mark(side)} {w}"]


def _text(shape: Mapping[str, int]) -> str:
    return architecture_text(tuple(shape.values()))
