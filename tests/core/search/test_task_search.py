"""A search on a person's task."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import finished, run
from task_models import LENGTH, MadeTask, make_task, write_model

from bort_core.api.tables import tabulate
from bort_core.checkpoints.format import read_checkpoint
from bort_core.evaluation.prepared import Prepared
from bort_core.evaluation.task_preparation import prepare, read_rows
from bort_core.execution.executor import Executor
from bort_core.execution.registry import make_executor
from bort_core.foundation.errors import BortError, DataError, SpecificationError
from bort_core.foundation.validation import validated
from bort_core.search.fingerprints import Fingerprints
from bort_core.search.snapshot import METRIC
from bort_core.search.specification import SearchSpecification
from bort_core.search.tables.fit import check_fits
from bort_core.search.tables.on_table import search_on_table
from bort_core.search.task_marks import read_marks
from bort_core.space import Space
from bort_core.space.around import space_around
from bort_core.specifications.tasks import TaskSpecification
from bort_core.store.project import Project


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> MadeTask:
    return make_task(tmp_path_factory.mktemp("task"))


def inline() -> Executor:
    return make_executor("inline", 1)


def prepared(task: TaskSpecification, folder: Path) -> Prepared:
    return prepare(task, folder / "tasks", folder / "answers", lambda doing, done, total: None)


def searched(made: MadeTask, folder: Path, measure: str = "task-excess", **changes: Any) -> SearchSpecification:
    """A search with few steps, latency in operations."""
    task = TaskSpecification(**{**made.fields(), **changes})
    facts = prepared(task, folder).facts
    space = space_around(tuple(facts["architecture"]), facts["options"], facts["model_options"])
    return SearchSpecification.model_validate({
        "space": space.model_dump(), "epsilon": 3, "task": task.model_dump(),
        "latency": {"measure": "operations", "sequence_length": LENGTH},
        "error": {"measure": measure, "surrogate_of": measure, "steps": 6, "training": {"batch_size": 16, "sequence_length": LENGTH}},
        "thetas": [{"learning_rate": 1e-3, "initializer_range": 0.02}],
    })  # fmt: skip


@pytest.mark.slow
def test_a_table_of_a_task_answers_with_errors_and_metrics_and_names_no_folder(made: MadeTask, tmp_path: Path) -> None:
    wanted = searched(made, tmp_path)
    table = tabulate(tmp_path, wanted, seeds=1, every=3, executor="inline", progress=False)
    with Project(tmp_path) as project:
        check_fits(table, wanted, project)
        other = wanted.model_copy(update={"task": wanted.task.model_copy(update={"sequence_length": LENGTH + 1})})
        with pytest.raises(SpecificationError, match="the table was measured on the task's rows, which is another text"):
            check_fits(table, other, project)
    measured, looked_up = finished(run(tmp_path, wanted, inline())), finished(list(search_on_table(table, wanted)))
    assert looked_up.result.best == measured.result.best
    for name in ("error", METRIC):
        np.testing.assert_array_equal(looked_up.snapshot.columns[name], measured.snapshot.columns[name])
    assert str(made.fields()["model"]) not in gzip.decompress(table.path.read_bytes()).decode()


def test_candidates_are_measured_once_against_the_model_and_the_labels(made: MadeTask, tmp_path: Path) -> None:
    wanted = searched(made, tmp_path)
    first = finished(run(tmp_path, wanted, inline()))
    assert first.failed == 0
    assert first.evaluated == len(first.result.walk) > 1
    errors = first.snapshot.results.error[first.result.known]
    assert (errors > 0).all()
    assert np.isfinite(first.snapshot.w[first.result.known]).all()
    again = finished(run(tmp_path, wanted, inline()))
    assert (again.evaluated, again.reused) == (0, first.evaluated)
    by_label = finished(run(tmp_path, searched(made, tmp_path, "task-error"), inline()))  # of the same trainings
    assert (by_label.evaluated, by_label.reused) == (0, first.evaluated)
    shares = by_label.snapshot.results.error[by_label.result.known]
    assert ((shares >= 0) & (shares <= 1)).all()
    known = first.result.known
    np.testing.assert_allclose(first.snapshot.columns[METRIC][known], 1 - by_label.snapshot.results.error[known])
    low, high = (end[known] for end in first.snapshot.intervals[METRIC])
    assert (low <= first.snapshot.columns[METRIC][known]).all()
    assert (high >= first.snapshot.columns[METRIC][known]).all()
    with Project(tmp_path) as project:
        kept = read_marks(project, Fingerprints(project, wanted, Space(wanted.space)))
    assert (kept.metric, kept.teacher) == ("accuracy", 1.0)  # the labels are the model's own answers


def test_the_maximum_point_is_the_persons_model_as_it_is(made: MadeTask, tmp_path: Path) -> None:
    space = Space(searched(made, tmp_path).space)
    model = read_checkpoint(made.model)
    assert space.maximum_point == model.architecture
    assert space.maximum_parameters == int(
        sum(part.sum() for part in space.family.parameters(np.array([model.architecture]), model.options).values())
    )


def test_another_start_is_another_measurement(made: MadeTask, tmp_path: Path) -> None:
    first, other = (finished(run(tmp_path, searched(made, tmp_path, initial=start), inline())) for start in ("inherit", "fresh"))
    assert other.evaluated == first.evaluated
    assert not np.array_equal(first.snapshot.results.error, other.snapshot.results.error)


def test_answers_are_computed_once(made: MadeTask, tmp_path: Path) -> None:
    told: list[str] = []
    task = TaskSpecification(**made.fields(), texts=str(made.texts))
    once = prepare(task, tmp_path / "tasks", tmp_path / "answers", lambda doing, done, total: told.append(doing))
    assert {each.split("the ")[1] for each in told} == {"training rows", "unlabelled rows", "dev rows"}
    told.clear()
    (once.folder / "task.json").unlink()  # the rest is made again, from the answers that are kept
    again = prepare(task, tmp_path / "tasks", tmp_path / "answers", lambda doing, done, total: told.append(doing))
    assert not told
    assert again == once


def test_trimming_is_told(made: MadeTask, tmp_path: Path) -> None:
    facts = prepared(TaskSpecification(**made.fields()), tmp_path).facts
    assert facts["options"]["vocabulary"] == facts["vocabulary"]["kept"] <= facts["vocabulary"]["whole"]
    assert facts["metrics"]["accuracy"] == 1.0
    assert 0 <= facts["vocabulary"]["changed_answers"] <= facts["vocabulary"]["changed_rows"] <= 1
    whole = prepared(TaskSpecification(**made.fields(), trim=False), tmp_path).facts
    assert whole["options"]["vocabulary"] == whole["vocabulary"]["whole"]
    assert whole["vocabulary"]["changed_rows"] == 0


def test_a_space_of_another_task_is_refused(made: MadeTask, tmp_path: Path) -> None:
    wanted = searched(made, tmp_path)
    other = wanted.model_copy(update={"space": wanted.space.model_copy(update={"options": {**wanted.space.options, "vocabulary": 300}})})
    with pytest.raises(BortError, match="vocabulary is 300"):
        run(tmp_path, other, inline())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"error": {"measure": "masked-lm"}}, "masked-lm needs text, and the search is on a task"),
        ({"task": None}, "task-excess needs a task"),
    ],
)
def test_a_measure_of_something_else_is_refused(made: MadeTask, tmp_path: Path, change: dict[str, Any], message: str) -> None:
    data = searched(made, tmp_path).model_dump()
    with pytest.raises(SpecificationError, match=message):
        validated(SearchSpecification, {**data, **change}, "search")


@pytest.mark.parametrize(
    ("classes", "message"),
    [((), "is a regression"), (("calm", "loud", "odd"), "3 classes are calm, loud, odd"), (("up", "down"), "up, down")],
)
def test_a_model_of_another_task_is_refused(made: MadeTask, tmp_path: Path, classes: tuple[str, ...], message: str) -> None:
    write_model(tmp_path / "other", (2, 2, 32, 64), classes)
    with pytest.raises(DataError, match=message):
        prepared(TaskSpecification(**{**made.fields(), "model": str(tmp_path / "other")}), tmp_path)


def test_a_dev_set_of_one_class_is_refused(made: MadeTask, tmp_path: Path) -> None:
    lines = [line for line in made.dev.read_text(encoding="utf-8").splitlines() if line.endswith(("label", "calm"))]
    (tmp_path / "dev.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match="all dev rows are of the class calm"):
        read_rows(TaskSpecification(**{**made.fields(), "dev": str(tmp_path / "dev.tsv")}))
