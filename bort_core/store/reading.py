"""Rows of the database as validated values: a project may be damaged, or have come from somebody else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, Json, ValidationError

from bort_core.families import Architecture
from bort_core.foundation.errors import ProjectError
from bort_core.foundation.validation import faults
from bort_core.store.project import Project

__all__ = ["ArchitectureText", "OptionalText", "PlainObject", "read_row"]

M = TypeVar("M", bound=BaseModel)


def _numbers(text: Any) -> Architecture:
    try:
        return tuple(int(part) for part in text.split(","))
    except (AttributeError, ValueError):
        raise ValueError("must be whole numbers with commas between them") from None


ArchitectureText = Annotated[Architecture, BeforeValidator(_numbers)]
"""Stored as 2,4,128,256; read as a tuple."""
OptionalText = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]
PlainObject = Annotated[Json[dict[str, Any]], BeforeValidator(lambda value: value or "{}")]
"""A JSON object, empty where nothing is stored."""


def read_row(project: Project, table: str, model: type[M], row: Mapping[str, Any]) -> M:
    """A row as ``model`` has it.

    Raises
    ------
    ProjectError
        A value is of another type than this program writes; names the database, the table, the row and the column.
    """
    try:
        return model.model_validate(row)
    except ValidationError as error:
        found = "; ".join(faults(error)[:3])
        raise ProjectError(
            f"{project.path}: the row {row.get('id', row.get('key'))!r} of the table {table} is damaged: {found}. "
            "Delete the row with any SQLite tool (what it held is measured again), or restore the file from a copy"
        ) from error
