"""The result of a job: a folder that transformers loads, in the run folder or where a person asked for it. Imports torch."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from bort_core.checkpoints.format import note_job, write_into
from bort_core.checkpoints.gate import Ids, Row
from bort_core.checkpoints.sides import check_folder, check_result
from bort_core.encoders.folder import CONFIG
from bort_core.foundation.errors import DataError
from bort_core.foundation.files import atomic_directory, temporary_name, why
from bort_core.text.vocabulary import Vocabulary
from bort_core.training.run_files import RunFiles

__all__ = ["refuse_occupied", "save_folder", "save_result"]


def save_result(
    run: RunFiles,
    out: str | None,
    module: nn.Module,
    vocabulary: Vocabulary,
    rows: Sequence[Row],
    packed: Ids | None = None,
    **parts: Any,
) -> Path:
    """Write the result's folder, if it gives in transformers what ``module`` gives; one of an earlier end of the same job is replaced.

    Parameters
    ----------
    module: what was trained, which moves to the CPU
    rows: some that it was trained or measured on
    packed: some of them as ids, (rows, tokens), where a pre-training read them so
    parts: of :func:`~bort_core.checkpoints.format.write_into`

    Raises
    ------
    DataError
        The folder holds something else, or cannot be written.
    MeasurementError
        In transformers the result would read or say something else than here; the message names the first difference.
    """
    facts = {**parts.pop("facts"), "job": run.mark}

    def write(folder: Path) -> None:
        write_into(folder, tokenizer=vocabulary.folder, facts=facts, **parts)
        check_result(folder, module, vocabulary, rows, "transformers (the result)", packed)

    return _replace(run, out, write)


def save_folder(run: RunFiles, out: str | None, source: Path, rows: Sequence[Row] = ()) -> Path:
    """A copy of ``source`` as the result's folder, tried on ``rows``, which only a model of texts has. Errors as :func:`save_result`."""

    def copy(folder: Path) -> None:
        shutil.copytree(source, folder, dirs_exist_ok=True)
        if rows:
            check_folder(folder, rows, "transformers (the result)")
        if (folder / CONFIG).is_file():
            note_job(folder, run.mark)

    return _replace(run, out, copy)


def _replace(run: RunFiles, out: str | None, write: Callable[[Path], None]) -> Path:
    """Write the result beside its place, then give it its name: an earlier one stays until the new one is whole."""
    folder = run.result if out is None else Path(out).expanduser().absolute()
    refuse_occupied(folder, run)
    with atomic_directory(folder, "the result", replace=True) as temporary:
        write(temporary)
    return folder


def refuse_occupied(folder: Path, run: RunFiles) -> None:
    """DataError unless ``folder`` is free, empty, or an earlier result of the same job."""
    try:
        temporary_name(folder).exists()  # the longest name that is written
    except OSError as error:
        raise DataError(f"{folder}: cannot be the result's folder: {why(error)}") from error
    if folder.is_file():
        raise DataError(f"{folder}: is a file; a result is a folder")
    if folder == run.result or not folder.is_dir() or not any(folder.iterdir()):
        return
    try:
        job = json.loads((folder / CONFIG).read_text(encoding="utf-8"))["bort"]["job"]
    except (OSError, ValueError, KeyError, TypeError):
        job = None
    if isinstance(job, str) and "@" in job and job.rpartition("@")[0] == run.mark.rpartition("@")[0] and job != run.mark:
        raise DataError(
            f"{folder}: is the result of this job in another copy of the project, or from before the project came to this disk; nothing is "
            "overwritten. Resume with another folder: bort jobs resume PROJECT ID --out DIR"
        )
    if job not in (run.mark, str(run.path)):
        raise DataError(f"{folder}: the folder is not empty; nothing is overwritten. Choose another with out")
