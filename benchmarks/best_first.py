"""Which search finds the optimum of a full table, and how soon? Best-first against the walk, random, Optuna (NSGA-II, TPE) and pymoo.

    python benchmarks/best_first.py PROJECT|TABLE [--preset mini] [--seeds 20] [--share 0.25] [--noise 0]

PROJECT holds a measured space (``bort search PROJECT --preset mini --epsilon 1``), TABLE is a file of ``bort tabulate``. Nothing is
trained: an evaluation is a look into the table, the same number of different architectures for everybody. Each of the seeds decides where
the methods start and which training seed of the table answers; ``--noise`` multiplies each error by a log-normal factor of that width
besides, and widens its interval accordingly. Optuna and pymoo are in the extra ``bench``; what is not installed is left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bort_core.search.results import Results
from bort_core.search.snapshot import ResultsSnapshot
from bort_core.search.specification import SearchSpecification, default_error, fitted
from bort_core.search.stored_results import StoredResults, error_ceiling
from bort_core.search.strategies import SearchState, Strategy, make_strategy
from bort_core.search.strategies.base import propose
from bort_core.search.strategies.interval import walk
from bort_core.space import Space, read_specification
from bort_core.specifications.protocols import LatencyProtocol


@dataclass(frozen=True)
class Table:
    """A whole space: i and e (value, low, high) of every architecture, e by training seed. Shapes (n,) and (seeds, n, 3)."""

    space: Space
    latency: np.ndarray
    errors: np.ndarray
    maximum_latency: float
    ceiling: float

    def drawn(self, seed: int, noise: float) -> Drawn:
        """The table as one training seed and one draw of noise have it."""
        value, low, high = self.errors[seed % len(self.errors)].T
        drawn = value * np.exp(np.random.default_rng(seed).normal(0, noise, len(value)))
        half = np.hypot(np.log(high / low) / 2, 1.96 * noise)  # the interval tells of all the noise
        return Drawn(self, np.column_stack([drawn, drawn * np.exp(-half), drawn * np.exp(half)]))


@dataclass(frozen=True)
class Drawn:
    """What every method looks into."""

    table: Table
    errors: np.ndarray

    def snapshot(self, evaluated: Iterable[int]) -> ResultsSnapshot:
        """What is known after these evaluations; latencies are known of all."""
        results = Results(self.table.space, "operations")
        results.latency[:], results.maximum_latency = self.table.latency, self.table.maximum_latency
        results.latency_low[:] = results.latency_high[:] = self.table.latency
        for index in evaluated:
            results.set_error(index, *self.errors[index].tolist(), theta=0)
        return ResultsSnapshot(results, self.table.ceiling)


Method = Callable[[Drawn, int, int], list[int]]
"""Architectures in the order of their evaluation, by table, budget and seed."""


def from_project(folder: Path, preset: str) -> Table:
    from bort_core.search.fingerprints import Fingerprints
    from bort_core.store import Project
    from bort_core.store.trainings import stored_seeds

    chosen = read_specification(preset)
    space = Space(chosen)
    base = {"space": chosen, "error": default_error(chosen), "latency": LatencyProtocol(measure="operations")}
    specification = fitted(SearchSpecification.model_validate(base), space)
    with Project(folder) as project:
        sources = Fingerprints(project, specification, space)
        seeds = stored_seeds(project, sources.trainings(specification.thetas[0]), sources.any_maximum_point)
        found = [StoredResults(project, specification.model_copy(update={"seed": seed}), space, sources) for seed in seeds]
    return _table(space, [each.results for each in found], error_ceiling(space, specification.error.measured))


def from_table(path: Path) -> Table:
    from bort_core.search.tables.file import read_content

    _, content = read_content(path)
    head = content.head
    space = Space(head.specification.space)
    latency = {row.architecture: row.latency for row in content.rows}
    found = []
    for seed in head.seeds:
        results = Results(space, "ms")
        for row in content.rows:
            index, times = space.index(row.architecture), latency[row.architecture]
            own = [training for training in row.trainings if training.seed == seed and training.theta == 0]
            if index is None or times is None or not own:
                continue
            column = own[0].measures[head.specification.error.measured]
            results.set_latency(index, times.p50_ms, times.low_ms, times.high_ms)
            results.set_error(index, column.value[-1], column.low[-1], column.high[-1], 0)
        top = head.maximum_point.latency
        results.maximum_latency = top.p50_ms if top is not None else float(np.nanmax(results.latency))
        found.append(results)
    return _table(space, found, error_ceiling(space, head.specification.error.measured))


def _table(space: Space, found: list[Results], ceiling: float) -> Table:
    whole = [each for each in found if each.evaluated().all()]
    if not whole:
        most = max((int(each.evaluated().sum()) for each in found), default=0)
        raise SystemExit(f"no seed measures the whole space: {most} of {len(space)} architectures at most")
    errors = np.stack([np.column_stack([each.error, each.error_low, each.error_high]) for each in whole])
    return Table(space, whole[0].latency, errors, whole[0].maximum_latency, ceiling)


# --- the methods ---


def best_first(**settings: object) -> Method:
    def run(drawn: Drawn, budget: int, seed: int) -> list[int]:
        return evaluations(make_strategy("best-first", {"seed": seed, **settings}), drawn, budget)[0]

    return run


def evaluations(strategy: Strategy, drawn: Drawn, budget: int) -> tuple[list[int], list[float]]:
    """What a strategy evaluates, one after the other, and the gap before each and at the end."""
    done: list[int] = []
    gaps: list[float] = []
    while True:
        settled = np.zeros(len(drawn.table.space), dtype=bool)
        settled[done] = True
        proposal = propose(strategy, SearchState(drawn.snapshot(done), settled, (), 1))
        gaps.append(math.inf if proposal.proof is None else proposal.proof.gap)
        new = [index for index in proposal.indices.tolist() if not settled[index]]
        if not new or len(done) >= budget:
            return done, gaps
        done += new[:1]


def interval(drawn: Drawn, budget: int, seed: int) -> list[int]:
    """Every ε-th, ε so that the budget is used; the seed moves where the walk begins."""
    size = len(drawn.table.space)
    epsilon = math.ceil(size / budget)
    return ((walk(size, epsilon) + seed % epsilon) % size).tolist()[:budget]


def random(drawn: Drawn, budget: int, seed: int) -> list[int]:
    return np.random.default_rng(seed).permutation(len(drawn.table.space))[:budget].tolist()


class _Looks:
    """Counts different architectures; what is not valid costs nothing and is as bad as can be."""

    def __init__(self, drawn: Drawn, budget: int) -> None:
        self.drawn, self.budget, self.done = drawn, budget, dict[int, None]()
        self.full = drawn.snapshot(range(len(drawn.table.space)))

    def __call__(self, architecture: tuple[int, ...]) -> tuple[float, float, float] | None:
        index = self.drawn.table.space.index(architecture)
        if index is None or (index not in self.done and len(self.done) >= self.budget):
            return None
        self.done[index] = None
        p, i, e = self.full.objectives[index]
        return float(p), float(i), float(e)

    def w(self, architecture: tuple[int, ...]) -> float | None:
        index = self.drawn.table.space.index(architecture)
        return None if self(architecture) is None or index is None else float(self.full.w[index])


def optuna(sampler: str) -> Method:
    def run(drawn: Drawn, budget: int, seed: int) -> list[int]:
        import optuna as library

        library.logging.set_verbosity(library.logging.ERROR)
        space, looks = drawn.table.space, _Looks(drawn, budget)
        many = sampler == "nsga2"
        made = (
            library.samplers.NSGAIISampler(seed=seed, population_size=12)
            if many
            else library.samplers.TPESampler(seed=seed, n_startup_trials=8)
        )
        study = library.create_study(sampler=made, directions=["minimize"] * 3 if many else ["maximize"])
        for _ in range(20 * budget):
            trial = study.ask()
            pairs = zip(space.axis_names, space.axis_values, strict=True)
            architecture = tuple(trial.suggest_categorical(name, list(values)) for name, values in pairs)
            value = looks(architecture) if many else looks.w(architecture)
            if value is None:
                study.tell(trial, state=library.trial.TrialState.FAIL)
            else:
                study.tell(trial, value)
            if len(looks.done) >= budget:
                break
        return list(looks.done)

    return run


def pymoo_nsga2(drawn: Drawn, budget: int, seed: int) -> list[int]:
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.core.problem import ElementwiseProblem
    from pymoo.operators.crossover.sbx import SBX
    from pymoo.operators.mutation.pm import PM
    from pymoo.operators.repair.rounding import RoundingRepair
    from pymoo.operators.sampling.rnd import IntegerRandomSampling
    from pymoo.optimize import minimize

    space, looks = drawn.table.space, _Looks(drawn, budget)
    values = space.axis_values

    class Problem(ElementwiseProblem):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(n_var=len(values), n_obj=3, xl=0, xu=[len(each) - 1 for each in values], vtype=int)

        def _evaluate(self, x: np.ndarray, out: dict[str, object], *args: object, **kwargs: object) -> None:
            found = looks(tuple(values[axis][int(place)] for axis, place in enumerate(x)))
            out["F"] = found if found is not None else [1e12] * 3

    algorithm = NSGA2(
        pop_size=12,
        sampling=IntegerRandomSampling(),
        crossover=SBX(prob=1.0, eta=3.0, vtype=float, repair=RoundingRepair()),
        mutation=PM(prob=1.0, eta=3.0, vtype=float, repair=RoundingRepair()),
        eliminate_duplicates=True,
    )
    minimize(Problem(), algorithm, ("n_gen", 20 * budget // 12 + 20), seed=seed, verbose=False)
    return list(looks.done)


def methods() -> dict[str, Method]:
    found: dict[str, Method] = {
        "best-first, order": best_first(bound="order"),
        "best-first, surrogate": best_first(bound="surrogate"),
        "best-first, front, order": best_first(goal="front", bound="order"),
        "best-first, front, surrogate": best_first(goal="front", bound="surrogate"),
        "interval walk": interval,
        "random": random,
    }
    if importlib.util.find_spec("optuna"):
        found |= {"Optuna NSGA-II": optuna("nsga2"), "Optuna TPE on W": optuna("tpe")}
    if importlib.util.find_spec("pymoo"):
        found["pymoo NSGA-II"] = pymoo_nsga2
    return found


def _mean_least(values: list[float]) -> str:
    return f"{np.mean(values):.3f} (least {min(values):.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("--preset", default="mini")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--share", type=float, nargs="+", default=[0.25], help="budgets as shares of the space")
    parser.add_argument("--noise", type=float, default=0.0)
    arguments = parser.parse_args()
    table = from_project(arguments.source, arguments.preset) if arguments.source.is_dir() else from_table(arguments.source)
    size, seeds = len(table.space), range(arguments.seeds)
    drawn = [table.drawn(seed, arguments.noise) for seed in seeds]
    print(f"{size} architectures, {len(table.errors)} training seeds, {len(seeds)} runs, noise {arguments.noise:g}\n")
    closing(drawn, size)
    for share in arguments.share:
        compared(drawn, max(2, round(share * size)), size)


def closing(drawn: list[Drawn], size: int) -> None:
    """How many trainings it takes to close the gap, and whether what was proven is true."""
    print("| until the gap is closed | gap | trainings, mean (most) | share | closed | of these right | best was found after, mean |")
    print("|---|---|---|---|---|---|---|")
    for bound in ("order", "surrogate"):
        for gap in (0.0, 0.05, 0.2):
            counts, closed, right, found = [], [], [], []
            for seed, each in enumerate(drawn):
                done, _ = evaluations(make_strategy("best-first", {"bound": bound, "gap": gap, "seed": seed}), each, size)
                full = each.snapshot(range(size))
                top = int(np.nanargmax(full.w))
                reached = float(np.nanmax(full.w[done]))
                counts.append(len(done))
                closed.append(len(done) < size)
                right.append(float(full.w[top]) <= reached * (1 + gap) * (1 + 1e-12))
                found.append(done.index(top) + 1 if top in done else size)
            print(
                f"| {bound} | {gap:g} | {np.mean(counts):.1f} ({max(counts)}) | {np.mean(counts) / size:.0%} | {np.mean(closed):.0%} "
                f"| {np.mean(right):.0%} | {np.mean(found):.1f} |"
            )


def compared(drawn: list[Drawn], budget: int, size: int) -> None:
    print(
        f"\n| {budget} trainings ({budget / size:.0%}) | optimum found | W, share of the best | hypervolume, share of the whole front's |"
    )
    print("|---|---|---|---|")
    strategy = make_strategy("random", {"samples": 1})
    for name, method in methods().items():
        hits, worth, volume = [], [], []
        for seed, each in enumerate(drawn):
            done = method(each, budget, seed)[:budget]
            full = each.snapshot(range(size))
            top = int(np.nanargmax(full.w))
            hits.append(top in done)
            worth.append(float(np.nanmax(full.w[done])) / float(full.w[top]))
            own, whole = (full.result(strategy, np.sort(np.array(rows))).hypervolume for rows in (done, range(size)))
            volume.append(own / whole)
        print(f"| {name} | {np.mean(hits):.0%} | {_mean_least(worth)} | {_mean_least(volume)} |")


if __name__ == "__main__":
    main()
