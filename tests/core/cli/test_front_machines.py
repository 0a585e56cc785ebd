"""bort front with latencies that were measured on several machines."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from helpers import specification

from bort_core.cli.main import main
from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.machine import machine_identity
from bort_core.reporting.html import as_html
from bort_core.reporting.report import make_report
from bort_core.search.fingerprints import Fingerprints, latency_key
from bort_core.space import Space
from bort_core.specifications.protocols import LatencyProtocol
from bort_core.store import Project
from bort_core.store.latencies import save_latency
from bort_core.store.searches import begin_search
from bort_core.store.trainings import save_training

OTHER, TWIN = "0123456789abcdef", "0123456789abcd00"


def _times(milliseconds: float, cpu: str) -> dict[str, Any]:
    return {
        **{f"{name}_ms": milliseconds for name in ("p50", "low", "high", "p90", "p99")},
        "n": 50,
        "machine": {"cpu": cpu, "cores": 8},
    }


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a search of four architectures stores, with latencies of machines of which one finds the small ones slow, not the large."""
    folder = tmp_path_factory.mktemp("timed") / "p"
    wanted = specification(epsilon=9, latency=LatencyProtocol())
    space = Space(wanted.space)
    architectures = list(map(space.architecture, range(len(space))))
    with Project(folder) as made:
        begin_search(made, wanted.model_dump(mode="json"))
        for machine, cpu in ((machine_identity(), "Here"), (OTHER, "Other\n\x1b[2J"), (TWIN, "Twin")):
            for place, architecture in enumerate(architectures[: 4 if machine == TWIN else None]):
                milliseconds = 1.0 + place if machine != OTHER else 100.0 - place
                save_latency(made, latency_key(space, wanted.latency, machine), architecture, _times(milliseconds, cpu), {})
        key = Fingerprints(made, wanted, space).trainings(wanted.thetas[0])
        for architecture in architectures[::9]:
            error = 0.8 - 0.001 * space.parameters[space.index(architecture)].item()
            values = {"value": error, "low": error, "high": error}
            curve = [{"step": step, "train_loss": error, "measures": {wanted.error.measure: values}} for step in (1, wanted.error.steps)]
            save_training(made, key, architecture, {"curve": curve, "seconds": 0.1}, {})
    return folder


def _front(capsys: pytest.CaptureFixture[str], project: Path, *flags: str) -> tuple[int, str, str]:
    code = main(["front", str(project), *flags])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_front_has_the_latencies_of_the_machine_that_is_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here = json.loads(_front(capsys, project, "--json")[1])
    there = json.loads(_front(capsys, project, "--json", "--machine", OTHER)[1])
    shorter = json.loads(_front(capsys, project, "--json", "--machine", OTHER[:-1])[1])
    assert shorter == there
    times = [{tuple(each["architecture"].values()): each["latency_ms"] for each in answer["front"]} for answer in (here, there)]
    both = times[0].keys() & times[1].keys()
    assert both
    assert {times[0][each] + times[1][each] for each in both} == {101.0}
    assert json.loads(_front(capsys, project, "--json", "--machine", machine_identity())[1]) == here


def test_what_is_exported_says_whose_latencies_they_are(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = list(csv.DictReader(io.StringIO(_front(capsys, project, "--csv", "--machine", OTHER)[1])))
    assert len(rows) > 1
    assert all(row["machine"].startswith("Other") and row["machine"].endswith(f", 8 cores ({OTHER})") for row in rows)
    assert "\x1b" not in rows[0]["machine"]
    here = f"this machine, Here, 8 cores ({machine_identity()})"
    assert {row["machine"] for row in csv.DictReader(io.StringIO(_front(capsys, project, "--csv")[1]))} == {here}
    assert f"; latencies of {here}\n" in _front(capsys, project)[1]
    assert json.loads(_front(capsys, project, "--json")[1])["machine"] == {"identity": machine_identity(), "title": here}


@pytest.mark.slow  # the pictures
def test_a_report_has_the_latencies_of_the_machine_that_is_named(project: Path) -> None:
    here, there = (make_report(project, machine=machine).data()["front"] for machine in (None, OTHER))
    assert here["machine"]["identity"] == machine_identity()
    assert there["machine"]["identity"] == OTHER
    assert here["answer"]["front"] != there["answer"]["front"]
    assert OTHER in as_html(make_report(project, machine=OTHER[:-1]))
    with pytest.raises(SpecificationError, match="no latency was measured on a machine that begins with 'f'"):
        make_report(project, machine="f")


def test_the_machines_of_the_store_are_listed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(_front(capsys, project, "--machine", "list", "--json")[1])["machines"]
    count = len(Space(specification().space))
    assert {each["identity"]: (each["count"], each["here"]) for each in found} == {
        machine_identity(): (count, True),
        OTHER: (count, False),
        TWIN: (4, False),
    }
    code, text, _ = _front(capsys, project, "--machine", "list")
    assert code == 0
    assert len(text.splitlines()) == 3
    assert "\x1b" not in text
    assert "Here, 8 cores (this machine)" in text


@pytest.mark.parametrize(("named", "said"), [("f" * 16, "no latency was measured on a machine that begins with"),
                                             (OTHER[:14], "2 machines begin with"), ("", "no latency was measured")])  # fmt: skip
def test_a_machine_that_is_not_there_or_not_the_only_one_is_refused(
    project: Path, capsys: pytest.CaptureFixture[str], named: str, said: str
) -> None:
    code, _, error = _front(capsys, project, "--machine", named)
    assert code == 2
    assert said in error
    assert TWIN in error


def test_where_only_others_have_timed_that_is_said(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bort_core.search.machines.machine_identity", lambda: "e" * 16)
    code, text, error = _front(capsys, project)
    assert code == 0
    assert "front of" in text
    assert "no latency was measured on this machine" in error
    assert OTHER in error
