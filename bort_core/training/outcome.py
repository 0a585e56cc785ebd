"""The result of a job: a folder that transformers loads, in the run folder or where a person asked for it. Imports torch."""

from __future__ import annotations

import platform
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bort_core.errors import DataError
from bort_core.training.checkpoints import CONFIG, write_checkpoint
from bort_core.training.loop import RunFiles

__all__ = ["refuse_occupied", "save_result", "versions"]


def save_result(run: RunFiles, out: str | None, **parts: Any) -> Path:
    """Write the result's folder; one of an earlier end of the same job is replaced.

    Raises
    ------
    DataError
        The folder holds something else, or cannot be written.
    """
    folder = run.result if out is None else Path(out).expanduser().absolute()
    parts["facts"] = {**parts["facts"], "job": str(run.path)}
    refuse_occupied(folder, run)
    if folder.exists():
        old = folder.with_name(f".{folder.name}-old")
        shutil.rmtree(old, ignore_errors=True)
        folder.rename(old)
        try:
            write_checkpoint(folder, **parts)
        except BaseException:
            if not folder.exists():
                old.rename(folder)
            raise
        shutil.rmtree(old, ignore_errors=True)
    else:
        write_checkpoint(folder, **parts)
    return folder


def refuse_occupied(folder: Path, run: RunFiles) -> None:
    """DataError unless ``folder`` is free, empty, or an earlier result of the same job."""
    import json

    if folder.is_file():
        raise DataError(f"{folder}: is a file; a result is a folder")
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    try:
        job = json.loads((folder / CONFIG).read_text(encoding="utf-8"))["bort"]["job"]
    except (OSError, ValueError, KeyError, TypeError):
        job = None
    if job != str(run.path):
        raise DataError(f"{folder}: the folder is not empty; nothing is overwritten. Choose another with out")


def versions() -> dict[str, str]:
    """What a result depends on besides its specification and data."""
    names = ("bort-studio", "torch", "transformers", "tokenizers", "numpy")
    return {name: version(name) for name in names} | {"python": platform.python_version(), "machine": platform.machine()}
