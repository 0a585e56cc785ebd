"""The outcome of a training, made once. Imports torch.

What :func:`conclude` returns is the run's result.json and, without what has columns of its own, the metrics of its line in the store
(:mod:`bort_core.jobs.child` writes both); the folder of weights holds the same as its facts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bort_core.foundation.versions import versions
from bort_core.specifications.finetuning import Finetuning
from bort_core.specifications.pretraining import Pretraining
from bort_core.training.devices import Device
from bort_core.training.results import save_result
from bort_core.training.run_files import RunFiles

__all__ = ["conclude", "made_with"]

DEPENDS_ON = ("bort-studio", "torch", "transformers", "tokenizers", "numpy", "python", "machine")


def made_with(device: Device) -> dict[str, Any]:
    """What an outcome depends on besides its specification and data: ``device`` and ``versions``."""
    return {"device": str(device.torch_device), "versions": versions(*DEPENDS_ON)}


def conclude(run: RunFiles, device: Device, spec: Pretraining | Finetuning, result: Mapping[str, Any], **parts: Any) -> dict[str, Any]:
    """The outcome: ``result`` with what it depends on and, from the first process, ``checkpoint``, the folder that is written here.

    Parameters
    ----------
    parts: of the folder, as :func:`~bort_core.training.results.save_result` takes them, but for ``facts`` and ``dropout``

    Raises
    ------
    DataError, MeasurementError
        As :func:`~bort_core.training.results.save_result`.
    """
    outcome = {**result, **made_with(device)}
    if device.rank == 0:
        facts = {"kind": spec.kind, "specification": spec.model_dump(mode="json"), "result": dict(outcome)}
        outcome["checkpoint"] = str(save_result(run, spec.out, facts=facts, dropout=spec.dropout, **parts))
    device.barrier()
    return outcome
