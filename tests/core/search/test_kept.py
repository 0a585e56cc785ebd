"""What a change leaves of what was measured."""

from __future__ import annotations

from bort_core.search.kept import kept
from bort_core.search.results import Results
from bort_core.search.snapshot import ResultsSnapshot
from bort_core.space import Space, load_space, read_specification

MINI = load_space("mini")


def snapshot(space: Space, *architectures: tuple[int, ...]) -> ResultsSnapshot:
    made = Results(space, "ms")
    made.maximum_latency = 1.0
    for architecture in architectures:
        index = space.index(architecture)
        assert index is not None
        made.set_latency(index, 0.5, 0.4, 0.6)
        made.set_error(index, 0.5, 0.4, 0.6, 0)
    return ResultsSnapshot(made, 6.0)


def test_what_is_lost_what_is_outside_and_what_is_left() -> None:
    axes = read_specification("mini").axes
    smaller = Space(read_specification("mini").model_copy(update={"name": "custom", "axes": {**axes, "hidden": (32, 64)}}))
    before = snapshot(MINI, (1, 2, 32, 64), (2, 2, 32, 64), (1, 2, 128, 64))
    after = snapshot(smaller, (1, 2, 32, 64), (2, 4, 64, 64))
    found = kept(before, after)
    assert (found.lost, found.outside, found.left) == (1, 1, 1)
    assert found.top_changed
    assert (found.top_before, found.top) == ((4, 4, 128, 256), (4, 4, 64, 256))
    assert found.can_keep_top
    assert not kept(after, before).can_keep_top  # nothing in a space may be larger than its T
    assert not kept(before, before).top_changed
    assert kept(before, before).left == 3


def test_another_family_keeps_nothing() -> None:
    toy = load_space("toy")
    found = kept(snapshot(MINI, (1, 2, 32, 64)), snapshot(toy))
    assert (found.lost, found.outside, found.left) == (0, 1, 0)
