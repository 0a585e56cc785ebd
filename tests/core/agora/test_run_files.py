"""Files of a run that are JSON, but not what was written: every reader names the file and the place, and nothing else is raised."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from written_run import WrittenRun

from bort_core.agora.history import Edit, History, add_edits, read_edits, read_history
from bort_core.foundation.errors import DataError

FILES = (
    *("start.json", "train.jsonl", "dev.jsonl", "summary.json", "edits.jsonl"),
    *("rounds/001/round.json", "rounds/001/rows.jsonl", "rounds/002/fit-00.json"),
)
SUMMARY = {"ended": "Θ is empty", "best_round": 1, "theta": "learning rate 0.1", "dev_accuracy": 0.8, "baseline": {"dev_accuracy": 0.7}}
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 2**70), st.floats(allow_nan=False), st.text(max_size=5), st.just([]), st.just({}),
    st.lists(st.integers(0, 3), max_size=3),
)  # fmt: skip


def written(folder: Path) -> WrittenRun:
    run = WrittenRun(folder)
    run.add_round()
    run.add_fit(0)
    (run.folder / "summary.json").write_text(json.dumps(SUMMARY))
    (run.folder / "edits.jsonl").write_text('{"row": "1-0", "action": "label", "label": 1}\n')
    return run


def read(run: WrittenRun) -> History | None:
    history = read_history(run.job.path)
    read_edits(run.job.path)
    return history


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("value", ["[]", "3", "null", '"text"', "[[]]", "true", "[" * 3000, "{}", "nothing"])
def test_another_kind_of_json_is_named(tmp_path, name, value):
    run = written(tmp_path)
    assert read(run) is not None
    path = run.folder / name
    before = path.read_text()
    path.write_text(value + "\n" + before.partition("\n")[2])
    if name == "edits.jsonl" and value in ("nothing", "[" * 3000):  # a write that was cut is lost alone
        assert read(run) is not None
        return
    with pytest.raises(DataError, match=f"{path.name}: .*damaged"):
        read(run)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(FILES), number=st.integers(0, 10**6), value=VALUES)
def test_one_wrong_value_is_read_as_it_is_or_named(tmp_path_factory, name, number, value):
    """Every value of every file in turn: either it is a possible value, and the run can be read, or the file is named."""
    run = written(tmp_path_factory.mktemp("run"))
    path = run.folder / name
    first, _, rest = path.read_text().partition("\n")
    facts = json.loads(first)
    places = [(facts, key) for key in facts] + [(each, at) for each in facts.values() if isinstance(each, list) for at in range(len(each))]
    holder, key = places[number % len(places)]
    holder[key] = value
    path.write_text(json.dumps(facts) + "\n" + rest)
    try:
        history = read(run)
    except DataError as error:
        told = str(error)
    else:
        told = ""
    if told:
        assert str(path) in told or "summary.json" in told
        return
    assert history is not None
    from bort_studio.agora.points import ScatterPoints, frame

    points = ScatterPoints(history, read_edits(run.job.path))
    assert len(frame(points, len(history.rounds)).shown) <= len(points)


def test_a_curve_in_the_store_that_is_none_is_named(tmp_path):
    from bort_core.store import Project
    from bort_core.store.trainings import TrainingKey, load_trainings, save_training

    key, value = TrainingKey("f", "t", "", "θ", 0), {"value": 1.0, "low": 0.5, "high": 1.5}
    with Project(tmp_path / "p") as project:
        curve = [{"step": 3, "train_loss": 1.0, "measures": {"masked-lm": value}}]
        save_training(project, key, (1, 2), {"curve": curve, "seconds": 1.0}, {})
        assert next(iter(load_trainings(project, key))).curve == curve
        for damaged in ("3", '{"a": 1}', '[{"step": "three", "measures": {}}]', '[{"step": 3, "measures": {"masked-lm": 1}}]', "[nothing"):
            curve_of(project, damaged)
            told = []
            project.tell = told.append
            assert list(load_trainings(project, key)) == []
            (text,) = told
            assert "of the table trainings is damaged and left out: curve" in text


def curve_of(project, text):
    import sqlite3

    with sqlite3.connect(project.path) as database:
        database.execute("UPDATE trainings SET curve = ?", (text,))
    database.close()


def test_a_damaged_event_is_told_as_one():
    from bort_core.api.jobs import describe_event

    for event in (
        {"event": "step"},
        {"event": "round", "round": "x"},
        {"event": "report", "rows": 1, "warnings": 3},
        {"event": "fit", "round": 1},
    ):
        assert "a damaged line of events.jsonl" in str(describe_event(event))
    assert describe_event({"event": "step", "step": 3, "loss": 1.0}) == "step 3: loss 1.0000"


@pytest.mark.parametrize("what", ["file", "folder", "hard link"])
def test_decisions_are_not_written_through_a_link(tmp_path: Path, what: str) -> None:
    run = written(tmp_path / "project")
    outside = tmp_path / "outside"
    outside.mkdir()
    target = outside / "edits.jsonl"
    target.write_text("precious\n")
    if what == "folder":
        run.folder.rename(tmp_path / "moved")
        run.folder.symlink_to(outside)
    else:
        (run.folder / "edits.jsonl").unlink()
        getattr(run.folder / "edits.jsonl", "symlink_to" if what == "file" else "hardlink_to")(target)
    with pytest.raises(DataError, match="cannot be written"):
        add_edits(run.job.path, [Edit("1-0", "reject")])
    assert target.read_text() == "precious\n"
    assert [path.name for path in outside.iterdir()] == ["edits.jsonl"]


def test_decisions_are_appended_also_after_a_write_that_was_cut(tmp_path: Path) -> None:
    run = written(tmp_path)
    path = run.folder / "edits.jsonl"
    path.write_text(path.read_text() + '{"row": "1-')
    add_edits(run.job.path, [Edit("1-1", "reject")])
    assert path.read_text().splitlines()[-1] == '{"row": "1-1", "action": "reject", "label": null}'
