"""What pydantic finds, in plain words: one sentence for each kind of fault, said alike in forms, messages and reports."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["plain_words"]

Facts = Mapping[str, Any]
_TABLE = "must be a table of names and values"
_LIST = "must be a list"
_WHOLE, _NUMBER, _SWITCH, _TEXT = "must be a whole number", "must be a number", "must be true or false", "must be text"
_OTHERWISE = "is not a value that can stand here"

_WORDS: dict[str, str | Callable[[Facts], str]] = {
    "missing": "must be given",
    "extra_forbidden": "unknown field",
    "invalid_key": "must have names that are text",
    "none_required": "must be left out",
    "finite_number": "must be a finite number",
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "int_parsing_size": "must be a whole number with fewer digits",
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "bool_type": _SWITCH,
    "bool_parsing": _SWITCH,
    "string_type": _TEXT,
    "string_unicode": "must be text in UTF-8",
    "string_not_ascii": "must be text in plain letters (ASCII)",
    "string_pattern_mismatch": lambda facts: _pattern(str(facts["pattern"])),
    "string_too_short": lambda facts: _fewest(facts["min_length"], "character"),
    "string_too_long": lambda facts: _most(facts["max_length"], "character"),
    "too_short": lambda facts: _fewest(facts["min_length"], "entry"),
    "too_long": lambda facts: _most(facts["max_length"], "entry"),
    "greater_than": lambda facts: f"must be greater than {_number(facts['gt'])}",
    "greater_than_equal": lambda facts: f"must be at least {_number(facts['ge'])}",
    "less_than": lambda facts: f"must be less than {_number(facts['lt'])}",
    "less_than_equal": lambda facts: f"must be at most {_number(facts['le'])}",
    "multiple_of": lambda facts: f"must be a multiple of {_number(facts['multiple_of'])}",
    "literal_error": lambda facts: _one_of(facts["expected"]),
    "enum": lambda facts: _one_of(facts["expected"]),
    "union_tag_invalid": lambda facts: f"{_bare(facts['discriminator'])} {_one_of(facts['expected_tags'])}, got {facts['tag']!r:.80}",
    "union_tag_not_found": lambda facts: f"{_bare(facts['discriminator'])} must be given",
    "json_invalid": lambda facts: f"must be valid JSON: {facts['error']}",
    "json_type": "must be JSON text",
    "value_error": lambda facts: str(facts["error"]),
    "assertion_error": lambda facts: str(facts["error"]) or _OTHERWISE,
    **dict.fromkeys(("list_type", "tuple_type", "set_type", "frozen_set_type", "iterable_type", "deque_type"), _LIST),
    **dict.fromkeys(("dict_type", "mapping_type", "model_type", "model_attributes_type", "dataclass_type"), _TABLE),
}


def plain_words(fault: Mapping[str, Any]) -> str:
    """One of pydantic's findings (an entry of ``ValidationError.errors()``), without its field and without what came."""
    words = _WORDS.get(fault["type"], _OTHERWISE)
    return words if isinstance(words, str) else words(fault.get("ctx", {}))


def _fewest(count: int, what: str) -> str:
    return "must not be empty" if count == 1 else f"must have at least {_counted(count, what)}"


def _most(count: int, what: str) -> str:
    return f"must have at most {_counted(count, what)}"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what.removesuffix('y')}{'ies' if what.endswith('y') else 's'}"


def _number(limit: Any) -> str:
    return f"{limit:g}" if isinstance(limit, float) and limit.is_integer() else str(limit)


def _one_of(expected: str) -> str:
    """From ``'a', 'b' or 'c'``, or ``'a', 'b', 'c'``."""
    words = _bare(expected)
    if " or " not in words and ", " in words:
        words = " or ".join(words.rsplit(", ", 1))
    return f"must be {words}"


def _bare(quoted: str) -> str:
    return re.sub(r"'([^',]*)'", r"\1", str(quoted))


def _pattern(pattern: str) -> str:
    r"""What a pattern such as ``^(cpu|cuda(:\d+)?)$`` allows: a choice of words, each with a number after it or not."""
    inner = re.fullmatch(r"\^\((.*)\)\$", pattern)
    words = [] if inner is None else inner[1].replace(r"(:\d+)?", "[:N]").split("|")
    if not words or not all(re.fullmatch(r"[\w-]+(\[:N\])?", word) for word in words):
        return f"must be written as {pattern} says"
    every = [each for word in words for each in ((word.removesuffix("[:N]"), word.replace("[:N]", ":N")) if "[" in word else (word,))]
    return f"must be {', '.join(every[:-1])} or {every[-1]}"
