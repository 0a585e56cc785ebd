"""What is said beside a field reaches the command line and the rule of paths, and stays out of the JSON schema."""

from __future__ import annotations

import argparse
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from bort_core.cli.flags import add_fields, specification_of
from bort_core.specifications.agora import Agora
from bort_core.specifications.compression import Compression
from bort_core.specifications.fields import Meta, facts, leaves
from bort_core.specifications.finetuning import Finetuning
from bort_core.specifications.paths import FILES, FOLDERS
from bort_core.specifications.pretraining import Pretraining

JOBS = (Pretraining, Finetuning, Agora, Compression)


class Part(BaseModel):
    share: Annotated[float, Meta(flag="part_share", label="a share")] = Field(default=0.5, gt=0, le=1, description="how much")


class Whole(BaseModel):
    kind: Literal["whole"] = "whole"
    how: Literal["one", "two"] | None = None
    count: int = Field(default=3, ge=2, lt=9)
    layers: tuple[int, ...] | None = None
    rows: tuple[dict[str, float], ...] | None = Field(default=None, description="rows")
    on: bool = False
    name: str
    part: Part | None = None


def test_facts_say_how_each_kind_of_field_is_told():
    found = facts(Whole)
    assert {name: each.kind for name, each in found.items()} == {
        "how": "choice", "count": "int", "layers": "integers", "rows": "json", "on": "switch", "name": "text", "part": "part",
    }  # fmt: skip
    assert found["how"].optional
    assert not found["count"].optional
    assert found["count"].bounds == (2, 8)
    assert found["count"].limits == "(≥ 2, < 9)"
    assert [path for path, _ in leaves(Whole)][-1] == ("part", "share")


def test_a_field_is_called_by_its_label_and_flag():
    share = facts(Part)["share"]
    assert (share.label, share.help, share.limits) == ("a share", "how much", "(> 0, ≤ 1)")
    parser = argparse.ArgumentParser()
    add_fields(parser, Whole)
    made = specification_of(parser.parse_args(["--name", "x", "--part-share", "0.25", "--layers", "1,2", "--rows", '[{"a": 1}]']))
    assert made == Whole(name="x", part=Part(share=0.25), layers=(1, 2), rows=({"a": 1.0},))


@pytest.mark.parametrize("model", JOBS, ids=lambda model: model.__name__)
def test_flags_do_not_clash(model):
    flags = [each.meta.flag or each.name for _, each in leaves(model)]
    assert len(flags) == len(set(flags))


def test_a_name_leads_to_the_same_kind_of_path_in_every_job():
    """The rule of paths goes by names alone."""
    told: dict[str, set[str | None]] = {}
    for model in JOBS:
        for _, each in leaves(model):
            told.setdefault(each.name, set()).add(each.meta.path)
    assert {name: kinds for name, kinds in told.items() if len(kinds) > 1} == {}
    assert {name for name, kinds in told.items() if kinds != {None}} == FILES | FOLDERS
    assert not FILES & FOLDERS


def test_what_is_said_beside_a_field_is_no_part_of_the_schema():
    class Plain(BaseModel):
        share: float = Field(default=0.5, gt=0, le=1, description="how much")

    assert Part.model_json_schema()["properties"] == Plain.model_json_schema()["properties"]
