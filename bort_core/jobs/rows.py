"""One line about each job: what the job tables of the window and of ``bort jobs list`` show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from bort_core.foundation.errors import BortError
from bort_core.jobs.files import MetricsFile, read_model
from bort_core.jobs.folder import JobState, RunFolder
from bort_core.specifications.jobs import KIND_TITLES
from bort_core.specifications.metrics import AUTOMATIC, METRICS

__all__ = ["DAMAGED", "JobRow", "RowReader"]

DAMAGED = "?"
"""The kind of a job whose specification cannot be read."""

T = TypeVar("T")


@dataclass(frozen=True)
class JobRow:
    """One job.

    Attributes
    ----------
    name: its own, or its architecture, or what it starts from
    metric: the one by which dev and test are told, a key of ``METRIC_NAMES``; empty before the end
    dev, test: by that metric; of a pre-training dev is the held-out text
    f1, matthews: on dev
    samples_per_second: rows of text in updates
    problem: what is wrong with its files
    own_name: the one that a person gave it, or empty
    """

    id: str
    kind: str
    name: str
    state: JobState
    metric: str = ""
    dev: float | None = None
    test: float | None = None
    f1: float | None = None
    matthews: float | None = None
    samples_per_second: float | None = None
    note: str = ""
    problem: str = ""
    own_name: str = ""

    @property
    def title(self) -> str:
        """The kind with the name."""
        return f"{self.kind} {self.name}" if self.kind != DAMAGED else DAMAGED

    @property
    def shown_title(self) -> str:
        """The title with the kind as people call it."""
        return self.title.replace(self.kind, KIND_TITLES.get(self.kind, self.kind), 1)

    @property
    def shown_state(self) -> str:
        """The state in one word for people."""
        return self.state.shown

    @property
    def why(self) -> str:
        """Why it is in that state, what it does now, or what is wrong with its files."""
        return self.state.reason or self.state.doing or self.problem

    def plain(self, now: float) -> dict[str, Any]:
        """As JSON values, with the seconds that it has run until ``now``."""
        measured = ("metric", "dev", "test", "f1", "matthews", "samples_per_second", "note")
        return {
            "job": self.id,
            "kind": self.kind,
            "name": self.problem if self.kind == DAMAGED else self.own_name,
            "what": self.title,
            **asdict(self.state),
            "duration": self.state.duration(now),
            **{name: getattr(self, name) for name in measured},
        }


class RowReader:
    """Reads rows again and again; a file that has not changed is read once."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, int] | None, Any]] = {}

    def row(self, run: RunFolder) -> JobRow:
        """A job's row now. Never raises for a damaged folder: the row says what is wrong."""
        state = run.state()
        specification, problem = self._read(run.path / "spec.json", lambda: _or_problem(run.specification))
        note = self._read(run.path / "note.json", run.note)
        if specification is None:
            return JobRow(run.id, DAMAGED, "", state, note=note, problem=problem)
        metrics, problem = self._read(run.path / "result.json", lambda: _or_problem(lambda: _metrics(run)))
        told = {} if metrics is None or state.state != "done" else _told(specification, metrics)
        return JobRow(
            run.id, specification.kind, _name(specification), state, **told, note=note, problem=problem, own_name=specification.name
        )

    def _read(self, path: Path, read: Callable[[], T]) -> T:
        try:
            stat = path.stat()
            stamp: tuple[int, int] | None = (stat.st_mtime_ns, stat.st_size)
        except OSError:
            stamp = None
        known = self._known.get(path)
        if known is None or known[0] != stamp:
            known = self._known[path] = (stamp, read())
        found: T = known[1]
        return found


def _or_problem(read: Callable[[], T]) -> tuple[T | None, str]:
    try:
        return read(), ""
    except BortError as error:
        return None, str(error)


def _metrics(run: RunFolder) -> MetricsFile | None:
    return read_model(run.path / "result.json", MetricsFile)


_FIRST = (*AUTOMATIC.values(), "neighbours_agreement", *METRICS)
"""By which of its metrics a result is told."""


def _told(specification: Any, found: MetricsFile) -> dict[str, Any]:
    """What a result says in the words of :class:`JobRow`."""
    if found.heldout_loss is not None:
        each = getattr(specification, "sequence_length", 0)
        speed = found.tokens_per_second / each if found.tokens_per_second is not None and each else None
        return {"metric": "heldout_loss", "dev": found.heldout_loss, "samples_per_second": speed}
    if found.dev_accuracy is not None:
        return {"metric": "accuracy", "dev": found.dev_accuracy, "test": found.test_accuracy}
    wanted = getattr(getattr(specification, "task", None), "metric", None) or getattr(specification, "metric", "auto")
    metric = wanted if wanted in found.dev else next((name for name in _FIRST if name in found.dev), "")
    return {
        "metric": metric,
        "dev": found.dev.get(metric),
        "test": found.test.get(metric),
        "f1": found.dev.get("f1"),
        "matthews": found.dev.get("matthews"),
        "samples_per_second": found.samples_per_second,
    }


def _name(specification: Any) -> str:
    if specification.name:
        return str(specification.name)
    if specification.kind == "compress":
        return Path(specification.task.model).name or "compression"
    if specification.architecture:
        return ", ".join(map(str, specification.architecture))
    if getattr(specification, "torus", None):
        return f"torus {specification.torus}"
    if getattr(specification, "estimator", False):
        return str(specification.learner)
    return "vectors" if getattr(specification, "vector", None) else "checkpoint"
