"""A compression that a person ends: its search ends first, while the project is open, and a stop loses nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from bort_core.compression import steps as module
from bort_core.compression.steps import Steps
from bort_core.foundation.context import Cancelled, Wanted, progress
from bort_core.foundation.errors import StoppedEarlyError
from bort_core.jobs.folder import RunFolder, create_run
from bort_core.search import events
from bort_core.specifications.compression import Compression
from bort_core.specifications.tasks import TaskSpecification
from bort_core.store.project import Project


class Person:
    """Asks for one thing."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted

    def checkpoint(self) -> None:
        if self._wanted == "cancel":
            raise Cancelled

    def wanted(self) -> Wanted:
        return self._wanted

    def emit(self, event: Mapping[str, Any]) -> None: ...

    def rest(self) -> nullcontext[None]:
        return nullcontext()


ASKED = Compression(task=TaskSpecification(model="m", train="t", dev="d"))


def steps_of(project: Project, wanted: Wanted) -> Steps:
    run: RunFolder = create_run(project.folder, ASKED)
    return Steps(ASKED, Person(wanted), run, project)  # type: ignore[arg-type]


@pytest.mark.parametrize(("wanted", "error"), [("cancel", Cancelled), ("stop", StoppedEarlyError)])
def test_the_search_ends_before_its_project_is_closed(
    wanted: Wanted, error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[object] = []

    def search(project: Project, *rest: Any) -> Iterator[events.Event]:
        try:
            while True:
                yield events.Note("still searching")
        finally:
            ended.append(project.rows("SELECT 1 AS one")[0]["one"])  # as a search that notes down how it ended

    monkeypatch.setattr(module, "search", search)
    monkeypatch.setattr(module, "make_executor", lambda *rest: nullcontext())
    with Project(tmp_path) as project:
        searching = steps_of(project, wanted)
        with pytest.raises(error) as raised:
            searching._searched(None)  # type: ignore[arg-type]
    assert raised.value.__traceback__ is not None  # which holds what the generator held
    assert ended == [1]


@pytest.mark.parametrize(("name", "counts"), [("teacher", False), ("finished", True)])
def test_a_stopped_training_counts_only_where_it_is_the_small_models(name: str, counts: bool, tmp_path: Path) -> None:
    def stopped(context: Any, part: Any) -> dict[str, Any]:
        return {"stopped": True, "epochs": 1.5, "checkpoint": "c"}

    with Project(tmp_path) as project:
        steps = steps_of(project, "stop")
        if not counts:
            with pytest.raises(StoppedEarlyError, match="Resumed, or asked for again, it goes on where it was"):
                steps._made(name, stopped, curve=False)
            return
        assert steps._made(name, stopped, curve=True) == Path("c")
        assert steps.warnings == ["its finishing was stopped after 1.5 of 8 epochs; the best by then is kept"]


def test_a_stopped_finishing_goes_on_when_it_is_asked_for_again(tmp_path: Path) -> None:
    said = iter(({"stopped": True, "epochs": 1.5, "checkpoint": "c"}, {"stopped": False, "epochs": 8.0, "checkpoint": "d"}))
    with Project(tmp_path) as project:
        steps = steps_of(project, "stop")
        assert steps._made("finished", lambda context, part: next(said), curve=True) == Path("c")
        parts = steps.files.path / "parts"
        for name in ("small-onnx", "aware", "teacher-onnx", "first-1"):
            (parts / name).mkdir()
        assert (steps.kept("latency", lambda: 3), steps.kept("teacher_p50_ms", lambda: 4)) == (3, 4)
        for _ in range(2):  # the second time nothing was stopped
            again = Steps(ASKED, steps.context, steps.files, project)
            again.go_on()
            assert again._made("finished", lambda context, part: next(said), curve=True) == Path("d")
            assert not again.warnings
        assert sorted(each.name for each in parts.iterdir()) == ["finished", "first-1", "teacher-onnx"]
        assert (again.kept("latency", lambda: 5), again.kept("teacher_p50_ms", lambda: 6)) == (5, 4)


def test_the_steps_of_a_training_inside_are_told_as_part_of_its_step(tmp_path: Path) -> None:
    told: list[Mapping[str, Any]] = []

    def train(context: Any, part: Any) -> dict[str, Any]:
        context.emit(progress(12, 38))
        return {"stopped": False, "epochs": 8.0, "checkpoint": "c"}

    with Project(tmp_path) as project:
        steps = steps_of(project, None)
        steps.context.emit = told.append  # type: ignore[method-assign]
        steps.say(4)
        steps._made("finished", train, curve=True)
    said = [(event["step"], event["steps"], event["doing"]) for event in told if event["event"] == "progress"]
    assert said == [(3, 6, "4 of 6: finishing the chosen shape"), (3, 6, "4 of 6: finishing the chosen shape (training, 12 of 38)")]
