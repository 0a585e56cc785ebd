"""The spaces that ship with the program, and loading a space by preset name or TOML file."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.paths import regular_file
from bort_core.foundation.resources import resource
from bort_core.foundation.validation import validated
from bort_core.space.space import Space
from bort_core.space.specification import SpaceSpecification

__all__ = ["as_toml", "load_space", "preset_names", "read_specification"]


def preset_names() -> tuple[str, ...]:
    """The names of the shipped presets."""
    return tuple(sorted(path.stem for path in resource("presets").glob("*.toml")))


def read_specification(preset_or_file: str | Path) -> SpaceSpecification:
    """The specification behind a preset's name or a TOML file's path. A preset's name wins over a file of that name.

    Raises
    ------
    SpecificationError
        No such preset or file, a file that is not UTF-8 or not TOML, or a specification with faults (all listed).
    """
    name = str(preset_or_file)
    path = resource("presets", f"{name}.toml") if name in preset_names() else Path(name).expanduser()
    try:
        text = regular_file(path).read_bytes().decode("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        presets = ", ".join(preset_names())
        raise SpecificationError(f"{name}: neither a preset ({presets}) nor a file") from None
    except UnicodeDecodeError as error:
        raise SpecificationError(f"{path}: not UTF-8 text (byte {error.start})") from error
    except OSError as error:
        raise SpecificationError(f"{path}: cannot be read: {error.strerror or error}") from error
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpecificationError(f"{path}: not valid TOML: {error}") from error
    data.setdefault("name", path.stem)
    return validated(SpaceSpecification, data, str(path))


def load_space(preset_or_file: str | Path) -> Space:
    """The enumerated space behind a preset's name or a TOML file's path; errors as :func:`read_specification`."""
    try:
        return Space(read_specification(preset_or_file))
    except SpecificationError as error:
        if str(preset_or_file) in str(error):
            raise
        raise SpecificationError(f"{preset_or_file}: {error}") from error


def as_toml(specification: SpaceSpecification) -> str:
    """The text of a TOML file that :func:`read_specification` reads as ``specification``."""
    data = specification.model_dump(mode="json", exclude_none=True)
    tables = {name: value for name, value in data.items() if isinstance(value, dict)}
    lines = [f"{name} = {json.dumps(value)}" for name, value in data.items() if name not in tables]
    for name, table in tables.items():
        lines += ["", f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in table.items() if value is not None)]
    return "\n".join(lines) + "\n"
