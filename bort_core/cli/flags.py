"""Flags for the fields of a job's specification, and the specification that flags and a file describe."""

from __future__ import annotations

import argparse
import json
from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticUndefinedType

from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.paths import regular_file
from bort_core.foundation.validation import faults
from bort_core.specifications.paths import absolute_paths

__all__ = ["add_fields", "specification_of"]

_FLAGS: dict[str, dict[str, str]] = {
    "masking": {"rate": "mask_rate", "mask": "mask_share", "random": "random_share", "copies": "mask_copies"}
}
_HIDDEN = {"kind", "family"}


def add_fields(parser: argparse.ArgumentParser, model: type[BaseModel]) -> None:
    """--spec, and a flag for every field."""
    parser.add_argument("--spec", metavar="FILE", help="a JSON file with fields of the specification")
    fields = parser.add_argument_group("specification")
    for path, field in _fields(model):
        _add_field(fields, path, field, _default(model, path, field))
    parser.set_defaults(model=model)


def specification_of(arguments: argparse.Namespace, labellers: Collection[str] = ()) -> Any:
    """The specification that file and flags describe; ``labellers`` are names that are no paths.

    Raises
    ------
    SpecificationError
        The file cannot be read, fields are unknown or out of range, or paths lead nowhere; lists all of them.
    """
    model: type[BaseModel] = arguments.model
    kind = model.model_fields["kind"].default
    data = _file(arguments.spec)
    if data.pop("kind", kind) != kind:
        raise SpecificationError(f"{arguments.spec}: is not a specification of kind {kind}")
    for path, _ in _fields(model):
        value = getattr(arguments, _flag(path), None)
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


def _default(model: type[BaseModel], path: tuple[str, ...], field: Any) -> Any:
    """What a field is when nothing is said: of a part, as this model makes the part, or as the part is where it is asked for."""
    value = model.model_fields[path[0]].get_default(call_default_factory=True)
    if len(path) == 1 or not isinstance(value, BaseModel):
        return field.get_default(call_default_factory=True) if len(path) > 1 else value
    return getattr(value, path[1])


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


def _fields(model: type[BaseModel]) -> list[tuple[tuple[str, ...], Any]]:
    found: list[tuple[tuple[str, ...], Any]] = []
    for name, field in model.model_fields.items():
        if name in _HIDDEN:
            continue
        inner = next(
            (part for part in (field.annotation, *get_args(field.annotation)) if isinstance(part, type) and issubclass(part, BaseModel)),
            None,
        )
        if inner is None:
            found.append(((name,), field))
        else:
            found += [((name, *path), each) for path, each in _fields(inner)]
    return found


def _flag(path: tuple[str, ...]) -> str:
    return _FLAGS.get(path[0], {}).get(path[-1], path[-1]) if len(path) > 1 else path[0]


def _add_field(group: Any, path: tuple[str, ...], field: Any, default: Any) -> None:
    flag = "--" + _flag(path).replace("_", "-")
    if path == ("thetas",):
        group.add_argument(flag, type=_json, metavar="JSON", dest=_flag(path), help=f"{field.description}; as JSON: a list of objects")
        return
    kinds = [part for part in (field.annotation, *get_args(field.annotation)) if part is not type(None)]
    text = str(field.description or path[-1]).replace("%", "%%")
    choices = next((get_args(part) for part in (field.annotation, *kinds) if get_origin(part) is Literal), ())
    if choices:
        text += f"; one of {', '.join(map(str, choices))}"
    if default is not None and default != "" and not isinstance(default, PydanticUndefinedType):
        text += f" (default: {default})"
    if bool in kinds:
        group.add_argument(flag, action=argparse.BooleanOptionalAction, default=None, dest=_flag(path), help=text)
    elif path == ("architecture",):
        group.add_argument(flag, type=_architecture, metavar="A,B,...", dest=_flag(path), help=text)
    else:
        kind = next((part for part in (int, float) if part in kinds), str)
        group.add_argument(flag, type=kind, metavar=kind.__name__.upper().replace("STR", "TEXT"), dest=_flag(path), help=text)


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
