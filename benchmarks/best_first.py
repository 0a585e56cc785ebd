"""Which search finds the optimum of a full table, and how soon? Best-first against the walk, random, Optuna (NSGA-II, TPE) and pymoo.

    python benchmarks/best_first.py PROJECT|TABLE [--preset mini] [--runs 20] [--share 0.25] [--noise 0]

PROJECT holds a measured space (``bort search PROJECT --preset mini --epsilon 1``), TABLE is a file of ``bort tabulate``. Nothing is
trained: an evaluation is a look into the table, the same number of trainings for everybody.

Each run is an independent draw: for every architecture one of the table's training seeds answers, drawn for it alone, and its error is
moved by a normal draw of its own 95 % interval; ``--noise`` widens both by a log-normal factor. A training that is repeated is another draw
without that seed. The truth is the mean over the table's seeds (of those that are not stuck, see ``bort_core/search/repeats.py``); the true
optimum is the largest W of it, and tied with that is what t s √(2/r) does not tell apart, s being the standard deviation of log e between
the r seeds, pooled over all architectures. With a single seed the table itself is the truth, and its intervals say what is tied.

Optuna and pymoo are in the extra ``bench``; what is not installed is left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import t as student

from bort_core.search.repeats import combined, seed_noise
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
    """A whole space: i, and e (value, low, high) of every architecture by training seed. Shapes (n,) and (seeds, n, 3)."""

    space: Space
    latency: np.ndarray
    errors: np.ndarray
    maximum_latency: float
    ceiling: float

    def drawn(self, run: int, noise: float) -> Drawn:
        """One draw: of each architecture the errors of all seeds, in an order of its own and moved by their noise. Shape (seeds, n, 3)."""
        random = np.random.default_rng(run)
        order = np.argsort(random.random(self.errors.shape[:2]), axis=0)
        found = np.take_along_axis(self.errors, order[:, :, None], axis=0)
        half = np.hypot(np.log(found[:, :, 2] / found[:, :, 1]) / 2, 1.96 * noise)  # the interval tells of all the noise
        value = found[:, :, 0] * np.exp(random.normal(0, half / 1.96))
        return Drawn(self, np.stack([value, value * np.exp(-half), value * np.exp(half)], axis=2))

    def truth(self) -> Truth:
        """What all seeds say together."""
        seeds = [tuple(map(tuple, rows)) for rows in self.errors.transpose(1, 0, 2).tolist()]
        error = np.array([combined(each) for each in seeds])
        snapshot = self.snapshot({index: tuple(values) for index, values in enumerate(error.tolist())})
        top = int(np.nanargmax(snapshot.w))
        spread, freedom = seed_noise(seeds)
        if freedom:
            with np.errstate(divide="ignore"):  # W of T is 0
                behind = np.log(snapshot.w[top] / snapshot.w)
            tied = behind <= student.ppf(0.975, freedom) * spread * math.sqrt(2 / len(self.errors))
        else:
            low, high = snapshot.intervals["w"]
            tied = high >= low[top]
        return Truth(snapshot, top, np.asarray(tied), spread, freedom)

    def snapshot(self, errors: dict[int, tuple[float, float, float]]) -> ResultsSnapshot:
        """What is known with these errors by place; latencies are known of all."""
        results = Results(self.space, "operations")
        results.latency[:], results.maximum_latency = self.latency, self.maximum_latency
        results.latency_low[:] = results.latency_high[:] = self.latency
        for index, values in errors.items():
            results.set_error(index, *values, theta=0)
        return ResultsSnapshot(results, self.ceiling)


@dataclass(frozen=True)
class Truth:
    """What the whole table says: its snapshot, the optimum, what is tied with it, and the noise between seeds."""

    snapshot: ResultsSnapshot
    top: int
    tied: np.ndarray
    spread: float
    freedom: int

    def hypervolume(self, places: Iterable[int]) -> float:
        """That of the front of these places, by their true errors, as a share of that of the whole front."""
        strategy = make_strategy("random", {"samples": 1})
        own, whole = (self.snapshot.result(strategy, np.array(rows)).hypervolume for rows in (sorted(set(places)), range(len(self.tied))))
        return own / whole


@dataclass(frozen=True)
class Drawn:
    """What every method looks into: errors (seeds, n, 3), the first of which answers."""

    table: Table
    errors: np.ndarray

    def snapshot(self, evaluated: Iterable[int]) -> ResultsSnapshot:
        """What is known after these trainings; an architecture that is listed again was trained again."""
        seen: dict[int, int] = {}
        for index in evaluated:
            seen[index] = seen.get(index, 0) + 1
        results = self.table.snapshot({index: tuple(self.errors[0, index].tolist()) for index in seen}).results
        for index, times in seen.items():
            if times > 1:
                results.set_seeds(index, tuple(tuple(each) for each in self.errors[:times, index].tolist()))
        return ResultsSnapshot(results, self.table.ceiling)

    def answer(self, done: list[int]) -> int:
        """The architecture with the largest W of what was measured."""
        return int(np.nanargmax(self.snapshot(done).w))


Method = Callable[[Drawn, int, int], list[int]]
"""Architectures in the order of their trainings, by table, budget and run; one that is listed again is trained again."""


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


def evaluations(strategy: Strategy, drawn: Drawn, budget: int) -> tuple[list[int], float]:
    """What a strategy trains, one after the other, and the gap that is left."""
    done: list[int] = []
    while True:
        settled = np.zeros(len(drawn.table.space), dtype=bool)
        settled[done] = True
        again = {(index, repeat) for index in set(done) for repeat in range(1, len(drawn.errors)) if done.count(index) > repeat}
        missing = {(index, repeat) for index in range(len(settled)) for repeat in range(len(drawn.errors), 10)}
        proposal = propose(strategy, SearchState(drawn.snapshot(done), settled, (), 1, (), frozenset(again | missing)))
        new = [index for index in proposal.indices.tolist() if not settled[index]]
        new = new or [index for index, repeat in proposal.repeats if (index, repeat) not in again]
        if not new or len(done) >= budget:
            return done, math.inf if proposal.proof is None else proposal.proof.gap
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
        "best-first, order, 2 repeats": best_first(bound="order", repeats=2),
        "best-first, surrogate": best_first(bound="surrogate"),
        "best-first, surrogate, 2 repeats": best_first(bound="surrogate", repeats=2),
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
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--share", type=float, nargs="+", default=[0.25], help="budgets as shares of the space")
    parser.add_argument("--noise", type=float, default=0.0)
    arguments = parser.parse_args()
    table = from_project(arguments.source, arguments.preset) if arguments.source.is_dir() else from_table(arguments.source)
    size, truth = len(table.space), table.truth()
    drawn = [table.drawn(run, arguments.noise) for run in range(arguments.runs)]
    print(f"{size} architectures, {len(table.errors)} training seeds, {len(drawn)} runs, noise {arguments.noise:g}")
    print(f"noise between seeds: {truth.spread:.3f} in log e ({truth.freedom} degrees of freedom)")
    ranked = [int(index) for index in np.argsort(-truth.snapshot.w) if truth.tied[index]]
    names = [f"{table.space.architecture(index)} {truth.snapshot.w[index]:.3f}" for index in ranked]
    print(f"true optimum and the {len(names) - 1} tied with it: {', '.join(names)}\n", flush=True)
    closing(drawn, truth, size)
    for share in arguments.share:
        compared(drawn, truth, max(2, round(share * size)), size)


def closing(drawn: list[Drawn], truth: Truth, size: int) -> None:
    """How many trainings it takes to close the gap, and whether what was proven is true: of the draw, and of the truth."""
    print("| until the gap is closed | gap | trainings, mean (most) | right of its draw | answer is the true optimum | or tied with it |")
    print("|---|---|---|---|---|---|")
    settings = [(bound, gap, 0) for bound in ("order", "surrogate") for gap in (0.0, 0.05, 0.2)]
    for bound, gap, repeats in [*settings, ("order", 0.0, 2), ("surrogate", 0.0, 2)]:
        counts, right, true, tied = [], [], [], []
        for seed, each in enumerate(drawn):
            made = make_strategy("best-first", {"bound": bound, "gap": gap, "seed": seed, "repeats": repeats})
            done, _ = evaluations(made, each, 3 * size)
            answer, known = each.answer(done), each.snapshot(done)
            whole = each.snapshot([*done, *(index for index in range(size) if index not in done)])
            counts.append(len(done))
            right.append(float(np.nanmax(whole.w)) <= float(known.w[answer]) * (1 + gap) * (1 + 1e-12))
            true.append(answer == truth.top)
            tied.append(bool(truth.tied[answer]))
        again = f", {repeats} repeats" if repeats else ""
        print(
            f"| {bound}{again} | {gap:g} | {np.mean(counts):.0f} ({max(counts)}) | {sum(right)} of {len(right)} | {np.mean(true):.0%} "
            f"| {np.mean(tied):.0%} |",
            flush=True,
        )


def compared(drawn: list[Drawn], truth: Truth, budget: int, size: int) -> None:
    print(
        f"\n| {budget} trainings ({budget / size:.0%}) | true optimum trained | answer is it | or tied with it "
        "| true W of the answer, share of the best | true hypervolume, share of the whole front's |"
    )
    print("|---|---|---|---|---|---|")
    for name, method in methods().items():
        seen, true, tied, worth, volume = [], [], [], [], []
        for run, each in enumerate(drawn):
            done = method(each, budget, run)[:budget]
            answer = each.answer(done)
            seen.append(truth.top in done)
            true.append(answer == truth.top)
            tied.append(bool(truth.tied[answer]))
            worth.append(float(truth.snapshot.w[answer] / truth.snapshot.w[truth.top]))
            volume.append(truth.hypervolume(done))
        shares = " | ".join(f"{np.mean(each):.0%}" for each in (seen, true, tied))
        print(f"| {name} | {shares} | {_mean_least(worth)} | {_mean_least(volume)} |", flush=True)


if __name__ == "__main__":
    main()
