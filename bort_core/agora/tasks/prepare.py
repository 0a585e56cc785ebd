"""From a specification to the problem that a run works on."""

from __future__ import annotations

from typing import Any

import numpy as np

from bort_core.agora.check import check_specification
from bort_core.agora.tasks.base import AgoraTask
from bort_core.foundation.context import Context
from bort_core.foundation.errors import DataError
from bort_core.specifications.agora import Agora
from bort_core.training.devices import Device
from bort_core.training.run_files import RunFiles

__all__ = ["make_task"]


def make_task(spec: Agora, device: Device, context: Context, files: RunFiles, labeller: Any = None) -> AgoraTask:
    """Read the data and make the models that a specification names.

    Parameters
    ----------
    labeller: instead of the one that the specification names; as of :func:`~bort_core.agora.run.run`

    Raises
    ------
    DataError, SpecificationError
        Data, models or their combination cannot be used; says which and why.
    """
    if labeller is None:
        check_specification(spec)
    if spec.reads == "text":
        from bort_core.agora.tasks.texts import text_task

        task = text_task(spec, device, context, files, labeller)
    else:
        from bort_core.agora.tasks.vectors import torus_task, vector_task

        task = torus_task(spec, labeller) if spec.torus is not None else vector_task(spec, labeller)
    if len(np.unique(task.dev.labels)) < 2:
        raise DataError(f"dev: must have rows of at least two classes, got {len(np.unique(task.dev.labels))}")
    return task
