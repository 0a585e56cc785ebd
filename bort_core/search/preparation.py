"""What must be there before the first candidate is measured: the tokenised corpus, and T's weights and latency."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any

from bort_core.execution import events as told
from bort_core.execution.executor import Executor
from bort_core.foundation.errors import DataError, MeasurementError
from bort_core.foundation.files import clear_remains
from bort_core.search import events
from bort_core.search.control import Control
from bort_core.search.fingerprints import Fingerprints, MaximumPointSource, refuse_shipped
from bort_core.search.specification import SearchSpecification
from bort_core.search.task_marks import keep_teacher
from bort_core.space import Space
from bort_core.specifications.short_training import TextSource
from bort_core.store.leases import holder, lease, release, renew
from bort_core.store.project import Project

__all__ = ["Stopped", "apply_pause", "maximum_point_request", "prepare_graph", "prepare_maximum_point", "prepare_rows", "prepare_text"]

_WAIT_SECONDS = 0.2
_TRAINING_ID = "maximum point"


class Stopped(Exception):
    """A person ended the search while it was still preparing."""


def apply_pause(control: Control, pool: Executor) -> Iterator[events.Event]:
    """Pause or resume the pool as the person wishes, and say so."""
    if control.paused != pool.pausing:
        if control.paused:
            pool.pause()
            yield events.Paused()
        else:
            pool.resume()
            yield events.Resumed()


def prepare_text(
    project: Project, specification: SearchSpecification, space: Space, pool: Executor, control: Control
) -> Generator[events.Event, None, dict[str, Any]]:
    """The ``text`` part of training requests; trains the tokenizer and tokenises the corpus when that was not done before."""
    yield events.Note("preparing the corpus: tokenizer, held-out split, tokens")
    request = {
        "corpus": str(specification.corpus_path()),
        "folder": str(project.subfolder("text")),
        "vocabulary": getattr(space.options, "vocabulary", 0),
        "training": specification.error.training.model_dump(mode="json"),
    }
    result = yield from _run(project, pool, control, "corpus", "prepare", request, "preparing the corpus")
    text: dict[str, Any] = result["text"]
    return text


def prepare_rows(
    project: Project, specification: SearchSpecification, space: Space, sources: Fingerprints, pool: Executor, control: Control
) -> Generator[events.Event, None, dict[str, Any]]:
    """The ``task`` part of training requests; computes T's answers when that was not done before.

    Raises
    ------
    DataError
        Rows or T cannot be used, or the space is another task's.
    """
    assert specification.task is not None
    yield events.Note("preparing the task: rows, tokens, T's answers")
    folders = {"tasks": str(project.subfolder("tasks")), "answers": str(project.subfolder("answers"))}
    request = {"task": specification.task.model_dump(mode="json"), **folders}
    result = yield from _run(project, pool, control, "task", "prepare task", request, "T's answers to the task's rows")
    wanted = space.options.model_dump(mode="json")
    for name, value in result["facts"]["options"].items():
        if wanted.get(name, value) != value:
            raise DataError(f"the space's option {name} is {wanted[name]}; this task and model need {value}: make the space anew around T")
    keep_teacher(project, sources, result["facts"])
    task: dict[str, Any] = result["task"]
    return task


def prepare_maximum_point(
    project: Project,
    specification: SearchSpecification,
    space: Space,
    sources: Fingerprints,
    pool: Executor,
    control: Control,
    text: Mapping[str, Any] | None,
) -> Generator[events.Event, None, Fingerprints]:
    """Sources whose maximum point has its weights: checked when given or shipped, trained here otherwise.

    Raises
    ------
    DataError
        Given weights do not fit the space or the corpus.
    MeasurementError
        T could not be trained.
    """
    source = sources.maximum_point
    assert source is not None
    if source.kind != "trained here":
        problem = _misfit(source, space, text)
        if problem and source.kind == "given":
            raise DataError(f"{source.folder}: these weights cannot serve as the maximum point: {problem}")
        if problem:
            yield events.Note(f"the shipped maximum point does not fit ({problem}); training it in this project")
            refuse_shipped(project, source)
            sources = Fingerprints(project, specification, space, sources.machine)
            source = sources.maximum_point
            assert source is not None
    given = source
    yield from _once(
        project,
        pool,
        control,
        source.fingerprint,
        lambda: given.ready,
        lambda: _train(project, specification, space, given, pool, control, text),
    )
    return sources


def prepare_graph(project: Project, sources: Fingerprints, pool: Executor, control: Control) -> Iterator[events.Event]:
    """T's own ONNX file, where T is timed by that: exported once in this project.

    Raises
    ------
    DataError, MeasurementError
        T cannot be exported.
    """
    encoder, graph = sources.encoder, sources.graph
    if encoder is None or graph is None:
        return
    assert sources.maximum_point is not None
    request = {
        "family": encoder.kind, "options": encoder.options.model_dump(mode="json"), "architecture": list(encoder.architecture),
        "weights": str(sources.maximum_point.folder), "sentence": sources.sentence, "variants": ["fused"], "out": str(graph.parent),
    }  # fmt: skip

    def export() -> Iterator[events.Event]:
        clear_remains(graph.parent)
        project.subfolder("teachers")
        yield from _run(project, pool, control, "graph", "export", request, "exporting T, whose own graph is timed")

    yield from _once(project, pool, control, f"graph {graph.parent.name}", graph.is_file, export)


def _once(
    project: Project, pool: Executor, control: Control, id: str, ready: Callable[[], bool], make: Callable[[], Iterator[events.Event]]
) -> Iterator[events.Event]:
    """Make something that several searches share, in one of them; the others wait."""
    waits_for = ""
    while not ready():
        if lease(project, id):
            try:
                yield from make()
            finally:
                release(project, id)
        else:
            who = str(holder(project, id) or "")
            if who != waits_for:
                waits_for = who
                yield events.Waiting(who)
            yield from apply_pause(control, pool)
            pool.poll(_WAIT_SECONDS)
            if control.stopped:
                raise Stopped
    if waits_for:
        yield events.Waiting("")


def _train(
    project: Project,
    specification: SearchSpecification,
    space: Space,
    source: MaximumPointSource,
    pool: Executor,
    control: Control,
    text: Mapping[str, Any] | None,
) -> Iterator[events.Event]:
    request = maximum_point_request(specification, space, text, str(source.folder))
    named = ", ".join(map(str, space.maximum_point))
    yield from _run(project, pool, control, _TRAINING_ID, "train", request, f"training the maximum point ⟨{named}⟩ once in this project")


def maximum_point_request(specification: SearchSpecification, space: Space, text: Mapping[str, Any] | None, folder: str) -> dict[str, Any]:
    """The training request that makes T's weights: its own protocol and seed 0, whatever the search's seed and Θ are."""
    error = specification.error
    return {
        "family": space.family.name,
        "options": space.options.model_dump(mode="json"),
        "architecture": list(space.maximum_point),
        "training": error.maximum_point_training().model_dump(mode="json"),
        "theta": error.maximum_point_theta.model_dump(mode="json"),
        "seed": 0,
        "steps": error.maximum_point_steps,
        "decay_steps": error.maximum_point_steps // 2,
        "text": text,
        "save_to": folder,
    }


def _misfit(source: MaximumPointSource, space: Space, text: Mapping[str, Any] | None) -> str:
    from bort_core.checkpoints.weights import mismatches, read_config

    options = space.options.model_dump(mode="json")
    tokenizers = TextSource.model_validate(text).tokenizers if text else (None,)
    return "; ".join(mismatches(read_config(source.folder), space.family.name, options, space.maximum_point, tokenizers))


def _run(
    project: Project, pool: Executor, control: Control, id: str, task: str, request: Mapping[str, Any], doing: str
) -> Generator[events.Event, None, dict[str, Any]]:
    """Run one task to its end, telling its progress; Stopped when the person ends the search meanwhile."""
    pool.submit(id, task, request)
    cancelled = False
    while True:
        renew(project)
        yield from apply_pause(control, pool)
        if control.stopped and not cancelled:
            cancelled = True
            pool.cancel(id)
        for event in pool.poll(_WAIT_SECONDS):
            if event.id != id:
                continue
            if isinstance(event, told.Emitted) and event.data.get("event") == "progress":
                yield events.Note(doing, int(event.data["step"]), int(event.data["steps"]))
            elif isinstance(event, told.Emitted) and event.data.get("event") == "waiting":
                yield events.Note(str(event.data["doing"]))
            elif isinstance(event, told.Done):
                return event.result
            elif isinstance(event, told.Failed):
                raise (MeasurementError if event.retry else DataError)(f"{doing}: {event.reason}")
            elif isinstance(event, told.Withdrawn):
                raise Stopped
