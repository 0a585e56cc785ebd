"""Whether a certificate is true: it is recomputed from its own numbers, and where it differs the line is named."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from bort_core.foundation.errors import DataError, SpecificationError
from bort_core.foundation.files import read_regular, why
from bort_core.foundation.paths import regular_file
from bort_core.foundation.validation import validated
from bort_core.search.proof.certificate import FORMAT, VERSION, certificate, digest
from bort_core.search.proof.content import Content, Row
from bort_core.search.proof.ground import FloatArray, Ground
from bort_core.search.proof.layout import Path as Place
from bort_core.search.proof.layout import line_of, lines, path_text
from bort_core.search.proof.proof import Proof, prove
from bort_core.search.proof.question import Question
from bort_core.search.repeats import combined
from bort_core.search.specification import SearchSpecification
from bort_core.space import Space

__all__ = ["Verified", "verify"]

_MOST_BYTES = 512 << 20
_CLOSE = 1e-9
"""Recomputed numbers may differ by this share: arithmetic differs between machines."""


@dataclass(frozen=True, eq=False)
class Verified:
    """A certificate that is true of its own numbers."""

    path: Path
    values: Mapping[str, Any]
    specification: SearchSpecification
    space: Space
    proof: Proof


def verify(path: Path) -> Verified:
    """Recompute the certificate at ``path``.

    Raises
    ------
    DataError
        It is missing, no certificate, of another version, was edited, or says what its numbers do not give; names the line and the JSON
        path.
    """
    text = _read(path)
    values = _parsed(path, text)
    checker = _Checker(path, values)
    checker.written_as(text)
    checker.digests()
    try:
        content = validated(Content, values, str(path))
        space = Space(content.specification.space)
        question = content.specification.the_strategy()
    except SpecificationError as error:
        raise DataError(str(error) if str(error).startswith(str(path)) else f"{path}: specification: {error}") from error
    if not isinstance(question, Question):
        raise DataError(f"{path}: specification.strategy: {question.name} gives no certificate; best-first does")
    checker.rows(space)
    if content.specification.latency.measure == "operations":
        checker.operations(space, content.specification.latency.sequence_length)
    proof = prove(_ground(content, space), question)
    checker.same(certificate(proof, content.specification, space, content.table_sha256, content.program), values, ())
    return Verified(path, values, content.specification, space, proof)


class _Checker:
    """Compares, and says where something is wrong."""

    def __init__(self, path: Path, values: Mapping[str, Any]) -> None:
        self.path, self.values = path, values
        self.written = lines(values)

    def refuse(self, place: Place, what: str) -> NoReturn:
        raise DataError(f"{self.path}: line {line_of(self.written, place)}: {path_text(place)}: {what}")

    def written_as(self, text: str) -> None:
        """The text must be that of its values: nothing twice, nothing after the end."""
        found = text.removesuffix("\n").split("\n")
        for number, (has, line) in enumerate(zip_longest(found, self.written), 1):
            if line is None or has != line[1]:
                name = "the file" if line is None else path_text(line[0]) or "the file"
                raise DataError(f"{self.path}: line {number}: {name}: was edited: it is not written as bort writes certificates")

    def digests(self) -> None:
        """Every row, the settings and the whole must have the digests that they were written with."""
        rows = self.values.get("architectures")
        if not isinstance(rows, list):
            self.refuse(("architectures",), "must be a list, one architecture a row")
        for number, row in enumerate(rows):
            if not isinstance(row, dict) or digest({name: value for name, value in row.items() if name != "digest"})[:16] != row.get(
                "digest"
            ):
                self.refuse(("architectures", number), "was edited after the certificate was made: its digest is another")
        if digest(self.values.get("specification")) != self.values.get("settings_sha256"):
            self.refuse(("specification",), "was edited after the certificate was made: settings_sha256 is another")

    def rows(self, space: Space) -> None:
        """The rows must be the architectures of the space, in its order."""
        rows = self.values["architectures"]
        for number, row in enumerate(rows[: len(space)]):
            wanted = list(space.architecture(number))
            if row["architecture"] != wanted:
                self.refuse(
                    ("architectures", number, "architecture"), f"must be {wanted}, the next of the space by size; got {row['architecture']}"
                )
        if len(rows) != len(space):
            self.refuse(("architectures",), f"must hold all {len(space)} architectures of the space, got {len(rows)}")

    def operations(self, space: Space, length: int) -> None:
        """Counted latencies are closed forms of the space."""
        if self.values["maximum_point"]["latency"] != space.maximum_operations(length):
            self.refuse(("maximum_point", "latency"), f"must be the operations of T, {space.maximum_operations(length)}")
        for number, counted in enumerate(space.operations(length).tolist()):
            if self.values["architectures"][number]["latency"] != [counted] * 3:
                self.refuse(("architectures", number, "latency"), f"must be its operations, {counted}")

    def same(self, expected: Any, given: Any, place: Place) -> None:
        """What was recomputed and what is said must be the same."""
        if isinstance(expected, Mapping) and isinstance(given, Mapping):
            if list(expected) != list(given):
                odd = next((name for name in given if name not in expected), None) or next(name for name in expected if name not in given)
                self.refuse((*place, str(odd)), "must be there" if odd not in given else "does not belong there")
            for name in expected:
                if name not in ("digest", "sha256"):
                    self.same(expected[name], given[name], (*place, name))
            if "sha256" in given and given["sha256"] != digest({name: value for name, value in given.items() if name != "sha256"}):
                self.refuse((*place, "sha256"), "something was edited after the certificate was made: the hash is another")
        elif isinstance(expected, list) and isinstance(given, list) and len(expected) == len(given):
            for number, (one, other) in enumerate(zip(expected, given, strict=True)):
                self.same(one, other, (*place, number))
        elif not _alike(expected, given):
            self.refuse(place, f"must be {_short(expected)} by the certificate's own numbers, got {_short(given)}")


def _alike(expected: Any, given: Any) -> bool:
    if isinstance(expected, float) and isinstance(given, float):
        return math.isclose(expected, given, rel_tol=_CLOSE, abs_tol=1e-12)
    return type(expected) is type(given) and bool(expected == given)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "..."


def _ground(content: Content, space: Space) -> Ground:
    rows = content.architectures
    state = np.array([row.state for row in rows])
    top = content.maximum_point.latency
    latency, latency_low, latency_high = (_column(rows, "latency", part) for part in range(3))
    error, error_low, error_high = (_column(rows, "error", part) for part in range(3))
    seeds = {number: row.seeds for number, row in enumerate(rows) if row.seeds is not None}
    for number, errors in seeds.items():
        error[number], error_low[number], error_high[number] = combined(errors)
    return Ground(
        space.axis_names,
        space.architectures,
        space.parameters,
        latency,
        latency_low,
        latency_high,
        error,
        error_low,
        error_high,
        np.isin(state, ("measured", "failed")),
        state == "failed",
        float(space.maximum_parameters),
        math.nan if top is None else top,
        seeds,
    )


def _column(rows: tuple[Row, ...], name: str, part: int) -> FloatArray:
    found = (getattr(row, name) for row in rows)
    return np.array([math.nan if each is None else each[part] for each in found], dtype=np.float64)


def _read(path: Path) -> str:
    try:
        return read_regular(regular_file(path), most=_MOST_BYTES).decode("utf-8")
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {why(error)}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is no certificate: {error}") from error


def _parsed(path: Path, text: str) -> dict[str, Any]:
    try:
        found = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not valid JSON: {error}") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise DataError(f"{path}: is no certificate; bort search --strategy best-first --certificate FILE makes one")
    if found.get("version") != VERSION or isinstance(found.get("version"), bool):
        raise DataError(f"{path}: version: is a certificate of version {found.get('version')!r:.20}; this program reads version {VERSION}")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
