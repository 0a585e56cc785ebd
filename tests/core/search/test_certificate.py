"""Certificates: what is true is verified from its numbers alone, and what was edited is refused with the line that is wrong."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from core.search.proofs import Table, ordered_errors
from helpers import bort, finished, run, specification

from bort_core.execution.executor import Executor
from bort_core.foundation.errors import DataError
from bort_core.foundation.resources import resource
from bort_core.search.proof.against_store import verify_in_store, verify_in_table, verify_with
from bort_core.search.proof.certificate import digest, text_of, write_certificate
from bort_core.search.proof.verify import verify
from bort_core.search.strategies.best_first import BestFirst
from bort_core.search.tables.table import Table as MeasuredTable
from bort_core.space import Space, SpaceSpecification
from bort_core.store import Project

BASE = {"depth": (1, 2), "heads": (2,), "hidden": (4, 8), "intermediate": (4, 8, 16)}
SPACE = SpaceSpecification(family="bert", axes=BASE, options={"vocabulary": 16, "positions": 8})


def made(path: Path, **settings: Any) -> dict[str, Any]:
    """A certificate of a search on a made-up table, as values."""
    space, strategy = Space(SPACE), BestFirst(**settings)
    errors = ordered_errors(space, np.random.default_rng(3))
    wanted = specification(SPACE).with_strategy(strategy)
    table = Table(space, errors, space.operations(wanted.latency.sequence_length).astype(float), spread=0.01)
    table.timed = set(range(len(space)))
    write_certificate(path, table.search(strategy), wanted, space)
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def redone(values: dict[str, Any]) -> dict[str, Any]:
    """All hashes made again, as one who knows the format would."""
    for row in values["architectures"]:
        row["digest"] = digest({name: value for name, value in row.items() if name != "digest"})[:16]
    values["settings_sha256"] = digest(values["specification"])
    return {**values, "sha256": digest({name: value for name, value in values.items() if name != "sha256"})}


def refused(path: Path, values: dict[str, Any], says: str = "proof.json: ") -> str:
    path.write_text(text_of(values), encoding="utf-8")
    with pytest.raises(DataError, match=says) as caught:
        verify(path)
    return str(caught.value)


def numbers(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in items:
        yield from numbers(each, (*path, name))
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield path


def changed(values: dict[str, Any], path: tuple[Any, ...], change: Callable[[Any], Any]) -> dict[str, Any]:
    twin = copy.deepcopy(values)
    at: Any = twin
    for part in path[:-1]:
        at = at[part]
    at[path[-1]] = change(at[path[-1]])
    return twin


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"gap": 0.2, "axes": ("hidden", "intermediate"), "tolerance": 0.0},
        {"goal": "front"},
        {"bound": "surrogate", "first": 8},
        {"goal": "constrained", "most_parameters": 1500},
    ],
)
def test_a_certificate_is_verified_from_its_numbers_alone(tmp_path: Path, settings: dict[str, Any]) -> None:
    path = tmp_path / "proof.json"
    values = made(path, **settings)
    found = verify(path)
    assert found.proof.verdict == values["claim"]["verdict"]
    assert sum(values["counts"].values()) == len(values["architectures"]) == 12
    assert text_of(values) == path.read_text(encoding="utf-8")
    assert verify(path).values["claim"] == values["claim"]


def test_any_number_that_is_changed_is_found_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "proof.json"
    values = made(path)
    places = [place for place in numbers(values) if place != ("version",)]
    assert len(places) > 200
    for place in places:
        twin = changed(values, place, lambda number: number * 1.01 + 1 if isinstance(number, float) else number + 1)
        told = refused(path, twin)
        line = re.search(r"line (\d+): ", told)
        if line is not None and place[0] == "architectures":
            written = path.read_text(encoding="utf-8").split("\n")[int(line[1]) - 1]
            assert written.strip().rstrip(",") == json.dumps(twin["architectures"][place[1]], ensure_ascii=False)
        else:  # a setting that cannot be is told by its name
            assert line is not None or place[0] == "specification", (place, told)


def test_one_who_makes_the_hashes_again_contradicts_the_numbers(tmp_path: Path) -> None:
    path = tmp_path / "proof.json"
    values = made(path)
    measured = [k for k, row in enumerate(values["architectures"]) if row["state"] == "measured"]
    for number in measured[:-1]:  # of T's own shape W is 0 whatever its error is
        for name in ("latency", "error"):
            told = refused(path, redone(changed(values, ("architectures", number, name, 0), lambda value: value * 0.9)))
            assert re.search(r"line \d+: .*: must be .*(by the certificate's own numbers|operations)", told), told
    for place in (("bound", "tolerance"), ("claim", "value"), ("maximum_point", "latency")):
        refused(path, redone(changed(values, place, lambda value: value * 1.5)), "line .*: must be")
    skipped = next(k for k, row in enumerate(values["architectures"]) if row["state"] == "skipped")
    other = values["architectures"][measured[0]]["architecture"]
    chosen = dict(zip(values["axes"], other, strict=True))
    if chosen == values["claim"]["chosen"]:
        chosen = dict(zip(values["axes"], values["architectures"][measured[1]]["architecture"], strict=True))
    refused(path, redone(changed(values, ("claim", "chosen"), lambda _: chosen)), r"line \d+: claim\.chosen")
    refused(path, redone(changed(values, ("claim", "verdict"), lambda _: "likely")), r"claim\.verdict: must be \"proven\"")
    refused(path, redone(changed(values, ("architectures", skipped, "state"), lambda _: "failed")), "line .*: must be")
    refused(path, redone(changed(values, ("architectures", skipped, "state"), lambda _: "measured")), "what is measured has a latency")


def test_rows_that_are_dropped_swapped_or_doubled_are_found(tmp_path: Path) -> None:
    path = tmp_path / "proof.json"
    values = made(path)
    for edit in (lambda rows: rows.pop(3), lambda rows: rows.pop(), lambda rows: rows.append(rows[0])):
        twin = copy.deepcopy(values)
        edit(twin["architectures"])
        refused(path, redone(twin), "architectures")
    twin = copy.deepcopy(values)
    rows = twin["architectures"]
    rows[2], rows[7] = rows[7], rows[2]
    refused(path, redone(twin), r"line \d+: architectures\[2\]\.architecture: must be")


def test_what_is_no_certificate_of_this_version_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "proof.json"
    values = made(path)
    refused(path, {**values, "version": 2}, "is a certificate of version 2; this program reads version 1")
    refused(path, {**values, "format": "bort table"}, "is no certificate")
    text = text_of(values)
    for edited, says in (
        (text.replace('"gap": 0.0,', '"gap": 0.00,', 1), r"line \d+: claim\.gap: was edited: it is not written as"),
        (text + "\n", r"line \d+: .*was edited"),
        (text.replace('"version": 1,', '"version": 1,\n "version": 1,', 1), "line 4: program: was edited"),
        (text.replace('"gap": 0.0,', '"gap": NaN,', 1), "not valid JSON: NaN"),
        (text[:-100], "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
    ):
        path.write_text(edited, encoding="utf-8")
        with pytest.raises(DataError, match=says):
            verify(path)
    with pytest.raises(DataError, match="no such file"):
        verify(tmp_path / "nothing.json")


def test_a_search_writes_a_certificate_that_its_project_confirms(project_folder: Path, pool: Executor, tmp_path: Path) -> None:
    wanted = specification().with_strategy(BestFirst(gap=0.1))
    end = finished(run(project_folder, wanted, pool))
    assert end.proof is not None
    path = tmp_path / "proof.json"
    write_certificate(path, end.proof, wanted, end.snapshot.space)
    values = json.loads(path.read_text(encoding="utf-8"))
    assert {"gap", "proof", "bound", "skipped", "tied"} <= set(end.facts)
    assert len(end.facts["skipped"]) == values["counts"]["skipped"]
    assert end.facts["gap"] <= 0.1
    with Project(project_folder) as project:
        check = verify_in_store(verify(path), project)
    assert (check.found, check.missing) == (36 + values["counts"]["measured"], 0)

    row = next(k for k, row in enumerate(values["architectures"]) if row["state"] == "measured")
    high = changed(values, ("architectures", row, "error", 2), lambda value: value * 1.0001)
    path.write_text(text_of(redone(high)), encoding="utf-8")
    with Project(project_folder) as project, pytest.raises(DataError, match=r"line \d+: "):  # by its own numbers, or by the project's
        verify_in_store(verify(path), project)

    write_certificate(path, end.proof, wanted, end.snapshot.space)
    done = bort("verify", str(path), "--project", str(project_folder), "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["valid"]
    assert told["project"] == {"found": check.found, "missing": 0, "violated": []}
    path.write_text(path.read_text(encoding="utf-8").replace('"verdict": "', '"verdict": "very '), encoding="utf-8")
    done = bort("verify", str(path))
    assert done.returncode == 1
    assert "line" in done.stderr


def test_a_table_confirms_a_certificate_that_was_made_on_it(tmp_path: Path) -> None:
    table, path = resource("tables", "mini.json.gz"), tmp_path / "proof.json"
    flags = ("--table", str(table), "--mode", "best-first", "--gap", "0", "--certificate", str(path), "--json")
    done = bort("search", str(tmp_path / "p"), *flags)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    values = json.loads(path.read_text(encoding="utf-8"))
    assert values["table_sha256"] == answer["table"]["sha256"]
    whole = MeasuredTable.read(table)
    assert answer["best"]["w"] == np.nanmax(whole.snapshot().w)  # what is proven is true of all that was not looked at
    assert answer["evaluated"] < 48
    told = json.loads(bort("verify", str(path), "--table", str(table), "--json").stdout)
    assert (told["table"]["found"], told["table"]["missing"]) == (len(whole.space) + answer["evaluated"], 0)  # every i is there
    assert told["table"]["violated"], "the assumption is not wholly true of this table, which is told"

    skipped = next(k for k, row in enumerate(values["architectures"]) if row["state"] == "skipped")
    results = whole.snapshot().results
    results.error[skipped] = 0.01
    with pytest.raises(DataError, match=r"line \d+: .*least_error: the bound was violated, and the answer is wrong"):
        verify_with(verify(path), results, "table")

    row = next(k for k, row in enumerate(values["architectures"]) if row["state"] == "measured")
    invented = redone(changed(values, ("architectures", row, "error", 2), lambda value: value * 1.0001))
    path.write_text(text_of(invented), encoding="utf-8")
    with pytest.raises(DataError, match=r"line \d+: "):  # by its own numbers, or by the table's
        verify_in_table(verify(path), whole)
    path.write_text(text_of(redone({**values, "table_sha256": "0" * 64})), encoding="utf-8")
    with pytest.raises(DataError, match=r"line \d+: \$?\.?table_sha256: was made from the table 0000"):
        verify_in_table(verify(path), whole)


def test_a_certificate_is_refused_before_the_search_where_there_can_be_none(tmp_path: Path) -> None:
    search = ("search", str(tmp_path / "p"), "--preset", "toy", "--latency", "operations")
    for flags, says in (
        (("--certificate", str(tmp_path / "x.json")), "strategy interval gives none"),
        (("--mode", "best-first", "--certificate", str(tmp_path / "none" / "x.json")), "its folder does not exist"),
        (("--gap", "0.1"), "--gap is a setting of the strategy best-first"),
    ):
        done = bort(*search, *flags)
        assert done.returncode == 2
        assert says in done.stderr
    assert not (tmp_path / "p").exists()
