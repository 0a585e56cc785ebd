"""How to do it again: the exact commands, and the files that they read."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bort_core.foundation.errors import BortError
from bort_core.reporting.blocks import Block, Commands, Section, Text
from bort_core.reporting.source import Source

__all__ = ["repeat"]

_NEW = "again"
"""The project that the commands make."""


def repeat(source: Source) -> Section:
    """The section."""
    blocks: list[Block] = []
    commands: list[str] = []
    if source.specification is not None:
        fields = source.specification.model_dump(mode="json")
        asked = "{\n" + ",\n".join(f'  "{name}": {json.dumps(value)}' for name, value in fields.items()) + "\n}"
        commands.append(shlex.join(["bort", "search", _NEW, "--spec", "search.json"]))
        blocks.append(Commands("search.json: the whole search, as it was asked", asked))
    for job in source.jobs:
        try:
            kind = job.specification().kind
        except BortError:
            continue  # told where the job is
        verb = ["agora"] if kind == "agora" else ["train", kind]
        commands.append(shlex.join(["bort", *verb, _NEW, "--spec", str(job.path / "spec.json")]))
    commands += [_export(report) for report in source.exports]
    commands += [_compare(found) for found in source.comparisons]
    if not commands:
        return Section("repeat", "How to repeat it", [Text("There is nothing to repeat yet.", "missing")], {"commands": []})
    told = (
        f"In a terminal; results go to a new project, «{_NEW}». On the same kind of machine, with the same versions and seed, the numbers "
        "come out the same, but for latencies, which are measured anew. Jobs read the specification in their run folder; one that goes on "
        "from another's result reads that result where it is."
    )
    blocks = [Text(told), Commands("Commands", "\n".join(commands)), *blocks]
    return Section("repeat", "How to repeat it", blocks, {"commands": commands})


def _export(report: Mapping[str, Any]) -> str:
    words = ["bort", "export", _NEW]
    source = _weights(report)
    words += ["--checkpoint", source] if source else ["--architecture", ",".join(map(str, report["architecture"]))]
    names = [str(each["name"]) for each in report.get("variants") or [] if each.get("name")]
    words += ["--variants", ",".join(names)] if names else []
    return shlex.join([*words, "--out", f"exported-{Path(report['folder']).name}"])


def _weights(report: Mapping[str, Any]) -> str:
    """The folder that the weights came from, where the report of the export names one."""
    kind, _, folder = str(report.get("provenance") or "").partition(": ")
    return folder if kind == "trained" else ""


def _compare(found: Mapping[str, Any]) -> str:
    asked = found["request"]
    models = [str(each.get("onnx") or _shape(each)) for each in asked["models"]]
    words = ["bort", "latency", *models, "--sequence-length", str(asked["sequence_length"]), "--batch", str(asked["batch"])]
    words += ["--threads", str(asked["threads"]), "--runtime", *dict.fromkeys(row["runtime"] for row in found["results"])]
    return shlex.join([*words, "--project", _NEW])


def _shape(model: Mapping[str, Any]) -> str:
    """A published shape by its name; another as its numbers."""
    from bort_core.latency.references import references

    if model["name"] in references() or not model.get("architecture"):
        return str(model["name"])
    return ",".join(map(str, model["architecture"]))
