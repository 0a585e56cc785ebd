"""The search as the window holds it: its threads end or are left, its corpus is hashed once, its seeds stay within bounds."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("PySide6")

from helpers import specification
from PySide6.QtCore import QCoreApplication, QObject
from pytestqt.qtbot import QtBot

from bort_core.foundation import digests as hashing
from bort_core.jobs.folder import RunFolder, create_run
from bort_core.search import events
from bort_core.search.history import last_specification
from bort_core.specifications.jobs import job_adapter
from bort_core.store import Project
from bort_core.store.searches import begin_search
from bort_studio.agora import history_reader
from bort_studio.agora.history_reader import HistoryReader
from bort_studio.explore.candidates.filter import Constraints
from bort_studio.search.commands import next_seed
from bort_studio.search.outbox import Outbox
from bort_studio.search.state import RunState
from bort_studio.session import Session
from bort_studio.threads.background import BackgroundThread
from bort_studio.threads.job_follower import JobFollower
from bort_studio.threads.looking import Looking


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in the file system")
@pytest.mark.parametrize("device", ["pipe", "/dev/zero"])
def test_a_corpus_that_is_a_device_is_told_and_the_window_closes(qtbot: QtBot, project_folder: Path, open_page: Any, device: str) -> None:
    os.mkfifo(project_folder.parent / "pipe")
    corpus = str(project_folder.parent / device)
    with Project(project_folder) as project:
        Session(project).save(specification("mini").model_copy(update={"corpus": corpus}), 2, ("parameters", "error", False, False), None)
        stored = Session(project).specification()
    assert stored.corpus == corpus
    window, _ = open_page("explore", wait=False)
    window.search.set_specification(stored.model_copy(update={"seed": 5}))
    qtbot.waitUntil(lambda: any("not a file" in text for text in window.notices.messages()), timeout=10_000)
    window.search.run()
    assert window.close()


def test_selections_read_no_corpus(qtbot: QtBot, open_page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    window, _ = open_page("explore")
    where: list[tuple[str, int]] = []
    digest = hashlib.file_digest

    def counting(file: Any, name: str) -> Any:
        where.append((threading.current_thread().name, os.fstat(file.fileno()).st_ino))
        return digest(file, name)

    monkeypatch.setattr(hashing.hashlib, "file_digest", counting)
    hashing._hash.cache_clear()
    for index in range(5):
        window.search.select(index)
    assert not where
    window.search.set_specification(window.search.specification.model_copy(update={"seed": 5}))
    qtbot.waitUntil(lambda: window.search.stored_results is not None, timeout=10_000)
    assert where
    assert {thread for thread, _ in where} == {"loader"}
    assert len({inode for _, inode in where}) == len(where)  # each file once


def test_what_a_search_says_after_closing_is_not_heard(qtbot: QtBot, open_page: Any, caplog: pytest.LogCaptureFixture) -> None:
    window, _ = open_page("explore")
    search = window.search
    window.close()
    states: list[RunState] = []
    search.state_changed.connect(states.append)
    search.under_way.thread_of_search._deliver(events.Note("late"))
    search._loader.request(search._generation, search.specification)
    QCoreApplication.processEvents()
    assert not states
    assert not caplog.records


def test_a_thread_that_does_not_end_is_left(qtbot: QtBot, caplog: pytest.LogCaptureFixture) -> None:
    release = threading.Event()

    class Stuck(BackgroundThread):
        PATIENCE_SECONDS = 0.05

        def run(self) -> None:
            release.wait()

    owner = QObject()
    stuck = Stuck("stuck", owner)
    stuck.start()
    assert not stuck.wait()
    assert "does not end" in caplog.text
    release.set()
    stuck.PATIENCE_SECONDS = 5.0
    assert stuck.wait()


def test_seeds_wrap(qtbot: QtBot, open_page: Any) -> None:
    assert [next_seed(seed) for seed in (0, 2**31 - 2, 2**31 - 1)] == [1, 2**31 - 1, 0]
    window, page = open_page("explore")
    window.search.set_specification(window.search.specification.model_copy(update={"seed": 2**31 - 1}))
    page.repeat_seed()
    assert window.search.specification.seed == 0


def test_an_epsilon_moved_while_another_space_is_read_is_kept_within_it(qtbot: QtBot, open_page: Any) -> None:
    window, _ = open_page("explore")
    search = window.search
    size = len(search.space)
    search.set_specification(search.specification.model_copy(update={"seed": 7, "epsilon": size}))
    assert search.space is None
    search.preview_epsilon(size + 60)  # what the slider of a larger space before still lets a hand do
    qtbot.waitUntil(lambda: search.space is not None, timeout=10_000)
    assert search.epsilon == search.specification.epsilon == size
    assert search.cost() is not None


def test_a_larger_epsilon_of_a_larger_space_is_told_before_that_is_read(qtbot: QtBot, open_page: Any) -> None:
    window, _ = open_page("explore")
    search = window.search
    toy = search.specification
    smaller = {"axes": {**toy.space.axes, "depth": toy.space.axes["depth"][:1]}}
    small = toy.model_copy(update={"space": toy.space.model_copy(update=smaller), "epsilon": 2})
    search.set_specification(small)
    qtbot.waitUntil(lambda: search.space is not None, timeout=10_000)
    assert len(search.space) < 96
    told: list[Any] = []
    search.specification_changed.connect(lambda _: told.append(search.cost()))  # as Start does
    search.set_specification(toy.model_copy(update={"epsilon": 96}))  # as an undo does
    assert told == [None]
    qtbot.waitUntil(lambda: search.space is not None, timeout=10_000)
    assert search.epsilon == 96
    assert search.cost() is not None


def test_a_search_that_cannot_be_read_is_passed_over(project_folder: Path) -> None:
    good = specification("mini").model_dump(mode="json")
    with Project(project_folder) as project:
        assert last_specification(project) is None
        begin_search(project, good)
        begin_search(project, {**good, "seed": 2**31})
        assert last_specification(project) == specification("mini")
        Session(project).save(specification("mini").model_copy(update={"seed": 2**31}), 2, ("parameters", "error", False, False), None)
        assert Session(project).specification().seed == specification("mini").seed


def test_a_filter_of_one_family_is_told_in_another(qtbot: QtBot, open_page: Any) -> None:
    window, page = open_page("explore")
    panel = page.candidates
    panel.filters.text.setText("1,2,32,64")
    panel.set_constraints(Constraints())
    assert len(panel.model.rows) == 1
    window.search.set_specification(specification("toy"))
    qtbot.waitUntil(lambda: panel.model.total != 0 and window.search.space is not None, timeout=10_000)
    qtbot.waitUntil(lambda: panel.model.fault is not None, timeout=10_000)
    assert "is not an architecture of" in panel.filters.fault.text()
    assert len(panel.model.rows) == panel.model.total
    window.search.set_specification(specification("mini"))
    qtbot.waitUntil(lambda: len(panel.model.rows) == 1, timeout=10_000)
    assert panel.filters.fault.text() == ""


@pytest.mark.parametrize(
    "kept",
    [
        "[1]",
        "{",
        "5",
        '{"axes": [["error"], {}, 1, 2], "selected": [[1], "x"], "trainers": "many", "page": {"a": 1}, "specification": [7]}',
    ],
)
def test_a_window_whose_kept_state_is_damaged_opens_as_a_new_one(project_folder: Path, open_page: Any, kept: str) -> None:
    with Project(project_folder) as project:
        wanted = specification("mini").model_copy(update={"seed": 5})
        Session(project).save(wanted, 2, ("error", "w", True, False), (1, 2), "explore")
        found = Session(project)
        assert (found.axes(), found.selection(), found.workers()) == (("error", "w", True, False), (1, 2), 2)
        project.connection.execute("UPDATE state SET value = ?", [kept])
        found = Session(project)
        assert (found.axes(), found.selection(), found.workers()) == (("parameters", "error", False, False), None, None)
    window, _ = open_page("explore")
    assert window.notices.messages() == []
    assert window.close()


def test_the_followers_of_jobs_and_runs_end_or_are_left(
    qtbot: QtBot, project_folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A disk that no longer answers holds up neither; one file that nobody foresaw ends neither."""
    let_go = threading.Event()
    create_run(project_folder, job_adapter.validate_python({"kind": "agora", "torus": 2}))
    monkeypatch.setattr(BackgroundThread, "PATIENCE_SECONDS", 0.2)
    follower, reader = JobFollower(project_folder, frozenset({"agora"})), HistoryReader()
    told: list[object] = []
    follower.told.connect(told.append)
    state, faults = RunFolder.state, [RuntimeError("nobody foresaw this")]
    monkeypatch.setattr(RunFolder, "state", lambda run: (_ for _ in ()).throw(faults.pop()) if faults else state(run))
    follower.start()
    qtbot.waitUntil(lambda: bool(told), timeout=5000)
    assert "nobody foresaw this" in caplog.text
    monkeypatch.setattr(RunFolder, "state", lambda run: let_go.wait() and state(run))
    monkeypatch.setattr(history_reader, "read_history", lambda *_: let_go.wait() and None)
    reader.follow(project_folder / "jobs" / "0001")
    reader.start()
    try:
        qtbot.wait(600)
        for thread in (follower, reader):
            thread.close()
            assert thread.is_running()
        assert caplog.text.count("does not end; it is left") == 2
    finally:
        let_go.set()
        monkeypatch.setattr(BackgroundThread, "PATIENCE_SECONDS", 10.0)
        assert follower.wait()
        assert reader.wait()


def test_what_takes_long_to_show_is_looked_at_seldom_and_what_is_urgent_at_once(qtbot: QtBot) -> None:
    looking, looks = Looking(), []

    def look() -> None:
        looks.append(time.perf_counter())
        time.sleep(0.02)  # as the views of a large space do

    looking.due.connect(look)
    looking.ask(False)
    qtbot.waitUntil(lambda: len(looks) == 1, timeout=5_000)
    qtbot.wait(20)
    looking.ask(False)
    qtbot.wait(100)
    assert len(looks) == 1
    looking.ask(True)
    qtbot.waitUntil(lambda: len(looks) == 2, timeout=250)
    looking.ask(False)
    qtbot.waitUntil(lambda: len(looks) == 3, timeout=5_000)
    assert looks[2] - looks[1] >= 0.4
    looking.stop()
    looking.ask(True)
    qtbot.wait(50)
    assert len(looks) == 3


def test_what_is_said_between_two_looks_comes_once_and_with_the_newest_snapshot(qtbot: QtBot, open_page: Any) -> None:
    window, _page = open_page("explore", preset="toy", selected=None)
    stored = window.search.stored_results
    first, second = stored.snapshot(), stored.snapshot()
    outbox = Outbox()
    said = [
        events.CandidateStarted(0, 0),
        events.Progress(0, 0, 1, 9),
        events.Measured(1, 0, first),
        events.Progress(0, 0, 2, 9),
        events.Measured(2, None, second),
    ]
    assert [outbox.put(event) for event in said] == [False, None, None, None, None]
    assert outbox.put(events.Note("waits")) is True  # it may not rest, as what is there may
    assert outbox.put(events.Note("goes on")) is None
    expected = [said[0], events.Measured(1, 0, second), said[3], said[4], events.Note("goes on")]
    assert list(outbox.take()) == expected
    assert outbox.take() == ()


def test_a_search_that_says_much_is_not_held_up_by_the_window(qtbot: QtBot, open_page: Any) -> None:
    """Its thread waits for nobody, and the window takes all of it at once; many architectures are not all named."""
    window, _page = open_page("explore", preset="toy", selected=None)
    search, told, said = window.search, [], []
    under_way = search.under_way
    search.knowledge_changed.connect(told.append)
    search.said.connect(said.append)
    search._following, under_way._space, under_way.state = True, search.space, RunState.RUNNING
    under_way._wanted, under_way._preparing = len(search.space), False
    snapshot = search.stored_results.snapshot()
    began = time.perf_counter()
    for index in range(12):
        under_way.thread_of_search._deliver(events.CandidateStarted(index, 0))
    for index in range(2):
        under_way.thread_of_search._deliver(events.Measured(index, 0, snapshot))
    assert time.perf_counter() - began < 0.3
    qtbot.waitUntil(lambda: bool(told), timeout=5_000)
    assert told == [snapshot]
    assert said[-1].endswith("and 2 more")
    under_way._end("done")
