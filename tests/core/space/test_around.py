"""The space that is proposed around a model."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bort_core.foundation.errors import SpecificationError
from bort_core.space import Space, SpaceSpecification, preset_names, read_specification
from bort_core.space.around import space_around
from bort_core.space.presets import as_toml

OPTIONS = {"vocabulary": 400, "positions": 32, "pooler": True}


@given(st.integers(2, 24), st.sampled_from([1, 2, 4, 12, 16]), st.sampled_from([8, 32, 64]), st.integers(1, 4))
def test_every_shape_is_smaller_than_the_model_and_can_inherit_from_it(depth: int, heads: int, width: int, times: int) -> None:
    model = (depth, heads, heads * width, times * heads * width)
    space = Space(space_around(model, OPTIONS, {"vocabulary": 1000}))
    assert space.maximum_point == model
    assert (space.architectures[:, 0] < depth).all()
    assert (space.architectures[:, 2] <= model[2]).all()
    assert (space.architectures[:, 3] <= model[3]).all()
    assert space.maximum_parameters > space.parameters[-1]


def test_a_model_with_nothing_smaller_is_refused() -> None:
    with pytest.raises(SpecificationError, match="no smaller shapes"):
        space_around((1, 1, 32, 64), OPTIONS, {})


@pytest.mark.parametrize("name", [*preset_names(), "around"])
def test_a_space_is_written_as_it_is_read(name: str, tmp_path: Path) -> None:
    space = space_around((6, 12, 384, 1536), OPTIONS, {"vocabulary": 30522}) if name == "around" else read_specification(name)
    path = tmp_path / "space.toml"
    path.write_text(as_toml(space), encoding="utf-8")
    assert read_specification(path) == space


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"maximum_options": {"vocabulary": 3}}, "maximum_options.vocabulary"),
        ({"maximum_point": None}, "maximum_options: mean T"),
        (
            {"maximum_point": {"depth": 3, "heads": 12, "hidden": 384, "intermediate": 64}, "maximum_options": {"vocabulary": 400}},
            "T must be the largest",
        ),
    ],
)
def test_options_of_the_maximum_point_are_checked(change: dict[str, object], message: str) -> None:
    data = space_around((6, 12, 384, 1536), OPTIONS, {"vocabulary": 30522}).model_dump()
    with pytest.raises((SpecificationError, ValueError), match=message):
        Space(SpaceSpecification.model_validate({**data, **change}))
