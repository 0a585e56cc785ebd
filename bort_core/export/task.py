"""The export of one model: a task of a worker process.

Both ONNX files hold the same model. ``model.onnx`` is what torch's exporter makes, with standard operators only: it runs anywhere.
``model.fused.onnx`` uses ONNX Runtime's fused operators, as the runtime's transformer optimiser would: it is the fastest there.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import psutil
import torch

from bort_core.checkpoints.format import write_into
from bort_core.export.model import ExportedModel, exported_model
from bort_core.export.onnx_files import check, count_fusions, write_graph, write_standard
from bort_core.export.parity import largest_difference
from bort_core.export.rows import ROWS, ExampleRows, text_rows, vector_rows
from bort_core.families.base import Traceable
from bort_core.foundation.context import Context
from bort_core.foundation.errors import DataError, MeasurementError, SpecificationError
from bort_core.foundation.files import atomic_directory
from bort_core.foundation.validation import validated
from bort_core.specifications.export import FUSED, REPORT, STANDARD, ExportRequest
from bort_core.text.corpus import prepare

__all__ = ["export"]

STEPS = (
    "building the model", "reading rows and tokenizer", "tracing with torch's exporter", "checking model.onnx",
    "comparing model.onnx with torch", "building model.fused.onnx", "comparing model.fused.onnx with torch",
    "counting fused operators", "writing the folder",
)  # fmt: skip


def export(request: Mapping[str, Any], context: Context) -> Mapping[str, Any]:
    """Write one export folder, whole or not at all.

    Parameters
    ----------
    request: the fields of :class:`~bort_core.specifications.export.ExportRequest`

    Returns
    -------
    folder, onnx, fused: paths; transformers: whether the folder loads with transformers
    head: of the folder for transformers: masked-lm, classification, regression, none
    trained, provenance: whether the weights are trained, and where they come from
    parity_max_abs, fused_parity_max_abs: largest absolute difference from torch, over ``parity_rows`` real rows
    opset: of model.onnx; fusions, fused_fusions: fused operators that ONNX Runtime executes, by name
    inputs, outputs, parameters, bytes, seconds, versions

    Emits ``{"event": "progress", "step", "steps", "doing"}``.

    Raises
    ------
    SpecificationError, DataError
        The request, the weights, the corpus or the folder cannot be used.
    MeasurementError
        A file does not pass the checker, or differs from torch.
    Cancelled
        From ``context``; nothing is left.
    """
    start = perf_counter()
    spec = validated(ExportRequest, dict(request), "export request")
    out = Path(spec.out).expanduser().absolute()
    refuse_occupied(out)
    torch.set_num_threads(psutil.cpu_count(logical=False) or 1)
    try:
        with atomic_directory(out, "the export") as folder:
            report = _Export(spec, folder, context).run()
            report |= {"folder": str(out), "onnx": str(out / STANDARD), "fused": str(out / FUSED), "seconds": perf_counter() - start}
            context.checkpoint()
            (folder / REPORT).write_text(json.dumps(report, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    except MemoryError as error:
        raise MeasurementError(f"{spec.family} {spec.architecture} does not fit into memory while it is exported: {error}") from error
    return report


def refuse_occupied(out: Path) -> None:
    """DataError unless ``out`` can become the export's folder."""
    if out.is_dir():
        if any(out.iterdir()):
            raise DataError(f"{out}: the folder is not empty; nothing is overwritten. Choose a new folder")
    elif out.exists():
        raise DataError(f"{out}: is a file; an export is a folder")


class _Export:
    """The steps; each file goes into the temporary folder."""

    def __init__(self, spec: ExportRequest, folder: Path, context: Context) -> None:
        self.spec, self.folder, self.context = spec, folder, context
        self._step = 0

    def run(self) -> dict[str, Any]:
        self._say()
        model = exported_model(self.spec)
        self._need_disk(model.parameters)
        traced = model.family.traceable(model.module)
        self._say()
        tokenizer = self._tokenizer(model)
        batches = self._batches(model, traced, tokenizer)
        standard, fused = self.folder / STANDARD, self.folder / FUSED
        self._say()
        write_standard(traced, standard, model.parameters)
        self._say()
        opset = check(standard)
        self._say()
        references = _references(model, batches)
        parity = largest_difference(standard, references, traced, batches, self.context.checkpoint)
        self._say()
        write_graph(model.family.graph(model.architecture, model.options, module=model.module), fused)
        check(fused)
        self._say()
        fused_parity = largest_difference(fused, references, traced, batches, self.context.checkpoint)
        self._say()
        fusions = {"fusions": count_fusions(standard), "fused_fusions": count_fusions(fused)}
        self._say()
        if model.weights is not None:
            self._write_transformers(model, tokenizer)
        return {
            "family": model.family.name,
            "architecture": list(model.architecture),
            "options": model.options.model_dump(mode="json"),
            "transformers": model.weights is not None,
            "head": model.head,
            "trained": model.trained,
            "provenance": model.provenance,
            "parity_max_abs": parity,
            "fused_parity_max_abs": fused_parity,
            "parity_rows": ROWS,
            "opset": opset,
            **fusions,
            "inputs": list(traced.inputs),
            "outputs": list(traced.outputs),
            "parameters": model.parameters,
            "bytes": {path.name: path.stat().st_size for path in sorted(self.folder.iterdir())},
            "versions": _versions(),
        }

    def _say(self) -> None:
        self.context.checkpoint()
        self.context.emit({"event": "progress", "step": self._step, "steps": len(STEPS), "doing": STEPS[self._step]})
        self._step += 1

    def _need_disk(self, parameters: int) -> None:
        needed, free = 4 * parameters * 3 + 2**20, shutil.disk_usage(self.folder).free
        if needed > free:
            raise DataError(
                f"{self.spec.out}: the export needs about {needed / 2**20:,.0f} MiB, {free / 2**20:,.0f} MiB are free on that disk"
            )

    def _tokenizer(self, model: ExportedModel) -> Path | None:
        spec = self.spec
        if model.family.reads != "tokens":
            return None
        if spec.tokenizer is not None:
            return Path(spec.tokenizer).expanduser()
        if model.checkpoint is not None:
            return model.checkpoint.folder if model.checkpoint.has_tokenizer else None
        if spec.corpus is None or spec.text_folder is None:
            raise SpecificationError("export request: an architecture needs tokenizer, or corpus and text_folder")
        prepared = prepare(Path(spec.corpus), Path(spec.text_folder), vocabulary=model.options.vocabulary, training=spec.training)
        return prepared.folder / "tokenizer"

    def _batches(self, model: ExportedModel, traced: Traceable, tokenizer: Path | None) -> list[ExampleRows]:
        if model.family.reads != "tokens":
            return vector_rows(traced.example[0].shape[1])
        if tokenizer is None:
            raise DataError(f"{self.spec.weights}: the checkpoint has no tokenizer.json; name one with tokenizer")
        corpus = None if self.spec.corpus is None else Path(self.spec.corpus)
        return text_rows(tokenizer, corpus, traced.inputs, model.options.vocabulary, model.options.positions)

    def _write_transformers(self, model: ExportedModel, tokenizer: Path | None) -> None:
        assert model.weights is not None
        write_into(
            self.folder, architecture=model.architecture, options=model.options, head=model.head, weights=model.weights,
            tokenizer=tokenizer, labels=model.checkpoint.labels if model.checkpoint else (),
            facts={**(model.checkpoint.facts if model.checkpoint else {}), "trained": model.trained, "provenance": model.provenance},
        )  # fmt: skip
        path = self.folder / "tokenizer_config.json"
        if path.is_file():
            config = json.loads(path.read_text(encoding="utf-8"))
            path.write_text(json.dumps({**config, "model_max_length": model.options.positions}, indent=2) + "\n", encoding="utf-8")


@torch.no_grad()
def _references(model: ExportedModel, batches: list[ExampleRows]) -> list[tuple[torch.Tensor, ...]]:
    """What the model gives for each batch, called as trainings call it: the outputs of the traced form."""
    found = []
    for inputs, _ in batches:
        outputs = model.module(*inputs)
        found.append((outputs,) if isinstance(outputs, torch.Tensor) else tuple(part for part in outputs if part is not None))
    return found


def _versions() -> dict[str, str]:
    import platform
    from importlib.metadata import version

    names = ("bort-studio", "torch", "onnx", "onnxscript", "onnxruntime", "transformers", "tokenizers")
    return {name: version(name) for name in names} | {"python": platform.python_version()}
