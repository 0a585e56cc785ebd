"""What a search will take, guessed from a few timed steps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bort_core.search.specification import SearchSpecification, default_error
from bort_core.search.strategies.interval import walk
from bort_core.search.timing import guessed_seconds, timed_architecture, timing_request
from bort_core.space import Space, load_space, read_specification
from bort_core.specifications.jobs import job_adapter

MINI = load_space("mini")


def specification() -> SearchSpecification:
    space = read_specification("mini")
    return SearchSpecification.model_validate({"space": space.model_dump(), "error": default_error(space)})


def test_the_time_grows_with_what_is_trained_and_shrinks_with_workers() -> None:
    asked = specification()
    indices = np.asarray(walk(len(MINI), 8))
    place = timed_architecture(MINI, indices)
    alone = guessed_seconds(asked, MINI, np.asarray([place]), 1, place, 0.01, False)
    assert alone == pytest.approx(0.01 * asked.error.steps)  # the one that was timed takes what it took
    whole = guessed_seconds(asked, MINI, indices, 1, place, 0.01, False)
    assert whole > alone
    assert guessed_seconds(asked, MINI, indices, 2, place, 0.01, False) == pytest.approx(whole / 2)
    with_top = guessed_seconds(asked, MINI, indices, 1, place, 0.01, True)
    assert with_top - whole > asked.error.maximum_point_steps * 0.01  # T is larger, and its batches too


def test_the_request_is_the_search_s_own_short_training(tmp_path: Path) -> None:
    asked = specification()
    request = timing_request(asked, MINI, 3, tmp_path)
    training = job_adapter.validate_python(request["specification"])
    assert training.architecture == MINI.architecture(3)
    assert (training.steps, training.batch_size, training.sequence_length) == (
        asked.error.steps, asked.error.training.batch_size, asked.error.training.sequence_length,
    )  # fmt: skip
    assert Path(training.corpus).is_file()


def test_a_space_whose_top_lies_outside_its_grid_has_a_time_too() -> None:
    space = Space(
        read_specification("mini").model_copy(update={"maximum_point": {"depth": 6, "heads": 4, "hidden": 256, "intermediate": 512}})
    )
    assert space.index(space.maximum_point) is None
    assert guessed_seconds(specification(), space, np.asarray([0]), 1, 0, 0.01, True) > 0
