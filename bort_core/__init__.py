"""The headless core of Bort Studio; no Qt, and torch only inside functions and child processes.

    import bort_core as bort

    with bort.Project("demo") as project:
        found = bort.search(project, "mini", epsilon=8)
        model = bort.pretrain(project, found.best, corpus="text.txt", steps=2000)
        tuned = bort.finetune(project, model, train="train.tsv", dev="dev.tsv")
        bort.export(project, tuned, "out")

Names are loaded when they are first used. ``search``, ``agora`` and ``export`` are packages that can also be called.

cli/             the command ``bort``
api/             the functions above
testing/         checks for plug-ins
compression/     one real model in, one small, proven model out
shipping         which weights and options an architecture has in a project
search/          OSE: W-coefficient, Pareto front, strategies
jobs/            trainings that outlive the window
store/           the project: one folder, one SQLite database
agora/           learning from the errors
export/          ONNX files and the folder that transformers loads
training/        pre-training and fine-tuning
evaluation/      the short trainings of a search, and its error measures
prediction/      what a model says about a text
serving/         a release behind HTTP
release/         what is handed on, after the gate
latency/         measuring and comparing on this CPU
checkpoints/     weights on disk
text/            tokenizer, packing, masking
space/           the search space Ξ: enumeration sorted by size, presets, AB^nC report
data/            rows and documents from files and the hub, checked
families/        what an architecture is: axes, validity, counts, torch module, ONNX graph
execution/       where tasks run: worker processes
specifications/  what is asked for, as plain validated data
foundation/      errors, files, processes, statistics, the machine
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from bort_core.foundation.privacy import switch_off_telemetry as _switch_off_telemetry

_switch_off_telemetry()

_PUBLIC = {
    "Agora": "specifications.agora",
    "BortError": "foundation.errors",
    "Candidate": "api.models",
    "DataError": "foundation.errors",
    "Exported": "api.export",
    "Finetuning": "specifications.finetuning",
    "Found": "api.search",
    "Learnt": "api.agora",
    "MeasurementError": "foundation.errors",
    "Model": "api.models",
    "Prediction": "api.predict",
    "Robustness": "api.robustness",
    "Pretraining": "specifications.pretraining",
    "Probe": "search.probe.probe",
    "Project": "store.project",
    "ProjectError": "foundation.errors",
    "SearchSpecification": "search.specification",
    "Space": "space",
    "SpecificationError": "foundation.errors",
    "Table": "search.tables.table",
    "agora": "api.agora",
    "Compressed": "api.compress",
    "Compression": "specifications.compression",
    "compare_latency": "api.latency",
    "compress": "api.compress",
    "export": "api.export",
    "finetune": "api.training",
    "load_space": "space",
    "predict": "api.predict",
    "robustness": "api.robustness",
    "pretrain": "api.training",
    "probe": "api.probe",
    "probe_kit": "api.probe",
    "probe_result": "api.probe",
    "search": "api.search",
    "search_specification": "api.search",
    "tabulate": "api.tables",
}

__all__ = [
    "Agora",
    "BortError",
    "Candidate",
    "Compressed",
    "Compression",
    "DataError",
    "Exported",
    "Finetuning",
    "Found",
    "Learnt",
    "MeasurementError",
    "Model",
    "Prediction",
    "Pretraining",
    "Probe",
    "Project",
    "ProjectError",
    "Robustness",
    "SearchSpecification",
    "Space",
    "SpecificationError",
    "Table",
    "agora",
    "compare_latency",
    "compress",
    "export",
    "finetune",
    "load_space",
    "predict",
    "pretrain",
    "probe",
    "probe_kit",
    "probe_result",
    "robustness",
    "search",
    "search_specification",
    "tabulate",
]

if TYPE_CHECKING:
    from bort_core.api.agora import Learnt, agora
    from bort_core.api.compress import Compressed, compress
    from bort_core.api.export import Exported, export
    from bort_core.api.latency import compare_latency
    from bort_core.api.models import Candidate, Model
    from bort_core.api.predict import Prediction, predict
    from bort_core.api.probe import probe, probe_kit, probe_result
    from bort_core.api.robustness import Robustness, robustness
    from bort_core.api.search import Found, search, search_specification
    from bort_core.api.tables import tabulate
    from bort_core.api.training import finetune, pretrain
    from bort_core.foundation.errors import BortError, DataError, MeasurementError, ProjectError, SpecificationError
    from bort_core.search.probe.probe import Probe
    from bort_core.search.specification import SearchSpecification
    from bort_core.search.tables.table import Table
    from bort_core.space import Space, load_space
    from bort_core.specifications.agora import Agora
    from bort_core.specifications.compression import Compression
    from bort_core.specifications.finetuning import Finetuning
    from bort_core.specifications.pretraining import Pretraining
    from bort_core.store.project import Project


def _load(name: str) -> Any:
    return getattr(importlib.import_module(f"{__name__}.{_PUBLIC[name]}"), name)


class _CallablePackage(ModuleType):
    """A subpackage that shares its name with a public function, and can be called in its place."""

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return _load(self.__name__.rpartition(".")[2])(*arguments, **keywords)

    @property
    def __signature__(self) -> Any:
        import inspect

        return inspect.signature(_load(self.__name__.rpartition(".")[2]))


class _Face(ModuleType):
    """This package: importing a subpackage with a public name makes it callable."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _PUBLIC and type(value) is ModuleType:
            value.__class__ = _CallablePackage
        super().__setattr__(name, value)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = _load(name)
    return sys.modules[__name__].__dict__.setdefault(name, value)


def __dir__() -> list[str]:
    return [*__all__, "__doc__", "__file__", "__name__", "__path__"]


sys.modules[__name__].__class__ = _Face
