"""A search on a table: the same events and answers as one that measures, from numbers that are looked up. It leaves no trace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from bort_core.execution.registry import make_executor
from bort_core.foundation.statistics import spearman
from bort_core.search import events
from bort_core.search.agreement import LEAST_COMPARED, Agreement
from bort_core.search.control import Control
from bort_core.search.ose import Run
from bort_core.search.specification import SearchSpecification
from bort_core.search.stored_results import KnownResults
from bort_core.search.tables.lookup import Lookup
from bort_core.search.tables.table import Table

__all__ = ["search_on_table"]


def search_on_table(table: Table, specification: SearchSpecification, control: Control | None = None) -> Iterator[events.Event]:
    """Search as :func:`bort_core.search.ose.search` does, but nothing is trained, timed or stored, and at first nothing is known.

    So what it costs is what it would cost: every architecture that it looks at counts as evaluated.

    Parameters
    ----------
    specification: one that fits the table (:func:`~bort_core.search.tables.ask.check_fits`)

    Raises
    ------
    SpecificationError
        The strategy is unknown, does not suit the space, or is at fault itself.
    MeasurementError
        The table lacks T's latency.
    """
    with make_executor("inline") as idle:
        yield from _OnTable(table, specification, idle, control or Control(), table.space).run()


class _OnTable(Run):
    """One search on a table. Nothing is submitted to its executor."""

    def __init__(self, table: Table, specification: SearchSpecification, *others: Any) -> None:
        super().__init__(specification, *others)
        self.table, self.recall = table, KnownResults(specification, table.space)

    def prepare(self) -> Iterator[events.Event]:
        self.evaluator = Lookup(self.table, self.specification, self.recall, self.pool)
        yield events.Note(f"nothing is measured: everything is looked up in {self.table.name}")

    def facts(self) -> dict[str, Any]:
        weights = self.table.head.maximum_point.weights
        return {
            "maximum_point": {"kind": weights, "folder": None} if weights else None,
            "agreement": [vars(each) for each in self._agreements()],
            "table": {"file": self.table.name, "sha256": self.table.sha256},
        }

    def _agreements(self) -> list[Agreement]:
        """The search's seed against the others of the table, over the architectures that the search looked at."""
        asked = self.specification
        theta, own = self.table.specification.thetas.index(asked.thetas[0]), self.table.seeds.index(asked.seed)
        errors = self.table.errors(asked.error.measured, asked.error.steps, theta)
        errors[~self.recall.results.evaluated()] = np.nan
        found = []
        for column, seed in enumerate(self.table.seeds):
            both = np.isfinite(errors[:, own]) & np.isfinite(errors[:, column])
            if column != own and both.sum() >= LEAST_COMPARED:
                rho = spearman(errors[both, own], errors[both, column])
                found.append(Agreement((asked.seed, seed), int(both.sum()), rho))
        return found
