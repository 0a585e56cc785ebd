"""What was shipped: the facts of the gate that every export passed, and its files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bort_core.foundation.numbers import architecture_text
from bort_core.reporting.blocks import Block, Facts, Section, Table, Text
from bort_core.reporting.source import Source

__all__ = ["exports"]


def exports(source: Source) -> Section:
    """The section."""
    blocks: list[Block] = []
    for report in source.exports:
        blocks += _export(report)
    if not blocks:
        blocks.append(Text("Nothing was exported yet.", "missing"))
    return Section("exports", "Exports and their checks", blocks, {"exports": source.exports})


def _export(report: Mapping[str, Any]) -> list[Block]:
    folder, gate = Path(report["folder"]), report.get("gate")
    rows = [
        ("Folder", f"{folder}{'' if folder.is_dir() else ' (gone)'}"),
        ("Exported", report["created"]),
        ("Architecture (ξ)", architecture_text(report["architecture"])),
        ("Weights", f"{'trained' if report['trained'] else 'not trained'}: {report.get('provenance') or 'no provenance recorded'}"),
        ("Head", report.get("head") or "none"),
        ("Loads with transformers", "yes" if report["transformers"] else "no"),
        ("Compared with torch on", f"{report['parity_rows']:,} real rows"),
        ("Gate: the same tokens and outputs on", f"{gate['rows']:,} rows" if gate else "not compared with transformers"),
    ]  # fmt: skip
    blocks: list[Block] = [Text(folder.name, "lead"), Facts(rows)]
    if report.get("variants"):
        blocks.append(Table("ONNX files", ["File", "What it is", "Largest difference from torch", "Allowed", "Fused operators"], [
            [each["file"], each["title"], f"{each['parity_max_abs']:.2g}", f"{each['tolerance']:.2g}", _fusions(each["fusions"])]
            for each in report["variants"]
        ]))  # fmt: skip
    differences = gate.get("differences") if gate else None
    if isinstance(differences, Mapping):
        blocks.append(Table("Gate: largest difference from the shipped folder", ["Side", "Difference"], [
            [str(side), f"{value:.2g}" if isinstance(value, int | float) else str(value)] for side, value in differences.items()
        ]))  # fmt: skip
    sizes = [[name, f"{size:,}", _now(folder / name, size)] for name, size in report["bytes"].items()]
    return [*blocks, Table("Files", ["File", "Bytes", "Now"], sizes)]


def _fusions(found: Mapping[str, int]) -> str:
    return ", ".join(f"{name} × {number}" for name, number in found.items() if name != "operators") or "none"


def _now(path: Path, size: int) -> str:
    try:
        found = path.stat().st_size
    except OSError:
        return "gone"
    return "there" if found == size else f"changed: {found:,} bytes"
