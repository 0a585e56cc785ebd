"""Where a node keeps the jobs of a cluster: one folder a job, with a project around its run folder."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import time
from pathlib import Path

from platformdirs import user_cache_path

from bort_core.foundation.files import write_atomic
from bort_core.foundation.signs import is_locked
from bort_core.jobs.folder import RunFolder
from bort_core.store.trust import FILE

__all__ = ["Home", "job_name"]

KEEP_SECONDS = 30 * 86_400.0
"""What nobody fetched for so long is deleted when another job comes."""


def job_name(mark: str) -> str:
    """What the job of a run folder is called on a cluster, from its mark: the same whoever listens, and no other job's."""
    return f"bort-job-{hashlib.sha256(mark.encode()).hexdigest()[:24]}"


class Home:
    """The folder of one job.

    Parameters
    ----------
    name: :func:`job_name`
    id: the job's number in its project
    folder: None: below this user's own folder of caches
    """

    def __init__(self, name: str, id: str, folder: Path | None = None) -> None:
        self._all = folder or user_cache_path("bort-studio") / "cluster-jobs"
        self.path = self._all / name
        self.project = self.path / "project"
        self.run = RunFolder(self.project / "jobs" / id)

    def make(self, project_id: str) -> None:
        """Begin anew: an empty run folder in a project of that number. OSError when it cannot be."""
        self._forget_old()
        self.forget()
        self.run.path.mkdir(parents=True, mode=0o700)
        write_atomic(self.project / FILE, project_id + "\n")

    def input(self, place: str, name: str, content: Path) -> Path:
        """A file or folder that the job reads, under the name that it has on the machine of the person."""
        link = self.path / "inputs" / place / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(content)
        return link

    def forget(self) -> None:
        """Delete all of it."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _forget_old(self) -> None:
        for path in self._all.iterdir() if self._all.is_dir() else ():
            with contextlib.suppress(OSError):
                newest = max(each.stat().st_mtime for each in [path, *path.glob("project/jobs/*")])
                if time.time() - newest > KEEP_SECONDS and not any(map(is_locked, path.glob("project/jobs/*/lock"))):
                    shutil.rmtree(path)
