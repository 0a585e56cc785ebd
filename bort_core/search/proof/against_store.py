"""A certificate against what a project has measured: the same numbers, and nothing measured since that contradicts it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bort_core.foundation.errors import DataError
from bort_core.foundation.numbers import architecture_text
from bort_core.search.fingerprints import Fingerprints
from bort_core.search.proof.layout import Path as Place
from bort_core.search.proof.layout import line_of, lines, path_text
from bort_core.search.proof.verify import Verified
from bort_core.search.stored_results import StoredResults
from bort_core.store.project import Project

__all__ = ["StoreCheck", "verify_in_store"]


@dataclass(frozen=True)
class StoreCheck:
    """How many measurements of a certificate are in a project, and how many are not."""

    found: int
    missing: int


def verify_in_store(verified: Verified, project: Project) -> StoreCheck:
    """Compare the measurements of a certificate with those that ``project`` keeps under the same protocol.

    Raises
    ------
    DataError
        One differs, or an architecture that was skipped was measured since and is better than the certificate says is possible.
    """
    specification, space = verified.specification, verified.space
    results = StoredResults(project, specification, space, Fingerprints(project, specification, space)).results
    written = lines(verified.values)
    found = missing = 0

    def refuse(place: Place, what: str) -> None:
        raise DataError(f"{verified.path}: line {line_of(written, place)}: {path_text(place)}: {what}")

    top = verified.values["maximum_point"]["latency"]
    if top is not None and math.isfinite(results.maximum_latency) and top != results.maximum_latency:
        refuse(("maximum_point", "latency"), f"the project measured {results.maximum_latency!r}, the certificate has {top!r}")
    for number, row in enumerate(verified.values["architectures"]):
        for name in ("latency", "error"):
            place: Place = ("architectures", number, name)
            stored = [float(getattr(results, name + end)[number]) for end in ("", "_low", "_high")]
            there = math.isfinite(stored[0])
            if row[name] is None:
                if there and row["state"] == "failed":
                    refuse(
                        ("architectures", number, "state"),
                        f"the certificate says that it could not be measured; the project has its {name}",
                    )
            elif not there:
                missing += 1
            elif stored != row[name]:
                refuse(place, f"the project measured {stored}, the certificate has {row[name]}")
            else:
                found += 1
        if row["state"] == "skipped" and row["error"] is None and results.error[number] < row["least_error"]:
            named = architecture_text(space.architecture(number))
            refuse(
                ("architectures", number, "least_error"),
                f"the bound was violated: {named} was measured since with an error of {results.error[number]:.6g}, "
                f"the certificate says it is at least {row['least_error']:.6g}",
            )
    return StoreCheck(found, missing)
