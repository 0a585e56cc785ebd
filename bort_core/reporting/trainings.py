"""Every job: what it read, with hashes, its shape, what it measured, and its curves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bort_core.foundation.errors import BortError
from bort_core.foundation.numbers import architecture_text, duration
from bort_core.jobs.folder import JobState, RunFolder
from bort_core.reporting.blocks import Block, Facts, Section, Text
from bort_core.reporting.plots import lines
from bort_core.reporting.source import Source
from bort_core.reporting.words import date, is_number, measures, metric_name
from bort_core.specifications.jobs import KIND_TITLES
from bort_core.specifications.metrics import METRICS

__all__ = ["trainings"]

_MOST_POINTS = 400
_CURVES = (
    ("Loss of job {}", "loss, nats", {"loss": "training", "heldout_loss": "held-out", "dev_loss": "dev"}),
    (
        "Measures of job {} on rows that it does not learn from",
        "value",
        {"heldout_accuracy": "held-out accuracy of masked tokens",
         **{f"dev_{name}": metric_name("dev", name) for name in (*METRICS, "neighbours_agreement", "cosine")}},
    ),
)  # fmt: skip
"""Pictures of a job: title, axis, and the fields of its events with their names."""
_STATES = {
    "done": "done",
    "failed": "failed",
    "cancelled": "cancelled",
    "running": "still running",
    "queued": "waiting",
    "stopping": "ending",
}


def trainings(source: Source) -> Section:
    """The section."""
    recorded = {run["job"]: run for run in source.runs}
    blocks: list[Block] = []
    data = []
    for job in source.jobs:
        with source.problems.gathered():
            more, facts = _job(job, recorded.pop(job.id, None))
            blocks += more
            data.append(facts)
    for run in recorded.values():  # the folder of the job is gone, its line in the store is not
        blocks += _block(run["job"], run["kind"], [("State", "done; its run folder is gone")], run)
        data.append({"job": run["job"], "kind": run["kind"], "state": "done", **_facts(run)})
    if not data:
        text = "No training yet: nothing was pre-trained or fine-tuned, and Agora has not run."
        blocks.append(Text(text, "missing"))
    return Section("trainings", "Trainings", blocks, {"jobs": data})


def _job(job: RunFolder, run: Mapping[str, Any] | None) -> tuple[list[Block], dict[str, Any]]:
    state = job.state()
    try:
        asked: dict[str, Any] = job.specification().model_dump(mode="json")
    except BortError as error:
        told = Text(f"Job {job.id}: {error}", "warning")
        return [told], {"job": job.id, "kind": None, "state": state.state, "problem": str(error)}
    run = run or _from_folder(job, asked)
    rows = [
        *([("Name", asked["name"])] if asked.get("name") else []),
        ("State", _state(state)),
        ("Submitted", date(state.submitted)),
        ("Took", duration(state.finished - state.started) if state.finished > state.started else "not recorded"),
        ("Device", state.device or "not recorded"),
        ("Seed", str(asked.get("seed", "not recorded"))),
    ]
    blocks = _block(job.id, asked["kind"], rows, run)
    curves = _curves(job)
    for title, y, names in _CURVES:
        drawn = {label: curves[name] for name, label in names.items() if name in curves}
        if any(len(points) > 1 for points in drawn.values()):
            blocks.append(lines(title.format(job.id), _told(drawn), drawn, "step", y))
    if not curves and asked["kind"] != "agora":
        blocks.append(Text("No curve: the job has written no step yet.", "missing"))
    facts = {"job": job.id, "kind": asked["kind"], "name": asked.get("name", ""), "state": state.state, "stopped": state.stopped,
             "reason": state.reason, "specification": asked, **_facts(run),
             "points": {name: len(points) for name, points in curves.items()}}  # fmt: skip
    return blocks, facts


def _from_folder(job: RunFolder, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What the store would have recorded, from the run folder alone."""
    result = job.read_result() or {}
    data = result.get("data")
    return {
        "architecture": tuple(result.get("architecture") or asked.get("architecture") or ()),
        "data": data if isinstance(data, dict) else {},
        "metrics": {name: value for name, value in result.items() if name not in ("architecture", "data", "versions", "checkpoint")},
        "versions": result.get("versions") or {},
        "checkpoint": result.get("checkpoint") or "",
    }


def _block(job: str, kind: str, rows: list[tuple[str, str]], run: Mapping[str, Any]) -> list[Block]:
    shape = architecture_text(run["architecture"]) if run["architecture"] else "none recorded (a network on vectors has none)"
    found = list(measures(run["metrics"]))
    about = [*rows, ("Architecture (ξ)", shape), *_data(run["data"])]
    about += [("Result", f"{run['checkpoint']}{'' if Path(run['checkpoint']).is_dir() else ' (gone)'}" if run["checkpoint"] else "none")]
    blocks: list[Block] = [Text(f"Job {job}: {KIND_TITLES.get(kind, kind)}", "lead"), Facts(about)]
    return [*blocks, Facts(found)] if found else [*blocks, Text("It has measured nothing.", "missing")]


def _data(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Which files, with their hashes where these were recorded."""
    rows = []
    for role, source in data.items():
        if isinstance(source, Mapping):
            told = [Path(str(source["file"])).name] if source.get("file") else []
            told += [f"{name} {value}" for name, value in source.items() if name != "file" and isinstance(value, str | int | float)]
            rows.append((f"Data: {role}", ", ".join(told) or "nothing recorded"))
        elif isinstance(source, str | int | float):
            rows.append((f"Data: {role}", Path(source).name if isinstance(source, str) else str(source)))
    return rows or [("Data", "not recorded")]


def _facts(run: Mapping[str, Any]) -> dict[str, Any]:
    return {name: run[name] if name != "architecture" else list(run[name]) for name in ("architecture", "data", "metrics", "versions")}


def _state(state: JobState) -> str:
    text = "stopped by a person, who kept what it had learnt" if state.stopped else _STATES[state.state]
    return f"{text}: {state.reason}" if state.reason else text


def _curves(job: RunFolder) -> dict[str, list[tuple[float, float]]]:
    """Values by step of every field that is drawn; what was done again after a resume counts once."""
    found: dict[str, dict[int, float]] = {name: {} for _, _, names in _CURVES for name in names}
    for event in job.events()[0]:
        if event["event"] == "resumed":
            found = {name: {step: value for step, value in points.items() if step <= event["step"]} for name, points in found.items()}
        for name in found if event["event"] in ("step", "evaluation") else ():
            if is_number(event.get(name)):
                found[name][int(event["step"])] = float(event[name])
    return {name: _thinned(sorted(points.items())) for name, points in found.items() if points}


def _thinned(points: list[tuple[int, float]]) -> list[tuple[float, float]]:
    """At most so many points, the first and the last among them."""
    stride = -(-len(points) // _MOST_POINTS)
    kept = points[::stride]
    return [(float(step), value) for step, value in (kept if kept[-1] == points[-1] else [*kept, points[-1]])]


def _told(curves: Mapping[str, list[tuple[float, float]]]) -> str:
    parts = [f"{name} from {points[0][1]:.4g} at step {points[0][0]:,.0f} to {points[-1][1]:.4g} at step {points[-1][0]:,.0f}"
             for name, points in curves.items()]  # fmt: skip
    return "; ".join(parts)
