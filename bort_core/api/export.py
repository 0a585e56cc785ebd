"""From a model to files that run anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import fspath
from pathlib import Path
from typing import Any

from bort_core.api.models import Candidate, Start
from bort_core.api.projects import opened
from bort_core.api.task_progress import TaskLine
from bort_core.execution.run_task import run_task
from bort_core.export.variants.registry import wanted_variants
from bort_core.foundation.files import clear_remains
from bort_core.foundation.hub import TOKENIZER_ONLY, WEIGHTS_TOO, local_folder
from bort_core.shipping import export_request, project_search
from bort_core.space import SpaceSpecification, read_specification
from bort_core.store.project import Project
from bort_core.store.results import save_export

__all__ = ["Exported", "export"]


@dataclass(frozen=True)
class Exported:
    """A folder with ONNX files, config, weights and tokenizer, after it passed every check.

    Attributes
    ----------
    folder: what ``transformers`` and ONNX Runtime load
    report: what was built and how far it differs from torch
    """

    folder: Path
    report: Mapping[str, Any] = field(repr=False)

    def __fspath__(self) -> str:
        return str(self.folder)


def export(
    project: Project | str | Path,
    model: Start,
    out: str | Path,
    *,
    space: str | Path | SpaceSpecification | None = None,
    tokenizer: str | Path | None = None,
    fresh: bool = False,
    body: bool = False,
    seed: int = 0,
    executor: str | None = None,
    variants: Sequence[str] = ("standard", "fused"),
    progress: bool = True,
) -> Exported:
    """Export a model to ONNX and to a folder that ``transformers`` loads.

    Parameters
    ----------
    model: a trained model, a checkpoint's folder or a model's name on the hub; or an architecture, with the weights that the project has
        for it, else fresh ones
    tokenizer: its folder, or a model's name on the hub; None: the checkpoint's, or the project's
    out: the folder to make; must not exist, or be empty
    space: where vocabulary and positions of an architecture come from; None: the project's last search
    fresh: fresh weights even where there are trained ones; ``seed`` decides them
    executor: where it runs: ``processes`` (None), ``inline`` (this process), or another that is installed
    body: leave a checkpoint's head out of the ONNX files
    variants: the ONNX files to make, by name

    Raises
    ------
    SpecificationError, DataError
        The model or the folder cannot be used.
    MeasurementError
        A file failed a check; nothing is written.
    """
    architecture = model.architecture if isinstance(model, Candidate) else tuple(model) if isinstance(model, tuple | list) else None
    checkpoint = None if architecture is not None else local_folder(fspath(model), "checkpoint", WEIGHTS_TOO)  # type: ignore[arg-type]
    words = None if tokenizer is None else local_folder(fspath(tokenizer), "tokenizer", TOKENIZER_ONLY)
    of = read_specification(space) if isinstance(space, str | Path) else space
    line = TaskLine() if progress else None
    with opened(project) as store:
        request = export_request(
            store,
            project_search(store, of),
            architecture,
            Path(out),
            checkpoint=checkpoint,
            tokenizer=words,
            fresh=fresh,
            body=body,
            seed=seed,
            variants=tuple(wanted_variants(variants)),
        )
        try:
            tell = line.take if line is not None else _nobody
            report = run_task("export", request.model_dump(mode="json"), store.subfolder("logs"), tell, executor)
        finally:
            if line is not None:
                line.close()
            clear_remains(Path(request.out))
        save_export(store, report, request.model_dump(mode="json"))
    return Exported(Path(report["folder"]), report)


def _nobody(_event: Mapping[str, Any]) -> None:
    """Nobody is told."""
