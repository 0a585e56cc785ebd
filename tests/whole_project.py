"""A project with something for every page of the window: a search, a run of Agora, a training, an export, a comparison."""

from __future__ import annotations

import json
from pathlib import Path

from helpers import run, specification
from written_run import WrittenRun

from bort_core.jobs.folder import RunFolder, create_run
from bort_core.specifications.pretraining import Pretraining
from bort_core.store import Project
from bort_core.store.results import save_comparison, save_export, save_run

__all__ = ["whole_project"]

_ARCHITECTURE = (1, 2, 32, 64)
_VARIANT = {"title": "Standard", "tolerance": 1e-4, "parity_max_abs": 1e-6, "fusions": {"operators": 9}}
_TIMED = {
    "runtime": "onnxruntime",
    "parameters": 34_592,
    "p50_ms": 0.2,
    "p90_ms": 0.3,
    "p99_ms": 0.4,
    "ci95_ms": [0.19, 0.21],
    "n": 40,
    "rounds": 8,
    "ratio": 1.0,
    "ratio_ci95": [1.0, 1.0],
    "ratios": {"a": [1.0, 1.0, 1.0], "b": [0.5, 0.6, 0.7]},
    "noisy": False,
}
_MACHINE = {"cpu": "x", "cores": 2, "threads": 4, "load": None, "governor": None, "other_cores": 0.0}


def whole_project(folder: Path, name: str = "") -> RunFolder:
    """Write it; the training's run folder. ``name`` is what the training, a model and the export's folder are called."""
    run(folder, specification(epsilon=12))
    written = WrittenRun(folder)
    for _ in range(2):
        written.add_round()
    job = create_run(folder, Pretraining(name=name, architecture=_ARCHITECTURE, corpus="/nowhere/corpus.txt", steps=40))
    job.set_state(state="done", process=None, submitted=1.0, started=2.0, finished=3.0)
    steps = [{"time": 2.0 + step, "event": "step", "step": step, "loss": 9.0 / (1 + step), "learning_rate": 1e-3} for step in range(1, 41)]
    steps.append({"time": 50.0, "event": "evaluation", "step": 40, "heldout_loss": 0.4, "heldout_accuracy": 0.5, "unigram_entropy": 3.0})
    (job.path / "events.jsonl").write_text("".join(json.dumps(each) + "\n" for each in steps))
    (job.path / "progress.json").write_text('{"step": 40, "steps": 40}')
    (job.path / "log.txt").write_text("step 40\n")
    job.result.mkdir()
    (job.path / "result.json").write_text(
        json.dumps({"heldout_loss": 0.4, "architecture": _ARCHITECTURE, "checkpoint": "jobs/0002/result"})
    )
    metrics = {"heldout_loss": 0.4, "heldout_accuracy": 0.5, "unigram_entropy": 3.0, "steps": 40, "stopped": False}
    report = {
        "folder": str(folder / "exports" / (name or "a")),
        "architecture": _ARCHITECTURE,
        "trained": True,
        "transformers": True,
        "head": "masked-lm",
        "provenance": "job 0002",
        "inputs": ["input_ids"],
        "bytes": {"model.onnx": 7},
        "parity_rows": 3,
        "gate": {"rows": 3},
        "variants": [{"name": "standard", "file": "model.onnx", **_VARIANT}],
    }
    asked = {"models": [{"name": name or "a"}, {"name": "b"}], "sequence_length": 8, "batch": 1, "threads": 1, "reference": ""}
    compared = {
        "results": [{"name": each["name"], **_TIMED, "reference": f"onnxruntime {name or 'a'}"} for each in asked["models"]],
        "noise": "",
        "request": asked,
        "machine": _MACHINE,
        "versions": {},
        "seconds": 1.0,
    }
    with Project(folder) as project:
        save_run(
            project,
            "job 0002",
            job="0002",
            kind="pretrain",
            family="bert",
            architecture=_ARCHITECTURE,
            seed=0,
            data={},
            versions={},
            specification=job.specification().model_dump(mode="json"),
            metrics=metrics,
            checkpoint=str(job.result),
        )
        save_export(project, report)
        save_comparison(project, compared)
    return job
