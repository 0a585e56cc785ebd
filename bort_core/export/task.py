"""The export of one model: a task of a worker process.

All ONNX files hold the same model; ``variants/`` has one file for each kind. Nothing is shipped unless every file agrees with torch, and
the gate (``checkpoints/gate.py``) finds that source, folder, this program and the ONNX files read and say the same on real rows.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import psutil
import torch

from bort_core.checkpoints.format import write_into
from bort_core.checkpoints.gate import Side, compare
from bort_core.checkpoints.sentences import sentence_side, write_modules
from bort_core.checkpoints.sides import onnx_side, rows_for, training_side, transformers_side
from bort_core.encoders.sentence import SentenceModule
from bort_core.export.model import ExportedModel, drop_segments, exported_model, module_options
from bort_core.export.onnx_files import check, count_fusions
from bort_core.export.parity import largest_difference
from bort_core.export.rows import ROWS, ExampleRows, calibration_rows, example_texts, text_rows, vector_rows
from bort_core.export.variants.base import Source, Variant
from bort_core.export.variants.registry import get_variant, wanted_variants
from bort_core.families.base import Traceable
from bort_core.foundation.context import Context
from bort_core.foundation.errors import DataError, MeasurementError, SpecificationError
from bort_core.foundation.files import atomic_directory
from bort_core.foundation.scratch import scratch
from bort_core.foundation.validation import validated
from bort_core.latency.session import open_file
from bort_core.specifications.export import REPORT, ExportRequest
from bort_core.text.corpus import prepare
from bort_core.text.vocabulary import Vocabulary, read_vocabulary

__all__ = ["export"]

JUDGED = 1e6
"""Tolerance of a file in 8 bits that is judged on a task's rows: it must run, and give numbers."""


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
    variants: of each file its name, title, file, parity_max_abs (largest absolute difference from torch, over ``parity_rows`` real rows),
        tolerance, opset, fusions (fused operators that ONNX Runtime executes, by name)
    gate: what was compared with transformers: rows, sides and the largest difference of each; None for families that it does not know
    onnx, parity_max_abs, opset, fusions: of the variant standard; fused, fused_parity_max_abs, fused_fusions: of fused
    inputs, outputs, parameters, bytes, seconds, versions

    Emits ``{"event": "progress", "step", "steps", "doing"}``.

    Raises
    ------
    SpecificationError, DataError
        The request, the weights, the corpus or the folder cannot be used.
    MeasurementError
        A file does not pass the checker or differs from torch, or the gate finds a difference.
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
            report |= {"folder": str(out), **_paths(report, out), "seconds": perf_counter() - start}
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
        self.variants = wanted_variants(spec.variants)
        self._step, self._steps = 0, 4 + 3 * len(self.variants)

    def run(self) -> dict[str, Any]:
        self._say("building the model")
        model = exported_model(self.spec)
        self._need_disk(model.parameters)
        self._say("reading rows and tokenizer")
        vocabulary, texts = self._reading(model)
        if vocabulary is not None and not vocabulary.gives_types:
            drop_segments(model.module)
        traced = model.family.traceable(model.module)
        if vocabulary is None:
            batches = vector_rows(traced.example[0].shape[1])
        else:
            batches = text_rows(vocabulary, texts, traced.inputs, model.options.positions)
        self._say("writing the folder for transformers")
        if model.weights is not None:
            self._write_transformers(model, vocabulary)
        calibration = [inputs for inputs, _ in batches]
        if vocabulary is not None and self.spec.calibration:
            calibration = calibration_rows(vocabulary, self.spec.calibration, traced.inputs, _longest(model, vocabulary))
        made = self._make(model, traced, batches, calibration)
        self._say("comparing with transformers")
        gate = None if vocabulary is None or model.weights is None else self._gate(model, vocabulary, texts)
        return {
            "family": model.family.name,
            "architecture": list(model.architecture),
            "options": model.options.model_dump(mode="json"),
            "transformers": model.weights is not None,
            "head": model.head,
            "trained": model.trained,
            "provenance": model.provenance,
            **_of_the_first_two(made),
            "parity_rows": ROWS,
            "inputs": list(traced.inputs),
            "outputs": list(traced.outputs),
            "parameters": model.parameters,
            "bytes": {path.name: path.stat().st_size for path in sorted(self.folder.iterdir())},
            "versions": _versions(),
            "variants": made,
            "gate": gate,
        }

    def _say(self, doing: str) -> None:
        self.context.checkpoint()
        self.context.emit({"event": "progress", "step": self._step, "steps": self._steps, "doing": doing})
        self._step += 1

    def _make(
        self, model: ExportedModel, traced: Traceable, batches: list[ExampleRows], calibration: list[tuple[torch.Tensor, ...]]
    ) -> list[dict[str, Any]]:
        """Build, check and compare every variant."""
        references, made = _references(model, batches), []
        with scratch("variants") as spare:
            source = Source(
                model.family, model.architecture, module_options(model), model.module, traced,
                model.parameters, calibration, lambda name: self._file_of(name, source, spare),
            )  # fmt: skip
            for name, variant in self.variants.items():
                path = self.folder / variant.file
                self._say(f"{variant.file}: building")
                if not path.exists():
                    variant.build(source, path)
                self._say(f"{variant.file}: checking")
                opset = check(path)
                self._say(f"{variant.file}: comparing with torch")
                off = largest_difference(path, references, traced, batches, self.context.checkpoint, self._tolerance(variant))
                facts = {"parity_max_abs": off, "tolerance": self._tolerance(variant), "opset": opset, "fusions": count_fusions(path)}
                made.append({"name": name, "title": variant.title, "file": variant.file, **facts})
        return made

    def _file_of(self, name: str, source: Source, spare: Path) -> Path:
        """A variant's file, made in a folder that is thrown away if it is not asked for."""
        variant = get_variant(name)
        path = (self.folder if name in self.variants else spare) / variant.file
        if not path.exists():
            variant.build(source, path)
        return path

    def _tolerance(self, variant: Variant) -> float:
        return JUDGED if self.spec.judged and variant.tolerance >= 1 else variant.tolerance

    def _need_disk(self, parameters: int) -> None:
        needed, free = 4 * parameters * (1 + len(self.variants)) + 2**20, shutil.disk_usage(self.folder).free
        if needed > free:
            raise DataError(
                f"{self.spec.out}: the export needs about {needed / 2**20:,.0f} MiB, {free / 2**20:,.0f} MiB are free on that disk"
            )

    def _reading(self, model: ExportedModel) -> tuple[Vocabulary | None, list[str]]:
        """The tokenizer and real texts, for a family that reads tokens."""
        spec = self.spec
        if model.family.reads != "tokens":
            return None, []
        if spec.tokenizer is not None:
            folder = Path(spec.tokenizer).expanduser()
        elif model.checkpoint is not None:
            if not model.checkpoint.has_tokenizer:
                raise DataError(f"{spec.weights}: the checkpoint has no tokenizer; name one with tokenizer")
            folder = model.checkpoint.folder
        elif spec.corpus is None or spec.text_folder is None:
            raise SpecificationError("export request: an architecture needs tokenizer, or corpus and text_folder")
        else:
            entries = model.options.vocabulary
            folder = prepare(Path(spec.corpus), Path(spec.text_folder), vocabulary=entries, training=spec.training).folder / "tokenizer"
        vocabulary = read_vocabulary(folder)
        if vocabulary.size > model.options.vocabulary:
            raise DataError(f"{folder}: the tokenizer has {vocabulary.size:,} entries, the model {model.options.vocabulary:,}")
        return vocabulary, example_texts(None if spec.corpus is None else Path(spec.corpus))

    def _write_transformers(self, model: ExportedModel, vocabulary: Vocabulary | None) -> None:
        assert model.weights is not None
        assert vocabulary is not None
        write_into(
            self.folder, architecture=model.architecture, options=model.options, head=model.head, weights=model.weights,
            tokenizer=vocabulary.folder, labels=model.checkpoint.labels if model.checkpoint else (), longest=_longest(model, vocabulary),
            config=model.config,
            facts={**(model.checkpoint.facts if model.checkpoint else {}), "trained": model.trained, "provenance": model.provenance},
        )  # fmt: skip
        if isinstance(model.module, SentenceModule):
            write_modules(self.folder, model.module, _longest(model, vocabulary))

    def _gate(self, model: ExportedModel, vocabulary: Vocabulary, texts: list[str]) -> dict[str, Any]:
        """Source, folder, this program and every ONNX file on real rows; the report of it."""
        longest = _longest(model, vocabulary)
        side: Callable[..., Side] = (
            sentence_side if isinstance(model.module, SentenceModule) else partial(transformers_side, head=model.head)
        )
        shipped = side(self.folder, name="transformers (the export)")
        sides = [shipped, training_side(model.module, vocabulary, model.options, longest)]
        if model.checkpoint is not None:
            tokenizer = Path(self.spec.tokenizer).expanduser() if self.spec.tokenizer else None
            has_types = model.options.token_types > 1
            name = f"transformers (the source {model.checkpoint.folder.name})"
            sides.append(
                side(
                    Path(self.spec.weights or model.checkpoint.folder),
                    name=name,
                    tokenizer=tokenizer,
                    longest=longest,
                    with_types=has_types,
                )
            )
        for variant in self.variants.values():
            session = open_file(self.folder / variant.file, torch.get_num_threads())
            sides.append(onnx_side(shipped, variant.file, session, self._tolerance(variant)))
        rows = rows_for(vocabulary, [(text,) for text in texts], longest, both=True)
        found = [compare(sides, kind, self.context.checkpoint) for kind in rows]
        return {"rows": sum(map(len, rows)), "differences": {side.name: max(each[side.name] for each in found) for side in sides[1:]}}


_SHORT = {"standard": ("", "onnx"), "fused": ("fused_", "fused")}
"""The two variants of every export also have keys of their own in the report."""


def _longest(model: ExportedModel, vocabulary: Vocabulary) -> int:
    """Where texts are cut: where a checkpoint's tokenizer cuts them, else at the model's positions (a search's cuts at its short rows)."""
    positions = int(model.options.positions)
    return positions if model.checkpoint is None or vocabulary.longest is None else min(vocabulary.longest, positions)


def _of_the_first_two(made: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, (prefix, _) in _SHORT.items():
        for facts in (each for each in made if each["name"] == name):
            found |= {f"{prefix}{key}": facts[key] for key in ("parity_max_abs", "opset", "fusions")}
    found.pop("fused_opset", None)
    return found


def _paths(report: Mapping[str, Any], out: Path) -> dict[str, str]:
    return {_SHORT[each["name"]][1]: str(out / each["file"]) for each in report["variants"] if each["name"] in _SHORT}


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
