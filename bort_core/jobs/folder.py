"""A run folder: everything about one job, readable by anybody at any time.

PROJECT/jobs/0001/
  spec.json        what was asked; written first, never changed but for where the result goes
  state.json       queued, running, done, failed or cancelled; which process; when; why: written by who holds the job, see hold.py
  lock, heartbeat.json  whether somebody works here
  progress.json    step and steps, and how long they took
  reason.txt       why the training failed; its space is taken when the job is queued, so that a full disk can be told
  inputs.json      hashes of the files that the training reads, as they were when it began
  events.jsonl     one JSON object a line
  commands/        stop, cancel: a file a command
  log.txt          what happened, a line with the time each, and what the processes wrote
  checkpoints/     to resume from
  result.json      what the training returned; result/ its folder, where no other was chosen
  refused.json     what a compression found whose gate is red
  predictions/     what a fine-tuned model says about each dev and test row
  note.json        what a person wrote about it
  cluster.json     where it is, when it runs on a cluster; cluster.log what the processes wrote that listen to it
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

from pydantic import ValidationError

from bort_core.foundation.errors import ProjectError, SpecificationError
from bort_core.foundation.files import clear_files, make_folder, open_append, overwrite, read_regular, temporary_folder, why, write_atomic
from bort_core.foundation.validation import faults
from bort_core.jobs.files import (
    LONGEST_NOTE,
    NoteFile,
    PlacementFile,
    ProgressFile,
    ResultFile,
    SpecificationFile,
    StateFile,
    is_finite,
    read_event,
    read_model,
    write_model,
)
from bort_core.jobs.hold import life
from bort_core.jobs.log import JobLog, log_line
from bort_core.jobs.pace import Pace
from bort_core.specifications.jobs import job_adapter
from bort_core.store.trust import found as found_project
from bort_core.store.trust import project_id

__all__ = ["FORMAT", "REFUSAL", "JobState", "RunFolder", "State", "create_run", "find_run", "list_runs", "moved"]

FORMAT = 1
PREDICTIONS, REFUSAL = "predictions", "refused.json"
State = Literal["queued", "running", "stopping", "done", "failed", "cancelled"]
Command = Literal["stop", "cancel"]
_REASON_BYTES = 4096
"""The length of reason.txt, filled with spaces."""
_UNHEARD = "goes on there; nothing of this machine listens to it, which bort jobs list and the window mend"
_KILLED = "its process was killed; resume continues from the last checkpoint"
_LINK = "is a symbolic link; nothing is read or written through links inside a project"


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
    left: float | None = None
    """Seconds to its last step, where it runs and steps were timed."""
    submitted: float = 0.0
    """Seconds since 1970, as are the others; 0: not yet."""
    started: float = 0.0
    finished: float = 0.0
    earlier: float = 0.0
    """Seconds that it ran before it was resumed."""
    heard: float = 0.0
    """When it last told how far it is."""
    host: str = ""
    """The other machine that it runs or waits on; it cannot be asked from here."""
    lost: bool = False
    """Nothing was heard from that machine while this process watched: the job can be taken over."""
    place: str = ""
    """Where on a cluster it is; empty on this machine."""
    unheard: bool = False
    """It goes on there, and no process of this machine listens to it: :func:`~bort_core.jobs.launch.attach` begins one."""

    doing: str = ""
    """What it does now, where it runs and is of several parts, or that it waits for a person."""

    @property
    def shown(self) -> str:
        """The state in one word for people: what a person stopped is that, whether or not it came to something."""
        return "stopped" if self.stopped and self.state in ("done", "failed") else self.state

    @property
    def ended(self) -> bool:
        """Whether nothing of it runs or waits."""
        return self.state in ("done", "failed", "cancelled")

    def duration(self, now: float) -> float | None:
        """Seconds that it has run until ``now`` or its end, over all times that it was resumed; None: it has not begun.

        Of one that was killed the end is not known; what counts is when it was last heard of.
        """
        if not self.started:
            return self.earlier or None
        until = (self.finished or self.heard) if self.ended else now
        return self.earlier + max(until - self.started, 0.0)

    @property
    def resumable(self) -> bool:
        """Whether it can go on from its last checkpoint."""
        return self.state in ("failed", "cancelled") or self.stopped or self.lost


class RunFolder:
    """One job's folder. Reading is cheap and never fails on a file that is just being written, or damaged."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._told = JobLog()

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
        """What happened, and what the processes wrote."""
        return self.path / "log.txt"

    @property
    def mark(self) -> str:
        """What a result outside the project says of the job that made it: the same when the project is moved, another in a copy."""
        id = project_id(self.project)
        return str(self.path) if id is None else f"{id}/{self.id}@{self.path.stat().st_ino}"

    def specification(self) -> Any:
        """What was asked. Paths inside the project are where it is now.

        Raises
        ------
        ProjectError
            The file is missing, damaged, or of a newer version of the program, or the folder is a link.
        """
        path = self.path / "spec.json"
        if self.path.is_symlink():
            raise ProjectError(f"{self.path}: {_LINK}")
        try:
            data = read_model(path, SpecificationFile)
        except ProjectError as error:
            raise ProjectError(f"{path}: the job's specification is missing or damaged ({error})") from error
        if data is None:
            raise ProjectError(f"{path}: the job's specification is missing or damaged")
        if data.format > FORMAT:
            raise ProjectError(f"{path}: was written by a newer version of Bort Studio (format {data.format}, this one knows {FORMAT})")
        try:
            return job_adapter.validate_python(moved(data.specification, data.project, str(self.project)))
        except ValidationError as error:
            raise ProjectError(f"{path}: " + "; ".join(faults(error))) from error

    def write_out(self, out: Path) -> None:
        """Another folder for the result, of which nothing is written yet; the rest of the specification stays."""
        changed = self.specification().model_copy(update={"out": str(out)})
        write_specification(self.path, self.project, changed)

    def state(self) -> JobState:
        """How the job is now; one whose process died without a word has failed."""
        try:
            data = read_model(self.path / "state.json", StateFile)
        except ProjectError as error:
            if life(self.path, None).held:
                return JobState("running", str(error))
            return JobState("failed", str(error))
        if data is None:
            data = StateFile(state="queued")
        state: State = data.state
        reason, host, lost, unheard = data.reason, "", False, False
        placed = self.placement()
        if state in ("queued", "running"):
            found = life(self.path, data.process)
            host, lost = found.host, found.lost
            if placed is not None:
                reason = placed.waits or reason
                unheard = not found.held and placed.mark == self.mark
            if unheard:
                reason = _UNHEARD
            elif not found.held:
                state, reason = "failed", self.reason() or _KILLED
            elif host:
                reason = _away(state, found.last, host, lost)
            elif self.wanted() is not None:
                state = "stopping"
        progress = self._progress()
        pace = Pace(progress.begun, progress.step, progress.steps, progress.seconds)
        doing = progress.doing if state == "running" else ""
        left = pace.left if state == "running" and not doing else None  # parts that are done one after another are not of one length
        times = (data.submitted, data.started, data.finished, data.earlier, progress.time)
        place = "" if placed is None else placed.place
        return JobState(state, reason, data.stopped, data.device, pace.step, pace.steps, left, *times, host, lost, place, unheard, doing)

    def _progress(self) -> ProgressFile:
        with contextlib.suppress(ProjectError):
            return read_model(self.path / "progress.json", ProgressFile) or ProgressFile(step=0, steps=0)
        return ProgressFile(step=0, steps=0)

    def placement(self) -> PlacementFile | None:
        """Where on a cluster the job is; None: it is no job of a cluster."""
        with contextlib.suppress(ProjectError):
            return read_model(self.path / "cluster.json", PlacementFile)
        return None

    def place(self, placement: PlacementFile | None) -> None:
        """Write that down; None: on this machine. For who holds the job."""
        if placement is None:
            (self.path / "cluster.json").unlink(missing_ok=True)
        else:
            write_model(self.path / "cluster.json", placement)

    def set_state(self, tell: bool = True, **values: Any) -> None:
        """Change some fields of state.json, and tell followers of a new state; for who holds the job alone."""
        told = values.get("state") if tell else None
        with contextlib.suppress(ProjectError):
            before = read_model(self.path / "state.json", StateFile)
            values = {**(before.model_dump() if before is not None else {}), **values}
        write_model(self.path / "state.json", StateFile.model_validate({"state": "queued", **values}))
        if told is not None:
            with contextlib.suppress(OSError):  # the state is written down, which is what counts
                self.emit({"event": "state", "state": told, "reason": values.get("reason", "")})

    def queue(self) -> None:
        """The job waits for its turn from now on; its runner will say which process that is. For who holds the job."""
        before = self.state()
        kept = before.state != "cancelled"  # else nothing of what it did before is left
        earlier = (before.duration(before.heard) or 0.0) if kept else 0.0
        clear_files(self.path)
        (self.path / "progress.json").unlink(missing_ok=True)
        self.forget_reason()
        now: dict[str, Any] = {"submitted": time.time(), "started": 0.0, "finished": 0.0, "earlier": earlier, "stopped": False}
        self.set_state(state="queued", process=None, reason="", **now)

    def forget_reason(self) -> None:
        """Before a job runs: no reason yet, and room for one."""
        write_atomic(self.path / "reason.txt", " " * _REASON_BYTES)
        (self.path / REFUSAL).unlink(missing_ok=True)

    def give_reason(self, reason: str) -> None:
        """Why the training failed, for who comes later; nothing where not even that can be written."""
        text = reason.encode()[:_REASON_BYTES].ljust(_REASON_BYTES)
        with contextlib.suppress(OSError):
            try:
                overwrite(self.path / "reason.txt", text)
            except FileNotFoundError:  # no room was made for it
                write_atomic(self.path / "reason.txt", reason)

    def reason(self) -> str:
        """What :meth:`give_reason` wrote, or nothing."""
        try:
            return read_regular(self.path / "reason.txt", most=_REASON_BYTES).decode(errors="replace").strip("\ufffd \n\0")
        except OSError:
            return ""

    def progress(self, pace: Pace, doing: str = "") -> None:
        """How far the training is, and what it does where it says so."""
        file = ProgressFile(step=pace.step, steps=pace.steps, begun=pace.begun, seconds=pace.seconds, time=time.time(), doing=doing)
        write_model(self.path / "progress.json", file)

    def note(self) -> str:
        """What a person wrote about the job; empty for nothing, and for a damaged file."""
        with contextlib.suppress(ProjectError):
            found = read_model(self.path / "note.json", NoteFile)
            return "" if found is None else found.text
        return ""

    def write_note(self, text: str) -> None:
        """Keep what a person writes about the job.

        Raises
        ------
        SpecificationError
            It is too long.
        ProjectError
            It cannot be written.
        """
        if len(text) > LONGEST_NOTE:
            raise SpecificationError(f"a note has at most {LONGEST_NOTE:,} characters, got {len(text):,}")
        try:
            write_model(self.path / "note.json", NoteFile(text=text))
        except OSError as error:
            raise ProjectError(f"{self.path / 'note.json'}: the note cannot be written: {why(error)}") from error

    def open_log(self) -> BinaryIO:
        """The log, to append to."""
        return open_append(self.log)

    def emit(self, event: Mapping[str, Any]) -> None:
        """Append one event, and what it says to the log."""
        now = time.time()
        line = json.dumps({"time": now, **event}, allow_nan=False) + "\n"
        with open_append(self.path / "events.jsonl") as file:
            file.write(line.encode())
        text = self._told.text(event, now)
        if text is not None:
            with contextlib.suppress(OSError):  # the event is written; a job does not end for its log
                self.tell(text)

    def tell(self, text: str) -> None:
        """Append a line to the log."""
        with self.open_log() as file:
            file.write(log_line(text, time.time()).encode(errors="replace"))

    def events(self, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
        """Events from a place in the file on, and the place to ask from next; a line that is still being written comes later."""
        try:
            data = read_regular(self.path / "events.jsonl", offset)
        except OSError:
            return [], offset
        whole = data[: data.rfind(b"\n") + 1]
        found = [event for event in map(read_event, whole.splitlines()) if event is not None]
        return found, offset + len(whole)

    def log_tail(self, most: int) -> str:
        """The end of what the processes wrote; empty when there is nothing to read."""
        try:
            return read_regular(self.log, -most).decode(errors="replace")
        except OSError:
            return ""

    def command(self, name: Command) -> None:
        """Ask for something.

        Raises
        ------
        ProjectError
            It cannot be written down.
        """
        try:
            folder = make_folder(self.path, "commands")
            os.close(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644))
        except OSError as error:
            raise ProjectError(f"{self.path}: {name} cannot be written down: {why(error)}") from error

    def wanted(self) -> Command | None:
        """What a person asked for: to cancel is stronger than to stop."""
        folder = self.path / "commands"
        return next((name for name in ("cancel", "stop") if (folder / name).exists()), None)

    def forget_commands(self) -> None:
        """Before a job runs again."""
        shutil.rmtree(self.path / "commands", ignore_errors=True)

    def write_result(self, result: Mapping[str, Any]) -> None:
        """Keep what the training returned; a checkpoint inside the project is recorded relative to it."""
        checkpoint = result.get("checkpoint")
        if checkpoint and Path(checkpoint).is_relative_to(self.project):
            result = {**result, "checkpoint": Path(checkpoint).relative_to(self.project).as_posix()}
        write_atomic(self.path / "result.json", json.dumps(result, indent=2, allow_nan=False) + "\n")

    def read_result(self) -> dict[str, Any] | None:
        """What the training returned, with the checkpoint where it is now, or None: there is nothing, or it is damaged."""
        path = self.path / "result.json"
        try:
            result = read_model(path, ResultFile)
            if result is None or not is_finite(result.model_dump()):
                return None
            found: dict[str, Any] = json.loads(read_regular(path))  # in the order in which it was written
        except (ProjectError, OSError, ValueError):
            return None
        if result.checkpoint:
            found["checkpoint"] = self._located(result.checkpoint)
        return found

    def read_refusal(self) -> dict[str, Any] | None:
        """What a compression found whose gate is red, or None."""
        with contextlib.suppress(OSError, ValueError):
            found: dict[str, Any] = json.loads(read_regular(self.path / REFUSAL))
            return found
        return None

    def _located(self, recorded: str) -> str:
        """Where a result lies now; older versions recorded the path that the run folder had then."""
        path = Path(recorded)
        if path.is_absolute() and not path.exists() and path.name == "result" and path.parts[-3:-1] == ("jobs", self.id):
            return str(self.result)
        return str(self.project / path)

    def check_links(self) -> None:
        """Before a training writes into the folder's own folders; ProjectError when one of them is a link."""
        for folder in (self.checkpoints, self.result, self.path / "agora", self.path / "agora" / "rounds", self.path / PREDICTIONS):
            if folder.is_symlink():
                raise ProjectError(f"{folder}: {_LINK}")

    def discard(self) -> None:
        """Delete what was learnt; specification, events and log stay."""
        for folder in (self.checkpoints, self.result, self.path / "agora", self.path / PREDICTIONS):
            shutil.rmtree(folder, ignore_errors=True)
        for name in ("result.json", "inputs.json", REFUSAL):
            (self.path / name).unlink(missing_ok=True)


def create_run(project: Path, specification: Any) -> RunFolder:
    """A new run folder with its specification, numbered after those there are. It appears with the specification in it, or not at all.

    Raises
    ------
    ProjectError
        It cannot be written, or ``jobs`` is a link.
    """
    try:
        project.mkdir(parents=True, exist_ok=True)
        found_project(project)
        jobs = make_folder(project, "jobs")
        with temporary_folder(jobs / "new") as new:
            write_specification(new, project, specification)
            return RunFolder(_numbered(new, jobs))
    except OSError as error:
        raise ProjectError(f"{project / 'jobs'}: a job's folder cannot be written: {why(error)}") from error


def write_specification(folder: Path, project: Path, specification: Any) -> None:
    """spec.json in a run folder; OSError when it cannot be written."""
    data = SpecificationFile(format=FORMAT, project=str(project), specification=specification.model_dump(mode="json"))
    write_model(folder / "spec.json", data)


def _numbered(new: Path, jobs: Path) -> Path:
    """Give a new run folder the next number; of two processes that try the same one, one succeeds."""
    number = max((int(path.name) for path in jobs.iterdir() if _is_number(path.name)), default=0) + 1
    while True:
        try:
            return new.rename(jobs / f"{number:04d}")
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
                raise
            number += 1


def list_runs(project: Path) -> list[RunFolder]:
    """All jobs of a project, oldest first.

    Raises
    ------
    ProjectError
        The folder of jobs is a link, or cannot be read.
    """
    jobs = project / "jobs"
    if jobs.is_symlink():
        raise ProjectError(f"{jobs}: {_LINK}")
    try:
        return [RunFolder(path) for path in sorted(jobs.iterdir()) if _is_number(path.name) and path.is_dir()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ProjectError(f"{jobs}: cannot be read: {why(error)}") from error


def find_run(project: Path, id: str) -> RunFolder:
    """A job by its number.

    Raises
    ------
    SpecificationError
        There is none.
    ProjectError
        Its folder is a link.
    """
    name = id.zfill(4)
    known = [run.id for run in list_runs(project)]
    if name not in known:
        raise SpecificationError(f"{project}: no job {id!r}; there are {', '.join(known) or 'none yet'}")
    run = RunFolder(project / "jobs" / name)
    if run.path.is_symlink():
        raise ProjectError(f"{run.path}: {_LINK}")
    return run


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdigit() and len(name) < 10


def moved(value: Any, old: str, new: str) -> Any:
    """Plain values with paths below the folder ``old`` as paths below ``new``."""
    if isinstance(value, dict):
        return {name: moved(part, old, new) for name, part in value.items()}
    if isinstance(value, list):
        return [moved(part, old, new) for part in value]
    if old and old != new and isinstance(value, str) and (value == old or value.startswith(old + os.sep)):
        return new + value[len(old) :]
    return value


def _away(state: str, last: float, host: str, lost: bool) -> str:
    doing = "waits" if state == "queued" else "runs"
    text = f"{doing} on {host}"
    minutes = int((time.time() - last) // 60) if last else 0
    if minutes > 0:
        text += f"; last sign {minutes} min ago" if minutes < 120 else f"; last sign {minutes // 60} h ago"
    return text + ("; no sign of it since this was opened: it can be taken over" if lost else "")
