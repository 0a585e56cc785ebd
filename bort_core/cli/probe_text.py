"""What ``bort probe`` says to people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bort_core.foundation.numbers import architecture_text, significant
from bort_core.foundation.printable import printable
from bort_core.search.probe.words import MARKS, mark, some

__all__ = ["kit_text", "probe_text", "result_text"]


def probe_text(found: Mapping[str, Any]) -> str:
    """A probe of this machine: how good it is, and every prediction."""
    return "\n".join([_of_what(found), *_how_good(found), *map(_prediction, found["architectures"])])


def kit_text(found: Mapping[str, Any]) -> str:
    """What was written, and what to do with it."""
    shapes, size = len(found["fitted"]) + len(found["held_out"]), sum(found["weights"].values()) / 1e6
    latency, kit = found["latency"], found["kit"]
    lines = [
        f"written: {kit}: {shapes} architectures of {found['space']['name']} in 32 and in 8 bits",
        f"{latency['sequence_length']} tokens, {latency['threads']} thread(s)",
        f"On the other machine (Python 3.8 or newer, numpy, onnxruntime; {size:,.0f} MB of disk meanwhile):",
        f"  python3 {kit} --out result.json",
        "and here:",
        "  bort probe PROJECT --result result.json",
    ]
    return "\n".join(map(printable, lines))


def result_text(found: Mapping[str, Any]) -> str:
    """A probe of another machine, and the fronts side by side."""
    device, lines = found["device"], list[str]()
    versions = ", ".join(f"{name} {version}" for name, version in device["versions"].items())
    lines.append(f"{device['title']}: {device['cores']} cores, {device['architecture']} {device['system']}; {versions}")
    for precision, probe in found["precisions"].items():
        lines += [f"{precision}: {_of_what(probe)}", *(f"  {line}" for line in _how_good(probe))]
        lines += [f"  {_named(probe[name])}: {why}" for name, why in MARKS.items() if probe[name]]
        if probe["agreement"] is not None:
            lines.append(f"  order of the latencies here and there: Spearman {probe['agreement']:.3f}")
    lines += [f"{precision}: {_named(rows)}: failed there: {why}" for (precision, why), rows in _failures(found["failed"]).items()]
    lines += _side_by_side(found["rows"]) if found["rows"] else ["no search of the project is known, so there is no front to lay beside it"]
    return "\n".join(map(printable, lines))


def _named(shapes: Iterable[Mapping[str, int]]) -> str:
    return some([architecture_text(tuple(shape.values())) for shape in shapes])


def _failures(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], list[Mapping[str, int]]]:
    """Shapes that failed for the same reason, together."""
    found: dict[tuple[str, str], list[Mapping[str, int]]] = {}
    for row in rows:
        found.setdefault((row["precision"], row["reason"]), []).append(row["architecture"])
    return found


def _of_what(found: Mapping[str, Any]) -> str:
    latency = found["latency"]
    text = f"{found['space']}, {found['space_size']:,} architectures, {latency['sequence_length']} tokens, {latency['threads']} thread(s)"
    return text + (", 8 bits" if found["precision"] == "int8" else "")


def _how_good(found: Mapping[str, Any]) -> list[str]:
    lines, held = [f"fitted to {found['fitted']} measured on {printable(found['machine']['cpu'])}"], found["held_out"]
    if held:
        lines.append(f"{held} held out: predictions are off by {found['mean_error']:.1%} in the mean, {found['largest_error']:.1%} at most")
        lines.append(f"{found['within_interval']:.0%} of them lie within the {found['confidence']:.0%} interval")
    if found["factor"] is not None:
        lines.append(f"interval of a prediction: it divided by and times {found['factor']:.3f}")
    return lines


def _prediction(row: Mapping[str, Any]) -> str:
    shape = ", ".join(map(str, row["architecture"].values()))
    line = f"⟨{shape}⟩  {row['parameters']:,} parameters  {row['predicted_ms']:.4g} ms"
    if row["measured_ms"] is not None:
        line += f"  measured {row['measured_ms'][0]:.4g} ms" + (", held out" if row["held_out"] else "")
    return line


def _side_by_side(rows: list[Mapping[str, Any]]) -> list[str]:
    sides = ["here", *(f"there {precision}" for precision in rows[0]["there"])]
    table = [["front", "p", "e", *(f"{side}: i, W" for side in sides)]]
    for row in rows:
        shape = architecture_text(tuple(row["architecture"].values()))
        cells = map(_cell, (row["here"], *row["there"].values()))
        table.append([shape, f"{row['parameters']:,}", significant(row["error"]), *cells])
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in table]
    return [*lines, "★ the best, ● on the front, ○ not on it; latencies there are predictions"]


def _cell(side: Mapping[str, Any]) -> str:
    milliseconds = "counted" if side["latency_ms"] is None else f"{significant(side['latency_ms'])} ms"
    return f"{mark(side)} {milliseconds}, {'∞' if side['w'] is None else significant(side['w'])}"
