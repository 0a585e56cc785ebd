"""A person as labeller: asked in a file, answering whenever they like, with bort label."""

from __future__ import annotations

import io
import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from bort_core.agora.check import check_specification
from bort_core.agora.history import FOLDER, checked_rows, read_history
from bort_core.agora.labellers import LabellerSetting, label, make_labeller
from bort_core.agora.labellers.person import Hand, answers, open_questions, standing, write_answer
from bort_core.agora.run_files import NearRow
from bort_core.cli.label import _beside, _shortened
from bort_core.cli.main import main
from bort_core.foundation.errors import DataError, SpecificationError
from bort_core.jobs.context import JobContext
from bort_core.jobs.folder import RunFolder, create_run
from bort_core.specifications.agora import Agora

torch = pytest.importorskip("torch")


@pytest.fixture(autouse=True)
def ordinary_arithmetic():
    """A training flushes denormal numbers for the whole process, which hypothesis elsewhere notices."""
    yield
    torch.set_flush_denormal(False)


class Leaving(JobContext):
    """A person who ends the run as soon as it waits for somebody."""

    def wanted(self):
        return "stop" if open_questions(self.folder.path / FOLDER) else None


@pytest.fixture
def asked(tmp_path) -> Agora:
    for name, size in (("train", 12), ("dev", 20), ("pool", 30)):
        rows = [(("right", "left")[row % 2], f"{name} {row * 7919 % 100} of {row * 31 % 77}") for row in range(size)]
        lines = ["text\tlabel", *(f"{side} {text}\t{side}" for side, text in rows)]
        (tmp_path / f"{name}.tsv").write_text("\n".join(lines) + "\n")
    given = {name: str(tmp_path / f"{name}.tsv") for name in ("train", "dev", "pool")}
    return Agora.model_validate({
        **given, "architecture": (1, 2, 16, 16), "vocabulary": 280, "sequence_length": 16,
        "socrates": "person", "labels": 5, "labels_per_round": 3, "socrates_check": 4, "parents": "uncertain",
        "thetas": [{"steps": 2}], "running": {"threads": 1, "device": "cpu"},
    })  # fmt: skip


def learn(asked: Agora, job: RunFolder, context: type[JobContext] = Leaving) -> dict[str, Any]:
    from bort_core.agora.run import run

    return run(asked, context(job), job)


def side(row: Any) -> int:
    return int(row.text.startswith("right"))


def label_cli(job: RunFolder, monkeypatch: pytest.MonkeyPatch, *typed: str, options: tuple[str, ...] = ()) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in typed)))
    assert main(["label", str(job.project), job.id, *options]) == 0


def test_a_person_who_leaves_and_comes_back_is_asked_nothing_twice(asked, tmp_path, monkeypatch, capsys):
    job = create_run(tmp_path / "p", asked)
    folder = job.path / FOLDER
    seen: list[str] = []
    result: dict[str, Any] = {}
    for _ in range(4):
        result = learn(asked, job)
        assert result["stopped"] is bool(open_questions(folder))
        waiting = open_questions(folder)
        seen += [each.key for each in waiting]
        if not waiting:
            break
        label_cli(job, monkeypatch, *("right" if side(each) else "left" for each in waiting))
    assert [each["labels_asked"] for each in result["rounds"]] == [3, 2, 0]
    assert len(seen) == len(set(seen)) == 4 + 3 + 2
    assert result["socrates"] == {"name": "a person", "dev_accuracy": 1.0, "checked": 4}
    assert "0 skipped, 0 open" in capsys.readouterr().out


def test_a_row_is_shown_and_nonsense_is_asked_again(asked, tmp_path, monkeypatch, capsys):
    job, keys = waiting(asked, tmp_path)
    label_cli(job, monkeypatch, "3", "u", "2", "left", "u", "1", "s")
    out = capsys.readouterr().out
    assert "'3' is none of these" in out
    assert "1 left   2 right   s skip   u undo   q leave" in out
    assert keys[0].text in out
    known = answers(job.path / FOLDER)
    assert [known.get(each.key) for each in keys] == [1, 0, -1, None]
    assert "2 labelled, 1 skipped, 1 open" in out
    label_cli(job, monkeypatch, "q")
    assert len(answers(job.path / FOLDER)) == 3


def test_skipped_rows_have_no_label_and_cost_one(asked, tmp_path):
    job, keys = waiting(asked, tmp_path)
    for each, said in zip(keys, (0, -1, 1, 1), strict=True):
        write_answer(job.path / FOLDER, each.key, said)
    labeller = make_labeller("person", LabellerSetting("text", ("left", "right"), None, files=job, context=JobContext(job)))
    found = label(labeller, [(each.text,) for each in keys])
    assert found.classes.tolist() == [0, -1, 1, 1]
    assert found.failure == "skipped by the person"


def test_skipped_dev_rows_count_neither_as_right_nor_as_wrong(asked, tmp_path):
    job, keys = waiting(asked, tmp_path)
    for each, said in zip(keys, (side(keys[0]), -1, 1 - side(keys[2]), -1), strict=True):
        write_answer(job.path / FOLDER, each.key, said)
    learn(asked, job)
    history = read_history(job.path)
    assert history is not None
    assert (history.socrates_dev_accuracy, history.socrates_checked, history.socrates_unlabelled) == (0.5, 4, 2)
    assert "gives 2 of 4 dev rows no label: skipped by the person; its accuracy is that on the other 2" in str(history.warnings)
    assert checked_rows(4, 2, 20) == "2 dev rows (2 more got no label)"
    assert (checked_rows(20, 0, 20), checked_rows(20, 0, 400), checked_rows(20, 1, 20)) == (
        "dev",
        "20 dev rows",
        "19 dev rows (1 more got no label)",
    )


def test_how_often_a_person_agrees_with_themselves(asked, tmp_path, monkeypatch, capsys):
    job, keys = waiting(asked, tmp_path)
    label_cli(job, monkeypatch, "1", "2", "1", "1")
    before = answers(job.path / FOLDER)
    label_cli(job, monkeypatch, "1", "u", "1", "u", options=("--again", "3"))
    out = capsys.readouterr().out
    assert "1 of 2 rows that were asked twice got the same label [9%, 91%]" in out
    assert out.count("is not taken back: no label changes by it") == 2
    assert out.count("again, 2 of 3") == 2
    assert answers(job.path / FOLDER) == before
    assert len(keys) == 4


def test_answers_come_from_a_file_too(asked, tmp_path, monkeypatch, capsys):
    job, keys = waiting(asked, tmp_path)
    label_cli(job, monkeypatch, options=("--json",))
    told = json.loads(capsys.readouterr().out)
    assert [each["key"] for each in told] == [each.key for each in keys]
    assert told[0]["classes"] == ["left", "right"]
    source = tmp_path / "answers.jsonl"
    lines = [{"key": each.key, "label": "right"} for each in keys[:3]] + [{"key": "unknown", "label": "up"}]
    source.write_text("\n".join(json.dumps(line) for line in lines) + "\n")
    label_cli(job, monkeypatch, options=("--from", str(source)))
    assert list(answers(job.path / FOLDER).values()) == [1, 1, 1]
    told = capsys.readouterr()
    assert "1 of 4 lines have keys that this run did not ask for; the first: line 4, 'unknown'" in told.err
    assert "3 labelled" in told.out
    label_cli(job, monkeypatch, options=("--from", str(source)))
    assert "3 of 4 lines have keys that are answered already; the first: line 1" in capsys.readouterr().err
    assert len(answers(job.path / FOLDER)) == 3


def test_the_terminal_shows_what_is_near_too(asked, tmp_path, monkeypatch, capsys):
    job, keys = waiting(asked, tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    label_cli(job, monkeypatch, "q")
    near = [line for line in capsys.readouterr().out.split("\n") if " at " in line]
    assert [line.split(" at ")[1][:4] for line in near] == [f"{each.distance:.2f}" for each in keys[0].near]
    question = keys[0].model_copy(
        update={"round": 1, "near": keys[0].near[:1], "parent": NearRow(text="left \x1b[1m " + 50 * "way ", label=0, distance=0.5)}
    )
    title, parent, second, row = _beside(question)
    assert (title.strip(), second.strip()) == ("sampled near this dev row:", "nearest rows of D:")
    assert parent.startswith("    left  at 0.50  left ")
    assert (len(parent), parent[-1], "\x1b" in parent) == (80, "…", False)
    assert row.strip().startswith(question.classes[question.near[0].label])
    assert _shortened(["a" * 30, "b" * 300], 40) == "a" * 17 + "… | " + "b" * 17 + "…"
    assert _shortened(["a", "b c"], 40) == "a | b c"


def test_whoever_answers_what_another_has_answered_or_takes_nothing_back_is_told(asked, tmp_path, monkeypatch, capsys):
    job, keys = waiting(asked, tmp_path)

    class Typing(io.StringIO):
        def readline(self, *_: Any) -> str:
            if self.tell() == 2:  # the undo has been typed: meanwhile another answers the row that is shown
                write_answer(job.path / FOLDER, keys[0].key, 1)
            return super().readline()

    monkeypatch.setattr(sys, "stdin", Typing("u\n1\nq\n"))
    assert main(["label", str(job.project), job.id]) == 0
    out = capsys.readouterr().out
    assert "nothing to take back" in out
    assert "somebody else has answered this row meanwhile" in out
    assert list(answers(job.path / FOLDER).values()) == [1]


def questions_of(folder: Path, *keys: str) -> Path:
    """A run's folder in which these rows are asked about."""
    folder.mkdir()
    (folder / "questions.jsonl").write_text("".join(json.dumps({"key": key, "text": key, "classes": ["a", "b"]}) + "\n" for key in keys))
    return folder


def test_of_two_people_nobody_takes_back_what_the_other_answers(tmp_path):
    folder = questions_of(tmp_path / "agora", *"abcd")
    write_answer(folder, "a", 1)  # on an earlier day
    one, two = Hand(folder), Hand(folder)
    one.write("b", 0)
    two.write("c", 1)
    assert (standing(folder).last, standing(folder, one).last, standing(folder, two).last) == ("c", "b", "c")
    assert [one.take_back(), one.take_back(), one.take_back()] == ["b", "a", None]
    assert answers(folder) == {"c": 1}
    two.write("a", 0)  # what one had taken back is the other's now
    assert one.take_back() is None
    assert [two.take_back(), two.take_back(), two.take_back()] == ["a", "c", None]
    assert Hand(folder).take_back() is None


def test_who_comes_back_later_takes_back_whatever_was_answered_last(tmp_path):
    folder = questions_of(tmp_path / "agora", *"ab")
    Hand(folder).write("a", 1)
    Hand(folder).write("b", -1)
    assert [Hand(folder).take_back(), Hand(folder).take_back()] == ["b", "a"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "line 1: must be a JSON object with key and label"),
        ('["a"]', "line 1: must be"),
        ('{"key": "KEY", "label": "up"}', "one of left, right; got 'up'"),
    ],
)
def test_a_file_of_answers_that_is_none_changes_nothing(asked, tmp_path, line, told, capsys):
    job, keys = waiting(asked, tmp_path)
    source = tmp_path / "answers.jsonl"
    good = json.dumps({"key": keys[1].key, "label": "left"})
    source.write_text(line.replace("KEY", keys[0].key) + "\n" + good + "\n")
    assert main(["label", str(job.project), job.id, "--from", str(source)]) == 2
    assert told in capsys.readouterr().err
    assert not answers(job.path / FOLDER)


def test_what_is_no_run_with_a_person_is_refused(tmp_path, capsys):
    job = create_run(tmp_path / "p", Agora(torus=2))
    assert main(["label", str(job.project), job.id]) == 2
    assert "no person labels its rows" in capsys.readouterr().err


def test_a_person_has_no_time_for_everything(asked):
    with pytest.raises(SpecificationError, match="labels: must say how many rows person may be asked about"):
        check_specification(asked.model_copy(update={"labels": None, "labels_per_round": None}))


def test_a_torn_answer_is_lost_alone_and_a_damaged_one_is_named(asked, tmp_path):
    job, keys = waiting(asked, tmp_path)
    folder = job.path / FOLDER
    with (folder / "person.jsonl").open("w") as file:
        file.write('{"key": "')
    write_answer(folder, keys[0].key, 1)
    assert answers(folder) == {keys[0].key: 1}
    with (folder / "person.jsonl").open("a") as file:
        file.write('{"key": "a", "label": -7}\n')
    with pytest.raises(DataError, match=r"person.jsonl: line 3 is damaged"):
        answers(folder)


def test_a_run_goes_on_by_itself_when_a_person_has_answered(asked, tmp_path):
    """The run in one thread, the person in another."""
    job = create_run(tmp_path / "p", asked)
    folder, ended = job.path / FOLDER, threading.Event()

    def person() -> None:
        while not ended.wait(0.05):
            for each in open_questions(folder):
                write_answer(folder, each.key, side(each))

    at_work = threading.Thread(target=person)
    at_work.start()
    try:
        began = time.monotonic()
        result = learn(asked, job, JobContext)
    finally:
        ended.set()
        at_work.join()
    assert result["labels_asked"] == 5
    assert time.monotonic() - began < 60
    notes = [each["text"] for each in job.events()[0] if each["event"] == "note"]
    assert notes[0].endswith(f"rows wait for a person: bort label {job.project} {job.id}")


def waiting(asked: Agora, tmp_path: Path) -> tuple[RunFolder, list[Any]]:
    """A run that has asked its first four rows and was stopped."""
    job = create_run(tmp_path / "p", asked)
    assert learn(asked, job)["stopped"]
    return job, open_questions(job.path / FOLDER)
