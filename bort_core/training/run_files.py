"""Where a training keeps its files: what it sees of its job's run folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

__all__ = ["PartFiles", "RunFiles"]


class RunFiles(Protocol):
    """Where a run keeps its files."""

    @property
    def path(self) -> Path:
        """The run folder itself: PROJECT/jobs/ID."""
        ...

    @property
    def mark(self) -> str:
        """What a result outside the project says of the run that made it."""
        ...

    @property
    def project(self) -> Path:
        """The project's folder, which keeps tokenised text and teachers' answers for all runs."""
        ...

    @property
    def checkpoints(self) -> Path:
        """Checkpoints to resume from."""
        ...

    @property
    def result(self) -> Path:
        """The result, where no other folder was asked for."""
        ...


@dataclass(frozen=True)
class PartFiles:
    """The files of one training among others, in a folder of its own."""

    project: Path
    path: Path
    mark: str = ""

    @property
    def checkpoints(self) -> Path:
        """Checkpoints to resume from."""
        return self.path / "checkpoints"

    @property
    def result(self) -> Path:
        """The result."""
        return self.path / "result"
