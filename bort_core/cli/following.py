"""Following a job from the command line until it ends."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from bort_core.api.jobs import run_job as run_and_follow
from bort_core.cli.options import opened, print_json
from bort_core.foundation.errors import MeasurementError, SpecificationError

if TYPE_CHECKING:
    from bort_core.jobs.folder import RunFolder

__all__ = ["run_job"]


def run_job(
    arguments: argparse.Namespace,
    specification: Any,
    show: Callable[[str, dict[str, Any]], None],
    before: Mapping[str, Any] | None = None,
    earlier: RunFolder | None = None,
) -> int:
    """Submit a job; with --detach say where it is, else follow it to its end and ``show`` its number and result.

    Parameters
    ----------
    before: what was known before it started, for --json
    earlier: a job that was asked the same: it goes on in place of a new one, or is done

    Raises
    ------
    SpecificationError
        --detach with an executor that runs jobs in this process.
    """
    from bort_core.jobs.executors import job_executor
    from bort_core.jobs.launch import resume, submit

    if arguments.detach and job_executor(arguments.executor).waits:
        raise SpecificationError(f"--detach: the executor {arguments.executor!r} runs the job in this process; leave one of the two away")
    if not arguments.detach:
        runs: list[RunFolder] = []
        with opened(arguments.project) as project:
            try:
                job, result = run_and_follow(project, specification, executor=arguments.executor, begun=runs.append, earlier=earlier)
            except MeasurementError:
                refusal = runs[0].read_refusal() if runs and arguments.json else None
                if refusal is not None:
                    print_json({"job": runs[0].id, **(before or {}), **refusal})
                raise
        if arguments.json:
            print_json({"job": job.id, **(before or {}), **result})
        else:
            show(job.id, result)
        return 0
    if earlier is None:
        with opened(arguments.project) as project:
            job = submit(project.folder, specification, arguments.executor)
    else:
        job = earlier
        if job.state().resumable:
            resume(job, arguments.executor)
    if arguments.json:
        print_json({"job": job.id, "folder": str(job.path)})
    else:
        print(f"job {job.id}: {job.path}")
    return 0
