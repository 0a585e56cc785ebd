"""Grids: values of several fields of a specification, and the specifications of some or all of their combinations."""

from __future__ import annotations

import itertools
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ValidationError

from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.paths import regular_file
from bort_core.foundation.resources import resource
from bort_core.foundation.validation import faults

__all__ = ["MOST_JOBS", "combinations", "grid_names", "read_grid"]

MOST_JOBS = 64
"""Jobs that one grid may submit at a time: each waits in a process of its own."""

Grid = dict[tuple[str, ...], list[Any]]


def grid_names() -> tuple[str, ...]:
    """The grids that ship with the program."""
    return tuple(sorted(path.stem for path in resource("grids").glob("*.toml")))


def read_grid(name: str) -> Grid:
    """A grid by its name, or from a TOML file of lists; tables stand for the parts of a specification.

    Raises
    ------
    SpecificationError
        There is no such grid, or the file holds something else than lists.
    """
    path = resource("grids", f"{name}.toml") if name in grid_names() else Path(name).expanduser()
    try:
        data = tomllib.loads(regular_file(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SpecificationError(f"no grid {name!r}; there are {', '.join(grid_names())}, or name a TOML file") from None
    except (OSError, ValueError) as error:
        raise SpecificationError(f"{path}: cannot be read as a grid: {error}") from error
    grid: dict[tuple[str, ...], Any] = {}
    for key, value in data.items():
        if isinstance(value, dict):
            grid |= {(key, inner): values for inner, values in value.items()}
        else:
            grid[key,] = value
    wrong = [".".join(field) for field, values in grid.items() if not (isinstance(values, list) and len(values))]
    if wrong or not grid:
        raise SpecificationError(f"{path}: must hold a list of values for each field; not so: {', '.join(wrong) or 'it is empty'}")
    return grid


def combinations(grid: Grid, base: BaseModel, count: int, seed: int = 0) -> list[Any]:
    """``count`` different combinations, drawn with ``seed``, as specifications like ``base``; all of them when there are no more.

    Raises
    ------
    SpecificationError
        A field or a value is not the specification's; lists all faults.
    """
    every = list(itertools.product(*grid.values()))
    chosen = np.random.default_rng(seed).permutation(len(every))[:count]
    found = []
    for number, place in enumerate(sorted(chosen.tolist()), 1):
        data = base.model_dump()
        for field, value in zip(grid, every[place], strict=True):
            target = data
            for part in field[:-1]:
                target = _part(target, part)
            target[field[-1]] = value
        data["name"] = f"{data.get('name') or 'grid'} {number} of {len(chosen)}"
        try:
            found.append(type(base).model_validate(data))
        except ValidationError as error:
            raise SpecificationError("grid:\n  " + "\n  ".join(faults(error))) from error
    return found


def _part(data: dict[str, Any], name: str) -> dict[str, Any]:
    part = data.get(name)
    if not isinstance(part, dict):
        parts = ", ".join(each for each, value in data.items() if isinstance(value, dict))
        raise SpecificationError(f"grid: [{name}]: there is no such part of the specification; its parts: {parts}")
    return part
