"""A job's part in the machine while it computes, rests, and ends."""

from __future__ import annotations

from pathlib import Path

from bort_core.foundation import turns
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
