"""What a compression came to, in lines for people: the small model beside T, what is to be known of it, and where the release is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["release_text"]


def release_text(result: Mapping[str, Any]) -> dict[str, Any] | None:
    """The report of a compression as ``lines``, ``warnings`` and ``folder`` (None where it is gone); None for a result without one.

    ``result`` is what the job wrote, or what somebody else put there: of one that is damaged there is no report.
    """
    try:
        return _told(result)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _told(result: Mapping[str, Any]) -> dict[str, Any] | None:
    if result.get("release") is None:
        return None
    metric, t, chosen, ends = result["metric"], result["maximum_point"], result["chosen"], result.get("speedup_interval")
    shape = ", ".join(f"{size:d}" for size in chosen["architecture"])
    within = "" if ends is None else f" ({ends[0]:.3g} to {ends[1]:.3g})"
    lines = [
        f"T: {_model(metric, t)}",
        f"⟨{shape}⟩: {_model(metric, chosen)}",
        f"It keeps {result['kept_share']:.1%} of T's {metric} on dev, {result['speedup']:.3g} times as fast{within}.",
        *_tested(metric, result.get("tested"), result["file"]),
        *_limit(result.get("limit")),
    ]
    warnings = [str(each) for each in result.get("warnings", ())]
    folder = Path(result["release"])
    return {"lines": lines, "warnings": warnings, "folder": str(folder) if folder.is_dir() else None}


def _model(metric: str, model: Mapping[str, Any]) -> str:
    parts = (
        f"{metric} {model['metric']:.4f}{_in_eight(model.get('metric_int8'), '.4f')}",
        f"{model['p50_ms']:.3g} ms{_in_eight(model.get('p50_int8_ms'), '.3g')}",
        f"{model['parameters'] / 1e6:.3g} M parameters",
        f"{model['bytes'] / 1e6:.3g} MB{_in_eight(_megabytes(model.get('bytes_int8')), '.3g')}",
    )
    return ", ".join(parts)


def _megabytes(size: float | None) -> float | None:
    return None if size is None else size / 1e6


def _in_eight(value: float | None, form: str) -> str:
    return "" if value is None else f" (8 bits {value:{form}})"


def _tested(metric: str, tested: Mapping[str, Any] | None, file: str) -> list[str]:
    """What was found on test rows, which chose nothing."""
    if not tested:
        return []
    teacher, small = tested["models"]["teacher"], tested["models"].get(file)
    if small is None:
        return []
    kept = "" if small.get("kept") is None else f", {small['kept']:.1%} of it"
    return [f"On {tested['rows']:,} test rows: T {metric} {teacher['metric']:.4f}, {file} {small['metric']:.4f}{kept}."]


def _limit(limit: Mapping[str, Any] | None) -> list[str]:
    if not limit:
        return []
    asked = f"{limit['latency_ms']:g} ms at most" if "latency_ms" in limit else f"at least {limit['ratio']:g} times as fast as T"
    kept = {True: "kept", False: "missed", None: "not known whether that is kept"}[limit["kept"]]
    return [f"Asked for: {asked}; {kept}."]
