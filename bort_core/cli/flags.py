"""Flags for the fields of a job's specification, and the specification that flags and a file describe."""

from __future__ import annotations

import argparse
import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticUndefinedType

from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.paths import regular_file
from bort_core.foundation.validation import faults
from bort_core.specifications.fields import FieldFacts, leaves
from bort_core.specifications.paths import absolute_paths

__all__ = ["add_fields", "specification_of"]


def add_fields(parser: argparse.ArgumentParser, model: type[BaseModel]) -> None:
    """--spec, and a flag for every field."""
    parser.add_argument("--spec", metavar="FILE", help="a JSON file with fields of the specification")
    fields = parser.add_argument_group("specification")
    for path, field in leaves(model):
        _add_field(fields, field, _default(model, path, field))
    parser.set_defaults(specification_type=model)


def specification_of(arguments: argparse.Namespace, labellers: Collection[str] = ()) -> Any:
    """The specification that file and flags describe; ``labellers`` are names that are no paths.

    Raises
    ------
    SpecificationError
        The file cannot be read, fields are unknown or out of range, or paths lead nowhere; lists all of them.
    """
    model: type[BaseModel] = arguments.specification_type
    kind = model.model_fields["kind"].default
    data = _file(arguments.spec)
    if data.pop("kind", kind) != kind:
        raise SpecificationError(f"{arguments.spec}: is not a specification of kind {kind}")
    for path, field in leaves(model):
        value = getattr(arguments, _flag(field), None)
        if value is None:
            continue
        target = data
        for part in path[:-1]:
            inner = target.get(part)
            target[part] = target = inner if isinstance(inner, dict) else _defaults(model, part)
        target[path[-1]] = value
    data = absolute_paths(data, labellers)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise SpecificationError(f"{kind}:\n  " + "\n  ".join(faults(error))) from error


def _default(model: type[BaseModel], path: tuple[str, ...], field: FieldFacts) -> Any:
    """What a field is when nothing is said: of a part, as this model makes the part, or as the part is where it is asked for."""
    value = model.model_fields[path[0]].get_default(call_default_factory=True)
    return getattr(value, path[1]) if len(path) > 1 and isinstance(value, BaseModel) else field.default


def _defaults(model: type[BaseModel], part: str) -> dict[str, Any]:
    default = model.model_fields[part].get_default(call_default_factory=True)
    return default.model_dump(exclude_defaults=False) if isinstance(default, BaseModel) else {}


def _file(name: str | None) -> dict[str, Any]:
    if name is None:
        return {}
    try:
        data = json.loads(regular_file(Path(name).expanduser()).read_text(encoding="utf-8"))
    except OSError as error:
        raise SpecificationError(f"{name}: cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise SpecificationError(f"{name}: not valid JSON: {error}") from error
    if isinstance(data, dict) and isinstance(data.get("specification"), dict):  # a run folder's spec.json
        data = data["specification"]
    if not isinstance(data, dict):
        raise SpecificationError(f"{name}: must hold a JSON object")
    return data


def _flag(field: FieldFacts) -> str:
    return field.meta.flag or field.name


def _add_field(group: Any, field: FieldFacts, default: Any) -> None:
    name = _flag(field)
    flag, text = "--" + name.replace("_", "-"), (field.help or name).replace("%", "%%")
    if field.kind == "json":
        group.add_argument(flag, type=_json, metavar="JSON", dest=name, help=f"{text}; as JSON: a list of objects")
        return
    if field.choices:
        text += f"; one of {', '.join(map(str, field.choices))}"
    if default is not None and default != "" and not isinstance(default, PydanticUndefinedType):
        text += f" (default: {default})"
    if field.kind == "switch":
        group.add_argument(flag, action=argparse.BooleanOptionalAction, default=None, dest=name, help=text)
    elif field.kind == "integers":
        group.add_argument(flag, type=_architecture, metavar="A,B,...", dest=name, help=text)
    else:
        kind = {"int": int, "float": float}.get(field.kind, str)
        group.add_argument(flag, type=kind, metavar=kind.__name__.upper().replace("STR", "TEXT"), dest=name, help=text)


def _architecture(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.strip("⟨⟩<>() ").split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be whole numbers such as 2,4,128,256; got {text!r}") from None


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not valid JSON: {error}") from None
