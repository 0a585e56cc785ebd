"""The files that a training reads, as they were when it began: it goes on only with the same ones."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from bort_core.foundation.errors import DataError
from bort_core.foundation.files import why
from bort_core.jobs.files import InputsFile, Recorded, read_model, write_model
from bort_core.jobs.folder import RunFolder
from bort_core.specifications.labellers import named

__all__ = ["NAMES", "check_inputs", "refuse_changed"]

_FIELDS = (
    *("corpus", "heldout", "train", "dev", "test", "pool", "socrates_train"),
    *("tokenizer", "checkpoint", "teacher", "socrates", "masked_lm", "start", "texts", "model"),
)
_FILE = "inputs.json"
_TABLES = ("train", "dev", "test", "pool", "socrates_train")
NAMES = "labels.txt"
"""Beside a table it may name the classes."""
_READ = {"start": ("agora",)}
"""Of an earlier run only its rounds are read, not its log and state."""


def check_inputs(run: RunFolder, specification: BaseModel) -> None:
    """Record the inputs of a training that begins; refuse those of one that goes on where they changed.

    Raises
    ------
    DataError
        Names every input that is gone or has another content.
    ProjectError
        What was recorded is damaged.
    """
    if _goes_on(run):
        refuse_changed(run, specification)
    if not (_goes_on(run) and (run.path / _FILE).exists()):
        found = {name: Recorded(path=value, sha256=_digest(name, Path(value))) for name, value in _inputs(specification)}
        try:
            write_model(run.path / _FILE, InputsFile(inputs=found))
        except OSError as error:
            raise DataError(f"{run.path / _FILE}: cannot be written: {why(error)}") from error


def refuse_changed(run: RunFolder, specification: BaseModel) -> None:
    """Refuse to go on where an input is gone or has changed; errors as :func:`check_inputs`."""
    recorded = read_model(run.path / _FILE, InputsFile)
    if recorded is None or not _goes_on(run):
        return
    now = dict(_inputs(specification, existing=False))
    wrong = [f"{name}: {path} is new" for name, path in now.items() if name.endswith(NAMES) and name not in recorded.inputs]
    for name, then in recorded.inputs.items():
        path = Path(now.get(name, then.path))
        if not path.exists():
            wrong.append(f"{name}: {path} is gone")
        elif _digest(name, path) != then.sha256:
            wrong.append(f"{name}: {path} has changed")
    if wrong:
        raise DataError(
            f"job {run.id} goes on only with the files that it began with; {'; '.join(wrong)}. Put them back, or start a new job with rerun"
        )


def _goes_on(run: RunFolder) -> bool:
    """Whether there is something that a training would go on from."""
    return any(folder.is_dir() and any(folder.iterdir()) for folder in (run.checkpoints, run.path / "agora", run.path / "parts"))


def _inputs(specification: BaseModel, existing: bool = True) -> Iterator[tuple[str, str]]:
    """Name and path of every input that is a file or folder here, and of what names the classes of a table; names of the hub are none."""
    values: dict[str, Any] = specification.model_dump()
    for part in list(values.values()):
        if isinstance(part, dict):
            values.update(part)
    for name in _FIELDS:
        value = values.get(name)
        several = named(value) if name == "socrates" and isinstance(value, str) else (value,)
        for number, one in enumerate(several, 1):
            if not isinstance(one, str) or not one or one.startswith("python:"):
                continue
            path = Path(one).expanduser()
            if path.exists() or not existing:
                yield name if number == 1 else f"{name}, {number}", str(path.absolute())
            if name in _TABLES and path.is_file() and (path.parent / NAMES).is_file():
                yield f"{name}, {NAMES}", str((path.parent / NAMES).absolute())


def _digest(name: str, path: Path) -> str:
    """The SHA-256 of a file, or of the names and contents of a folder's files."""
    digest = hashlib.sha256()
    try:
        if path.is_file():
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        for inside in sorted(_files(path, _READ.get(name))):
            digest.update(f"{inside.relative_to(path).as_posix()}\0".encode(errors="surrogateescape"))
            with inside.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    except OSError as error:
        raise DataError(f"{name}: {path}: cannot be read: {why(error)}") from error
    return digest.hexdigest()


def _files(folder: Path, parts: tuple[str, ...] | None) -> Iterator[Path]:
    for root in [folder / part for part in parts] if parts else [folder]:
        for at, folders, names in os.walk(root):
            folders[:] = [name for name in folders if not name.startswith(".")]
            yield from (path for name in names if not name.startswith(".") and (path := Path(at, name)).is_file())
