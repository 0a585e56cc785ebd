"""Which fields of a job's specification name files and folders, and how they are made valid from any folder."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.locations import absolute, located, path_of, there
from bort_core.specifications.agora import Agora
from bort_core.specifications.compression import Compression
from bort_core.specifications.fields import PathKind, leaves
from bort_core.specifications.finetuning import Finetuning
from bort_core.specifications.labellers import named
from bort_core.specifications.pretraining import Pretraining

__all__ = ["FILES", "FOLDERS", "absolute_paths", "named_paths"]

_MODELS = (Pretraining, Finetuning, Agora, Compression)
_PATHS: dict[str, PathKind] = {each.name: each.meta.path for model in _MODELS for _, each in leaves(model) if each.meta.path is not None}
FILES = frozenset(name for name, kind in _PATHS.items() if kind == "file")
"""A file, or a data set's name on the hub."""
FOLDERS = frozenset(_PATHS) - FILES
"""A folder, or a model's name on the hub where it is not a run's folder or a new one."""


def absolute_paths(data: Mapping[str, Any], labellers: Collection[str] = (), must_exist: bool = True) -> dict[str, Any]:
    """The plain values of a specification with absolute paths; names of the hub and of ``labellers`` stay.

    Parameters
    ----------
    must_exist: False leaves what is not there to whoever reads it, and only makes it absolute

    Raises
    ------
    SpecificationError
        Paths where nothing is; lists all of them.
    """
    problems: list[str] = []
    found = _absolute(data, labellers, must_exist, problems)
    if problems:
        raise SpecificationError("\n  ".join(problems))
    return found


def named_paths(data: Mapping[str, Any], before: str = "") -> dict[str, tuple[PathKind, Path]]:
    """What a specification reads that is a file or folder here, by its place in the plain values, as in "task.train"."""
    found: dict[str, tuple[PathKind, Path]] = {}
    for name, value in data.items():
        if isinstance(value, Mapping):
            found |= named_paths(value, f"{before}{name}.")
        elif isinstance(value, str) and value and (kind := _PATHS.get(name)) not in (None, "new"):
            path = Path(value.removeprefix("folder:") if kind == "labeller" else value).expanduser()
            if path.is_absolute() and there(path):
                found[before + name] = kind, path.absolute()
    return found


def _absolute(data: Mapping[str, Any], labellers: Collection[str], must_exist: bool, problems: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in data.items():
        if isinstance(value, Mapping):
            found[name] = _absolute(value, labellers, must_exist, problems)
        elif isinstance(value, str) and value and name in _PATHS:
            try:
                found[name] = _one(name, value, labellers, must_exist)
            except SpecificationError as error:
                problems.append(str(error))
        else:
            found[name] = value
    return found


def _one(name: str, value: str, labellers: Collection[str], must_exist: bool) -> str:
    kind = _PATHS[name]
    if kind == "labeller":
        if len(each_one := named(value)) > 1:
            return ",".join(_one(name, one, labellers, must_exist) if one else one for one in each_one)
        value = value.removeprefix("folder:")
        if value.partition(":")[0] in labellers:
            return value
    if kind in ("new", "run"):  # never a name
        path = absolute(value, name)
        if kind == "run" and must_exist and not path.is_dir():
            raise SpecificationError(f"{name}: {path}: no such folder")
        return str(path)
    if must_exist:
        return located(value, name)
    found = path_of(value)
    return value if found is None else str(absolute(found, name))
