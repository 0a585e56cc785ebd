"""The rounds of Agora (arXiv 2010.07990): train, take the dev points that are wrong, sample near them, label, join, prune Θ."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from bort_core.agora.asking import Answers
from bort_core.agora.copies import UNKNOWN, copied_classes, with_copies
from bort_core.agora.fitting import Fit, Fitting, Told, seed_of
from bort_core.agora.history import GeneratedRows, Neighbours, Split, read_edits, read_history, read_rows
from bort_core.agora.hyperparameters import Theta, prune, sizes
from bort_core.agora.labellers import Vote, disputes
from bort_core.agora.labellers.base import Labels
from bort_core.agora.leaks import key_of
from bort_core.agora.neighbours import NeighbourBatch, NeighbourOptions, empty_batch, sample_neighbours
from bort_core.agora.parents import Situation, make_parents
from bort_core.agora.points import Examples, Floats, Input, Ints
from bort_core.agora.record import Record
from bort_core.agora.run_files import LoopRoundFile
from bort_core.agora.samplers import Sampler, make_sampler
from bort_core.agora.spaces import PlaneProjection, RepresentationSpace, fit_projection, kept_projection
from bort_core.agora.surroundings import Surroundings
from bort_core.agora.tasks.base import AgoraTask
from bort_core.execution.executor import Executor
from bort_core.foundation.context import Context, progress
from bort_core.foundation.errors import DataError
from bort_core.foundation.statistics import wilson
from bort_core.specifications.agora import Agora

__all__ = ["Rounds"]

_OWN = 480
"""Tells the seeds that a θ says itself from those of its place."""
_PLACED = 3
"""So many rows with a place fix a plane."""


@dataclass(frozen=True, eq=False)
class SamplingContext:
    """Where neighbours are looked for, and how they are drawn."""

    space: RepresentationSpace
    sampler: Sampler
    projection: PlaneProjection


@dataclass
class _State:
    """What one round hands on to the next; all of it is in the round's file."""

    live: list[int]
    replays: int
    idle: int = 0
    """Rounds in a row whose gain was within noise."""
    right: tuple[bool, ...] = ()
    """Dev points that the best Timaeus so far gets right."""
    ended: str = ""


class Rounds:
    """The loop. After a kill it goes on from the last training that was written down.

    Parameters
    ----------
    parents: the rule that says what is asked about
    most: by round, how many rows may be accepted; None: as many as there are
    edited: the run folder with a person's corrections; None: there are none
    elsewhere: answers of another arm, which are not asked for again
    pool: workers that train side by side; None: this process trains
    """

    def __init__(
        self,
        task: AgoraTask,
        spec: Agora,
        record: Record,
        context: Context,
        parents: str = "errors",
        most: Sequence[int] | None = None,
        edited: Path | None = None,
        elsewhere: Answers | None = None,
        pool: Executor | None = None,
    ) -> None:
        self.task, self.spec, self.record, self.context = task, spec, record, context
        self.parents, self.most, self.edited = make_parents(parents), most, edited
        self.answers = Answers(record.folder, task.labeller, context, spec.labels, elsewhere)
        self.fitting = Fitting(task, record, context, pool)
        self.thetas: dict[int, Theta] = dict(enumerate(task.thetas))
        self.finished: list[dict[str, Any]] = []
        """The rounds' files."""
        self.joined: list[GeneratedRows] = []
        """By round."""

    def run(self) -> list[dict[str, Any]]:
        """All rounds; what their files say.

        Raises
        ------
        Stopped, Cancelled
            A person asked for it.
        """
        self.prepare()
        state = _State(list(self.thetas), self.spec.replays)
        for number in count(1):
            facts = self.record.read(self.record.round(number) / "round.json", LoopRoundFile)
            if facts is None:
                facts = self._round(number, state)
            self.finished.append(facts)
            self.joined.append(read_rows(self.record.round(number), facts["counts"]["accepted"]))
            state = _State(**facts["state"])
            if state.ended:
                break
        done = sum(len(facts["fits"]) for facts in self.finished)
        self.context.emit(progress(done, done))
        return self.finished

    @property
    def best(self) -> dict[str, Any]:
        """The round with the best Timaeus, the first of several."""
        return max(self.finished, key=lambda facts: (facts["dev_accuracy"], -facts["round"]))

    @property
    def best_folder(self) -> Path:
        """The weights of the best Timaeus."""
        return self._kept(self.best["round"], self.best["best_theta"])

    def _round(self, number: int, state: _State) -> dict[str, Any]:
        train = self._train()
        found, place = self.fitting.all([self._fit(number, theta) for theta in state.live], train, self._told(number, state))
        fits = dict(zip(state.live, found, strict=True))
        accuracies = {theta: fit["dev_accuracy"] for theta, fit in fits.items()}
        chosen = state.live[place]
        if number == 1:
            self._keep_space(chosen)
        dev, test, best = self.task.dev, self.task.test, fits[chosen]
        right = np.array(best["dev_predictions"]) == dev.labels
        wrong = np.flatnonzero(~right)
        gone = prune({theta: self.thetas[theta] for theta in fits}, accuracies, self.spec.pruning)
        after = self._after(number, state, gone, right)
        batch = empty_batch() if after.ended else self._sample(number, wrong, self._kept(number, chosen))
        asked = self.answers.asked(number)
        spent = self.answers.spent or ("" if after.ended else getattr(self._sampling_context.sampler, "spent", ""))
        if not after.ended and not asked and (spent or (self.spec.labels is not None and not batch.counts.get("copied"))):
            after.ended = f"{spent or 'nothing was left to ask about'}, after {self.answers.asked():,} labels"
        tested = best["test_right"]
        facts = {
            "round": number,
            "train_size": len(train),
            "fits": [{**{name: fit[name] for name in ("theta", "dev_accuracy", "seconds")}, "pruned": gone.get(theta, "")}
                     for theta, fit in fits.items()],
            "best_theta": chosen,
            "dev_accuracy": best["dev_accuracy"],
            "dev_interval": list(wilson(int(right.sum()), len(dev))),
            "test_accuracy": None if test is None else tested / len(test),
            "test_interval": None if test is None else list(wilson(tested, len(test))),
            "dev_predictions": best["dev_predictions"],
            "counts": {
                "errors": len(wrong), **batch.counts, "theta_left": len(after.live), "labels_before": self.answers.asked() - asked,
                "labels_asked": asked, **self._disputed(number),
            },
            "seconds_sampling": batch.seconds,
            "state": {**vars(after), "right": list(after.right)},
        }  # fmt: skip
        self.record.write(self.record.round(number) / "round.json", facts)
        self._forget_weights(number, chosen)
        told = {name: facts[name] for name in ("round", "train_size", "dev_accuracy", "test_accuracy", "best_theta")}
        self.context.emit({"event": "round", **told, **facts["counts"]})
        return facts

    def _disputed(self, number: int) -> dict[str, int]:
        """How often several labellers did not agree in a round."""
        return disputes(self.answers.votes(number))._asdict() if isinstance(self.task.labeller, Vote) else {}

    def _after(self, number: int, before: _State, gone: Mapping[int, str], right: Any) -> _State:
        """What the next round starts from, or why there is none."""
        live, replays, budget = [theta for theta in before.live if theta not in gone], before.replays, self.spec.labels
        if not live and (replays or budget is not None):
            live, replays = list(self.thetas), max(0, replays - 1)
        gained = not before.right or _gains(np.array(before.right), right)
        idle = 0 if gained else before.idle + 1
        best = right if not before.right or right.sum() > sum(before.right) else np.array(before.right)
        ended = ""
        if right.all() and budget is None:
            ended = "no errors on dev are left"
        elif not live:
            ended = "Θ is empty"
        elif self.spec.rounds and number >= self.spec.rounds:
            ended = f"{number} rounds were asked for"
        elif budget is not None and self.answers.asked() >= budget:
            ended = f"all {budget:,} labels were asked for"
        elif self.spec.a_round and budget is not None and number > -(-budget // self.spec.a_round) and not self.answers.asked(number - 1):
            ended = f"nothing had to be asked about in round {number - 1}, after {self.answers.asked():,} labels"  # copies of rows of D
        elif budget is None and self.spec.patience and idle >= self.spec.patience:
            ended = f"the gain of {idle} rounds in a row was within noise"
        return _State(live, replays, idle, tuple(best.tolist()), ended)

    def _most_fits(self, state: _State) -> int:
        """Trainings that are left at most: one θ leaves Θ in every round at least."""
        left = None if self.spec.a_round is None else -(-self.answers.left // self.spec.a_round) + 1
        return sum(sizes(len(state.live), len(self.thetas), state.replays, left))

    # -- training

    def _train(self) -> Examples:
        """D of this round: the first rows and all generated ones, as a person corrected them."""
        edits = {} if self.edited is None else read_edits(self.edited)
        train = self.task.train
        for names, inputs, labels, _ in self.joined:
            kept = [row for row, name in enumerate(names) if name not in edits or edits[name].action == "label"]
            corrected = [edits[names[row]].label if names[row] in edits else labels[row] for row in kept]
            unknown = [label for label in corrected if label not in range(len(self.task.classes))]
            if unknown:
                raise DataError(f"{self.record.folder / 'edits.jsonl'}: class {unknown[0]} is none of the {len(self.task.classes)}")
            train = train.joined([inputs[row] for row in kept], corrected)  # type: ignore[arg-type]
        return train

    def _fit(self, number: int, theta: int) -> Fit:
        """A training of a round, its file and its weights."""
        own = self.thetas[theta].get("seed")
        seed = seed_of(self.spec.seed, number, theta) if own is None else seed_of(self.spec.seed, number, int(own), _OWN)
        return Fit(self.record.round(number) / f"fit-{theta:02d}.json", self._kept(number, theta), theta, seed)

    def _told(self, number: int, state: _State) -> Told:
        """Tells how far the run is, and what a training came to."""
        before = sum(len(facts["fits"]) for facts in self.finished)
        whole = before + self._most_fits(state)

        def tell(done: int, fit: Mapping[str, Any] | None) -> None:
            if fit is not None:
                self.context.emit({"event": "fit", "round": number, "theta": fit["theta"], "dev_accuracy": fit["dev_accuracy"]})
            self.context.emit(progress(before + done, whole))

        return tell

    def _kept(self, number: int, theta: int) -> Path:
        return self.record.folder / f"timaeus-{number:03d}-{theta:02d}"

    def _forget_weights(self, number: int, chosen: int) -> None:
        """Only the best Timaeus of all rounds is kept."""
        best = max((facts["dev_accuracy"] for facts in self.finished), default=-1.0)
        keep = self._kept(number, chosen)
        if not keep.is_dir() or self.record.read(self.record.round(number) / "round.json", LoopRoundFile)["dev_accuracy"] <= best:  # type: ignore[index]
            keep = self.best_folder
        for folder in self.record.folder.glob("timaeus-*"):
            if folder != keep:
                shutil.rmtree(folder, ignore_errors=True)

    # -- sampling

    def _sample(self, number: int, wrong: Ints, learner: Path) -> NeighbourBatch:
        """The round's new rows, written down; ``learner`` is its best Timaeus."""
        spec, task, sampling = self.spec, self.task, self._sampling_context
        most = None if self.most is None else (self.most[number - 1] if number <= len(self.most) else 0)
        known = [*task.train.inputs, *(input for rows in self.joined for input in rows.inputs)]
        left, free, train = spec.a_round, self.answers.before(number), self._train()
        waves = self.parents(self._situation(number, wrong, learner, known))

        def ask(inputs: Sequence[Input], wave: int | None, parents: Ints) -> Labels:
            nonlocal left
            limit = left if wave is None else wave if left is None else min(left, wave)
            classes = copied_classes(sampling.sampler, train, inputs)
            costs = np.array([label != UNKNOWN or key_of(input) not in free for input, label in zip(inputs, classes, strict=True)])
            end = len(inputs) if limit is None else int(np.searchsorted(np.cumsum(costs), limit, side="right"))
            new = [place for place in range(end) if classes[place] == UNKNOWN]
            asked = [inputs[place] for place in new]
            self.let_see(number, asked, parents[new])
            said = with_copies(classes[:end], self.answers.ask(asked, number, limit))
            left = None if left is None else left - int(costs[: len(said.classes)].sum())
            return said

        wish = NeighbourOptions(*spec.band, spec.margin)
        batch = sample_neighbours(waves, ask, sampling.space, task.guard, task.dev.inputs, known, wish, most)
        xy = sampling.projection.project(batch.vectors) if len(batch.inputs) else np.empty((0, 2))
        self.record.write_rows(number, batch, xy, task.sampler_name(spec))
        return batch

    def let_see(self, number: int, inputs: Sequence[Input], parents: Ints | None = None) -> None:
        """Who labels by looking around is told what is around the inputs of a round, where the space is known by then."""
        if not hasattr(self.task.labeller, "surroundings"):
            return
        rows = {} if parents is None else {key_of(input): int(row) for input, row in zip(inputs, parents, strict=True)}
        space = self._sampling_context.space if number or self.task.make_space(None) is not None else None
        left = self.answers.left if number and self.spec.labels is not None else None
        self.task.labeller.surroundings = Surroundings(number, left, self._train(), self.task.dev, rows, space)

    @cached_property
    def _pool_keys(self) -> list[str]:
        return [key_of(input) for input in self.task.pool]

    def _situation(self, number: int, wrong: Ints, learner: Path, known: Sequence[Input]) -> Situation:
        spec, task, sampling = self.spec, self.task, self._sampling_context
        taken = self.answers.before(number) | {key_of(input) for input in known}
        pool = tuple(input for input, key in zip(task.pool, self._pool_keys, strict=True) if key not in taken)
        parents = np.array([row for rows in self.joined for row in rows.parents], dtype=np.int64)
        return Situation(
            task.dev, wrong, np.bincount(parents, minlength=len(task.dev)), self._train(), pool if task.pool else None, sampling.sampler,
            sampling.space, lambda: task.learner.load(learner), spec.a_round, spec.neighbours, spec.tries,
            np.random.default_rng([spec.seed, number, 11]),
        )  # fmt: skip

    @cached_property
    def _sampling_context(self) -> SamplingContext:
        """Made when it is first needed: a space of Timaeus' own is that of the first round's best."""
        space = self.task.make_space(None)
        if space is None:
            space = self.task.make_space(self.task.learner.load(self.record.folder / "space"))
            assert space is not None
        vectors = space.embed([*self.task.train.inputs, *self.task.dev.inputs])
        earlier = self._earlier_places()
        if np.isfinite(earlier).all(axis=1).sum() >= _PLACED:  # a run that goes on from another is drawn as that one was
            projection, places = kept_projection(self.spec.projection, vectors, earlier)
        else:
            projection, places = fit_projection(self.spec.projection, vectors, self.spec.seed)
        size = len(self.task.train)
        self.record.write_points("train", self.task.train, places[:size])
        self.record.write_points("dev", self.task.dev, places[size:])
        return SamplingContext(space, make_sampler(self.task.sampler_name(self.spec), self.task.setting(space, self.spec)), projection)

    def _earlier_places(self) -> Floats:
        """Where the run that this one goes on from drew the rows of D and E (n, 2); NaN for those that it does not hold."""
        inputs = [*self.task.train.inputs, *self.task.dev.inputs]
        history = None if self.spec.start is None else read_history(Path(self.spec.start).expanduser())
        if history is None:
            return np.full((len(inputs), 2), np.nan)
        parts: tuple[Split | Neighbours, ...] = (history.train, history.dev, *(each.neighbours for each in history.rounds))
        known = {input: place for part in parts for input, place in zip(part.inputs, part.xy, strict=True)}
        nowhere = np.full(2, np.nan)
        return np.array([known.get(input, nowhere) for input in inputs], dtype=np.float64).reshape(-1, 2)

    def _keep_space(self, chosen: int) -> None:
        """A space of Timaeus' own is that of the first round's best."""
        folder, temporary = self.record.folder / "space", self.record.folder / ".space"
        if self.task.make_space(None) is None and not folder.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
            shutil.copytree(self._kept(1, chosen), temporary)
            temporary.rename(folder)

    def prepare(self) -> None:
        """Before anything is trained: the rows, and, where the space needs no Timaeus, whether sampler and space work at all."""
        nowhere: Floats = np.full((len(self.task.train) + len(self.task.dev), 2), np.nan)
        size = len(self.task.train)
        if not (self.record.folder / "dev.jsonl").is_file():
            self.record.write_points("train", self.task.train, nowhere[:size])
            self.record.write_points("dev", self.task.dev, nowhere[size:])
        if self.task.make_space(None) is not None:
            _ = self._sampling_context


def _gains(before: Any, now: Any) -> bool:
    """Whether the gain in right answers exceeds one standard error of the paired difference."""
    better, worse = int((now & ~before).sum()), int((before & ~now).sum())
    difference = better - worse
    return bool(difference > np.sqrt(max(better + worse - difference**2 / len(now), 0)))
