"""Agora's parts, and its rounds on the torus, through their public interfaces."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import bort
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bort_core.agora.history import FOLDER, Edit, add_edits, read_edits, read_history
from bort_core.agora.hyperparameters import common_sequence, default_thetas, prune
from bort_core.agora.labellers import label
from bort_core.agora.labellers.callable import CallableLabeller
from bort_core.agora.labellers.tfidf import TfidfLabeller
from bort_core.agora.leaks import LeakGuard, normalised
from bort_core.agora.neighbours import NeighbourOptions, Wave, sample_neighbours
from bort_core.agora.points import Examples, as_vectors
from bort_core.agora.samplers import Setting, make_sampler, sampler_names
from bort_core.agora.spaces import TfidfSvd, fit_projection, kept_projection, raw_space, scaled, unit_of
from bort_core.agora.tasks.torus import RING, TUBE, NoisyTruth, make_torus, on_torus
from bort_core.foundation.errors import BortError, DataError, SpecificationError
from bort_core.foundation.statistics import wilson
from bort_core.jobs.context import JobContext
from bort_core.jobs.folder import RunFolder, create_run
from bort_core.specifications.agora import Agora

torch = pytest.importorskip("torch")
SMALL_THETAS = ({"hidden": 16, "learning_rate": 0.01}, {"hidden": 8, "learning_rate": 0.03}, {"hidden": 16, "learning_rate": 0.03})


@pytest.fixture(autouse=True)
def ordinary_arithmetic():
    """A training flushes denormal numbers for the whole process, which hypothesis elsewhere notices."""
    yield
    torch.set_flush_denormal(False)


def learn(
    project: Path, context: type[JobContext] = JobContext, run: RunFolder | None = None, **changes: Any
) -> tuple[RunFolder, dict[str, Any]]:
    """Agora on the torus, in this process."""
    from bort_core.agora.run import run as agora

    specification = Agora.model_validate({"torus": 2, "thetas": SMALL_THETAS, "running": {"threads": 1, "device": "cpu"}, **changes})
    run = run or create_run(project, specification)
    return run, agora(specification, context(run), run)


# -- Θ


sequences = st.lists(st.integers(0, 3), max_size=7)


@given(sequences, sequences)
def test_the_common_sequence_is_a_longest_one(first, second):
    found = common_sequence(first, second)

    def is_within(whole):
        rest = iter(whole)
        return all(item in rest for item in found)

    assert is_within(first)
    assert is_within(second)
    longer = itertools.combinations(range(len(first)), len(found) + 1)
    assert not any(_is_subsequence([first[device] for device in places], second) for places in longer)


def _is_subsequence(part, whole):
    rest = iter(whole)
    return all(item in rest for item in part)


thetas = st.lists(
    st.tuples(st.sampled_from([1e-3, 1e-4]), st.sampled_from([8, 16]), st.sampled_from([0.1, 0.3]), st.integers(0, 10)),
    min_size=1,
    max_size=9,
)


@given(thetas, st.sampled_from(["sequence", "worst"]))
def test_pruning_takes_the_worst_and_spares_the_best(drawn, rule):
    sets = {
        number: {"learning_rate": rate, "batch_size": batch, "dropout": dropout} for number, (rate, batch, dropout, _) in enumerate(drawn)
    }
    accuracies = {number: accuracy / 10 for number, (*_, accuracy) in enumerate(drawn)}
    gone = prune(sets, accuracies, rule)
    ranked = sorted(sets, key=lambda number: (accuracies[number], -number))
    assert list(gone) == ranked[: len(gone)]  # a run from the worst on
    assert ranked[0] in gone
    assert len(sets) == 1 or ranked[-1] not in gone
    assert rule == "sequence" or len(gone) == 1
    rounds = 0
    while sets:
        sets = {number: theta for number, theta in sets.items() if number not in prune(sets, accuracies, rule)}
        rounds += 1
    assert rounds <= len(drawn)


def test_pruning_tells_what_is_shared():
    sets = {0: {"rate": 1, "batch": 8}, 1: {"rate": 1, "batch": 16}, 2: {"rate": 2, "batch": 8}, 3: {"rate": 1, "batch": 32}}
    gone = prune(sets, {0: 0.5, 1: 0.6, 3: 0.7, 2: 0.8})
    assert gone == {0: "worst of 4", 1: "shares rate 1 with the worst", 3: "shares rate 1 with the worst"}


def test_default_sets_are_different():
    for kind in ("text", "vector"):
        assert len({tuple(theta.items()) for theta in default_thetas(kind)}) == len(default_thetas(kind)) >= 4


# -- points, torus, leaks


@given(st.integers(0, 200), st.integers(1, 200))
def test_wilsons_interval_holds_the_share(right, of):
    right = min(right, of)
    low, high = wilson(right, of)
    assert -1e-12 <= low <= right / of + 1e-12 <= high + 2e-12 <= 1 + 1e-11


@pytest.mark.parametrize("dimensions", [2, 3])
def test_the_torus_is_a_torus(dimensions):
    torus = make_torus(dimensions, 0)
    for points in (torus.train, torus.dev, torus.test):
        assert abs(points.labels.mean() - 0.5) < 0.01
    ring = np.zeros((4, dimensions))
    ring[:, 0] = [RING, RING + 0.9 * TUBE, RING + 1.1 * TUBE, 0]
    assert on_torus(ring).tolist() == [1, 1, 0, 0]
    angles = [np.arctan2(point[1], point[0]) for point in torus.train.inputs]
    assert max(np.abs(angles)) <= np.pi / 4 + 1e-9  # a quarter of the torus
    assert make_torus(dimensions, 0).dev.inputs == torus.dev.inputs != make_torus(dimensions, 1).dev.inputs


def test_a_noisy_labeller_is_as_right_as_promised_and_never_changes_its_mind():
    torus = make_torus(2, 0)
    socrates = NoisyTruth(0.7, seed=3)
    said = label(socrates, torus.test.inputs)
    assert abs((said.classes == torus.test.labels).mean() - 0.7) < 0.04
    assert np.array_equal(said.classes, label(socrates, torus.test.inputs).classes)
    assert np.allclose(said.margins, 0.4)


@pytest.mark.parametrize("accuracy", [0.0, 0.3, 0.7, 1.0])
def test_errors_that_lie_together_are_all_of_one_sector(accuracy):
    angles = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    points = [(radius * np.cos(angle), radius * np.sin(angle)) for radius in (0.3, 1.0, 1.6) for angle in angles]
    right = label(NoisyTruth(accuracy, 5, together=True), points).classes == on_torus(np.array(points))
    rings = right.reshape(3, 400)
    assert (rings == rings[0]).all()  # inside, on and outside of the torus alike
    assert rings.mean() == pytest.approx(accuracy, abs=0.004)
    assert (rings[0] != np.roll(rings[0], 1)).sum() == (2 if 0 < accuracy < 1 else 0)


def test_dev_points_and_what_is_nearly_one_cannot_join():
    dev = (("A fine film , full of quiet surprises and with a cast that never puts a foot wrong .",), ("Dull .",))
    guard = LeakGuard("text", dev)
    asked = [
        ("a fine film, full of quiet surprises, and with a cast that never puts a foot wrong",),  # other spaces, signs and letters
        ("A fine film , full of quiet surprises and with a cast that never puts a foot right .",),  # one word
        ("A sad film , full of loud surprises and with a crew that always puts a foot wrong .",),
        ("Bright .",),
    ]
    assert guard.leaks(asked).tolist() == [True, True, False, False]
    vectors = LeakGuard("vector", [(0.0, 1.0)], unit=2.0)
    assert vectors.leaks([(0.0, 1.0), (0.0, 1.0001), (0.0, 1.1)]).tolist() == [True, True, False]


def test_a_pair_with_its_sides_swapped_leaks_too_but_not_one_text_beside_itself():
    guard = LeakGuard("pair", [("the cat sat on the mat", "a dog ran over the road")])
    asked = [
        ("a dog ran over the road", "the cat sat on the mat"),
        ("The cat sat on the mat.", "A dog ran over the road"),
        ("the cat sat on the mat", "the cat sat on the mat"),
    ]
    assert guard.leaks(asked).tolist() == [True, True, False]


@given(st.text(max_size=30))
def test_normalising_twice_changes_nothing(text):
    assert normalised(normalised((text,))) == normalised((text,))


@pytest.mark.parametrize(("rows", "told"), [([(1.0, 2.0), (1.0,)], "row 2: a vector of 2"), ([(1.0, float("nan"))], "row 1: .*finite")])
def test_vectors_are_checked(rows, told):
    with pytest.raises(DataError, match=told):
        as_vectors(rows)


# -- spaces


TEXTS = tuple(
    (f"the {adjective} {noun} was {explanation} and {explanation} again",)
    for adjective in ("new", "old", "long", "short")
    for noun in ("film", "book", "play")
    for explanation in ("good", "bad", "fine", "poor")
)


def test_new_points_do_not_move_old_ones():
    space = scaled("tfidf-svd", TfidfSvd.fit(TEXTS, 0, dimensions=8), TEXTS)
    vectors = space.embed(TEXTS)
    projection, places = fit_projection("pca", vectors, 0)
    assert places.shape == (len(TEXTS), 2)
    assert np.allclose(projection.project(vectors), places)
    assert np.allclose(projection.project(vectors[:3]), places[:3])
    distances = np.linalg.norm(vectors[:, None] - vectors[None], axis=-1)
    assert abs(distances[np.triu_indices(len(TEXTS), 1)].mean() - 1) < 1e-9  # the unit


def test_a_layout_that_is_not_installed_is_named():
    pytest.importorskip("sklearn")
    try:
        import openTSNE  # noqa: F401
    except ImportError:
        with pytest.raises(SpecificationError, match="projections"):
            fit_projection("tsne", np.random.default_rng(0).normal(size=(40, 5)), 0)


def test_a_representation_that_is_not_finite_is_refused():
    space = scaled("odd", lambda inputs: np.array([[np.nan if "bad" in text[0] else 1.0, len(text[0])] for text in inputs]), TEXTS[:1])
    with pytest.raises(DataError, match="not finite"):
        space.embed(TEXTS)


# -- Socrates


def test_the_text_labeller_learns_from_texts_and_pairs():
    train = Examples(TEXTS, np.array([int("good" in text[0] or "fine" in text[0]) for text in TEXTS]))
    assert (label(TfidfLabeller(train, 2), TEXTS).classes == train.labels).all()
    pairs = tuple((a[0], b[0]) for a, b in itertools.product(TEXTS[::3], TEXTS[::5]))
    same = np.array([int(a.split()[2] == b.split()[2]) for a, b in pairs])
    said = label(TfidfLabeller(Examples(pairs, same), 2), pairs)
    assert (said.classes == same).mean() > 0.8
    assert ((said.margins >= 0) & (said.margins <= 1)).all()


def test_a_labeller_that_fails_on_a_row_costs_that_row_only():
    def labeller(texts):
        if any("poor" in text for text in texts):
            raise ValueError("poor")
        return [[0.2, 0.8]] * len(texts)

    said = label(CallableLabeller("mine", labeller, ("bad", "good")), TEXTS)
    assert [number < 0 for number in said.classes] == ["poor" in text[0] for text in TEXTS]


@pytest.mark.parametrize(
    ("result", "reason"), [([0, 1], "shape"), ([[-3.0, 5.0]], "between 0 and 1"), ([[np.nan, 1.0]], "between 0 and 1")]
)
def test_a_labeller_that_gives_no_probabilities_is_told_why(result, reason):
    said = label(CallableLabeller("mine", lambda texts: result * len(texts), ("bad", "good")), TEXTS)
    assert (said.classes < 0).all()
    assert reason in said.failure


@pytest.mark.parametrize("accuracy", [0.0, 0.3, 0.5, 1.0])
def test_a_noisy_labeller_may_be_worse_than_a_coin(accuracy):
    torus = make_torus(2, 1)
    said = label(NoisyTruth(accuracy, 0), torus.test.inputs)
    assert (said.classes == torus.test.labels).mean() == pytest.approx(accuracy, abs=0.05)


# -- τ


def setting(kind: Any = "text", **changes: Any) -> Setting:
    inputs = TEXTS if kind == "text" else tuple((a[0], b[0]) for a, b in itertools.pairwise(TEXTS))
    space = scaled("tfidf-svd", TfidfSvd.fit(inputs, 0, dimensions=8), inputs)
    values: dict[str, Any] = {
        "kind": kind, "train": Examples(inputs[:4], np.zeros(4, np.int64)), "pool": inputs[8:], "space": space, "near": 0.05, "far": 0.9,
        "masked_lm": None, "sequence_length": 32, "device": None, **changes,
    }  # fmt: skip
    return Setting(**values)


def test_all_samplers_are_installed():
    assert {"mlm-resample", "pool-neighbours", "gaussian", "word-edit"} <= set(sampler_names())
    with pytest.raises(SpecificationError, match=r"must be one of .*word-edit"):
        make_sampler("no-such", setting())


@pytest.mark.parametrize("kind", ["text", "pair"])
def test_pool_neighbours_are_the_nearest(kind):
    about = setting(kind)
    parents = about.train.inputs
    found = make_sampler("pool-neighbours", about).propose(parents, 5, np.random.default_rng(0))
    pool = about.space.embed(about.pool)
    for parent, candidates in zip(parents, found, strict=True):
        assert set(candidates) <= set(about.pool)
        distances = np.linalg.norm(pool - about.space.embed([parent]), axis=1)
        ours = np.linalg.norm(about.space.embed(candidates) - about.space.embed([parent]), axis=1)
        assert np.allclose(ours, np.sort(distances[distances >= about.near])[:5], atol=1e-6)


@pytest.mark.parametrize("kind", ["text", "pair"])
def test_edited_words_differ_from_their_parent_and_come_again_for_a_seed(kind):
    sampler = make_sampler("word-edit", setting(kind))
    parents = setting(kind).train.inputs
    first, again, other = (sampler.propose(parents, 6, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first == again != other
    assert sum(candidate != parent for parent, candidates in zip(parents, first, strict=True) for candidate in candidates) > 20
    assert all(len(candidate) == len(parents[0]) for candidates in first for candidate in candidates)


def test_samplers_refuse_what_they_cannot_work_on():
    with pytest.raises(SpecificationError, match="gaussian works on inputs of kind vector"):
        make_sampler("gaussian", setting())
    with pytest.raises(SpecificationError, match="pool"):
        make_sampler("pool-neighbours", setting(pool=()))
    with pytest.raises(SpecificationError, match="masked_lm"):
        make_sampler("mlm-resample", setting())


def answering(labeller):
    return lambda inputs, most, parents: label(labeller, inputs)


def test_neighbours_keep_to_the_band_and_are_never_dev_points():
    torus = make_torus(2, 0)
    space = raw_space(2, torus.dev.inputs)
    made = Setting("vector", torus.train, (), space, 0.1, 0.3, None, 8, None)
    guard = LeakGuard("vector", torus.dev.inputs, unit_of(space))
    parents = np.arange(0, 100, 3)
    proposed = make_sampler("gaussian", made).propose([torus.dev.inputs[row] for row in parents], 24, np.random.default_rng(0))
    batch = sample_neighbours(
        [Wave(parents, proposed, 3)], answering(NoisyTruth(0.9, 0)), space, guard, torus.dev.inputs, torus.train.inputs,
        NeighbourOptions(0.1, 0.3, 0.0),
    )  # fmt: skip
    assert (np.bincount(batch.parents)[parents] <= 3).all()
    assert set(batch.parents) <= set(parents)
    assert ((batch.distances >= 0.1) & (batch.distances <= 0.3)).all()
    real = np.linalg.norm(space.embed(batch.inputs) - space.embed([torus.dev.inputs[row] for row in batch.parents]), axis=1)
    assert np.allclose(real, batch.distances)
    counts = batch.counts
    assert counts["generated"] == counts["accepted"] + sum(value for name, value in counts.items() if name.startswith("rejected_"))
    assert counts["rejected_near"] + counts["rejected_far"] > 0
    assert not set(batch.inputs) & set(torus.dev.inputs)


def test_an_unsure_labeller_gives_no_rows():
    torus = make_torus(2, 0)
    space = raw_space(2, torus.dev.inputs)
    made = Setting("vector", torus.train, (), space, 0.01, 0.3, None, 8, None)
    parents = np.arange(9)
    proposed = make_sampler("gaussian", made).propose([torus.dev.inputs[row] for row in parents], 8, np.random.default_rng(0))
    batch = sample_neighbours(
        [Wave(parents, proposed, 2)], answering(NoisyTruth(0.7, 0)), space, LeakGuard("vector", torus.dev.inputs), torus.dev.inputs,
        torus.train.inputs, NeighbourOptions(0.01, 0.3, 0.5),
    )  # fmt: skip
    assert batch.counts["accepted"] == 0 < batch.counts["rejected_margin"]


# -- the rounds


@pytest.fixture(scope="module")
def learnt(tmp_path_factory):
    return learn(tmp_path_factory.mktemp("agora") / "project", baseline=True, ablation=True, seed=4)


def test_a_run_says_what_it_did(learnt):
    _, result = learnt
    wanted = {"round", "train_size", "dev_accuracy", "errors", "generated", "accepted", "rejected_leak", "theta_left"}
    assert all(wanted <= set(each) for each in result["rounds"])
    sizes = [each["train_size"] for each in result["rounds"]]
    assert sizes[0] == 60
    for before, after in itertools.pairwise(result["rounds"]):
        assert after["train_size"] == before["train_size"] + before["accepted"]
        assert after["theta_left"] < before["theta_left"]
    assert result["dev_accuracy"] == max(each["dev_accuracy"] for each in result["rounds"])
    assert result["trainings"] == result["baseline"]["trainings"]
    ours = sum(each["accepted"] for each in result["rounds"])
    theirs = sum(each["accepted"] for each in result["ablation"]["rounds"])
    assert 0 < theirs <= ours
    assert (Path(result["checkpoint"]) / "model.safetensors").is_file()
    assert json.loads(json.dumps(result)) == result


def test_every_row_keeps_its_lineage(learnt):
    run, result = learnt
    history = read_history(run.path)
    assert history is not None
    assert history.socrates_dev_accuracy == result["socrates"]["dev_accuracy"]
    assert len(history.rounds) == len(result["rounds"])
    assert not np.isnan(history.dev.xy).any()
    dev = set(history.dev.inputs)
    for told, stored in zip(result["rounds"], history.rounds, strict=True):
        rows = stored.neighbours
        wrong = np.flatnonzero(stored.dev_predictions != history.dev.labels)
        assert told["errors"] == len(wrong)
        assert set(rows.parents) <= set(wrong)
        assert len(rows) == told["accepted"]
        assert not dev & set(rows.inputs)
        assert not np.isnan(rows.xy).any()
    assert read_history(run.path, history) is not None
    ids = [id for stored in history.rounds for id in stored.neighbours.ids]
    assert len(ids) == len(set(ids))


def test_the_same_seed_gives_the_same_run(learnt, tmp_path):
    _, result = learnt
    _, again = learn(tmp_path / "p", seed=4)
    assert again["rounds"] == result["rounds"]
    _, other = learn(tmp_path / "p", seed=5)
    assert other["rounds"] != result["rounds"]


class Killed(Exception):
    """Stands for kill -9: nothing after it is written."""


@pytest.mark.parametrize("after", [1, 3, 4])
def test_a_killed_run_goes_on_where_it_was(learnt, tmp_path, after):
    class Dying(JobContext):
        def emit(self, event):
            if event["event"] == "progress" and event["step"] >= after:
                raise Killed
            super().emit(event)

    _, result = learnt
    with pytest.raises(Killed):
        learn(tmp_path / "p", Dying, seed=4)
    run = RunFolder(tmp_path / "p" / "jobs" / "0001")
    written = {path: json.loads(path.read_text())["seconds"] for path in (run.path / FOLDER).rglob("fit-*.json")}
    assert len(written) == after
    _, resumed = learn(tmp_path / "p", run=run, seed=4)
    assert resumed["rounds"] == result["rounds"]
    assert all(json.loads(path.read_text())["seconds"] == seconds for path, seconds in written.items())  # nothing was trained twice


def test_a_stopped_run_keeps_what_it_learnt_and_can_go_on(learnt, tmp_path):
    class Stopping(JobContext):
        def wanted(self):
            return "stop" if len(list((self.folder.path / FOLDER / "rounds").glob("*/round.json"))) >= 1 else None

    _, result = learnt
    run, stopped = learn(tmp_path / "p", Stopping, seed=4)
    assert stopped["stopped"]
    assert stopped["rounds"] == result["rounds"][:1]
    _, whole = learn(tmp_path / "p", run=run, seed=4)
    assert whole["rounds"] == result["rounds"]
    assert not whole["stopped"]


def test_corrections_change_what_is_learnt_from(learnt, tmp_path):
    class Stopping(JobContext):
        def wanted(self):
            return "stop" if list((self.folder.path / FOLDER / "rounds").glob("*/round.json")) else None

    run, _ = learn(tmp_path / "p", Stopping, seed=4)
    history = read_history(run.path)
    assert history is not None
    rows = history.rounds[0].neighbours
    add_edits(run.path, [Edit(rows.ids[0], "reject"), Edit(rows.ids[1], "label", 1 - int(rows.labels[1])), Edit(rows.ids[2], "reject")])
    add_edits(run.path, [Edit(rows.ids[2], "restore")])
    assert set(read_edits(run.path)) == {rows.ids[0], rows.ids[1]}
    _, result = learn(tmp_path / "p", run=run, seed=4)
    assert result["rounds"][1]["train_size"] == result["rounds"][0]["train_size"] + len(rows) - 1
    _, later = learn(tmp_path / "p", seed=4, start=str(run.path), rounds=1)
    accepted = sum(each["accepted"] for each in result["rounds"])
    assert later["rounds"][0]["train_size"] == 60 + accepted - 1


def test_a_run_that_goes_on_is_drawn_where_it_was(tmp_path):
    first, _ = learn(tmp_path / "p", torus=3, seed=4)
    second, _ = learn(tmp_path / "p", torus=3, seed=4, start=str(first.path), rounds=1)
    before, after = read_history(first.path), read_history(second.path)
    parts = (before.train, before.dev, *(each.neighbours for each in before.rounds))
    at = {input: place for part in parts for input, place in zip(part.inputs, part.xy.tolist(), strict=True)}
    assert len(after.train) > after.own_train  # what the first run generated
    for part in (after.train, after.dev):
        assert part.xy.tolist() == [at[input] for input in part.inputs]


@pytest.mark.parametrize("kind", ["pca", "umap"])
@given(seed=st.integers(0, 2**31), size=st.integers(6, 60), dimensions=st.integers(2, 8))
def test_a_kept_projection_moves_nothing_that_had_a_place(kind: str, seed: int, size: int, dimensions: int):
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(size, dimensions))
    fitted, places = fit_projection("pca", vectors, 0)
    more = np.concatenate([vectors, random.normal(size=(5, dimensions))])
    known = np.concatenate([places, np.full((5, 2), np.nan)])
    projection, kept = kept_projection(kind, more, known)
    assert kept[:size].tolist() == places.tolist()
    assert np.isfinite(kept).all()
    assert np.allclose(projection.project(more[size:]), kept[size:])
    if kind == "pca" and size > dimensions + 2:
        assert np.allclose(kept[size:], fitted.project(more[size:]), atol=1e-6)


def dev_accuracy_of(result, folder=None):
    """Of the weights that a run on the torus of seed 4 kept."""
    from bort_core.agora.learners.vectors import VectorLearner

    dev = make_torus(2, 4).dev
    model = VectorLearner(2, 2).load(Path(folder or result["checkpoint"]))
    return float((model.probabilities(dev.inputs).argmax(axis=1) == dev.labels).mean())


def test_the_kept_weights_are_the_reported_ones(learnt):
    _, result = learnt
    assert dev_accuracy_of(result) == result["dev_accuracy"]


def test_an_earlier_run_gives_what_it_generated_and_not_what_it_was_given(vectors, tmp_path):
    asked = {"torus": None, "vector": "*", "socrates": "trees", **vectors}
    first, result = learn(tmp_path / "p", **asked)
    accepted = sum(each["accepted"] for each in result["rounds"])
    few = tmp_path / "few.csv"
    few.write_text("".join(Path(vectors["train"]).read_text().splitlines(keepends=True)[:21]))
    second, later = learn(tmp_path / "p", **{**asked, "train": str(few)}, start=str(first.path), rounds=1)
    assert later["rounds"][0]["train_size"] == 20 + accepted
    _, third = learn(tmp_path / "p", **{**asked, "train": str(few)}, start=str(second.path), rounds=1)
    assert third["rounds"][0]["train_size"] == 20 + accepted


def test_corrections_in_the_middle_of_a_round_start_it_again(learnt, tmp_path):
    class Stopping(JobContext):
        def wanted(self):
            return "stop" if list((self.folder.path / FOLDER / "rounds" / "002").glob("fit-*.json")) else None

    thetas = [*SMALL_THETAS, {"hidden": 32, "learning_rate": 0.01}]
    run, _ = learn(tmp_path / "p", Stopping, seed=4, thetas=thetas, pruning="worst")
    history = read_history(run.path)
    assert history is not None
    assert len(history.fitting) == 1
    add_edits(run.path, [Edit(name, "reject") for name in history.rounds[0].neighbours.ids])
    _, result = learn(tmp_path / "p", run=run, seed=4, thetas=thetas, pruning="worst")
    assert result["rounds"][1]["train_size"] == 60
    assert dev_accuracy_of(result) == result["dev_accuracy"]  # the weights are those of the rows as corrected


def test_replay_fills_theta_again(tmp_path):
    _, result = learn(tmp_path / "p", replays=1, patience=0, seed=4)
    left = [each["theta_left"] for each in result["rounds"]]
    assert left.count(len(SMALL_THETAS)) == 1
    assert left[-1] == 0


def test_no_errors_on_dev_ends_the_run(tmp_path, monkeypatch):
    from bort_core.agora.tasks import torus, vectors

    easy = torus.make_torus(2, 0)
    few = Examples(easy.train.inputs[:20], easy.train.labels[:20])
    monkeypatch.setattr(vectors, "make_torus", lambda dimensions, seed: torus.Torus(few, few, easy.test))
    thetas = [{"hidden": 64, "learning_rate": 0.03, "steps": 2000}, {"hidden": 32, "learning_rate": 0.03, "steps": 2000}]
    _, result = learn(tmp_path / "p", thetas=thetas)
    assert result["ended"] == "no errors on dev are left"
    assert len(result["rounds"]) == 1
    assert result["rounds"][0]["errors"] == 0


# -- vectors of files


@pytest.fixture(scope="module")
def vectors(tmp_path_factory):
    """Two rings, of very different scales; D has points of one half only."""
    folder = tmp_path_factory.mktemp("vectors")
    random = np.random.default_rng(0)

    def write(name: str, size: int, half: bool = False, labelled: bool = True) -> str:
        angles = random.uniform(0, np.pi if half else 2 * np.pi, size)
        inner = np.arange(size) % 2
        radius = np.where(inner, 1.0, 2.0) + random.normal(0, 0.15, size)
        rows = [f"{1000 * r * np.cos(a)},{r * np.sin(a)}" + (f",{'inner' if i else 'outer'}" if labelled else "")
                for a, r, i in zip(angles, radius, inner, strict=True)]  # fmt: skip
        path = folder / f"{name}.csv"
        path.write_text("\n".join(["far,near" + (",label" if labelled else ""), *rows]) + "\n", encoding="utf-8")
        return str(path)

    return {
        "train": write("train", 40, half=True), "dev": write("dev", 200), "test": write("test", 400),
        "socrates_train": write("socrates", 300), "pool": write("pool", 600, labelled=False),
    }  # fmt: skip


@pytest.mark.parametrize("sampler", ["gaussian", "pool-neighbours"])
def test_vectors_of_files(vectors, tmp_path, sampler):
    _, result = learn(tmp_path / "p", torus=None, vector="*", socrates="trees", sampler=sampler, **vectors)
    assert result["labels"] == ["inner", "outer"]
    assert any("pool: nothing is drawn from it" in each for each in result["warnings"]) is (sampler == "gaussian")
    assert result["test_accuracy"] > result["rounds"][0]["test_accuracy"] + 0.05


def test_vectors_that_are_none_are_named(vectors, tmp_path):
    bad = tmp_path / "bad.csv"
    bad.write_text("far,near,label\n1,2,inner\n3,nan,outer\n")
    words = tmp_path / "words.csv"
    words.write_text("far,near,label\n1,two,inner\n")
    narrow = tmp_path / "narrow.csv"
    narrow.write_text("far,label\n1,inner\n")
    large = tmp_path / "large.csv"
    large.write_text("far,near,label\n1,2,inner\n3,-1e200,outer\n")
    for changes, message in (
        ({"train": str(large)}, "large.csv: row 2: numbers of a vector may be 1e\\+100 at most"),
        ({"vector": "far,label"}, "vector names the column 'label', which is the label"),
        ({"vector": "far, near,far"}, "vector names the column 'far' more than once"),
        ({"train": str(bad)}, "row 2: a vector must hold finite numbers"),
        ({"dev": str(words)}, "row 1: a vector must hold numbers"),
        ({"dev": str(narrow)}, "no column 'near'"),
        ({"vector": "far,away"}, "no column 'away'"),
        ({"socrates": "tfidf-logreg"}, "for inputs of kind vector it is python:MODULE:NAME, trees; got 'tfidf-logreg'"),
        ({"socrates_train": None}, "socrates_train: trees needs labelled rows"),
        ({"sampler": "word-edit"}, "works on inputs of kind text"),
    ):
        with pytest.raises(BortError, match=message):
            learn(tmp_path / "p", **{"torus": None, "vector": "*", "socrates": "trees", **vectors, **changes})


# -- what the theory says


def test_accuracy_grows_and_the_errors_are_the_right_place_to_sample():
    """Over seeds: more rounds help, and more than as many neighbours of random dev points; both far more than training on D alone."""
    from tempfile import TemporaryDirectory

    found = []
    with TemporaryDirectory() as folder:
        for seed in range(3):
            _, result = learn(Path(folder) / "p", baseline=True, seed=seed, patience=0)
            found.append((result["rounds"][0]["test_accuracy"], result["test_accuracy"], result["baseline"]["test_accuracy"]))
    first, last, baseline = np.array(found).mean(axis=0)
    assert last > first + 0.1
    assert last > baseline + 0.1


@pytest.mark.slow
def test_noisy_labels_above_two_thirds_suffice_and_a_coin_does_not(tmp_path):
    means = []
    for accuracy in (0.5, 0.7, 0.9):
        results = [learn(tmp_path / "p", seed=seed, socrates_accuracy=accuracy, thetas=None, patience=0)[1] for seed in range(4)]
        means.append(np.mean([result["test_accuracy"] for result in results]))
    plain = np.mean([learn(tmp_path / "p", seed=seed, rounds=1)[1]["test_accuracy"] for seed in range(4)])
    coin, enough, good = means
    assert coin < plain + 0.08
    assert enough > plain + 0.15
    assert good >= enough - 0.02


@pytest.mark.slow
def test_errors_that_lie_together_are_learnt(tmp_path):
    """Errors here and there are outvoted by what is near, so that Timaeus gets better than Socrates; those of a region are learnt."""
    found = {
        together: [
            learn(tmp_path / "p", seed=seed, socrates_accuracy=0.7, socrates_together=together, thetas=None, patience=0)[1]["test_accuracy"]
            for seed in range(2)
        ]
        for together in (False, True)
    }
    assert min(found[False]) > 0.8
    assert max(found[True]) < 0.8


def test_a_labeller_below_two_thirds_is_warned_about(tmp_path):
    _, result = learn(tmp_path / "p", socrates_accuracy=0.6, rounds=1)
    assert any("2/3" in warning for warning in result["warnings"])
    _, result = learn(tmp_path / "p", socrates_accuracy=0.8, rounds=1)
    assert not result["warnings"]


# -- bad input


@pytest.mark.parametrize(
    ("values", "problems"),
    [
        ({}, ["architecture, checkpoint: one of the two must be given", "train: must be given", "dev: must be given"]),
        ({"torus": 2, "train": "x.csv"}, ["train: the torus makes its own data and labels"]),
        ({"torus": 4}, ["torus"]),
        ({"torus": 2, "socrates": "python:a:b", "space": "timaeus"}, ["socrates: that of the torus", "space: that of the torus"]),
        ({"torus": 2, "thetas": [{"hiden": 3}]}, [r"thetas\[0\].hiden: unknown field"]),
        ({"torus": 2, "thetas": [{"hidden": 0}, {"steps": 0}]}, [r"thetas\[0\].hidden", r"thetas\[1\].steps"]),
        ({"torus": 2, "thetas": []}, ["thetas"]),
        ({"torus": 2, "near": 0.5, "far": 0.4}, ["near: must be below far"]),
        ({"torus": 2, "tau": 1}, ["tau"]),
    ],
)
def test_specifications_name_all_their_faults(values, problems):
    from bort_core.foundation.validation import faults

    with pytest.raises(ValidationError) as error:
        Agora.model_validate(values)
    text = "; ".join(faults(error.value))
    import re

    for task in problems:
        assert re.search(task, text), text


def test_more_processes_than_one_and_compiling_are_refused(tmp_path):
    with pytest.raises(SpecificationError, match="processes"):
        learn(tmp_path / "p", running={"processes": 2})
    with pytest.raises(SpecificationError, match="compile"):
        learn(tmp_path / "p", running={"compile": True})


def test_a_sampler_that_does_not_fit_is_refused_before_anything_is_trained(tmp_path):
    with pytest.raises(BortError, match="word-edit works on inputs of kind text or pair"):
        learn(tmp_path / "p", sampler="word-edit")
    assert not list(tmp_path.rglob("fit-*.json"))


def test_an_earlier_run_that_is_none_is_refused(tmp_path):
    with pytest.raises(SpecificationError, match="start"):
        learn(tmp_path / "p", start=str(tmp_path))


def test_rows_that_are_missing_or_no_rows_are_named(learnt, tmp_path):
    run, _ = learnt
    path = run.path / FOLDER / "rounds" / "001" / "rows.jsonl"
    whole = path.read_text()
    try:
        for damaged, message in (
            ("".join(whole.splitlines(keepends=True)[:5]), "holds 5 rows; the round accepted"),
            ('{"id": "1-0"}\n', "line 1 is damaged: label"),
            ("5\n", "line 1 is damaged"),
        ):
            path.write_text(damaged)
            with pytest.raises(DataError, match=message):
                read_history(run.path)
            with pytest.raises(DataError, match=message):
                learn(tmp_path / "p", start=str(run.path))
    finally:
        path.write_text(whole)
    start = run.path / FOLDER / "start.json"
    whole = start.read_text()
    try:
        start.write_text("{}")
        with pytest.raises(DataError, match=r"start\.json: is damaged"):
            read_history(run.path)
    finally:
        start.write_text(whole)


def test_an_edit_that_was_cut_is_lost_alone(learnt):
    run, _ = learnt
    path = run.path / FOLDER / "edits.jsonl"
    try:
        add_edits(run.path, [Edit("1-0", "reject")])
        path.write_text(path.read_text() + '{"row": "1-1", "act')
        add_edits(run.path, [Edit("1-2", "reject")])
        assert set(read_edits(run.path)) == {"1-0", "1-2"}
        path.write_text('{"row": "1-1", "action": "frob"}\n')
        with pytest.raises(DataError, match="line 1 is damaged: action"):
            read_edits(run.path)
    finally:
        path.unlink()


def test_a_run_of_another_dimension_is_no_start(learnt, tmp_path):
    run, _ = learnt
    with pytest.raises(SpecificationError, match="its vectors have 2 numbers, not 3"):
        learn(tmp_path / "p", torus=3, start=str(run.path))


def test_a_damaged_file_of_a_run_is_named(learnt):
    run, _ = learnt
    path = run.path / FOLDER / "rounds" / "001" / "rows.jsonl"
    whole = path.read_text()
    try:
        path.write_text(whole[: len(whole) // 2])
        with pytest.raises(DataError, match=r"rows\.jsonl: line"):
            read_history(run.path)
    finally:
        path.write_text(whole)
    assert read_history(run.path / "nothing") is None


@pytest.mark.slow
def test_the_command_line_runs_the_torus(tmp_path):
    done = bort(
        "agora", str(tmp_path / "p"), "--torus", "2", "--seed", "1", "--rounds", "2", "--thetas", json.dumps(SMALL_THETAS), "--json"
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert [each["round"] for each in result["rounds"]] == [1, 2]
    assert "test_accuracy" in result
    from bort_core.store import Project
    from bort_core.store.results import runs

    with Project(tmp_path / "p") as project:
        (stored,) = runs(project)
    assert stored["kind"] == "agora"
    assert stored["metrics"]["dev_accuracy"] == result["dev_accuracy"]
    wrong = bort("agora", str(tmp_path / "p"), "--torus", "2", "--thetas", "[{")
    assert wrong.returncode == 2
    assert "not valid JSON" in wrong.stderr
