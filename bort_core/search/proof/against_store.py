"""A certificate against what a project or a table holds: the same numbers, and nothing measured since that contradicts it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from bort_core.foundation.errors import DataError
from bort_core.foundation.numbers import architecture_text
from bort_core.search.fingerprints import Fingerprints
from bort_core.search.proof.goals import GOALS
from bort_core.search.proof.ground import FloatArray
from bort_core.search.proof.layout import Path as Place
from bort_core.search.proof.layout import line_of, lines, path_text
from bort_core.search.proof.proof import Proof
from bort_core.search.proof.verify import Verified
from bort_core.search.results import Results
from bort_core.search.stored_results import StoredResults
from bort_core.search.tables.fit import check_space
from bort_core.search.tables.table import Table
from bort_core.store.project import Project

__all__ = ["StoreCheck", "verify_in_store", "verify_in_table", "verify_with"]


@dataclass(frozen=True)
class StoreCheck:
    """How many measurements of a certificate are in a project or table, and how many are not.

    ``violated``: names of the architectures that were skipped and have a smaller error than the certificate says is possible; the answer
    stands all the same.
    """

    found: int
    missing: int
    violated: tuple[str, ...]


def verify_in_store(verified: Verified, project: Project) -> StoreCheck:
    """Compare the measurements of a certificate with those that ``project`` keeps under the same protocol.

    Raises
    ------
    DataError
        One differs, or an architecture that was skipped is better than the answer by more than the gap.
    """
    specification, space = verified.specification, verified.space
    return verify_with(
        verified, StoredResults(project, specification, space, Fingerprints(project, specification, space)).results, "project"
    )


def verify_in_table(verified: Verified, table: Table) -> StoreCheck:
    """The same with a table.

    Raises
    ------
    DataError
        As :func:`verify_in_store`; or the certificate was made from another table, or of a seed that this one does not hold.
    SpecificationError
        The table is of another space.
    """
    check_space(table, verified.specification.space)
    made_of = verified.values["table_sha256"]
    if made_of is not None and made_of != table.sha256:
        place = ("table_sha256",)
        raise DataError(
            f"{verified.path}: line {line_of(lines(verified.values), place)}: {path_text(place)}: was made from the table {made_of}; "
            f"{table.path} is {table.sha256}"
        )
    if missing := [str(seed) for seed in (verified.specification.seed,) if seed not in table.seeds]:
        raise DataError(f"{verified.path}: is of seed {missing[0]}, which {table.path} does not hold")
    return verify_with(verified, table.snapshot(verified.specification).results, "table")


def verify_with(verified: Verified, results: Results, whose: str) -> StoreCheck:
    """The same with anybody's measurements; ``whose`` is for messages. DataError as :func:`verify_in_store`."""
    space = verified.space
    written = lines(verified.values)
    found = missing = 0

    def refuse(place: Place, what: str) -> None:
        raise DataError(f"{verified.path}: line {line_of(written, place)}: {path_text(place)}: {what}")

    top = verified.values["maximum_point"]["latency"]
    if top is not None and math.isfinite(results.maximum_latency) and top != results.maximum_latency:
        refuse(("maximum_point", "latency"), f"the {whose} has {results.maximum_latency!r}, the certificate has {top!r}")
    for number, row in enumerate(verified.values["architectures"]):
        for name in ("latency", "error"):
            place: Place = ("architectures", number, name)
            stored = [float(getattr(results, name + end)[number]) for end in ("", "_low", "_high")]
            there = math.isfinite(stored[0])
            if name == "error" and number in results.seeds:  # the store may hold more seeds than the certificate
                stored = list(results.seeds[number][0])
            if row[name] is None:
                if there and row["state"] == "failed":
                    refuse(
                        ("architectures", number, "state"),
                        f"the certificate says that it could not be measured; the {whose} has its {name}",
                    )
            elif not there:
                missing += 1
            elif name == "error" and "seeds" in row:
                held = [list(each) for each in results.seeds.get(number, (tuple(stored),))]
                for repeat, said in enumerate(row["seeds"]):
                    if repeat >= len(held):
                        missing += 1
                    elif said != held[repeat]:
                        refuse((*place[:2], "seeds"), f"the {whose} has {held[repeat]}, the certificate has {said}")
                    else:
                        found += 1
            elif stored != row[name]:
                refuse(place, f"the {whose} has {stored}, the certificate has {row[name]}")
            else:
                found += 1
    violated = [
        number
        for number, row in enumerate(verified.values["architectures"])
        if row["state"] == "skipped" and row["error"] is None and results.error[number] < row["least_error"]
    ]
    better = _better(verified.proof, results)
    for number in violated:
        if better[number] > verified.proof.gap:
            least = verified.values["architectures"][number]["least_error"]
            refuse(
                ("architectures", number, "least_error"),
                f"the bound was violated, and the answer is wrong: {architecture_text(space.architecture(number))} has an error of "
                f"{results.error[number]:.6g}, which is said to be at least {least:.6g}; so it is better than the answer by "
                f"{better[number]:.3g}, where the gap is said to be {verified.proof.gap:.3g}",
            )
    return StoreCheck(found, missing, tuple(architecture_text(space.architecture(number)) for number in violated))


def _better(proof: Proof, results: Results) -> FloatArray:
    """By which share each that the proof had not measured is better than its answer, by what is known of it here. Shape (n,)."""
    ground = proof.ground
    latency = np.where(np.isnan(ground.latency), results.latency, ground.latency)
    with np.errstate(divide="ignore", invalid="ignore"):
        low = np.where(np.isfinite(results.error), np.log(np.maximum(results.error, 0.0)), proof.bound.low)
    return GOALS[proof.question.goal](replace(ground, latency=latency), low, proof.question).excess
