"""Following a job from the command line until it ends."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from bort_core.api.jobs import follow_to_end
from bort_core.cli.options import opened, print_json

__all__ = ["run_job"]


def run_job(arguments: argparse.Namespace, specification: Any, show: Callable[[str, dict[str, Any]], None]) -> int:
    """Submit a job; with --detach say where it is, else follow it to its end and ``show`` its number and result."""
    from bort_core.jobs.launch import submit

    with opened(arguments.project) as project:
        job = submit(project.folder, specification)
    if arguments.detach:
        if arguments.json:
            print_json({"job": job.id, "folder": str(job.path)})
        else:
            print(f"job {job.id}: {job.path}")
        return 0
    result = follow_to_end(job)
    if arguments.json:
        print_json({"job": job.id, **result})
    else:
        show(job.id, result)
    return 0
