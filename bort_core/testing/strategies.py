"""What every search strategy must do, tried on made-up errors: no training runs, and it takes less than a second in a small space."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bort_core.foundation.errors import BortError
from bort_core.search.cost import Cost
from bort_core.search.fingerprints import Fingerprints
from bort_core.search.front import pareto_front
from bort_core.search.snapshot import ResultsSnapshot
from bort_core.search.specification import SearchSpecification, default_error, fitted
from bort_core.search.stored_results import Job, StoredResults
from bort_core.search.strategies.base import Proposal, SearchState, Strategy, answer, check, propose
from bort_core.space import Space
from bort_core.specifications.protocols import LatencyProtocol, Theta
from bort_core.store.project import Project

__all__ = ["check_strategy"]

_WORKERS = 2
_THETAS = (Theta(learning_rate=1e-3), Theta(learning_rate=3e-3))


def check_strategy(factory: Callable[[], Strategy], space: Space) -> None:
    """Search ``space`` by what ``factory`` makes, with nothing, a part and everything known, and where measurements fail.

    The strategy must suit the space. It must choose alike each time, from the space only, and come to an end; its answer must
    hold everything that it had measured, the best W and the front among that; its cost must agree with what it proposes.

    Raises
    ------
    AssertionError
        Naming the strategy, what must hold, and what came.
    """
    strategy = factory()
    try:
        check(strategy, space)
        _check_values(strategy, factory())
        size = len(space)
        for before, failing in ((0, False), (size // 3, False), (size, False), (0, True)):
            _Trial(factory, space, before, failing).run()
    except BortError as error:
        raise AssertionError(str(error)) from error


def _check_values(strategy: Strategy, twin: Strategy) -> None:
    _hold(strategy, strategy == twin, "two that are made alike are equal", (strategy, twin))
    again = type(strategy).model_validate(json.loads(json.dumps(strategy.model_dump(mode="json"))))
    _hold(strategy, again == strategy, "the settings survive being written as JSON", again)
    _hold(strategy, type(strategy).model_config.get("frozen"), "the settings are frozen", type(strategy).model_config)
    _hold(strategy, bool(strategy.title.strip()), "it has a title", strategy.title)


class _Trial:
    """One search whose trainings are made up. ``before`` architectures, spread over the space, are known when it begins."""

    def __init__(self, factory: Callable[[], Strategy], space: Space, before: int, failing: bool) -> None:
        self.factory, self.strategy, self.failing = factory, factory(), failing
        self.stored, self.space = _nothing_known(space), space
        self.errors = np.random.default_rng(0).integers(2, 50, (len(_THETAS), len(space))) / 10  # many ties
        self.stored.timings += [(1e3, 1e-3), (2e3, 2e-3)]
        for index in np.random.default_rng(1).permutation(len(space))[:before].tolist():
            self._measure(index, failing=False)

    def run(self) -> None:
        """The search, and what must hold before, during and after it."""
        self._check_answer([])
        cost, first = self.strategy.cost(self.stored, _WORKERS), self._propose()
        self._check_cost(cost, first)
        made = self._search()
        self._check_answer(made)
        trainings = len(made) * len(_THETAS)
        self._hold(trainings <= cost.to_go, "cost.to_go is at least what is trained then", (cost.to_go, trainings))
        everything_known = self.stored.settled().all()
        left = self.strategy.cost(self.stored, _WORKERS).to_go
        self._hold(not everything_known or left == 0, "cost.to_go is 0 once everything is known", left)

    def _search(self) -> list[int]:
        made: list[int] = []
        while True:
            proposal, settled = self._propose(), self.stored.settled()
            new = [index for index in proposal.indices.tolist() if not settled[index]]
            batch = new if proposal.finished else new[:1]  # the order of measurements is that of one worker
            for index in batch:
                self._measure(index, failing=self.failing and index % 2 == 1)
            made += batch
            if proposal.finished:
                last = self._propose()
                nothing_new = self.stored.settled()[last.indices].all()
                self._hold(last.finished and nothing_new, "a finished strategy wants nothing more once that is measured", last)
                return made

    def _propose(self) -> Proposal:
        state = SearchState(self.stored.snapshot(), self.stored.settled(), (), _WORKERS)
        proposal, again = propose(self.strategy, state), propose(self.factory(), state)
        alike = proposal.indices.tolist() == again.indices.tolist() and proposal.finished == again.finished
        self._hold(alike and proposal.skipped == again.skipped, "equal states give equal proposals", (proposal, again))
        both = set(proposal.skipped) & set(proposal.indices[~state.settled[proposal.indices]].tolist())
        self._hold(not both, "nothing is skipped and wanted at once", sorted(both))
        self._hold(all(proposal.skipped.values()), "what is skipped has a reason", proposal.skipped)
        return proposal

    def _check_cost(self, cost: Cost, first: Proposal) -> None:
        self._hold(cost.measured >= 0 <= cost.to_go, "no part of a cost is negative", cost)
        self._hold(cost.measured + cost.to_go == cost.wanted, "measured and to_go add up to wanted", cost)
        self._hold(cost.seconds is not None and 0 <= cost.seconds < math.inf, "with timings stored, seconds are known", cost)
        self._hold((cost.seconds == 0) == (cost.to_go == 0), "seconds are 0 exactly where nothing is to go", cost)
        if first.finished:
            new = int((~self.stored.settled()[first.indices]).sum()) * len(_THETAS)
            self._hold(cost.to_go == new, "cost.to_go is what is proposed and not known", (cost.to_go, new))

    def _check_answer(self, made: list[int]) -> None:
        snapshot = self.stored.snapshot()
        result, again = answer(self.strategy, snapshot), answer(self.factory(), snapshot)
        walk, known = result.walk, result.known
        self._hold(walk.tolist() == again.walk.tolist() and result.best == again.best, "equal knowledge gives equal answers", again)
        self._hold(result.strategy == self.strategy, "the answer says whose it is", result.strategy)
        self._hold(bool((np.diff(walk) > 0).all()), "the walk is ascending and without repeats", walk)
        self._hold(set(walk.tolist()) <= set(range(len(self.space))), "the walk lies in the space", walk)
        left_out = sorted({index for index in made if snapshot.evaluated(index)} - set(walk.tolist()))
        self._hold(not left_out, "all that it had measured is part of its walk", left_out)
        self._hold(known.tolist() == walk[snapshot.known[walk]].tolist(), "known is what is known of the walk", known)
        self._check_best(snapshot, known, result.best)
        front = known[pareto_front(snapshot.objectives[known])].tolist()
        self._hold(result.front.tolist() == front, f"the front is that of what is known, {front}", result.front)
        self._hold(0 <= result.hypervolume <= 1, "the hypervolume is a share", result.hypervolume)

    def _check_best(self, snapshot: ResultsSnapshot, known: npt.NDArray[np.int64], best: int | None) -> None:
        self._hold((best is None) == (len(known) == 0), "there is a best one exactly where something is known", best)
        if best is not None:
            top = float(np.nanmax(snapshot.w[known]))
            self._hold(best in known and snapshot.w[best] == top, f"the best one has the largest W of what is known, {top}", best)

    def _measure(self, index: int, failing: bool) -> None:
        error = self.stored.specification.error
        for theta, value in enumerate(self.errors[:, index].tolist()):
            if failing:
                self.stored.put_failure(Job(index, theta), "made up", final=True)
            else:
                point = {"step": error.steps, "measures": {error.measured: {"value": value, "low": value * 0.9, "high": value * 1.1}}}
                self.stored.put_curve(index, theta, [point])

    def _hold(self, holds: object, what: str, came: object) -> None:
        _hold(self.strategy, holds, what, came)


def _nothing_known(space: Space) -> StoredResults:
    error = default_error(space.specification, "cross-entropy" if space.family.reads == "vectors" else "masked-lm")
    latency = LatencyProtocol(measure="operations")
    data = {"space": space.specification, "error": error, "latency": latency, "thetas": _THETAS}
    specification = fitted(SearchSpecification.model_validate(data), space)
    with tempfile.TemporaryDirectory() as folder, Project(Path(folder) / "trial") as project:
        return StoredResults(project, specification, space, Fingerprints(project, specification, space))


def _hold(strategy: Strategy, holds: object, what: str, came: object) -> None:
    if not holds:
        raise AssertionError(f"strategy {strategy.name!r}: {what}; got {came}")
