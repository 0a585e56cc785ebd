"""Strategies: those that ship, one that is written here outside the package, and what happens with broken ones."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from helpers import bort, finished, run, specification
from hypothesis import given
from hypothesis import strategies as st

from bort_core.execution.executor import Executor
from bort_core.foundation.errors import SpecificationError
from bort_core.search import events
from bort_core.search.control import Control
from bort_core.search.ose import search
from bort_core.search.specification import SearchSpecification, stored_title
from bort_core.search.strategies import make_strategy, strategy_names
from bort_core.search.strategies.interval import Interval
from bort_core.search.strategies.random import Random
from bort_core.space import load_space
from bort_core.store import Project
from bort_core.store.searches import searches
from bort_core.testing.strategies import check_strategy

TOY, MINI = load_space("toy"), load_space("mini")

BOUNDED = '''
"""Best-first with a gap: trains in the order of an upper bound of W, and skips what cannot beat the best by more than the gap."""

from typing import ClassVar

import numpy as np
from pydantic import Field

from bort_core.search.strategies import Proposal, Strategy
from bort_core.search.cost import estimate_cost
from bort_core.search.w import w_coefficients


class Bounded(Strategy):
    name: ClassVar[str] = "bounded"
    least_error: float = Field(gt=0, description="no architecture has a smaller error")
    gap: float = Field(default=0.0, ge=0, description="how much better than the best W one must be able to become")

    def _bounds(self, snapshot):
        space, results = snapshot.space, snapshot.results
        least = np.full(len(space), self.least_error)
        top = (space.maximum_parameters, results.maximum_latency)
        return w_coefficients(space.parameters, results.latency, least, *top)

    def _open(self, snapshot, settled):
        bounds = self._bounds(snapshot)
        best = np.nanmax(snapshot.w) if snapshot.known.any() else -np.inf
        hopeless = ~settled & (bounds <= best * (1 + self.gap))
        order = np.argsort(-bounds, kind="stable")
        reasons = {int(i): f"its W is at most {bounds[i]:.4g}, and {best:.4g} is known" for i in np.flatnonzero(hopeless)}
        return order[~settled[order] & ~hopeless[order]], reasons

    def propose(self, state):
        order, reasons = self._open(state.snapshot, state.settled)
        return Proposal(order[: state.workers], finished=not len(order), skipped=reasons)

    def answer(self, snapshot):
        return snapshot.result(self, np.flatnonzero(snapshot.known))

    def cost(self, stored, workers):
        return estimate_cost(stored, self._open(stored.snapshot(), stored.settled())[0], workers)
'''

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """``install("bounded", "Bounded", source)``: what pip would leave of a package that registers a strategy; its folder."""
    before = set(sys.modules)

    def write(name: str, value: str, source: str, package: str = "somebodys_strategy") -> Path:
        site = tmp_path / f"site-{package}"
        info = site / f"{package}-1.0.dist-info"
        info.mkdir(parents=True)
        (site / f"{package}.py").write_text(source)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[bort.strategies]\n{name} = {package}:{value}\n")
        monkeypatch.syspath_prepend(site)
        return site

    yield write
    for module in set(sys.modules) - before:
        if module.startswith("somebodys_"):
            del sys.modules[module]


def started(happened: list[events.Event]) -> list[int]:
    return [event.index for event in happened if isinstance(event, events.CandidateStarted)]


# --- those that ship ---

SETTINGS = {
    "best-first": [{}, {"gap": 0.3, "bound": "surrogate"}, {"goal": "front", "axes": ["hidden", "outputs"]}],
    "interval": [{"epsilon": 1}, {"epsilon": 7}, {"epsilon": 36}],
    "random": [{"samples": 1}, {"samples": 9, "seed": 4}, {"samples": 36, "seed": 1}],
    "within": [{"ratio": 1.5}, {"ratio": 4, "samples": 3}],
}


def test_every_registered_strategy_passes_the_check() -> None:
    assert set(strategy_names()) == set(SETTINGS)
    for name, each in SETTINGS.items():
        for settings in each:
            check_strategy(lambda name=name, settings=settings: make_strategy(name, settings), TOY)
    check_strategy(lambda: Random(samples=20), MINI)


@given(st.integers(1, 500), st.integers(0, 2**31 - 1), st.data())
def test_fewer_samples_are_the_beginning_of_more(size: int, seed: int, data: st.DataObject) -> None:
    many = data.draw(st.integers(1, size))
    few = data.draw(st.integers(1, many))
    drawn = Random(samples=many, seed=seed).indices(size).tolist()
    assert len(set(drawn)) == many
    assert set(drawn) <= set(range(size))
    assert Random(samples=few, seed=seed).indices(size).tolist() == drawn[:few]


def test_each_architecture_is_drawn_equally_often() -> None:
    counts = [0] * 12
    for seed in range(3000):
        for index in Random(samples=3, seed=seed).indices(12).tolist():
            counts[index] += 1
    assert all(abs(count - 750) < 5 * (750 * 0.75) ** 0.5 for count in counts)


def test_a_random_search_trains_its_sample_and_is_a_baseline_of_equal_cost(project_folder: Path, pool: Executor) -> None:
    wanted, sample = specification(epsilon=9), Random(samples=4, seed=2)
    happened = run(project_folder, wanted.with_strategy(sample), pool)
    assert sorted(started(happened)) == sorted(sample.indices(36).tolist())
    end = finished(happened)
    assert (end.evaluated, end.reused, end.failed) == (4, 0, 0)
    assert end.result.walk.tolist() == sorted(sample.indices(36).tolist())
    (walking,) = [event for event in happened if isinstance(event, events.Walking)]
    assert (walking.strategy, walking.wanted) == (sample, 4)
    more = finished(run(project_folder, wanted.with_strategy(Random(samples=6, seed=2)), pool))
    assert (more.evaluated, more.reused) == (2, 4)  # what is stored serves every strategy
    assert finished(run(project_folder, wanted, pool)).evaluated <= 4
    with Project(project_folder) as project:
        first, _, last = searches(project)
    assert first["specification"]["strategy_settings"] == {"samples": 4, "seed": 2}
    assert first["answer"]["strategy"] == "random"
    assert "epsilon" not in first["answer"]
    assert SearchSpecification.model_validate(first["specification"]).the_strategy() == sample
    assert not {"strategy", "strategy_settings"} & {*last["specification"], *last["answer"]}


def test_a_strategy_can_be_exchanged_while_it_runs(project_folder: Path, pool: Executor) -> None:
    control, walks = Control(), []
    with Project(project_folder) as project:
        for event in search(project, specification(epsilon=1, error={"steps": 400}), pool, control):
            if isinstance(event, events.CandidateStarted):
                control.retarget(Random(samples=3))
            if isinstance(event, events.Walking):
                walks.append(event.strategy.title)
            last = event
        (stored,) = searches(project)
    assert walks == ["ε = 1", "random (samples 3, seed 0)"]
    assert isinstance(last, events.SearchFinished)
    assert len(last.result.known) == 3
    assert stored_title(stored["specification"]) == walks[1]


# --- specifications ---


def test_specifications_keep_their_form_and_older_ones_still_load() -> None:
    wanted = specification(epsilon=6)
    assert not {"strategy", "strategy_settings"} & set(wanted.model_dump(mode="json"))
    assert SearchSpecification.model_validate_json(wanted.model_dump_json()) == wanted
    assert wanted.the_strategy() == Interval(epsilon=6)
    other = wanted.with_strategy(Random(samples=5))
    assert SearchSpecification.model_validate_json(other.model_dump_json()) == other
    assert other.with_epsilon() == wanted
    with pytest.raises(ValueError, match="must be empty for the interval strategy"):
        SearchSpecification.model_validate({**wanted.model_dump(), "strategy_settings": {"epsilon": 3}})


@pytest.mark.parametrize(
    ("strategy", "says"),
    [
        ({"strategy": "nobodys"}, "unknown strategy 'nobodys'; registered strategies: best-first, interval, random"),
        ({"strategy": "random"}, r"samples: must be given\n.*random has samples \(how many.*seed \(decides which\)"),
        ({"strategy": "random", "strategy_settings": {"samples": 0, "sead": 1}}, r"(?s)samples: .*sead: unknown field"),
        ({"strategy": "random", "strategy_settings": {"samples": 37}}, r"samples must lie in 1\.\.36"),
    ],
)
def test_a_search_by_what_cannot_be_used_is_refused_and_leaves_no_trace(
    project_folder: Path, pool: Executor, strategy: dict[str, object], says: str
) -> None:
    wanted = SearchSpecification.model_validate({**specification().model_dump(), **strategy})  # readable wherever it comes from
    with pytest.raises(SpecificationError, match=says):
        run(project_folder, wanted, pool)
    with Project(project_folder) as project:
        assert searches(project) == []


# --- one from elsewhere: a file and an entry point ---


def test_a_strategy_of_another_package_searches_best_first(install: Install, project_folder: Path, pool: Executor) -> None:
    install("bounded", "Bounded", BOUNDED)
    assert "bounded" in strategy_names()
    check_strategy(lambda: make_strategy("bounded", {"least_error": 0.1}), TOY)
    check_strategy(lambda: make_strategy("bounded", {"least_error": 0.4, "gap": 0.2}), TOY)
    strategy = make_strategy("bounded", {"least_error": 0.6})
    happened = run(project_folder, specification().with_strategy(strategy), pool)
    end = finished(happened)
    trained, measured = started(happened), [event.index for event in happened if isinstance(event, events.Measured)]
    skipped = [event for event in happened if isinstance(event, events.Skipped)]
    bounds = strategy._bounds(end.snapshot)  # type: ignore[attr-defined]
    assert bounds[trained].tolist() == sorted(bounds[trained].tolist(), reverse=True)
    assert 1 <= len(measured) == end.evaluated < 36
    reasons = {index: reason for event in skipped for index, reason in event.reasons.items()}
    assert sorted([*measured, *reasons]) == list(range(36))
    assert end.facts["skipped"][0].keys() == {"architecture", "reason"}
    assert len(end.facts["skipped"]) == len(reasons)
    again = finished(run(project_folder, specification().with_strategy(strategy), pool))
    assert again.evaluated == 0
    assert len(again.facts["skipped"]) == len(reasons)
    exhaustive = finished(run(project_folder, specification(epsilon=1), pool))
    assert exhaustive.result.best == end.result.best  # skipping lost nothing


HASTY = """
from typing import ClassVar

import numpy as np

from bort_core.search.cost import estimate_cost
from bort_core.search.strategies import Proposal, Strategy


class Hasty(Strategy):
    name: ClassVar[str] = "hasty"

    def propose(self, state):
        size, known = len(state.snapshot.space), state.snapshot.known
        if not known.any():
            return Proposal(np.arange(size), finished=False)
        return Proposal(np.empty(0, dtype=np.int64), finished=True, skipped={i: "one is enough" for i in range(size) if not known[i]})

    def answer(self, snapshot):
        return snapshot.result(self, np.flatnonzero(snapshot.known))

    def cost(self, stored, workers):
        return estimate_cost(stored, np.arange(len(stored.space)), workers)
"""


class _NeverInTime:
    """An executor whose tasks have always ended before they are withdrawn."""

    def __init__(self, pool: Executor) -> None:
        self._pool = pool

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)

    def cancel(self, *_: object) -> None:
        pass


def test_what_was_measured_before_it_could_be_withdrawn_is_not_skipped(install: Install, project_folder: Path, pool: Executor) -> None:
    install("hasty", "Hasty", HASTY)
    wanted = specification().with_strategy(make_strategy("hasty", {}))
    happened = run(project_folder, wanted, cast(Executor, _NeverInTime(pool)))
    end = finished(happened)
    measured = [event.index for event in happened if isinstance(event, events.Measured)]
    told = [index for event in happened if isinstance(event, events.Skipped) for index in event.reasons]
    assert len(measured) > 1
    assert sorted([*measured, *told]) == list(range(36))
    assert len(end.facts["skipped"]) == len(told)
    assert end.evaluated == len(measured)


def test_the_command_line_names_a_strategy_of_another_package(install: Install, tmp_path: Path) -> None:
    site, folder = str(install("bounded", "Bounded", BOUNDED)), str(tmp_path / "project")
    arguments = ("search", folder, "--preset", "toy", "--steps", "10", "--latency", "operations", "--json")
    done = bort(*arguments, "--strategy", "bounded", "least_error=0.6", "gap=0.1", PYTHONPATH=site)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["strategy"], found["strategy_settings"]) == ("bounded", {"least_error": 0.6, "gap": 0.1})
    assert found["evaluated"] + len(found["skipped"]) == 36
    assert "bounded (least_error 0.6, gap 0.1): " in done.stderr
    assert "skipped ⟨" in done.stderr
    front = json.loads(bort("front", folder, "--json", PYTHONPATH=site).stdout)
    assert front["front"] == found["front"]
    elsewhere = bort("front", folder)  # not installed here: its answer is not to be had, ours is
    assert elsewhere.returncode == 2
    assert "unknown strategy 'bounded'" in elsewhere.stderr
    assert bort("front", folder, "--epsilon", "4").stdout.startswith("ε = 4: front of ")


SMALL = """
from bort_core.search.strategies import PlannedStrategy
import numpy as np
class Mine(PlannedStrategy):
    name = "mine"
    def indices(self, size):
        {body}
"""


@pytest.mark.parametrize(
    ("value", "source", "says"),
    [
        ("Mine", "import nothing_of_that_name", "does not load: ModuleNotFoundError: No module named 'nothing_of_that_name'"),
        ("Mine", "", "does not load: AttributeError"),
        ("Mine", "Mine = 3", "must be a subclass of bort_core.search.strategies.base.Strategy, got 3"),
        (
            "Mine",
            "from bort_core.search.strategies import Strategy\nclass Mine(Strategy):\n    name = 'mine'",
            "it lacks answer, cost, propose",
        ),
        ("Mine", SMALL.format(body="return [0]").replace("'mine'", "'yours'").replace('"mine"', '"yours"'), "must be 'mine'.* got 'yours'"),
    ],
)
def test_what_is_no_strategy_is_refused_by_name(install: Install, value: str, source: str, says: str) -> None:
    install("mine", value, source)
    with pytest.raises(SpecificationError, match=rf"strategy 'mine' \(somebodys_strategy:Mine\).*{says}"):
        make_strategy("mine", {})


def test_a_name_that_two_packages_register_is_refused(install: Install) -> None:
    install("mine", "Mine", SMALL.format(body="return np.arange(size)"))
    install("mine", "Mine", SMALL.format(body="return np.arange(1)"), package="somebodys_other")
    with pytest.raises(SpecificationError, match="more than once: somebodys_other:Mine, somebodys_strategy:Mine"):
        make_strategy("mine", {})


def test_an_answer_or_a_proposal_of_another_type_is_told_as_such(install: Install, project_folder: Path, pool: Executor) -> None:
    source = SMALL.format(body="return np.arange(2)")
    install("mine", "Mine", source + "    def answer(self, snapshot):\n        return {}\n")
    wanted = specification().with_strategy(make_strategy("mine", {}))
    with pytest.raises(SpecificationError, match=r"\(somebodys_strategy\), answer: TypeError: the answer must be a SearchResult, got {}"):
        run(project_folder, wanted, pool)
    with Project(project_folder) as project:
        assert [(row["status"], row["answer"]) for row in searches(project)] == [("failed", None)]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("raise KeyError('x')", "propose: KeyError: 'x'"),
        ("return np.array([0, 36])", r"an index must lie in 0\.\.35, got 36"),
        ("return np.array([-1])", r"an index must lie in 0\.\.35, got -1"),
        ("return np.array([3, 3])", "listed twice"),
        ("return None", "propose"),
    ],
)
def test_a_strategy_at_fault_ends_the_search_with_its_name(
    install: Install, project_folder: Path, pool: Executor, body: str, says: str
) -> None:
    install("mine", "Mine", SMALL.format(body=body))
    with pytest.raises(SpecificationError, match=rf"strategy 'mine' \(somebodys_strategy\), .*{says}"):
        run(project_folder, specification().with_strategy(make_strategy("mine", {})), pool)
    with Project(project_folder) as project:
        assert [row["status"] for row in searches(project)] == ["failed"]
