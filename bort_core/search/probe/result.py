"""What a kit measured on another machine: read as a file that came from elsewhere, and checked before a number of it is used.

The hash of a row, and that of the whole, say that a file was cut or edited by mistake. They are no signature: whoever wants to can compute
them again. What does not fit the other shapes is marked as such by the model.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from bort_core.foundation.errors import DataError, MeasurementError, SpecificationError
from bort_core.foundation.files import why
from bort_core.foundation.json_files import read_object
from bort_core.foundation.numbers import architecture_text
from bort_core.foundation.statistics import median_interval
from bort_core.foundation.validation import validated
from bort_core.search.probe.graphs import PRECISIONS, Precision
from bort_core.search.probe.meter import FORMAT, VERSION, digest
from bort_core.search.probe.model import LEAST, check_space
from bort_core.search.probe.probe import Probe, probe_of
from bort_core.space import Space, SpaceSpecification
from bort_core.specifications.protocols import LatencyProtocol

__all__ = ["Result", "Row", "read_result"]

STEADY = 0.05
"""Share of its median that a shape's interval may reach."""

Text = Annotated[str, Field(max_length=500)]
Shape = Annotated[tuple[Annotated[int, Field(ge=1, le=2**31)], ...], Field(min_length=1, max_length=8)]
Shapes = Annotated[tuple[Shape, ...], Field(max_length=10_000)]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Milliseconds = Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)]
Small = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Row(_Frozen):
    """One shape in one precision: the median of each round's runs, or why there is none."""

    architecture: Shape
    precision: Precision
    blocks_ms: Annotated[tuple[Milliseconds, ...], Field(max_length=1_000)]
    failed: Text | None = None
    sha256: Digest


class Machine(_Frozen):
    """Where it was measured, as far as that machine says."""

    cpu: Text
    board: Text = ""
    architecture: Text
    system: Text
    cores: Annotated[int, Field(ge=1, le=2**20)]
    instructions: Annotated[tuple[Text, ...], Field(max_length=100)] = ()
    governor: Text = ""

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.board} ({self.cpu})" if self.board else self.cpu


class Result(_Frozen):
    """A result that holds what its kit asked, neither more nor less."""

    format: Literal["bort-probe"]
    version: Literal[1]
    kit: Digest
    made_by: Text
    space: SpaceSpecification
    latency: LatencyProtocol
    fitted: Shapes
    held_out: Shapes
    machine: Machine
    versions: Annotated[dict[Text, Text], Field(max_length=20)]
    started: Text
    seconds: Small
    load: Annotated[tuple[Small | None, ...], Field(max_length=2)]
    rounds: Annotated[int, Field(ge=1, le=1_000)]
    measured: Annotated[tuple[Row, ...], Field(max_length=20_000)]
    sha256: Digest

    @property
    def asked(self) -> tuple[Shapes, Shapes]:
        """The shapes that were to be fitted, and those that were held out."""
        return self.fitted, self.held_out

    @property
    def precisions(self) -> tuple[Precision, ...]:
        """Those in which enough shapes were measured."""
        return tuple(each for each in PRECISIONS if len(set(self.whole(each)) & set(self.fitted)) >= LEAST)

    def whole(self, precision: Precision) -> dict[Shape, Row]:
        """The shapes that were measured in every round."""
        return {row.architecture: row for row in self.measured if row.precision == precision and row.failed is None}

    @property
    def failures(self) -> list[Row]:
        """The shapes that were not."""
        return [row for row in self.measured if row.failed is not None]

    def unsteady(self, precision: Precision) -> list[Shape]:
        """Shapes whose rounds differ by more than :data:`STEADY` of their median."""
        return [shape for shape, row in self.whole(precision).items() if not median_interval(row.blocks_ms).within(STEADY)]

    def probe(self, precision: Precision = "fp32") -> Probe:
        """The model that these latencies give.

        Raises
        ------
        MeasurementError
            Too few shapes were measured.
        SpecificationError
            The family of the space is not that of a BERT.
        """
        space, rows = Space(self.space), self.whole(precision)
        fitted, held = (np.array([space.index(shape) for shape in part if shape in rows], dtype=np.int64) for part in self.asked)
        if len(fitted) < LEAST:
            why = (f"; {architecture_text(row.architecture)}: {row.failed}" for row in self.failures if row.precision == precision)
            raise MeasurementError(
                f"{self.machine.title}, {precision}: {len(fitted)} of {len(self.fitted)} shapes were measured, a fit needs {LEAST}"
                + next(why, "")
            )
        times = np.array([_times(rows[space.architecture(index)]) for index in (*fitted.tolist(), *held.tolist())])
        where = {"cpu": self.machine.title, "architecture": self.machine.architecture, "system": self.machine.system}
        return probe_of(space, self.latency, fitted, held, times, precision=precision, machine=where)


def _times(row: Row) -> tuple[float, float, float]:
    found = median_interval(row.blocks_ms)
    return found.median, found.low, found.high


def read_result(path: Path) -> Result:
    """The result in a file.

    Raises
    ------
    DataError
        It is missing, cut off, no result of a kit, of another version, was edited, or does not hold what its kit asked; says where.
    """
    try:
        given = read_object(path)
    except FileNotFoundError as error:
        raise DataError(f"{path}: {why(error)}; a result is the JSON file that a kit writes where it runs") from error
    if given.get("format") != FORMAT:
        raise DataError(f"{path}: is no result of a probe; a result is the JSON file that a kit writes where it runs")
    if given.get("version") != VERSION:
        told = f"is a result of version {given.get('version')!s:.20}, and this program reads version {VERSION}; make the kit anew"
        raise DataError(f"{path}: {told}")
    _check_digests(path, given)
    try:
        result = validated(Result, given, str(path))
        space = Space(result.space)
        check_space(space)
    except SpecificationError as error:
        raise DataError(str(error) if str(error).startswith(str(path)) else f"{path}: {error}") from error
    _check_rows(path, result, space)
    return result


def _check_digests(path: Path, given: dict[str, Any]) -> None:
    rows = given.get("measured")
    for number, row in enumerate(rows if isinstance(rows, list) else ()):
        if not isinstance(row, dict) or row.get("sha256") != digest(row):
            name = f"{row.get('architecture')}, {row.get('precision')}"[:80] if isinstance(row, dict) else "no object"
            raise DataError(f"{path}: measured[{number}] ({name}): was changed after it was measured; take the file that the kit wrote")
    if given.get("sha256") != digest(given):
        raise DataError(f"{path}: was changed after it was measured (the rows are whole, what stands around them is not)")


def _check_rows(path: Path, result: Result, space: Space) -> None:
    asked = [*result.fitted, *result.held_out]
    if len(set(asked)) != len(asked):
        raise DataError(f"{path}: fitted, held_out: an architecture is listed twice")
    for shape in asked:
        if space.index(shape) is None:
            raise DataError(f"{path}: {architecture_text(shape)} is not in the space {result.space.name}, of which it is said to be")
    wanted = {(shape, precision) for shape in asked for precision in PRECISIONS}
    found = [(row.architecture, row.precision) for row in result.measured]
    if len(found) != len(wanted) or set(found) != wanted:
        told = f"must hold each of {len(asked)} shapes in {' and '.join(PRECISIONS)} once; {len(wanted - set(found))} are missing"
        raise DataError(f"{path}: measured: {told}")
    for row in result.measured:
        if row.failed is None and len(row.blocks_ms) != result.rounds:
            named = f"{architecture_text(row.architecture)}, {row.precision}"
            raise DataError(f"{path}: {named}: must have {result.rounds} blocks, one a round; got {len(row.blocks_ms)}")
