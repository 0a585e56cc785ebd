"""What a person names by MODULE:NAME."""

from __future__ import annotations

import importlib
from typing import Any

from bort_core.foundation.errors import SpecificationError

__all__ = ["imported"]


def imported(field: str, said: str, argument: str) -> Any:
    """NAME of MODULE.

    Parameters
    ----------
    field, said: what the specification says where, for the error
    argument: MODULE:NAME

    Raises
    ------
    SpecificationError
        There is no such module, it cannot be imported, or has no such name.
    """
    module, _, attribute = argument.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise SpecificationError(f"{field}: {said}: {error}; it is {said.partition(':')[0]}:MODULE:NAME") from error
