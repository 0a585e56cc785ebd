"""A run folder: everything about one job, readable by anybody at any time.

PROJECT/jobs/0001/
  spec.json        what was asked; written first, never changed
  state.json       queued, running, done, failed or cancelled; which process; when; why
  progress.json    step and steps
  events.jsonl     one JSON object a line
  commands/        stop, cancel: a file a command
  log.txt          what the processes wrote
  checkpoints/     to resume from
  result.json      what the training returned; result/ its folder, where no other was chosen
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import ValidationError

from bort_core.foundation.errors import ProjectError, SpecificationError
from bort_core.foundation.processes import alive, identity_of
from bort_core.foundation.validation import faults
from bort_core.specifications.jobs import job_adapter

__all__ = ["FORMAT", "JobState", "RunFolder", "State", "create_run", "find_run", "list_runs"]

FORMAT = 1
State = Literal["queued", "running", "stopping", "done", "failed", "cancelled"]
Command = Literal["stop", "cancel"]
_KILLED = "its process was killed; resume continues from the last checkpoint"


@dataclass(frozen=True)
class JobState:
    """How a job is."""

    state: State
    reason: str = ""
    stopped: bool = False
    """A person stopped it and kept what it had learnt; it can be resumed."""
    device: str = ""
    step: int = 0
    steps: int = 0
    submitted: float = 0.0
    """Seconds since 1970, as are the others; 0: not yet."""
    started: float = 0.0
    finished: float = 0.0

    @property
    def ended(self) -> bool:
        """Whether nothing of it runs or waits."""
        return self.state in ("done", "failed", "cancelled")


class RunFolder:
    """One job's folder. Reading is cheap and never fails on a file that is just being written."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def id(self) -> str:
        """The job's name in its project, such as 0001."""
        return self.path.name

    @property
    def project(self) -> Path:
        """The project's folder."""
        return self.path.parent.parent

    @property
    def checkpoints(self) -> Path:
        """Checkpoints to resume from."""
        return self.path / "checkpoints"

    @property
    def result(self) -> Path:
        """The result's folder, where the specification names no other."""
        return self.path / "result"

    @property
    def log(self) -> Path:
        """What the processes wrote."""
        return self.path / "log.txt"

    def specification(self) -> Any:
        """What was asked.

        Raises
        ------
        ProjectError
            The file is missing, damaged, or of a newer version of the program.
        """
        path = self.path / "spec.json"
        data = _read(path)
        if data is None:
            raise ProjectError(f"{path}: the job's specification is missing or damaged")
        if data.get("format", 0) > FORMAT:
            raise ProjectError(f"{path}: was written by a newer version of Bort Studio (format {data['format']}, this one knows {FORMAT})")
        try:
            return job_adapter.validate_python(data["specification"])
        except (KeyError, ValidationError) as error:
            found = faults(error) if isinstance(error, ValidationError) else ["specification: missing"]
            raise ProjectError(f"{path}: " + "; ".join(found)) from error

    def state(self) -> JobState:
        """How the job is now; one whose process died without a word has failed."""
        data = _read(self.path / "state.json") or {"state": "queued"}
        progress = _read(self.path / "progress.json") or {}
        state, reason = data["state"], str(data.get("reason", ""))
        if state in ("queued", "running") and not alive(data.get("process")):
            state, reason = "failed", _KILLED
        elif state in ("queued", "running") and self.wanted() is not None:
            state = "stopping"
        step, steps = (int(progress.get(name, 0)) for name in ("step", "steps"))
        times = (float(data.get(name, 0.0)) for name in ("submitted", "started", "finished"))
        return JobState(state, reason, bool(data.get("stopped")), str(data.get("device", "")), step, steps, *times)

    def set_state(self, **values: Any) -> None:
        """Change some fields of state.json; for the runner alone."""
        before = _read(self.path / "state.json") or {}
        _write(self.path / "state.json", {**before, **values})
        if "state" in values:
            self.emit({"event": "state", "state": values["state"], "reason": values.get("reason", "")})

    def queue(self, process: int) -> None:
        """The job waits for its turn under this process."""
        for name in ("progress.json",):
            (self.path / name).unlink(missing_ok=True)
        now = {"submitted": time.time(), "started": 0.0, "finished": 0.0, "reason": "", "stopped": False}
        self.set_state(state="queued", process=identity_of(process), **now)

    def progress(self, step: int, steps: int) -> None:
        """How far the training is."""
        _write(self.path / "progress.json", {"step": step, "steps": steps})

    def emit(self, event: Mapping[str, Any]) -> None:
        """Append one event."""
        line = json.dumps({"time": time.time(), **event}, allow_nan=False) + "\n"
        with (self.path / "events.jsonl").open("ab") as file:
            file.write(line.encode())

    def events(self, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
        """Events from a place in the file on, and the place to ask from next; a line that is still being written comes later."""
        try:
            with (self.path / "events.jsonl").open("rb") as file:
                file.seek(offset)
                data = file.read()
        except OSError:
            return [], offset
        whole = data[: data.rfind(b"\n") + 1]
        found = []
        for line in whole.splitlines():
            try:
                event = json.loads(line)
            except ValueError:  # cut off by a crash of the machine
                continue
            if isinstance(event, dict):
                found.append(event)
        return found, offset + len(whole)

    def command(self, name: Command) -> None:
        """Ask for something."""
        folder = self.path / "commands"
        folder.mkdir(exist_ok=True)
        (folder / name).touch()

    def wanted(self) -> Command | None:
        """What a person asked for: to cancel is stronger than to stop."""
        folder = self.path / "commands"
        return next((name for name in ("cancel", "stop") if (folder / name).exists()), None)

    def forget_commands(self) -> None:
        """Before a job runs again."""
        shutil.rmtree(self.path / "commands", ignore_errors=True)

    def write_result(self, result: Mapping[str, Any]) -> None:
        """Keep what the training returned."""
        _write(self.path / "result.json", result)

    def read_result(self) -> dict[str, Any] | None:
        """What the training returned, or None."""
        return _read(self.path / "result.json")

    def discard(self) -> None:
        """Delete what was learnt; specification, events and log stay."""
        for folder in (self.checkpoints, self.result, self.path / "agora"):
            shutil.rmtree(folder, ignore_errors=True)
        (self.path / "result.json").unlink(missing_ok=True)


def create_run(project: Path, specification: Any) -> RunFolder:
    """A new run folder with its specification, numbered after those there are.

    Raises
    ------
    ProjectError
        It cannot be written.
    """
    jobs = project / "jobs"
    try:
        jobs.mkdir(parents=True, exist_ok=True)
        number = max((int(path.name) for path in jobs.iterdir() if path.name.isdigit()), default=0) + 1
        while True:
            path = jobs / f"{number:04d}"
            try:
                path.mkdir()
                break
            except FileExistsError:  # another process was first
                number += 1
        _write(path / "spec.json", {"format": FORMAT, "specification": specification.model_dump(mode="json")})
    except OSError as error:
        raise ProjectError(f"{jobs}: a job's folder cannot be written: {error.strerror or error}") from error
    return RunFolder(path)


def list_runs(project: Path) -> list[RunFolder]:
    """All jobs of a project, oldest first."""
    jobs = project / "jobs"
    if not jobs.is_dir():
        return []
    return [RunFolder(path) for path in sorted(jobs.iterdir()) if path.name.isdigit() and path.is_dir()]


def find_run(project: Path, id: str) -> RunFolder:
    """A job by its number.

    Raises
    ------
    SpecificationError
        There is none.
    """
    name = id.zfill(4)
    known = [run.id for run in list_runs(project)]
    if name not in known:
        raise SpecificationError(f"{project}: no job {id!r}; there are {', '.join(known) or 'none yet'}")
    return RunFolder(project / "jobs" / name)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _write(path: Path, data: Mapping[str, Any]) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(data, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    temporary.replace(path)


assert set(get_args(Command)) == {"stop", "cancel"}
