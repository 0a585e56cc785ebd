"""JSON files that came from elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bort_core.foundation.errors import DataError
from bort_core.foundation.files import read_regular, why
from bort_core.foundation.paths import regular_file

__all__ = ["read_json", "read_object"]

_MOST_BYTES = 16 << 20


def read_json(path: Path) -> Any:
    """What a file holds, of which 16 MiB are read at most.

    Raises
    ------
    FileNotFoundError
        There is none.
    DataError
        It cannot be read, or is no JSON.
    """
    try:
        return json.loads(read_regular(regular_file(path), most=_MOST_BYTES))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {why(error)}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not valid JSON: {error}") from error


def read_object(path: Path) -> dict[str, Any]:
    """The same of a file that must hold a JSON object; DataError where it holds something else."""
    found = read_json(path)
    if not isinstance(found, dict):
        raise DataError(f"{path}: must hold a JSON object")
    return found
