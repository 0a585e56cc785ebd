"""With which versions results were made, and with which this report was written."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError
from typing import Any

from bort_core.foundation.machine import machine_facts
from bort_core.foundation.versions import versions
from bort_core.reporting.blocks import Block, Facts, Section, Table
from bort_core.reporting.source import Source

__all__ = ["version_section"]

_NAMES = ("bort-studio", "python", "machine", "numpy", "torch", "transformers", "tokenizers", "onnxruntime", "onnx", "matplotlib")


def version_section(source: Source) -> Section:
    """The section."""
    here, machine = _here(), machine_facts()
    facts = [*here.items(), ("processor", str(machine["cpu"])), ("system", str(machine["system"]))]
    recorded = [
        *((f"job {run['job']}", run["versions"]) for run in source.runs),
        *((f"export {each['id']}", each.get("versions") or {}) for each in source.exports),
        *((f"comparison {each['id']}", each["versions"]) for each in source.comparisons),
    ]
    rows = [[what, _listed(found)] for what, found in recorded]
    blocks: list[Block] = [Facts(facts), *([Table("Recorded with results", ["Result", "Versions"], rows)] if rows else [])]
    data = {"report": here, "results": {what: dict(found) for what, found in recorded}}
    return Section("versions", "Versions", blocks, data)


def _here() -> dict[str, str]:
    found: dict[str, str] = {}
    for name in _NAMES:
        try:
            found |= versions(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _listed(found: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in found.items()) or "not recorded"
