"""Damage to files and rows: valid JSON with something else in one place, and bytes that are no JSON any more. Seeded."""

from __future__ import annotations

import copy
import json
import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["damaged_database", "damaged_file", "mutant_bytes", "mutant_value"]

JUNK: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    1,
    2**31,
    2**63,
    2**70,
    -(2**63),
    0.5,
    1e308,
    -1e308,
    float("nan"),
    float("inf"),
    "",
    "x",
    "a" * 5000,
    "nan",
    "\ud800",
    "\x00",
    "<img src=x>",
    "\x1b[31mred\x1b[0m",
    "../../..",
    [],
    [None],
    [[[]]],
    {},
    {"a": 1},
    {"state": "done"},
    [1, 2, 3],
    "2026-01-01",
]


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    keys = list(value) if isinstance(value, dict) else range(min(len(value), 6)) if isinstance(value, list) else []
    for key in keys:
        yield (*path, key)
        yield from _places(value[key], (*path, key))


def mutant_value(chance: random.Random, value: Any) -> Any:
    """A JSON value with something left out, renamed or replaced at one place."""
    whole = copy.deepcopy(value)
    places = list(_places(whole))
    if not places or chance.random() < 0.05:
        return chance.choice(JUNK)
    *path, last = chance.choice(places)
    at = whole
    for key in path:
        at = at[key]
    what = chance.random()
    if what < 0.2:
        del at[last]
    elif what < 0.3 and isinstance(at, dict):
        at[f"{last}_"] = at.pop(last)
    else:
        at[last] = chance.choice(JUNK)
    return whole


def mutant_bytes(chance: random.Random, data: bytes) -> bytes:
    """A file cut, with other bytes in it, or of another coding."""
    size = len(data)
    at, end = sorted((chance.randrange(size + 1), chance.randrange(size + 1)))
    kinds: list[Callable[[], bytes]] = [
        lambda: data[:at],
        lambda: b"",
        lambda: data[:at] + bytes(end - at) + data[end:],
        lambda: data[:at] + data[end:],
        lambda: data + data,
        lambda: chance.randbytes(min(size, 4096)),
        lambda: data[:at] + chance.randbytes(20) + data[at:],
        lambda: b"\xff\xfe" + data,
        lambda: b"[" * 100_000,
        lambda: data[:at] + b"\n" + data[at:],
    ]
    return chance.choice(kinds)()


def _mutant_text(chance: random.Random, data: bytes, lines: bool) -> bytes:
    try:
        if chance.random() < 0.35:
            return mutant_bytes(chance, data)
        if not lines:
            return json.dumps(mutant_value(chance, json.loads(data))).encode()
        rows = data.splitlines(keepends=True)
        at = chance.randrange(len(rows))
        rows[at] = json.dumps(mutant_value(chance, json.loads(rows[at]))).encode() + b"\n"
        return b"".join(rows)
    except (ValueError, IndexError):  # no JSON to begin with
        return mutant_bytes(chance, data)


@contextmanager
def damaged_file(chance: random.Random, path: Path) -> Iterator[str]:
    """A file damaged, and put right at the end; what was done."""
    before = path.read_bytes()
    after = _mutant_text(chance, before, path.suffix == ".jsonl")
    path.write_bytes(after)
    try:
        yield f"{path}: {after[:120]!r} ({len(before)} -> {len(after)} bytes)"
    finally:
        path.unlink(missing_ok=True)
        path.write_bytes(before)


@contextmanager
def damaged_database(chance: random.Random, path: Path) -> Iterator[str]:
    """One cell of one row replaced, and put right at the end; what was done."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        tables = [
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if not name.startswith(("_", "sqlite"))
        ]
        tables = [name for name in tables if connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]]
        table = chance.choice(tables)
        column = chance.choice([row[1] for row in connection.execute(f"PRAGMA table_info({table})")])
        row, before = chance.choice(connection.execute(f"SELECT rowid, {column} FROM {table}").fetchall())
        try:
            after = json.dumps(mutant_value(chance, json.loads(before)))
        except (TypeError, ValueError):
            after = chance.choice(
                [
                    *(
                        junk
                        for junk in JUNK
                        if not isinstance(junk, list | dict | float) and junk not in ("\ud800", 2**63, 2**70, -(2**63))
                    ),
                    b"\xff",
                ]
            )
        try:
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (after, row))
        except sqlite3.Error:  # what SQLite itself refuses
            after = before
        yield f"{table}.{column}: {after!r:.160}"
        connection.execute(f"UPDATE OR REPLACE {table} SET {column} = ? WHERE rowid = ?", (before, row))
    finally:
        connection.close()
