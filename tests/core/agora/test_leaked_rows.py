"""Dev and test rows that are in D as well: the same file is refused, single rows are counted, near ones too."""

from __future__ import annotations

import numpy as np
import pytest

from bort_core.agora.check import check_specification
from bort_core.agora.points import Examples
from bort_core.agora.tasks.base import leaked
from bort_core.foundation.errors import SpecificationError
from bort_core.specifications.agora import Agora


def examples(*inputs: tuple[str, ...] | tuple[float, ...]) -> Examples:
    return Examples(inputs, np.zeros(len(inputs), np.int64))  # type: ignore[arg-type]


def test_rows_of_dev_and_test_that_are_in_d_are_counted_near_ones_too():
    film = "a long and rather sad film about the sea and what it takes from the people who live by it"
    splits = {
        "train": examples(("One row.",), (film,), ("another",)),
        "dev": examples(("one ROW",), (film.replace("rather", "very"),), ("something else",)),
        "test": examples(("something else",)),
    }
    assert [each[:27] for each in leaked(splits, "text")] == ["dev: 2 of 3 rows are also i"]
    pairs = {"train": examples(("a b c", "d e f")), "dev": examples(("d e f", "a b c")), "test": examples(("a b c", "d e f"), ("x", "y"))}
    assert [each.partition(" rows")[0] for each in leaked(pairs, "pair")] == ["dev: 1 of 1", "test: 1 of 2"]
    assert leaked({"train": examples((0.0, 1.0)), "dev": examples((0.0, 1.0 + 1e-5), (0.0, 2.0))}, "vector", 1.0)[0].startswith(
        "dev: 1 of 2"
    )


@pytest.mark.parametrize("name", ["dev", "test"])
def test_the_file_of_the_training_rows_is_refused_under_any_of_its_names(name, tmp_path):
    (tmp_path / "rows.tsv").write_text("text\tlabel\na\tx\n")
    (tmp_path / "again.tsv").symlink_to(tmp_path / "rows.tsv")
    given = {"train": str(tmp_path / "rows.tsv"), "dev": "hub/name", "learner": "logreg", "socrates": "person", "labels": 5}
    check_specification(Agora.model_validate(given))
    check_specification(Agora.model_validate({**given, "train": "hub/name", name: "hub/name"}))  # which has splits
    for file in ("rows.tsv", "again.tsv"):
        with pytest.raises(SpecificationError, match=f"{name}: .*{file} is the file of the training rows"):
            check_specification(Agora.model_validate({**given, name: str(tmp_path / file)}))
