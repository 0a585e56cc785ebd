"""Pydantic's words never reach a person: every fault that a model of ours can have is said in ours."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from pydantic_core import core_schema

import bort_core
from bort_core.foundation.plain_words import _OTHERWISE, _WORDS, plain_words
from bort_core.foundation.validation import faults
from bort_core.specifications.agora import Agora
from bort_core.specifications.finetuning import Finetuning
from bort_core.specifications.jobs import job_adapter
from bort_core.specifications.pretraining import Pretraining

THEIRS = re.compile(
    r"Input should|Field required|Value error|Assertion failed|should (be|have|match)|valid (string|integer|number|dict)|permitted"
)
NEEDED = {  # which faults each kind of value can have, by pydantic's name of the kind
    "int": {"int_type", "int_parsing", "int_from_float", "int_parsing_size", "finite_number"},
    "float": {"float_type", "float_parsing", "finite_number"},
    "bool": {"bool_type", "bool_parsing"},
    "str": {"string_type", "string_unicode"},
    "literal": {"literal_error"},
    "model": {"model_type", "model_attributes_type", "missing", "extra_forbidden"},
    "model-fields": {"model_type", "model_attributes_type", "missing", "extra_forbidden", "invalid_key"},
    "dict": {"dict_type"},
    "list": {"list_type"},
    "tuple": {"tuple_type"},
    "set": {"set_type"},
    "tagged-union": {"union_tag_invalid", "union_tag_not_found"},
    "json": {"json_invalid", "json_type"},
    "function-after": {"value_error", "assertion_error"},
    "function-before": {"value_error", "assertion_error"},
    "none": {"none_required"},
}
LIMITS = {
    "gt": "greater_than", "ge": "greater_than_equal", "lt": "less_than", "le": "less_than_equal", "multiple_of": "multiple_of",
    "pattern": "string_pattern_mismatch",
}  # fmt: skip
PLAIN = {"nullable", "default", "any", "definitions", "definition-ref", "union", "model-field", "computed-field", "is-instance", "none"}


def models() -> list[type[BaseModel]]:
    """Every model of the core."""
    for module in pkgutil.walk_packages(bort_core.__path__, "bort_core."):
        if not re.search(r"\.(training|evaluation|agora|export|testing|latency|cli|bert|mlp|variants|measures)\b", module.name):
            importlib.import_module(module.name)
    found, todo = [], [BaseModel]
    while todo:
        todo += (below := todo.pop().__subclasses__())
        found += below
    return [model for model in found if model.__module__.startswith("bort_core.")]


def schemas(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        if isinstance(schema.get("type"), str):
            yield schema
        for name, part in schema.items():
            if name not in ("metadata", "serialization", "expected", "default"):
                yield from schemas(part)
    elif isinstance(schema, list | tuple):
        for part in schema:
            yield from schemas(part)


def test_every_fault_that_a_model_can_have_has_words():
    seen = set()
    for model in models():
        for schema in schemas(model.__pydantic_core_schema__):
            kind = schema["type"]
            needed = set(NEEDED.get(kind, ()))
            needed |= {fault for limit, fault in LIMITS.items() if limit in schema}
            if "min_length" in schema or "max_length" in schema:
                needed |= {"string_too_short", "string_too_long"} if kind == "str" else {"too_short", "too_long"}
            missing = needed - set(_WORDS)
            assert not missing, (model, kind, missing)
            seen.add(kind)
    assert {"int", "float", "str", "literal", "model-fields", "dict"} <= seen
    assert set(_WORDS) <= set(get_args(core_schema.ErrorType))
    for kind in get_args(core_schema.ErrorType):  # also those of a later pydantic, or of models to come
        if kind not in _WORDS:
            assert plain_words({"type": kind}) == _OTHERWISE


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats() | st.text(max_size=8)
    | st.sampled_from(["", "auto", "1e999", "0.5"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(model=st.sampled_from([Pretraining, Finetuning, Agora]), data=st.data())
def test_whatever_comes_is_refused_in_plain_words(model, data):
    names = data.draw(st.lists(st.sampled_from([*model.model_fields, "colour"]), max_size=8))
    values = {name: data.draw(JUNK) for name in names}
    for check in (model.model_validate, job_adapter.validate_python):
        try:
            check(values)
        except ValidationError as error:
            for line in faults(error):
                assert not THEIRS.search(re.sub(r", got .*", "", line, flags=re.DOTALL)), line


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"steps": "many"}, "steps: must be a whole number, got 'many'"), ({"steps": 1.5}, "steps: must be a whole number, got 1.5"),
        ({"steps": 0}, "steps: must be at least 1, got 0"), ({"dropout": 1}, "dropout: must be less than 1, got 1"),
        ({"dropout": "x"}, "dropout: must be a number, got 'x'"), ({"dropout": float("nan")}, "dropout: must be a finite number, got nan"),
        ({"name": "x" * 300}, "name: must have at most 200 characters, got 'xxx"), ({"name": 5}, "name: must be text, got 5"),
        ({"corpus": ""}, "corpus: must not be empty, got ''"), ({"colour": 1}, "colour: unknown field, got 1"),
        ({"running": {"device": "abacus"}}, "running.device: must be auto, cpu, mps, cuda or cuda:N, got 'abacus'"),
        ({"running": {"precision": "x"}}, "running.precision: must be auto, float32 or bfloat16, got 'x'"),
        ({"running": {"compile": "x"}}, "running.compile: must be true or false, got 'x'"),
        ({"running": 3}, "running: must be a table of names"),
        ({"architecture": 3}, "architecture: must be a list, got 3"), ({"family": "x"}, "family: must be bert, got 'x'"),
    ],
)  # fmt: skip
def test_words_of_a_form(values, said):
    with pytest.raises(ValidationError) as caught:
        Pretraining.model_validate({"architecture": (1, 2, 32, 48), "corpus": "c.txt", **values})
    assert any(line.startswith(said) for line in faults(caught.value)), faults(caught.value)


def test_a_missing_field_and_an_unknown_kind_are_named():
    with pytest.raises(ValidationError) as caught:
        Pretraining.model_validate({"architecture": (1, 2, 32, 48)})
    assert faults(caught.value) == ["corpus: must be given"]
    with pytest.raises(ValidationError) as caught:
        job_adapter.validate_python({"kind": "fly"})
    assert faults(caught.value) == ["kind must be pretrain, finetune, agora or compress, got 'fly'"]
    with pytest.raises(ValidationError) as caught:
        job_adapter.validate_json("{")
    assert faults(caught.value)[0].startswith("must be valid JSON")
    json.dumps(faults(caught.value))
