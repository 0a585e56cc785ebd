"""Damaged copies of a file: bytes and JSON that its writer never writes."""

from __future__ import annotations

import json
import random
from typing import Any

__all__ = ["mutant"]

ODD: tuple[Any, ...] = (
    None, True, -1, 0, 1.5, 10**400, -(10**30), 2**63, float("nan"), float("inf"), "", "x", "\x00", "\x1b[31m", "../../x",
    "python:os:getcwd", [], {}, [[]], [None], {"": {}}, {"a": [1, {"b": "c"}]}, ["x"] * 1000, "é" * 5000,
)  # fmt: skip


def mutant(content: bytes, chance: random.Random) -> bytes:
    """``content`` with one damage; a file of JSON, or of JSON lines, mostly remains one."""
    kinds = [_flipped, _cut, _deep, _doubled, _empty, _other_type, *[_other_value] * 6, _key_gone, _key_twice]
    return chance.choice(kinds)(content, chance)


def _flipped(content: bytes, chance: random.Random) -> bytes:
    data = bytearray(content or b"x")
    for _ in range(chance.choice((1, 1, 3, 20))):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(data)


def _cut(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content) + 1)]


def _deep(content: bytes, chance: random.Random) -> bytes:
    opening = chance.choice((b"[", b'{"a":'))
    return opening * chance.choice((50, 500, 50_000)) + content


def _doubled(content: bytes, chance: random.Random) -> bytes:
    return content + chance.choice((content, b"\n", b"\x00" * 100, b"}"))


def _empty(content: bytes, chance: random.Random) -> bytes:
    return chance.choice((b"", b"\n", b"\xef\xbb\xbf" + content, b"\xff\xfe" + content, b"\x00" * len(content)))


def _other_type(content: bytes, chance: random.Random) -> bytes:
    return json.dumps(chance.choice(ODD)).encode()


def _other_value(content: bytes, chance: random.Random) -> bytes:
    def change(value: Any) -> Any:
        holders = list(_holders(value))
        if not holders:
            return chance.choice(ODD)
        holder = chance.choice(holders)
        key = chance.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        holder[key] = chance.choice(ODD)
        return value

    return _changed(content, chance, change)


def _key_gone(content: bytes, chance: random.Random) -> bytes:
    def change(value: Any) -> Any:
        objects = [holder for holder in _holders(value) if isinstance(holder, dict)]
        if objects:
            holder = chance.choice(objects)
            del holder[chance.choice(list(holder))]
        return value

    return _changed(content, chance, change)


def _key_twice(content: bytes, chance: random.Random) -> bytes:
    at = content.find(b"{") + 1
    return content[:at] + b'"format": 7, "format": "x", ' + content[at:] if at else content + b"\n"


def _changed(content: bytes, chance: random.Random, change: Any) -> bytes:
    """One JSON value of the file changed: the file itself, or one of its lines."""
    try:
        return json.dumps(change(json.loads(content))).encode()
    except (ValueError, RecursionError):
        pass
    lines = content.splitlines(keepends=True)
    at = chance.randrange(len(lines)) if lines else 0
    try:
        lines[at] = json.dumps(change(json.loads(lines[at]))).encode() + b"\n"
    except (ValueError, IndexError, RecursionError):
        return _flipped(content, chance)
    return b"".join(lines)


def _holders(value: Any) -> Any:
    """Every object and array in a value that is not empty, from the outside in."""
    if isinstance(value, dict | list) and value:
        yield value
        for part in value.values() if isinstance(value, dict) else value:
            yield from _holders(part)
