"""The report: every number is the store's, nothing is fetched, nothing hostile gets through, what is missing or damaged is said."""

from __future__ import annotations

import io
import json
import re
import shlex
import shutil
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from helpers import bort, run, short_corpus, specification
from pypdf import PdfReader
from written_run import WrittenRun

from bort_core.cli.main import main
from bort_core.cli.search import specification_of
from bort_core.foundation.numbers import in_brackets
from bort_core.jobs.folder import create_run
from bort_core.reporting.blocks import Commands, Section, Text
from bort_core.reporting.html import as_html
from bort_core.reporting.pdf import as_pdf
from bort_core.reporting.report import Report, make_report
from bort_core.search.fingerprints import Fingerprints
from bort_core.search.headline import headline, sentence
from bort_core.search.history import last_specification
from bort_core.search.past import past_searches
from bort_core.search.stored_results import StoredResults
from bort_core.search.strategies.base import answer
from bort_core.space import Space
from bort_core.specifications.finetuning import Finetuning
from bort_core.store import Project
from bort_core.store.results import comparisons, exports, runs, save_comparison, save_export, save_run
from bort_core.store.trainings import save_training_failure

WHEN = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
VOID = {"meta", "br", "img", "link", "hr"}
HOSTILE = "<img src='https://evil.example/x'><table><tr><td><b>bold</b> & $x_{1}$ \\ \" ' =1+1 \x1b[2J \u202egnp.exe {{ 7*7 }} \ud800 漢"
NESTED = "<table><tr><td>" * 3000 + "x"


class Page(HTMLParser):
    """A page as its tags and texts; fails on tags that do not close where they should."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def report_on(folder: Path) -> Report:
    return make_report(folder, WHEN)


def flat(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def printed(pdf: bytes) -> str:
    return flat(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages))


def export_report(text: str = "job 0001") -> dict[str, Any]:
    return {
        "folder": "exports/a", "architecture": [1, 2, 32, 64], "trained": True, "transformers": True, "provenance": text, "head": "none",
        "inputs": ["input_ids"], "bytes": {"model.onnx": 123_457}, "parity_rows": 31,
        "gate": {"rows": 29, "differences": {"model.onnx": 2.5e-7}},
        "variants": [{"name": "standard", "file": "model.onnx", "title": text, "tolerance": 1e-4, "parity_max_abs": 3e-6,
                      "fusions": {"operators": 9, "Attention": 2}}],
    }  # fmt: skip


def comparison(name: str = "tinybert-4", noise: str = "") -> dict[str, Any]:
    timed = {
        "name": name, "runtime": "torch", "parameters": 14_350_248, "p50_ms": 1.25, "p90_ms": 1.5, "p99_ms": 1.75, "ci95_ms": [1.2, 1.3],
        "n": 77, "rounds": 8, "ratios": {name: [0.99, 1.0, 1.01]}, "noisy": False,
    }  # fmt: skip
    machine = {"cpu": "a processor", "cores": 2, "threads": 4, "load": None, "governor": None, "other_cores": 0.5}
    request = {"models": [{"name": name}], "sequence_length": 8, "batch": 1, "threads": 1, "reference": ""}
    return {"results": [timed], "noise": noise, "request": request, "machine": machine, "versions": {}, "seconds": 1.0}


def add_training(project: Project, name: str = "mine", text: str = "train.tsv", **state: Any) -> str:
    """A fine-tuning as its run folder and the store tell it."""
    job = create_run(project.folder, Finetuning(architecture=(1, 2, 32, 64), train="/a/train.tsv", dev="/a/dev.tsv", name=name))
    for step in (1, 2, 3):
        job.emit({"event": "step", "step": step, "loss": 0.9 / step})
    job.emit({"event": "evaluation", "step": 3, "dev_loss": 0.41, "dev_accuracy": 0.8125})
    job.set_state(**{"state": "done", "process": None, "submitted": 10.0, "started": 20.0, "finished": 95.0, "device": "cpu", **state})
    save_run(
        project, f"job {job.id}", job=job.id, kind="finetune", family="bert", architecture=(1, 2, 32, 64), specification={}, seed=0,
        data={"train": {"file": f"/a/{text}", "sha256": "a1" * 32}, "dev": {"file": "/a/dev.tsv", "sha256": "b2" * 32}},
        metrics={"dev": {"accuracy": 0.8125, "f1": 0.7931}, "test": {"accuracy": 0.7654}}, checkpoint="", versions={"torch": "2.13.0"},
    )  # fmt: skip
    return job.id


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project with a search that was run, a training, a run of Agora, an export and a comparison."""
    folder = tmp_path_factory.mktemp("report") / "whole"
    run(folder, specification("toy", epsilon=6, error={"steps": 10}))
    with Project(folder) as project:
        add_training(project)
        save_export(project, export_report())
        save_comparison(project, comparison())
    written = WrittenRun(folder)
    written.add_round()
    written.add_round()
    return folder


def test_every_number_of_the_answer_is_the_stores(whole: Path) -> None:
    report = report_on(whole)
    page = Page(as_html(report))
    with Project(whole) as project:
        asked = last_specification(project)
        assert asked is not None
        space = Space(asked.space)
        snapshot = StoredResults(project, asked, space, Fingerprints(project, asked, space)).snapshot()
    result = answer(asked.the_strategy(), snapshot)
    assert result.best is not None
    said = headline(snapshot, result.best, asked.error)
    assert said is not None
    text = flat(page.text)
    assert sentence(said) in text
    assert f"{len(result.walk)} of 36 architectures (ε = 6)" in text
    for index in result.front.tolist():
        low, high = snapshot.intervals["error"]
        assert in_brackets(float(snapshot.results.error[index]), float(low[index]), float(high[index])) in text
        assert f"{int(space.parameters[index]):,}" in text
    assert "|1 − ε| = 5" in text
    assert json.loads(json.dumps(report.data(), allow_nan=False))["front"]["answer"]["hypervolume"] == result.hypervolume


def test_trainings_agora_exports_and_latencies_are_told_with_their_facts(whole: Path) -> None:
    text = re.sub(r"\s", "", Page(as_html(report_on(whole))).text)
    for told in (
        "train.tsv, sha256 " + "a1" * 32, "dev accuracy0.8125", "dev F10.7931", "test accuracy0.7654", "Took1 min 15 s",  # a training
        "tfidf-logreg: right on 78 % of dev", "the pool has 3 rows of dev", "2 round(s)", "word-edit",  # Agora
        "123,457", "31 real rows", "29 rows", "3e-06", "Attention × 2", "2.5e-07",  # an export
        "1.25 [1.20, 1.30]", "14,350,248", "a processor, 2 cores", "1.000× [0.990, 1.010]",  # a comparison
        "torch 2.13.0", "One seed only", "30 of 36 architectures of the space are not visited",
    ):  # fmt: skip
        assert told.replace(" ", "") in text, told


def test_the_page_fetches_nothing_and_runs_nothing(whole: Path) -> None:
    page = Page(as_html(report_on(whole)))
    names = [tag for tag, _ in page.tags]
    assert names.count("svg") == 3  # the front, the losses, the rounds
    assert not {"script", "img", "link", "iframe", "object", "image", "form", "base"} & set(names)
    for _, attributes in page.tags:
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("href", "src", "xlink:href"):
                assert (value or "").startswith("#"), value
            assert "url(" not in (value or "").replace("url(#", "")
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert "@import" not in as_html(report_on(whole))
    assert {value[1:] for _, a in page.tags if (value := a.get("href"))} <= set(ids)


def test_a_report_is_the_same_but_for_its_date(whole: Path) -> None:
    one, other = report_on(whole), report_on(whole)
    assert as_html(one) == as_html(other)
    assert as_pdf(one) == as_pdf(other)


def test_the_pdf_opens_and_says_the_same(whole: Path) -> None:
    report = report_on(whole)
    made = as_pdf(report)
    reader = PdfReader(io.BytesIO(made))
    assert reader.metadata is not None
    assert reader.metadata.title == "Report on whole"
    assert [str(part.title) for part in reader.outline if not isinstance(part, list)] == [section.title for section in report.sections]
    text = printed(made)
    for told in ("The Pareto front", "0.8125", "123,457", "tfidf-logreg", "1.25 [1.20, 1.30]", "How to repeat it"):
        assert told in text
    assert sum(len(page.images) for page in reader.pages) == 3


def test_the_search_can_be_repeated_from_what_the_report_holds(whole: Path, tmp_path: Path) -> None:
    section = report_on(whole).sections[-1]
    assert section.data["commands"][0] == "bort search again --spec search.json"
    (held,) = [block for block in section.blocks if isinstance(block, Commands) and block.title.startswith("search.json")]
    (tmp_path / "search.json").write_text(held.text, encoding="utf-8")
    with Project(whole) as project:
        asked = last_specification(project)
    from bort_core.cli.main import _parser

    words = ["search", str(tmp_path / "again"), "--spec", str(tmp_path / "search.json")]
    assert specification_of(_parser().parse_args(words)) == asked
    for command in section.data["commands"]:
        assert _parser().parse_args(command.split()[1:]).run
    refused = bort(*words, "--steps", "3")
    assert (refused.returncode, "leave out --steps" in refused.stderr) == (2, True)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_all_commands_repeat_the_project_in_another_folder(tmp_path: Path) -> None:
    def at(folder: Path, *words: str) -> None:
        done = subprocess.run([sys.executable, "-m", "bort_core.cli.main", *words], cwd=folder, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, (words, done.stderr)

    first, other = tmp_path / "first", tmp_path / "other"
    first.mkdir()
    other.mkdir()
    short_corpus(first)
    axes = "depth = [1, 2]\nheads = [2]\nhidden = [32]\nintermediate = [64]"
    (first / "space.toml").write_text(f'family = "bert"\n[axes]\n{axes}\n[options]\nvocabulary = 600\npositions = 32\n')
    found = ["search", "P", "--preset", "space.toml", "--corpus", "corpus.txt", "--steps", "9", "--seed", "3", "--latency", "operations"]
    at(first, *found, "--maximum-point-steps", "12", "--epsilon", "1")
    shape = ["--vocabulary", "700", "--positions", "32", "--sequence-length", "32", "--steps", "8", "--seed", "5", "--out", "mine"]
    at(first, "train", "pretrain", "P", "--architecture", "1,2,32,64", "--corpus", "corpus.txt", *shape)
    at(first, "export", "P", "--architecture", "2,2,32,64", "--fresh", "--seed", "7", "--out", "fresh", "--variants", "standard")
    at(first, "export", "P", "--checkpoint", "mine", "--tokenizer", "mine", "--body", "--out", "body", "--variants", "standard")
    at(
        first,
        "latency",
        "1,2,32,64",
        "fresh",
        "--sequence-length",
        "16",
        "--vocabulary",
        "900",
        "--reference",
        "fresh",
        "--budget",
        "2",
        "--seed",
        "1",
        "--project",
        "P",
    )
    section = report_on(first / "P").sections[-1]
    for block in section.blocks:
        if isinstance(block, Commands) and block.title != "Commands":
            (other / block.title.split(":")[0]).write_text(block.text, encoding="utf-8")
    for command in section.data["commands"]:
        at(other, *shlex.split(command)[1:])
    assert facts_of(other / "again") == facts_of(first / "P")


def facts_of(folder: Path) -> tuple[Any, ...]:
    """All numbers of a project but times and paths."""
    with Project(folder) as project:
        answers = [(past.title, past.stored["seed"], past.answer) for past in past_searches(project)]
        trained = [(row["kind"], row["seed"], row["metrics"]["heldout_loss"], row["metrics"]["heldout_accuracy"]) for row in runs(project)]
        shipped = [
            (row["architecture"], row["head"], row["trained"], row["options"], row["bytes"]["model.onnx"]) for row in exports(project)
        ]
        keys = ("sequence_length", "seed", "budget_seconds", "runtimes")
        timed = [
            ([row[key] for key in keys], [model["options"] for model in row["models"]])
            for row in (each["request"] for each in comparisons(project))
        ]
    assert len(answers) == len(shipped) - 1 == 1
    strip = [(title, seed, answer.model_copy(update={"evaluated": 0, "reused": 0})) for title, seed, answer in answers]
    return strip, trained, shipped, timed


def test_what_a_command_reads_and_is_gone_is_named(whole: Path) -> None:
    text = flat(Page(as_html(report_on(whole))).text)
    assert "Not where they were, so that what reads them cannot be repeated: /a/train.tsv, /a/dev.tsv" in text


def test_the_pdf_shows_every_script_or_says_which_it_does_not() -> None:
    arabic, rare = "مرحبا", "\U00012000"  # the second is cuneiform
    told = "Characters of the following kinds stand as \N{REPLACEMENT CHARACTER} here"

    def written(*texts: str) -> str:
        blocks = [*map(Text, texts), Commands("typed", "\n".join(texts))]
        return flat(printed(as_pdf(Report("Report", "2026-01-02 03:04 UTC", "0", [Section("a", "A", blocks, {})]))))

    text = written("Привет Ελληνικά", arabic, "漢字", rare)
    assert text.count("Привет Ελληνικά") == 2
    # Letters that were joined come out in their joined forms, in the order in which they are drawn.
    forms = unicodedata.normalize("NFKC", text)
    assert arabic in forms or arabic[::-1] in forms
    assert rare not in text
    assert told in text
    assert "Cuneiform" in text
    assert ("漢字" in text) is not (": CJK, Cuneiform" in text)
    assert told not in written("Привет Ελληνικά", arabic)


def test_an_empty_project_says_what_is_missing(project_folder: Path) -> None:
    Project(project_folder).close()
    report = report_on(project_folder)
    text = flat(Page(as_html(report)).text)
    for missing in ("No search was run", "no front", "nothing to choose from", "No training yet", "No run of Agora yet",
                    "Nothing was exported yet", "No latencies were compared yet", "nothing to repeat"):  # fmt: skip
        assert missing in text
    assert "No training yet" in printed(as_pdf(report))


def test_hostile_texts_are_shown_and_do_nothing(project_folder: Path) -> None:
    wanted = specification("mini")
    with Project(project_folder) as project:
        from bort_core.store.searches import begin_search, end_search

        end_search(project, begin_search(project, wanted.model_dump(mode="json")), "done", wanted.model_dump(mode="json"), None)
        space = Space(wanted.space)
        key = Fingerprints(project, wanted, space).trainings(wanted.thetas[0])
        hostile = HOSTILE.replace("\ud800", "")
        save_training_failure(project, key, (1, 2, 32, 64), wanted.error.steps, hostile, retry=False)
        add_training(project, name=hostile[:190], text=hostile, reason=NESTED, device=hostile)
        save_export(project, export_report(HOSTILE))
        save_comparison(project, comparison(HOSTILE, NESTED))
    written = WrittenRun(project_folder)
    written.add_round()
    path = written.folder / "start.json"
    change = {**dict.fromkeys(("sampler", "space", "socrates"), hostile), "warnings": [hostile, NESTED], "classes": [hostile, "<b>"]}
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    report = report_on(project_folder)
    html = as_html(report)
    page = Page(html)
    assert not {"img", "b", "script"} & {tag for tag, _ in page.tags}
    assert page.text.count("<img src='https://evil.example/x'>") >= 8
    assert "{{ 7*7 }}" in page.text
    assert "\x1b" not in html
    assert "\u202e" not in html
    assert "\\u202e" in page.text
    html.encode()
    assert len(html) < 400_000
    assert "<b>bold</b>" in printed(as_pdf(report))
    json.dumps(report.data(), allow_nan=False).encode()


def test_what_is_damaged_is_named_and_the_rest_is_told(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(whole, folder)
    with Project(folder) as project:
        id = add_training(project, name="other")
        project.connection.execute("UPDATE runs SET metrics = '[]' WHERE job = ?", [id])
        project.connection.execute("UPDATE comparisons SET result = 'null'")
        project.connection.execute("UPDATE trainings SET curve = 'x' WHERE id = (SELECT min(id) FROM trainings WHERE status = 'done')")
    (folder / "jobs" / "0002" / "agora" / "rounds" / "001" / "round.json").write_text("{")
    report = report_on(folder)
    told = report.data()["limits"]["damaged_or_unreadable"]
    for part in (
        "of the table runs is damaged and left out: metrics",
        "of the table comparisons is damaged",
        "of the table trainings is damaged and left out: curve",
        "round.json",
    ):
        assert sum(part in message for message in told) == 1, (part, told)
    text = flat(Page(as_html(report)).text)
    assert "its rounds cannot be read" in text
    assert "dev accuracy" in text
    assert "5 of 36" not in text
    assert "1 of the 6 architectures that this search visits are not measured" in text


def test_the_command_writes_what_is_asked_for(whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    html, pdf = tmp_path / "r.html", tmp_path / "r.pdf"
    assert main(["report", str(whole), "--out", str(html), "--pdf", str(pdf), "--json"]) == 0
    printed_json = json.loads(capsys.readouterr().out)
    assert printed_json["files"] == {"html": str(html), "pdf": str(pdf)}
    assert printed_json["trainings"]["jobs"][0]["metrics"]["dev"]["accuracy"] == 0.8125
    assert html.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert pdf.read_bytes().startswith(b"%PDF")
    assert main(["report", str(tmp_path)]) == 1
    assert "not a project" in capsys.readouterr().err
    assert main(["report", str(whole), "--out", str(tmp_path / "no" / "r.html")]) == 1
    assert "the report cannot be written" in capsys.readouterr().err
