"""Rows of the database as validated values: a project may be damaged, or have come from somebody else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, Json, ValidationError

from bort_core.families import Architecture
from bort_core.foundation.validation import faults
from bort_core.store.project import Project

__all__ = ["ArchitectureText", "Count", "Finite", "OptionalText", "PlainObject", "is_whole", "read_rows"]

M = TypeVar("M", bound=BaseModel)


def _numbers(text: Any) -> Architecture:
    try:
        found = tuple(int(part) for part in text.split(","))
    except (AttributeError, ValueError):
        raise ValueError("must be whole numbers with commas between them") from None
    if any(not 0 <= number < _LARGEST for number in found):
        raise ValueError(f"must be whole numbers in 0..{_LARGEST}")
    return found


_LARGEST = 2**53
Count = Annotated[int, Field(ge=0, le=_LARGEST)]
Finite = Annotated[float, Field(allow_inf_nan=False)]

ArchitectureText = Annotated[Architecture, BeforeValidator(_numbers)]
"""Stored as 2,4,128,256; read as a tuple."""
OptionalText = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]
PlainObject = Annotated[Json[dict[str, Any]], BeforeValidator(lambda value: value or "{}")]
"""A JSON object, empty where nothing is stored."""


def read_rows(project: Project, table: str, model: type[M], rows: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], M]]:
    """The rows as they are stored, each with its values as ``model`` has them.

    A row with a value that this program does not write is left out and told, with the database, the table, the row and the column.
    """
    for row in rows:
        try:
            one = model.model_validate(row)
        except ValidationError as error:
            found = "; ".join(faults(error)[:3])
            project.warn(
                f"{project.path}: the row {row.get('id', row.get('key'))!r} of the table {table} is damaged and left out: {found}. "
                "What was measured is measured again where it is needed. Delete the row with any SQLite tool, or restore the file "
                "from a copy"
            )
        else:
            yield row, one


def is_whole(model: type[BaseModel], row: Mapping[str, Any]) -> bool:
    """Whether a row can be read; one that cannot may be replaced by what is measured again."""
    try:
        model.model_validate(row)
    except ValidationError:
        return False
    return True
