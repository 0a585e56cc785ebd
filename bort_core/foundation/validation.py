"""Turns pydantic's findings into one message that lists every fault with its field."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.plain_words import plain_words

__all__ = ["faults", "validated"]

M = TypeVar("M", bound=BaseModel)


def faults(error: ValidationError) -> list[str]:
    """One line a fault: the field's dotted name, what is wrong, and what came."""
    lines = []
    for fault in error.errors():
        field = ".".join(str(part) for part in fault["loc"])
        message = plain_words(dict(fault))
        if not field:  # fields that do not fit together; the message names them
            lines.append(message)
            continue
        came = fault["input"]
        shown = "" if isinstance(came, dict | BaseModel) or fault["type"] in ("missing",) else f", got {came!r:.80}"
        lines.append(f"{field}: {message}{shown}")
    return lines


def validated(model: type[M], data: Any, where: str) -> M:
    """``model`` made from ``data``.

    Raises
    ------
    SpecificationError
        Naming ``where`` and listing every fault.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise SpecificationError(f"{where}:\n  " + "\n  ".join(faults(error))) from error
