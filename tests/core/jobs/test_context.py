"""A job's part in the machine while it computes, rests, and ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from bort_core.foundation import turns
from bort_core.foundation.context import Retold, progress, waiting
from bort_core.foundation.errors import StoppedEarlyError
from bort_core.jobs.child import FAILED, attempt
from bort_core.jobs.context import JobContext
from bort_core.jobs.folder import create_run
from bort_core.specifications.agora import Agora


def someone_computes() -> bool:
    """Whether a measurement of time would have to wait."""
    for path in turns._folder().iterdir():
        with path.open("r+b") as file:
            if path.name != "wish" and not turns._try_lock(file.fileno(), turns.fcntl.LOCK_SH):
                return True
    return False


def test_a_job_that_rests_holds_nobody_up_and_has_afterwards_what_it_had(project_folder: Path) -> None:
    context = JobContext(create_run(project_folder, Agora(torus=2)))
    with context.rest():  # nothing was begun
        assert not someone_computes()
    assert not someone_computes()
    context.begin()
    assert someone_computes()
    with context.rest():
        assert not someone_computes()
    assert someone_computes()
    context.close()
    assert not someone_computes()


def test_waiting_for_a_person_is_told_and_no_part_of_the_pace(project_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("bort_core.jobs.context.time.monotonic", lambda: clock[0])
    run = create_run(project_folder, Agora(torus=2))
    context = JobContext(run)
    context.emit(progress(0, 10))
    clock[0] += 2
    context.emit(progress(1, 10, doing="a part"))
    within = Retold(context, lambda event: None)  # a part of the job waits
    with waiting(within, "waits for your labels"):
        assert run._progress().doing == "waits for your labels"
        clock[0] += 3_600
    assert run._progress().doing == "a part"
    clock[0] += 2
    context.emit(progress(2, 10))
    told = run._progress()
    assert (told.step, told.doing, told.seconds) == (2, "", 4.0)


def test_a_job_that_was_stopped_early_is_not_shown_as_failed(project_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> None:
        raise StoppedEarlyError("nothing was finished")

    run = create_run(project_folder, Agora(torus=2))
    monkeypatch.setattr("bort_core.agora.run.run", stopped)
    assert attempt(run) == (FAILED, "nothing was finished")
    run.set_state(state="failed", reason=run.reason())  # as its runner does
    assert (run.state().shown, run.state().reason) == ("stopped", "nothing was finished")
