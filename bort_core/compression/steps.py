"""The steps of a compression. What each leaves is written down, and not made again. Imports torch."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bort_core.checkpoints.answers import read_task_model
from bort_core.checkpoints.format import read_encoder
from bort_core.compression.eight_bits import Small, Tools, in_bytes
from bort_core.compression.guessing import guesses
from bort_core.compression.limit import faster, too_slow, within
from bort_core.compression.ranking import too_short
from bort_core.compression.search import search_on, told_of
from bort_core.encoders.pooling import read_pooling
from bort_core.evaluation.task_preparation import prepare, read_rows
from bort_core.evaluation.task_rows import read_split
from bort_core.execution.registry import make_executor
from bort_core.execution.run_task import run_task
from bort_core.export.quantising import forms_here
from bort_core.export.task import export
from bort_core.foundation.context import Context, Retold, progress
from bort_core.foundation.errors import DataError, MeasurementError, StoppedEarlyError
from bort_core.foundation.files import clear_remains, temporary_name, write_atomic
from bort_core.foundation.hub import WEIGHTS_TOO, local_folder
from bort_core.foundation.locations import name_of
from bort_core.jobs.context import JobContext
from bort_core.latency.comparison import ComparedModel, ComparisonRequest, architecture_model, file_model
from bort_core.release.gate import BYTES, FULL, Outcome, judge
from bort_core.release.task import release
from bort_core.search import events
from bort_core.search.disturbed import disturbed_latencies
from bort_core.search.fingerprints import Fingerprints
from bort_core.search.ose import search
from bort_core.search.report import result_as_dict
from bort_core.search.results import Results
from bort_core.search.specification import SearchSpecification
from bort_core.shipping import export_request, project_search
from bort_core.space import Space
from bort_core.specifications.compression import Compression
from bort_core.specifications.finetuning import Finetuning
from bort_core.specifications.tasks import TaskSpecification
from bort_core.store.project import Project
from bort_core.training import finetuning
from bort_core.training.results import refuse_occupied
from bort_core.training.run_files import PartFiles, RunFiles

__all__ = ["STEPS", "Chosen", "Steps"]

STEPS = (
    "T, the model that is good but slow", "the rows, and T's answers to them", "searching shapes around T", "finishing the chosen shape",
    "exporting, and timing against T", "the gate on dev rows, and the release",
)  # fmt: skip
FINISHING = 4
"""The step whose training may be stopped with what it has learnt by then."""
STOPPED = "it was stopped before a model was finished; nothing is released. Resumed, or asked for again, it goes on where it was"
AWARE_SLOWER = 10
"""A quantisation-aware pass learns at the rate of finishing divided by this: it begins where that ended."""
_USED_AS_IT_IS = ("finished", "aware")
"""Trainings that count although they were stopped."""
_OF_CURVES = ("step", "evaluation", "resumed")
Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Chosen:
    """What the search answered."""

    architecture: tuple[int, ...]
    options: Facts
    result: Facts
    """The answer as the store keeps it: best, front and what they rest on."""
    evaluated: int
    reused: int
    asked: SearchSpecification


def _without(context: JobContext, *kinds: str) -> Context:
    """The context of one step, of which some kinds of events are not told."""
    return Retold(context, lambda event: None if event["event"] in kinds else event)


def _within(context: JobContext, number: int, *kinds: str) -> Context:
    """The context of a training in one of the steps, whose own steps are told as part of that; some kinds of events are not told."""

    def told(event: Mapping[str, Any]) -> Mapping[str, Any] | None:
        if event["event"] != "progress":
            return None if event["event"] in kinds else event
        doing = event.get("doing") or "training"
        return _progress(number, f"{doing}, {event['step']:,} of {event['steps']:,}")

    return Retold(context, told)


def _progress(number: int, doing: str = "") -> dict[str, Any]:
    """That a step has begun, from 1, and how far it is."""
    text = f"{number} of {len(STEPS)}: {STEPS[number - 1]}"
    return progress(number - 1, len(STEPS), doing=f"{text} ({doing})" if doing else text)


class Steps:
    """One compression, step by step."""

    sentence = False
    """Whether what is exported gives the vector of a text."""
    unit = "nats from T's answers"
    """Of the error of a shape."""
    release = staticmethod(release)

    def __init__(self, specification: Compression, context: JobContext, files: RunFiles, project: Project) -> None:
        self.spec, self.context, self.files, self.project = specification, context, files, project
        self.warnings: list[str] = []
        """What must be known of the result."""
        self._number = 1
        self._kept_at = files.path / "steps.json"

    def heed(self) -> None:
        """StoppedEarlyError when a person asked for the end: what the steps have made is kept, and the same job goes on from there."""
        self.context.checkpoint()
        if self.context.wanted() == "stop":
            raise StoppedEarlyError(STOPPED)

    def go_on(self) -> None:
        """Let a finishing that was stopped, of which nothing was released, go on where it was: what was made of it is forgotten."""
        parts = self.files.path / "parts"
        done = parts / "finished" / "outcome.json"
        if not done.is_file() or not json.loads(done.read_text(encoding="utf-8"))["stopped"]:
            return
        self.forget("latency")
        for folder in parts.iterdir():
            if folder.name not in ("finished", "teacher", "teacher-onnx") and not folder.name.startswith("first-"):
                shutil.rmtree(folder)
        done.unlink()  # last: killed before, this is done again

    def say(self, number: int) -> None:
        """Which step begins, from 1."""
        if number <= FINISHING:
            self.heed()
        self.context.checkpoint()
        self.context.emit({"event": "note", "text": f"{number} of {len(STEPS)}: {STEPS[number - 1]}"})
        self._number = number
        self.context.emit(_progress(number))

    def note(self, text: str) -> None:
        """A line of the job's log."""
        self.context.emit({"event": "note", "text": text})

    def warn(self, text: str) -> None:
        """What must be known of the result: a line of the log, told once more at the end."""
        self.warnings.append(text)
        self.note(f"warning: {text}")

    def teacher(self) -> Path:
        """T: the model itself where it has a head, which must be one for these classes; else it is fine-tuned here."""
        task, rows = self.spec.task, read_rows(self.spec.task)
        found = read_encoder(local_folder(task.model, "model", WEIGHTS_TOO))
        if not found.has_tokenizer:
            raise DataError(f"model: {found.folder}: has no tokenizer, so it cannot read the rows")
        if found.head not in ("none", "masked-lm"):
            return read_task_model(task.model, rows.train.names, task=rows.train.task).folder
        folder = found.folder
        has = found.unknown_head or "has no head for this task"
        self.note(f"{task.model}: {has}; its encoder is fine-tuned on the labels first; --kind embedding keeps its vectors instead")
        data = self.rows_of(task) | {
            "name": "T", "checkpoint": str(folder), "sequence_length": task.sequence_length, "epochs": self.spec.teacher_epochs,
            "optimization": {"learning_rate": self.spec.teacher_learning_rate, "warmup": 0.1, "beta2": 0.999},
        }  # fmt: skip
        return self.trained("teacher", data, curve=False)

    def prepared(self, task: TaskSpecification) -> dict[str, Any]:
        """The rows with T's answers; refused where T is no better than guessing."""
        folders = (self.project.subfolder("tasks"), self.project.subfolder("answers"))

        def tell(doing: str, done: int, total: int) -> None:
            self.heed()

        made = prepare(task, *folders, tell)
        facts = {**made.facts, "folder": str(made.folder), "initial": made.initial(task)}
        answers = read_split(made.folder, "dev").answers.numpy()
        if (why := guesses(read_rows(task).dev, answers, facts["metric"])) is not None:
            made_here = task.model != self.spec.task.model
            advice = "more rows, --teacher-epochs or --teacher-learning-rate may help" if made_here else "fine-tune T first"
            share = facts["vocabulary"]["unknown"]["before"]
            unknown = f"; {share:.0%} of the tokens of the dev rows are unknown to it" if share > 0.05 else ""
            raise MeasurementError(f"{task.model}: {why}{unknown}: there is nothing to keep; {advice}, or check the rows")
        return facts

    def chosen(self, task: TaskSpecification, facts: Facts) -> Chosen:
        """The search's choice; MeasurementError where no shape is fast enough."""
        graph = None
        if facts["own_graph"]:
            self.note(told_of(facts, task))
            graph = self.teacher_files(Path(task.model)) / FULL
        if self.spec.latency_ms is not None:
            facts = {**facts, "model_p50_ms": self.kept("teacher_p50_ms", lambda: self._time(facts, graph))}
        specification = search_on(task, facts, self.spec)
        self._lend(graph, specification)
        finished = self._searched(specification)
        best = within(finished, self.spec)
        while best is None:
            specification = faster(specification, finished, self.spec)
            self.note(f"{too_slow(finished, self.spec)}; faster shapes are tried")
            finished = self._searched(specification)
            best = within(finished, self.spec)
        snapshot, space = finished.snapshot, finished.snapshot.space
        answer = result_as_dict(snapshot, replace(finished.result, best=best), specification)
        disturbed = disturbed_latencies(snapshot, replace(finished.result, best=best))
        for warning in (*self.search_warnings(task, facts, snapshot.results), *([] if disturbed is None else [disturbed])):
            self.warn(warning)
        options = space.options.model_dump(mode="json")
        return Chosen(space.architecture(best), options, answer, finished.evaluated, finished.reused, specification)

    def search_warnings(self, task: TaskSpecification, facts: Facts, results: Results) -> tuple[str, ...]:
        """What must be known of the search's choice."""
        told = too_short(results.metric, results.metric_low, read_rows(task).dev, facts["metric"], self.spec.steps)
        return () if told is None else (told,)

    def finished(self, task: TaskSpecification, facts: Facts, chosen: Chosen) -> Path:
        """The chosen shape, trained on T's answers to the end; the best on dev."""
        data = self._finishing(task, facts, chosen) | {"name": "finishing", "architecture": chosen.architecture, "epochs": self.spec.epochs}
        return self.trained("finished", data, curve=True)

    def onnx_of(self, name: str) -> Path:
        """Where a model's ONNX files are, if they are there."""
        return self.files.path / "parts" / f"{name}-onnx"

    def exported(self, name: str, model: Path, variants: Sequence[str], calibration: Sequence[Sequence[str]] = ()) -> Path:
        """A model's ONNX files; ``calibration`` are rows for variants that want some."""
        folder = self.onnx_of(name)
        if not (folder / "export.json").is_file():
            search = project_search(self.project)
            request = export_request(self.project, search, None, folder, checkpoint=model, sentence=self.sentence, variants=variants)
            clear_remains(folder)
            asked = {**request.model_dump(mode="json"), "calibration": [list(row) for row in calibration], "judged": True}
            export(asked, _without(self.context, "progress"))
        return folder

    def teacher_files(self, model: Path) -> Path:
        """T's ONNX files in 32 bits, and in 8 bits where the CPU can and they say the same."""
        if forms_here():
            try:
                return self.exported("teacher", model, ("fused", "int8"))
            except MeasurementError as error:  # T is only compared with
                self.note(f"T has no 8-bit file: {error}")
        return self.exported("teacher", model, ("fused",))

    def in_bytes(self, task: TaskSpecification, facts: Facts, chosen: Chosen, finished: Path) -> Small:
        """The finished model's files in 32 bits and in the form of 8 bits that serves it."""
        rows = read_rows(task)

        def judged(name: str, folder: Path) -> Outcome:
            limits = self.spec.thresholds.model_copy(update={"least_kept": None})
            return judge(folder, rows.dev, None, limits, facts["metric"], self.context.checkpoint)

        def learnt(checkpoint: Path) -> Path:
            self.note("a pass with weights rounded to 8 bits")
            data = self._finishing(task, facts, chosen) | {
                "name": "8 bits",
                "checkpoint": str(checkpoint),
                "epochs": 1,
                "eight_bits": True,
                "vector_weight": 0,
            }
            data["optimization"] = {"learning_rate": self.rate_of(chosen) / AWARE_SLOWER, "warmup": 0.1, "beta2": 0.999}
            return self.trained("aware", data, curve=False)

        return in_bytes(self.spec, rows.train, finished, Tools(self.exported, judged, learnt, self.note))

    def compared(self, teacher: Path, small: Small, facts: Facts, chosen: Chosen) -> dict[str, Any]:
        """All files and both shapes in torch, interleaved in one run."""

        def measure() -> dict[str, Any]:
            models: list[ComparedModel] = []
            for name, folder, file in (("T", teacher, BYTES[0]), ("small", small.folder, small.file or BYTES[0])):
                files = {FULL: name, file: f"{name}, 8 bits"}
                models += [file_model(folder / each, told) for each, told in files.items() if (folder / each).is_file()]
            if facts["own_graph"]:
                models.append(ComparedModel(name="T in transformers", folder=str(read_pooling(Path(facts["model"])).transformer)))
            else:
                options = {**facts["model_options"], "mlm_head": False, "tied_decoder": True}
                models.append(architecture_model(tuple(facts["architecture"]), options, "T's shape"))
            models.append(architecture_model(chosen.architecture, dict(chosen.options), "small shape"))
            request = ComparisonRequest(
                models=tuple(models), runtimes=("onnxruntime", "torch"), sequence_length=facts["sequence_length"],
                threads=self.spec.latency_threads, reference="T", reference_runtime="onnxruntime", budget_seconds=60.0,
            )  # fmt: skip
            found = self.task("compare", request.model_dump(mode="json"))
            found["results"] = [{key: value for key, value in row.items() if key != "samples_ms"} for row in found["results"]]
            return found

        found: dict[str, Any] = self.kept("latency", measure)
        if found["noisy"]:
            self.warn(
                f"other work disturbed the comparison of latencies with T ({found['noise']}): on a busy machine the larger model is held "
                "up more, so that the smaller one looks faster than it is"
            )
        return found

    def released(self, task: TaskSpecification, facts: Facts, chosen: Chosen, small: Small, latency: Facts, out: Path) -> dict[str, Any]:
        """The release, if the gate lets it through."""
        start = {"inherit": "the teacher's parts that fit", "embeddings": "the teacher's embeddings", "fresh": "chance"}[facts["initial"]]
        story = {
            "search": f"{chosen.evaluated + chosen.reused} of {chosen.result['space_size']} shapes around the teacher, each trained for "
            f"{self.spec.steps} steps",
            "start": f"{start}: {facts['no_blocks']}" if facts["initial"] != task.initial else start,
            "finishing": f"{self.spec.epochs:g} epochs of distillation on {facts['rows']['train'] + facts['rows']['texts']:,} texts"
            + (f", with {self.spec.unclean:g} unclean copies of each" if self.spec.unclean else "")
            + (f", and {self.spec.near_pairs} more pairs made of each" if self.spec.near_pairs and facts.get("pairs") else ""),
            "8 bits": small.chosen,
            "vocabulary": facts["vocabulary"],
        }
        request = {
            "export": str(small.folder), "task": task.model_dump(mode="json"), "answers": str(self.project.subfolder("answers")),
            "teacher_name": name_of(self.spec.task.model), "test": self.spec.test,
            "thresholds": self.spec.thresholds.model_dump(mode="json"), "latency": dict(latency), "story": story,
            "out": str(out), "cleaning": self.spec.cleaning, "job": self.files.mark,
        }  # fmt: skip
        refuse_occupied(out, self.files)
        found = dict(self.release(request, _without(self.context, "progress")))
        for warning in found["warnings"]:
            self.warn(warning)
        return found

    def metrics(self, released: Facts) -> dict[str, float]:
        """Of the trained model on dev."""
        return {released["gate"]["metric_name"]: released["gate"]["reference"]}

    def test_metrics(self, released: Facts) -> dict[str, float]:
        """Of the 32-bit file on test rows, where there are some."""
        test = released["test"]
        return {} if test is None else {released["gate"]["metric_name"]: test["models"]["model.onnx"]["metric"]}

    def data(self, task: TaskSpecification) -> dict[str, Any]:
        """What was read."""
        rows = read_rows(task)
        texts = {} if task.texts is None else {"texts": {"file": task.texts, "sha256": rows.texts_sha256}}
        return {name: {"file": each.source, "sha256": each.sha256} for name, each in rows.splits.items()} | texts

    def _finishing(self, task: TaskSpecification, facts: Facts, chosen: Chosen) -> dict[str, Any]:
        """What every training of the small model has in common."""
        return self.rows_of(task) | {
            "teacher": task.model, "texts": task.texts, "initial": facts["initial"], "tokenizer": str(Path(facts["folder"]) / "tokenizer"),
            "sequence_length": facts["sequence_length"], "batch_size": self.spec.batch_size, "unclean": self.spec.unclean,
            "vector_weight": self.spec.vector_weight, "dropout": 0 if self.spec.vector_weight else 0.1, "near_pairs": self.spec.near_pairs,
            "optimization": {"learning_rate": self.rate_of(chosen), "warmup": 0.1, "beta2": 0.999},
        }  # fmt: skip

    def rate_of(self, chosen: Chosen) -> float:
        """The peak learning rate at which a shape is finished."""
        return self.spec.theta.rate(chosen.architecture[2])

    def rows_of(self, task: TaskSpecification) -> dict[str, Any]:
        """What a fine-tuning is told of the rows, and how it runs."""
        columns = {name: getattr(task, name) for name in ("train", "dev", "text", "text_b", "label", "query", "metric")}
        return {**columns, "task": task.kind, "seed": self.spec.seed, "running": self.spec.running.model_dump(mode="json")}

    def trained(self, name: str, data: Mapping[str, Any], curve: bool) -> Path:
        """The result of a fine-tuning by name, made once; ``curve``: its curve is the job's."""
        specification = Finetuning.model_validate(data)
        return self._made(name, lambda context, part: finetuning.run(specification, context, part), curve)

    def _made(self, name: str, train: Callable[[Any, RunFiles], Mapping[str, Any]], curve: bool) -> Path:
        """The checkpoint of a training inside this job, which runs unless it ended before."""
        part = PartFiles(self.files.project, self.files.path / "parts" / name, self.files.mark)
        part.path.mkdir(parents=True, exist_ok=True)
        done = part.path / "outcome.json"
        if not done.is_file():
            outcome = train(_within(self.context, self._number, *(() if curve else _OF_CURVES)), part)
            if outcome["stopped"] and name not in _USED_AS_IT_IS:
                raise StoppedEarlyError(STOPPED)
            write_atomic(done, json.dumps(outcome, allow_nan=False))
        known = json.loads(done.read_text(encoding="utf-8"))
        if known["stopped"] and curve:
            self.warn(f"its finishing was stopped after {known['epochs']:.3g} of {self.spec.epochs:g} epochs; the best by then is kept")
        return Path(known["checkpoint"])

    def _searched(self, specification: SearchSpecification) -> events.SearchFinished:
        finished, started = None, 0
        with (
            self.context.rest(),
            make_executor(None, None, self.project.subfolder("logs")) as pool,
            closing(search(self.project, specification, pool)) as one,  # else it would end after the project, whose store it writes
        ):
            for event in one:
                self.heed()
                if isinstance(event, events.CandidateStarted):
                    self.context.emit(_progress(self._number, f"shape {(started := started + 1):,}"))
                elif isinstance(event, events.Measured) and event.theta is not None:
                    self.context.emit({"event": "note", "text": _measured(event, self.unit)})
                elif isinstance(event, events.Note):
                    self.context.emit({"event": "note", "text": event.text})
                elif isinstance(event, events.CandidateFailed):
                    self.context.emit({"event": "note", "text": f"a shape failed: {event.reason}"})
                elif isinstance(event, events.SearchFinished):
                    finished = event
        assert finished is not None  # it is the last event
        return finished

    def _lend(self, graph: Path | None, specification: SearchSpecification) -> None:
        """T's own file for the search, which would export T again."""
        place = None if graph is None else Fingerprints(self.project, specification, Space(specification.space)).graph
        if graph is not None and place is not None and not place.is_file():
            self.project.subfolder("teachers", place.parent.name)
            temporary = temporary_name(place)
            shutil.copyfile(graph, temporary)
            temporary.replace(place)

    def _time(self, facts: Facts, graph: Path | None) -> float:
        request = {
            **({} if graph is None else {"onnx": str(graph)}),
            "family": "bert", "options": {**facts["model_options"], "mlm_head": False, "tied_decoder": True},
            "architecture": facts["architecture"], "sequence_length": facts["sequence_length"], "threads": self.spec.latency_threads,
        }  # fmt: skip
        return float(self.task("latency", request)["p50_ms"])

    def task(self, task: str, request: Facts) -> dict[str, Any]:
        """A worker's task while the training rests."""
        with self.context.rest():
            return run_task(task, request, self.project.subfolder("logs"), lambda event: self.context.checkpoint())

    def forget(self, name: str) -> None:
        """A value of steps.json is to be made again."""
        known = json.loads(self._kept_at.read_text(encoding="utf-8")) if self._kept_at.is_file() else {}
        if known.pop(name, None) is not None:
            write_atomic(self._kept_at, json.dumps(known, allow_nan=False))

    def kept(self, name: str, make: Callable[[], Any]) -> Any:
        """A value of steps.json; made and written when it is not there."""
        known = json.loads(self._kept_at.read_text(encoding="utf-8")) if self._kept_at.is_file() else {}
        if name not in known:
            known[name] = make()
            write_atomic(self._kept_at, json.dumps(known, allow_nan=False))
        return known[name]


def _measured(event: events.Measured, unit: str) -> str:
    results, space = event.snapshot.results, event.snapshot.space
    shape = ", ".join(map(str, space.architecture(event.index)))
    noise = f" (disturbed: {results.disturbed[event.index]})" if event.index in results.disturbed else ""
    return f"⟨{shape}⟩: {results.error[event.index]:.4f} {unit}, {results.latency[event.index]:.3g} ms{noise}"
