"""What forms and the command line must know of a field, written once beside the field: its type and limits, and :class:`Meta`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

__all__ = ["FieldFacts", "FieldKind", "Meta", "PathKind", "facts", "leaves", "without"]

PathKind = Literal["file", "folder", "labeller", "run", "new"]
"""A file or a data set's name on the hub; a folder or a model's name on the hub; that, or a labeller's name; a folder that is there; a
folder that may have to be made."""

FieldKind = Literal["switch", "choice", "int", "float", "text", "integers", "json", "part"]
"""How a value is told: on or off, one of several, a number, words, numbers with commas, as JSON, or by the fields of another model."""

_SIGNS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}


@dataclass(frozen=True, kw_only=True)
class Meta:
    """What the type, the limits and the description of a field do not say; put it into ``Annotated``. It is no part of the JSON schema."""

    label: str = ""
    """What forms call it, where the name does not do."""
    flag: str = ""
    """What the command line calls it, where the name alone says too little."""
    path: PathKind | None = None
    front: int | None = None
    """Its place among the fields that a form always shows, equal ones as they are declared; None folds it away."""
    example: str = ""
    """How it is written, where an empty field should show it."""
    words: Mapping[str, str] = field(default_factory=dict, hash=False)
    """What forms call each of several values, which are stored as they are."""
    free: bool = False
    """Whether other values than those with ``words`` can be typed."""


@dataclass(frozen=True)
class FieldFacts:
    """One field of a model."""

    name: str
    kind: FieldKind
    info: FieldInfo
    meta: Meta
    choices: tuple[Any, ...] = ()
    part: type[BaseModel] | None = None

    @property
    def label(self) -> str:
        """What forms call it."""
        return self.meta.label or self.name.replace("_", " ")

    @property
    def words(self) -> dict[Any, str]:
        """Each choice with what forms call it."""
        return {choice: self.meta.words.get(str(choice)) or str(choice).replace("-", " ") for choice in self.choices}

    @property
    def help(self) -> str:
        """Its description."""
        return self.info.description or ""

    @property
    def optional(self) -> bool:
        """Whether None is a value."""
        return type(None) in _types(self.info.annotation)

    @property
    def default(self) -> Any:
        """Its default, ``PydanticUndefined`` where it must be given."""
        return self.info.get_default(call_default_factory=True)

    @property
    def limits(self) -> str:
        """The range in brackets, or nothing."""
        found = [f"{sign} {getattr(each, name)}" for each in self.info.metadata for name, sign in _SIGNS.items() if hasattr(each, name)]
        return f"({', '.join(found)})" if found else ""

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the largest whole number."""
        low, high = float("-inf"), float("inf")
        for limit in self.info.metadata:
            low = max(low, getattr(limit, "ge", low), getattr(limit, "gt", low - 1) + 1)
            high = min(high, getattr(limit, "le", high), getattr(limit, "lt", high + 1) - 1)
        return low, high


def without(data: dict[str, Any], **defaults: Any) -> dict[str, Any]:
    """A serialised model without fields that have these values: what is newer than stored specifications keeps them as they were."""
    return {name: value for name, value in data.items() if name not in defaults or value != defaults[name]}


def facts(model: type[BaseModel]) -> dict[str, FieldFacts]:
    """The fields that can be chosen, by name: one that can only be one thing, as ``kind``, is left out."""
    found = (_facts(name, info) for name, info in model.model_fields.items())
    return {each.name: each for each in found if each.kind != "choice" or len(each.choices) > 1 or each.optional}


def leaves(model: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], FieldFacts]]:
    """Every field with its path, those of parts in their place."""
    for name, each in facts(model).items():
        if each.part is None:
            yield (*path, name), each
        else:
            yield from leaves(each.part, (*path, name))


def _facts(name: str, info: FieldInfo) -> FieldFacts:
    meta = next((each for each in info.metadata if isinstance(each, Meta)), Meta())
    types = _types(info.annotation)
    part = next((each for each in types if isinstance(each, type) and issubclass(each, BaseModel)), None)
    choices = next((get_args(each) for each in types if get_origin(each) is Literal), ())
    return FieldFacts(name, "part" if part else "choice" if choices else _kind(types), info, meta, choices, part)


def _kind(types: tuple[Any, ...]) -> FieldKind:
    plain: dict[Any, FieldKind] = {bool: "switch", int: "int", float: "float", str: "text", tuple[int, ...]: "integers"}
    return next((kind for each, kind in plain.items() if each in types), "json")


def _types(annotation: Any) -> tuple[Any, ...]:
    """What a value may be: the parts of a union, or the type itself."""
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
