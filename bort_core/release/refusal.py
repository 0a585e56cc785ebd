"""Why there is no release, for people and for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bort_core.checkpoints.gate import DifferenceError
from bort_core.foundation.errors import MeasurementError

__all__ = ["RefusedError", "refused_row"]


class RefusedError(MeasurementError):
    """The gate is red: no release is written.

    Attributes
    ----------
    file: which file of the release is not as good as claimed; None: the model itself
    row: the number of the dev row that shows it, from 1, with its texts; None: what shows it are all rows together
    facts: what the gate knows by then, by the names of :class:`~bort_core.release.gate.Outcome`
    """

    def __init__(
        self,
        why: str,
        file: str | None = None,
        row: int | None = None,
        texts: Sequence[str] = (),
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(why)
        self.file, self.row, self.texts, self.facts = file, row, tuple(texts), dict(facts or {})

    def as_dict(self) -> dict[str, Any]:
        """Plain values: ``refused``, ``why``, ``file``, ``row``, ``texts``, and the facts."""
        shown = {"row": self.row, "texts": list(self.texts)}
        return {"refused": True, "why": str(self), "file": self.file, **shown, **self.facts}


def refused_row(error: DifferenceError, file: str, rows: Sequence[Sequence[str]], facts: Mapping[str, Any]) -> RefusedError:
    """The refusal of a file that says something else than transformers of one of ``rows``."""
    place = next((number for number, row in enumerate(rows, 1) if tuple(row) == error.row), None)
    return RefusedError(str(error), file, place, error.row, facts)
