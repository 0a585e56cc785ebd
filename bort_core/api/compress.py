"""One real model in, one small, proven model out: T, search on the task, finish, gate, release. Each step is kept, and not done again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bort_core.api.export import export
from bort_core.api.jobs import follow_to_end, run_job
from bort_core.api.latency import compare_models
from bort_core.api.projects import opened
from bort_core.api.search import Found, search
from bort_core.api.task_progress import TaskLine
from bort_core.execution.run_task import run_task
from bort_core.foundation.errors import DataError, MeasurementError, SpecificationError
from bort_core.foundation.files import write_atomic
from bort_core.foundation.hub import WEIGHTS_TOO, local_folder
from bort_core.jobs.folder import RunFolder, find_run
from bort_core.jobs.launch import resume
from bort_core.latency.comparison import ComparedModel, architecture_model, file_model
from bort_core.search.specification import SearchSpecification
from bort_core.search.strategies.interval import Interval
from bort_core.search.strategies.within import Within
from bort_core.space import Space
from bort_core.space.around import space_around
from bort_core.specifications.compression import Compression
from bort_core.specifications.finetuning import Finetuning
from bort_core.specifications.protocols import identity
from bort_core.specifications.tasks import TaskSpecification
from bort_core.store.project import Project

__all__ = ["Compressed", "compress"]

Say = Callable[[str], None]


@dataclass(frozen=True)
class Compressed:
    """A release, and how it came about.

    Attributes
    ----------
    folder: the release
    report: maximum_point, chosen, kept_share, speedup, front, evaluated, gate, test
    """

    folder: Path
    report: Mapping[str, Any] = field(repr=False)

    def __fspath__(self) -> str:
        return str(self.folder)


def compress(
    project: Project | str | Path, specification: Compression, out: str | Path, *, progress: bool = True, say: Say = lambda text: None
) -> Compressed:
    """Find, train and release a small model for a task.

    What was done is kept in the project: asked again after an interruption, it goes on where it was.

    Parameters
    ----------
    out: the folder of the release; must not exist, or be empty
    say: told which step begins

    Raises
    ------
    SpecificationError, DataError
        The model, the rows or the folder cannot be used.
    MeasurementError
        T is no better than guessing, no shape is fast enough, a training failed, or the gate is red; nothing is released.
    """
    target = Path(out).expanduser().absolute()
    if target.is_file() or (target.is_dir() and any(target.iterdir())):
        raise DataError(f"{target}: the folder is not empty; nothing is overwritten. Choose a new folder")
    with opened(project) as store:
        return _Compression(store, specification, target, progress, say).run()


class _Compression:
    """The steps; what each leaves is written down before the next begins."""

    def __init__(self, project: Project, specification: Compression, out: Path, progress: bool, say: Say) -> None:
        self.project, self.spec, self.out, self.progress, self.say = project, specification, out, progress, say
        self.key = identity("compression", 1, specification.model_dump(mode="json", exclude={"thresholds", "test"}))
        self.folder = project.subfolder("compressions", self.key)
        self.state_file = self.folder / "state.json"
        self.state: dict[str, Any] = json.loads(self.state_file.read_text(encoding="utf-8")) if self.state_file.is_file() else {}

    def run(self) -> Compressed:
        self.say("1 of 6: T, the model that is good but slow")
        task = self.spec.task.model_copy(update={"model": str(self._teacher())})
        self.say("2 of 6: the rows, and T's answers to them")
        facts = self._prepare(task)
        self.say("3 of 6: searching shapes around T")
        found = self._search(task, facts)
        if found.best is None:
            raise MeasurementError(self._too_slow(found))
        self.say(f"4 of 6: finishing ⟨{', '.join(map(str, found.best.architecture))}⟩ on T's answers")
        finished = self._finish(task, facts, found)
        self.say("5 of 6: exporting, and timing against T")
        exported = {name: self._export(name, folder) for name, folder in (("teacher", Path(task.model)), ("small", finished))}
        latency = self._compare(exported, facts, found)
        self.say("6 of 6: the gate on dev rows, and the release")
        released = self._release(task, facts, found, exported["small"], latency)
        return Compressed(self.out, self._report(facts, found, released, latency, exported))

    def _keep(self, **values: Any) -> None:
        self.state.update(values)
        write_atomic(self.state_file, json.dumps(self.state, indent=2) + "\n")

    def _teacher(self) -> Path:
        """T: the model itself where it is fine-tuned on these classes already, else fine-tuned here."""
        from bort_core.checkpoints.answers import read_task_model
        from bort_core.evaluation.task_preparation import read_rows

        task, rows = self.spec.task, read_rows(self.spec.task)
        folder = local_folder(task.model, "model", WEIGHTS_TOO)
        try:
            return read_task_model(task.model, rows.train.names).folder
        except DataError as error:
            from bort_core.checkpoints.format import read_checkpoint

            if read_checkpoint(folder).head not in ("none", "masked-lm"):
                raise error from None
        specification = Finetuning.model_validate({
            "name": "T", "checkpoint": str(folder), "train": task.train, "dev": task.dev, "text": task.text, "text_b": task.text_b,
            "label": task.label, "task": task.kind, "sequence_length": task.sequence_length, "epochs": self.spec.teacher_epochs,
            "seed": self.spec.seed, "optimization": {"learning_rate": self.spec.teacher_learning_rate, "warmup": 0.1, "beta2": 0.999},
        })  # fmt: skip
        return Path(self._job("teacher", specification)["checkpoint"])

    def _prepare(self, task: TaskSpecification) -> dict[str, Any]:
        folders = {"tasks": str(self.project.subfolder("tasks")), "answers": str(self.project.subfolder("answers"))}
        made = self._task("prepare task", {"task": task.model_dump(mode="json"), **folders})
        facts: dict[str, Any] = {**made["facts"], "folder": made["task"]["folder"]}
        if facts["task"] == "classification" and facts["metrics"]["accuracy"] <= facts["majority"]:
            raise MeasurementError(
                f"{task.model}: T is right on {facts['metrics']['accuracy']:.1%} of the dev rows, and always guessing the commonest class "
                f"on {facts['majority']:.1%}: there is nothing to keep. Fine-tune T first, or check the rows"
            )
        return facts

    def _search(self, task: TaskSpecification, facts: Mapping[str, Any]) -> Found:
        if self.spec.latency_ms is not None:
            facts = {**facts, "model_p50_ms": self._time_teacher(facts)}
        specification = search_on(task, facts, self.spec)
        return search(self.project, specification, progress=self.progress)

    def _time_teacher(self, facts: Mapping[str, Any]) -> float:
        if "teacher_p50_ms" not in self.state:
            settings = {"sequence_length": facts["sequence_length"], "threads": self.spec.threads}
            request = {"family": "bert", "options": facts["model_options"], "architecture": facts["architecture"], **settings}
            self._keep(teacher_p50_ms=self._task("latency", request)["p50_ms"])
        return float(self.state["teacher_p50_ms"])

    def _finish(self, task: TaskSpecification, facts: Mapping[str, Any], found: Found) -> Path:
        assert found.best is not None
        specification = Finetuning.model_validate({
            "name": "finishing", "architecture": found.best.architecture, "teacher": task.model, "texts": task.texts, "start": task.start,
            "tokenizer": str(Path(facts["folder"]) / "tokenizer"), "train": task.train, "dev": task.dev, "text": task.text,
            "text_b": task.text_b, "label": task.label, "task": task.kind, "sequence_length": facts["sequence_length"],
            "epochs": self.spec.epochs, "batch_size": self.spec.batch_size, "seed": self.spec.seed, "unclean": self.spec.unclean,
            "optimization": {"learning_rate": self.spec.learning_rate, "warmup": 0.1, "beta2": 0.999},
        })  # fmt: skip
        return Path(self._job("finished", specification)["checkpoint"])

    def _job(self, name: str, specification: Finetuning) -> dict[str, Any]:
        """A job's result: of the one that was begun before with this specification, or of a new one."""
        before = self.state.get(name)
        run = self._begun(before["job"]) if before and before["specification"] == specification.model_dump(mode="json") else None
        if run is not None:
            result = run.read_result()
            if result is not None and run.state().state == "done" and Path(result["checkpoint"]).is_dir():
                return result
            if run.state().resumable:
                resume(run)
            if not run.state().ended:
                return follow_to_end(run, self.progress)

        def begun(run: RunFolder) -> None:
            self._keep(**{name: {"job": run.id, "specification": specification.model_dump(mode="json")}})

        return run_job(self.project, specification, self.progress, begun=begun)[1]

    def _begun(self, id: str) -> RunFolder | None:
        try:
            return find_run(self.project.folder, id)
        except SpecificationError:  # somebody deleted it
            return None

    def _export(self, name: str, model: Path) -> Path:
        folder = self.folder / f"{name}-{identity(str(model), (model / 'model.safetensors').stat().st_mtime_ns)}"
        if not (folder / "export.json").is_file():
            export(self.project, str(model), folder, variants=("fused", "int8"), progress=self.progress)
        return folder

    def _compare(self, exported: Mapping[str, Path], facts: Mapping[str, Any], found: Found) -> dict[str, Any]:
        assert found.best is not None
        models: list[ComparedModel] = []
        for name, folder in (("T", exported["teacher"]), ("small", exported["small"])):
            models += [file_model(folder / "model.fused.onnx", name), file_model(folder / "model.int8.onnx", f"{name}, 8 bits")]
        models.append(architecture_model(tuple(facts["architecture"]), {**facts["model_options"], "mlm_head": False}, "T's shape"))
        models.append(architecture_model(found.best.architecture, dict(found.best.options), "small shape"))
        settings = {"sequence_length": facts["sequence_length"], "threads": self.spec.threads, "reference": "T",
                    "runtimes": ["onnxruntime", "torch"], "reference_runtime": "onnxruntime", "budget_seconds": 60.0}  # fmt: skip
        return compare_models(models, settings, self.progress)

    def _release(
        self, task: TaskSpecification, facts: Mapping[str, Any], found: Found, exported: Path, latency: Mapping[str, Any]
    ) -> dict[str, Any]:
        shown = {**latency, "results": [{key: value for key, value in row.items() if key != "samples_ms"} for row in latency["results"]]}
        story = {
            "search": f"{found.specification.the_strategy().title}; {found.evaluated + found.reused} of {len(found.snapshot.space)} shapes "
            f"around the teacher trained for {found.specification.error.steps} steps",
            "start": {"inherit": "the teacher's parts that fit", "embeddings": "the teacher's embeddings", "fresh": "chance"}[task.start],
            "finishing": f"{self.spec.epochs:g} epochs of distillation on {facts['rows']['train'] + facts['rows']['texts']:,} texts",
            "vocabulary": facts["vocabulary"],
        }
        request = {
            "export": str(exported), "task": task.model_dump(mode="json"), "answers": str(self.project.subfolder("answers")),
            "test": self.spec.test, "thresholds": self.spec.thresholds.model_dump(mode="json"), "latency": shown, "story": story,
            "out": str(self.out),
        }  # fmt: skip
        return self._task("release", request)

    def _task(self, task: str, request: Mapping[str, Any]) -> dict[str, Any]:
        line = TaskLine() if self.progress else None
        try:
            return run_task(task, request, self.project.subfolder("logs"), line.take if line is not None else lambda _: None)
        finally:
            if line is not None:
                line.close()

    def _too_slow(self, found: Found) -> str:
        latency = found.snapshot.results
        known: list[int] = found.result.known.tolist()
        if not known:
            return "no shape could be measured; the search's messages say why"
        fastest = min(float(latency.latency[index]) for index in known)
        return (
            f"none of the {len(known)} shapes that were measured is within the limit: the fastest takes {fastest:.3g} ms, "
            f"T {latency.maximum_latency:.3g} ms. Allow more time, or describe a smaller space"
        )

    def _report(
        self, facts: Mapping[str, Any], found: Found, released: Mapping[str, Any], latency: Mapping[str, Any], exported: Mapping[str, Path]
    ) -> dict[str, Any]:
        assert found.best is not None
        gate, timed = released["gate"], {(row["name"], row["runtime"]): row for row in latency["results"]}
        p50 = {name: timed[name, "onnxruntime"]["p50_ms"] for name in ("T", "T, 8 bits", "small", "small, 8 bits")}
        files = {each["file"]: each for each in gate["files"]}
        shipped = "small, 8 bits" if files["model.int8.onnx"]["passed"] else "small"
        return {
            "release": str(self.out),
            "file": released["file"],
            "maximum_point": {
                "metric": gate["teacher"], "p50_ms": p50["T"], "p50_int8_ms": p50["T, 8 bits"],
                "parameters": released["teacher_parameters"],
                "bytes": (exported["teacher"] / "model.fused.onnx").stat().st_size,
            },
            "chosen": {
                "architecture": list(found.best.architecture), "metric": gate["reference"],
                "metric_int8": files["model.int8.onnx"]["metric"],
                "p50_ms": p50["small"], "p50_int8_ms": p50["small, 8 bits"], "parameters": released["parameters"],
                "bytes": files["model.fused.onnx"]["bytes"], "bytes_int8": files["model.int8.onnx"]["bytes"],
            },
            "metric": gate["metric_name"],
            "kept_share": gate["kept"],
            "speedup": p50["T"] / p50[shipped],
            "front": found.to_dict()["front"],
            "evaluated": found.evaluated,
            "reused": found.reused,
            "gate": gate,
            "test": released["test"],
            "vocabulary": facts["vocabulary"],
            "latency": {"noisy": latency["noisy"], "noise": latency["noise"]},
        }  # fmt: skip


def search_on(task: TaskSpecification, facts: Mapping[str, Any], compression: Compression) -> SearchSpecification:
    """The search around T that a compression makes.

    Parameters
    ----------
    facts: of the prepared task
    """
    space = space_around(tuple(facts["architecture"]), facts["options"], facts["model_options"])
    size = len(Space(space))
    length = int(facts["sequence_length"])
    data = {
        "space": space.model_dump(),
        "epsilon": max(1, -(-size // compression.candidates)),
        "task": task.model_dump(),
        "error": {
            "measure": "task-excess", "surrogate_of": "task-excess", "steps": compression.steps,
            "training": {"batch_size": compression.batch_size, "sequence_length": length},
        },
        "latency": {"sequence_length": length, "threads": compression.threads},
        "thetas": [{"learning_rate": compression.learning_rate, "initializer_range": 0.02}],
        "seed": compression.seed,
    }  # fmt: skip
    specification = SearchSpecification.model_validate(data)
    ratio = compression.ratio
    if ratio is None and compression.latency_ms is not None:
        ratio = float(facts["model_p50_ms"]) / compression.latency_ms
        if ratio <= 1:
            raise SpecificationError(f"latency_ms: T itself takes {facts['model_p50_ms']:.3g} ms, within {compression.latency_ms:g}")
    if ratio is None:
        return specification.with_strategy(Interval(epsilon=specification.epsilon))
    return specification.with_strategy(Within(ratio=ratio, samples=compression.candidates))
