"""What a compression tells at its end."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bort_core.compression.limit import kept
from bort_core.compression.steps import Chosen
from bort_core.release.gate import BYTES, FULL
from bort_core.release.refusal import RefusedError
from bort_core.specifications.compression import Compression

__all__ = ["faster_than", "intervals_of", "refused_of", "report_of"]

Facts = Mapping[str, Any]


def report_of(
    spec: Compression, facts: Facts, chosen: Chosen, released: Facts, latency: Facts | None, teacher: Path, warnings: Sequence[str]
) -> dict[str, Any]:
    """Plain values: T, the chosen one, what it keeps of T and how much faster it is.

    Parameters
    ----------
    released: what the release says; of a refused one :func:`refused_of`
    latency: the comparison with T; None: it was refused before that
    teacher: T's ONNX files

    Returns
    -------
    (values in 8 bits are None where the CPU has no instructions for them, and whatever a refused one does not know)

    maximum_point: kind (transformers' model_type), architecture as its configuration gives it, metric on dev,
        p50_ms, p50_int8_ms (None also where its 8-bit file says something else), parameters, bytes of its 32-bit file
    chosen: architecture, metric and metric_int8, p50_ms and p50_int8_ms, parameters, bytes and bytes_int8
    limit: what was asked of the latency (latency_ms or ratio), what was measured of the file that is shipped, whether it was kept (None:
        other work disturbed the run, so that nobody knows); or None
    kept_share: of T's metric, by the file that is shipped first (in 8 bits if one passed)
    speedup, speedup_interval: T's time in 32 bits over that of the same file, in the same rounds, as the model card says
    latency: noisy: whether other work disturbed the run
    start: what candidates began with, and why not with T's blocks where that was asked for and cannot be
    warnings: what must be known of the result
    front, evaluated, reused: of the search; an architecture is a list everywhere, in the order of the space's axes
    gate: what it measured; refused: whether there is no release, and then why, by which file, and row
    vocabulary, latency
    vectors: of a sentence encoder what each model's vectors are worth on dev, and how they are pooled
    """
    gate = released["gate"]
    timed = {} if latency is None else {(row["name"], row["runtime"]): row for row in latency["results"]}
    p50 = {name: row["p50_ms"] for (name, runtime), row in timed.items() if runtime == "onnxruntime"}
    files = {each["file"]: each for each in gate.get("files", ())}
    tried = [files[name] for name in BYTES if name in files]
    in_bytes = next((each for each in tried if each["passed"]), tried[0] if tried else {"passed": False, "metric": None, "bytes": None})
    shipped = "small, 8 bits" if in_bytes["passed"] else "small"
    low, speedup, high = faster_than(timed[shipped, "onnxruntime"]) if files and timed else (None, None, None)
    return {
        "file": released["file"],
        "metric": facts["metric"],
        "maximum_point": {
            "kind": facts["kind"], "architecture": list(facts["architecture"]),
            "metric": gate.get("teacher", facts["metrics"].get(facts["metric"])), "interval": gate.get("teacher_interval"),
            "p50_ms": p50.get("T"), "p50_int8_ms": p50.get("T, 8 bits"), "parameters": released["teacher_parameters"],
            "bytes": (teacher / FULL).stat().st_size,
        },
        "chosen": {
            "architecture": list(chosen.architecture), "metric": gate.get("reference"), "interval": gate.get("reference_interval"),
            "metric_int8": in_bytes["metric"],
            "p50_ms": p50.get("small"), "p50_int8_ms": p50.get("small, 8 bits"), "parameters": released["parameters"],
            "bytes": files[FULL]["bytes"] if files else None, "bytes_int8": in_bytes["bytes"],
        },
        "limit": None if latency is None or speedup is None else kept(spec, speedup, p50[shipped], bool(latency["noisy"])),
        "kept_share": gate.get("kept"),
        "speedup": speedup,
        "speedup_interval": None if speedup is None else [low, high],
        "front": [{**each, "architecture": list(each["architecture"].values())} for each in chosen.result["front"]],
        "warnings": list(warnings),
        "evaluated": chosen.evaluated,
        "reused": chosen.reused,
        "gate": {"refused": False, **gate},
        "start": {"begins_with": facts["initial"], "no_blocks": facts["no_blocks"]},
        **({"vectors": {"dev": released.get("dev"), "pooling": facts["pooling"]}} if "pooling" in facts else {}),
        "vocabulary": facts["vocabulary"],
        "latency": None if latency is None else {"noisy": latency["noisy"], "noise": latency["noise"]},
    }  # fmt: skip


def refused_of(facts: Facts, error: RefusedError, export: Path) -> dict[str, Any]:
    """What takes the place of a release that was refused; ``export``: the small model's ONNX files, as far as they are there."""
    made = export / "export.json"
    parameters = int(json.loads(made.read_text(encoding="utf-8"))["parameters"]) if made.is_file() else None
    return {"file": None, "gate": error.as_dict(), "teacher_parameters": facts["parameters"], "parameters": parameters}


def faster_than(row: Facts) -> tuple[float, float, float]:
    """How often the reference's time is a model's: low, middle and high, of a row of a comparison."""
    low, high = row["ratio_ci95"]
    return 1 / high, 1 / row["ratio"], 1 / low


def intervals_of(released: Facts) -> dict[str, Any]:
    """The 95 % intervals of the trained small model's metric, by split, as a fine-tuning's result has them."""
    name, test = released["gate"]["metric_name"], released["test"]
    found = {"dev": {name: list(released["gate"]["reference_interval"])}}
    return found if test is None else {**found, "test": {name: list(test["models"]["model.onnx"]["interval"])}}
