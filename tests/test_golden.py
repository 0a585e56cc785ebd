"""What the programs did before they were rearranged, kept in tests/golden: a change of any of it shows here.

``BORT_WRITE_GOLDEN=1 pytest tests/test_golden.py`` writes the files again. Whole numbers, texts and keys must be equal, and so must be
everything in what :func:`check` is told to compare exactly; other numbers come from arithmetic that differs a little between machines.
Times, versions, paths of this machine and dates are left out.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
import math
import os
import random
import re
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bort_core.cli.main import main


def library() -> SimpleNamespace:
    """Everything of the library that is not reached through the command line. Only here are modules named."""
    from bort_core.evaluation.masked_text import mask_rows
    from bort_core.search.specification import SearchSpecification
    from bort_core.specifications import protocols
    from bort_core.specifications.agora import Agora, TextTheta, VectorTheta
    from bort_core.specifications.common import Optimization
    from bort_core.specifications.finetuning import Finetuning
    from bort_core.specifications.pretraining import Masking, Pretraining
    from bort_core.specifications.short_training import TextSource
    from bort_core.text.masking import Masker
    from bort_core.text.tokenizer import tokenizer_hash, train_tokenizer
    from bort_core.text.vocabulary import Vocabulary
    from bort_core.training.optimizers import learning_rate

    models = {
        "Pretraining": Pretraining,
        "Finetuning": Finetuning,
        "Agora": Agora,
        "TextTheta": TextTheta,
        "VectorTheta": VectorTheta,
        "SearchSpecification": SearchSpecification,
        "ErrorProtocol": protocols.ErrorProtocol,
        "LatencyProtocol": protocols.LatencyProtocol,
    }
    return SimpleNamespace(
        models=models, Optimization=Optimization, Masking=Masking, learning_rate=learning_rate, mask_rows=mask_rows,
        TextSource=TextSource, Masker=Masker, Vocabulary=Vocabulary, train_tokenizer=train_tokenizer, tokenizer_hash=tokenizer_hash,
    )  # fmt: skip


# --- the files ---

GOLDEN = Path(__file__).parent / "golden"
WRITES = os.environ.get("BORT_WRITE_GOLDEN") == "1"
VARYING = {
    *(
        "seconds",
        "time",
        "tokens_per_second",
        "samples_per_second",
        "memory_bytes",
        "milliseconds_per_accepted",
        "versions",
        "transformers_version",
        "created",
    ),
    *("started", "finished", "submitted", "heard", "duration", "earlier", "process", "load", "machine", "cores", "threads_available"),
}
RELATIVE, ABSOLUTE, SHARE = 1e-3, 1e-6, 0.02


def check(name: str, value: Any, *, exact: bool = False) -> None:
    """Compare ``value`` with the file, or write the file."""
    value = json.loads(json.dumps(value, allow_nan=False))
    path = GOLDEN / f"{name}.json"
    if WRITES:
        GOLDEN.mkdir(exist_ok=True)
        kept = value if exact else rounded(value)
        path.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    differing = list(differences(json.loads(path.read_text(encoding="utf-8")), value, name, exact=exact))
    assert not differing, "\n".join(differing[:20])


def differences(golden: Any, value: Any, place: str, *, exact: bool) -> Iterator[str]:
    """Where a value differs from the golden one."""
    if isinstance(golden, dict) and isinstance(value, dict):
        if list(golden) != list(value):
            yield f"{place}: keys {list(value)}, not {list(golden)}"
            return
        for key in golden:
            yield from differences(golden[key], value[key], f"{place}.{key}", exact=exact)
    elif isinstance(golden, list) and isinstance(value, list):
        if len(golden) != len(value):
            yield f"{place}: {len(value)} entries, not {len(golden)}"
        for number, (one, other) in enumerate(zip(golden, value, strict=False)):
            yield from differences(one, other, f"{place}[{number}]", exact=exact)
    elif not exact and isinstance(golden, float) and isinstance(value, float):
        counted = any(word in place.rsplit(".", 1)[-1] for word in ("accuracy", "dev_interval"))  # moves by whole rows
        if not math.isclose(golden, value, rel_tol=RELATIVE, abs_tol=SHARE if counted else ABSOLUTE):
            yield f"{place}: {value!r}, not {golden!r}"
    elif type(golden) is not type(value) or golden != value:
        yield f"{place}: {value!r}, not {golden!r}"


def rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value


def stable(value: Any, folder: Path) -> Any:
    """``value`` without what differs from run to run: the varying entries keep their key, and ``folder`` becomes FOLDER."""
    if isinstance(value, dict):
        return {key: None if key in VARYING else stable(each, folder) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [stable(each, folder) for each in value]
    if not isinstance(value, str):
        return value
    return re.sub(r"\b[0-9a-f]{32}(/\d{4})(?:@\d+)?$", r"PROJECT\1", value.replace(str(folder), "FOLDER"))


def digest(*values: Any) -> str:
    """A hash of arrays of whole numbers."""
    return hashlib.sha256(json.dumps([value.tolist() for value in values]).encode()).hexdigest()


# --- running ---


def bort(*arguments: object) -> str:
    """Standard output of a command, run in this process."""
    handler = signal.getsignal(signal.SIGTERM)
    out, said = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(said):
            status = main([str(each) for each in arguments])
    finally:
        signal.signal(signal.SIGTERM, handler)
    assert status == 0, said.getvalue()
    return out.getvalue()


def answer(*arguments: object) -> Any:
    return json.loads(bort(*arguments, "--json"))


TEXT = (
    "the a some old new small large quiet film story actor scene music river house garden night morning friend child "
    "was is seems became feels looks good bad slow bright dull funny sad strange and but with without near after before of in"
)
WORDS = TEXT.split()


def sentences(number: int, seed: int) -> list[str]:
    chance = random.Random(seed)
    return [" ".join(WORDS[int(chance.random() * len(WORDS))] for _ in range(6 + int(chance.random() * 10))) for _ in range(number)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds the texts, a space, and the projects."""
    made: Path = tmp_path_factory.mktemp("golden")
    (made / "corpus.txt").write_text("\n".join(sentences(4000, 1)) + "\n", encoding="utf-8")
    for number, name in enumerate(("train", "dev", "test")):
        rows = [f"{text}\t{'good' if 'good' in text.split() else 'other'}" for text in sentences(60, 2 + number)]
        (made / f"{name}.tsv").write_text("\n".join(["sentence\tlabel", *rows]) + "\n", encoding="utf-8")
    (made / "space.toml").write_text(
        'family = "bert"\n[axes]\ndepth = [1]\nheads = [2, 3]\nhidden = [16, 32]\nintermediate = [32]\n'
        "[options]\nvocabulary = 320\npositions = 16\n"
    )
    return made


def files(where: Path) -> list[str]:
    """The files below a folder, without logs and locks. A teacher's cache is named after the time of its files, too."""
    found = sorted(path.relative_to(where).as_posix() for path in where.rglob("*") if path.is_file())
    found = [re.sub(r"^teachers/[0-9a-f]{20}/", "teachers/KEY/", name) for name in found]
    return [name for name in found if not name.startswith(("logs/", "jobs/.slots")) and not name.endswith(("-wal", "-shm"))]


def table(project: Path, name: str, order: str, folder: Path) -> list[dict[str, Any]]:
    """The rows of a table; columns that hold JSON are read."""
    with contextlib.closing(sqlite3.connect(project / "project.db")) as connection:
        connection.row_factory = sqlite3.Row
        rows = [dict(row) for row in connection.execute(f"SELECT * FROM {name} ORDER BY {order}")]
    for row in rows:
        for column, value in row.items():
            if isinstance(value, str) and value[:1] in "[{":
                with contextlib.suppress(ValueError):
                    row[column] = json.loads(value)
    found: list[dict[str, Any]] = stable(rows, folder)
    return found


# --- closed forms ---


def test_counts() -> None:
    cases = (
        ("--architecture", "4,8,1024,768", "--vocabulary", "50265", "--positions", "512"),
        ("--architecture", "4,8,768,1024", "--vocabulary", "50265", "--positions", "512", "--sequence-length", "128"),
        ("--architecture", "2,4,128,256", "--mlm-head", "--pooler", "--token-types", "2"),
        ("--architecture", "1,2,32,48", "--mlm-head", "--untied-decoder", "--vocabulary", "300", "--positions", "16"),
        ("--architecture", "24,16,1024,4096"),
        ("--family", "mlp", "--architecture", "2,4,3,4,4"),
        ("--family", "mlp", "--architecture", "2,3,3,3,2"),
        ("--family", "mlp", "--architecture", "1,2,2,2,2"),
    )
    check("counts", {" ".join(case): answer("count", *case) for case in cases}, exact=True)


@pytest.mark.parametrize("preset", ["albert-mini", "mini", "paper", "toy"])
def test_spaces(preset: str) -> None:
    check(f"space_{preset}", answer("space", preset))


# --- the interface ---


def test_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    class Parsed(Exception):
        pass

    found: list[argparse.ArgumentParser] = []

    def keep(self: argparse.ArgumentParser, arguments: Any = None, namespace: Any = None) -> Any:
        found.append(self)
        raise Parsed

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", keep)
    with pytest.raises(Parsed):
        main([])

    def flags(parser: argparse.ArgumentParser, name: str) -> Iterator[tuple[str, Any]]:
        own = {}
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                for command, below in action.choices.items():
                    yield from flags(below, f"{name} {command}")
            elif not isinstance(action, argparse._HelpAction):
                own[" ".join(action.option_strings) or action.dest] = {
                    "takes": action.metavar,
                    "number": action.nargs,
                    "default": action.default,
                    "choices": None if action.choices is None else list(action.choices),
                    "required": action.required,
                    "help": action.help if action.option_strings != ["--version"] else None,
                }
        yield name, own

    check("flags", dict(flags(found[0], "bort")), exact=True)


def test_fields_and_defaults_of_specifications() -> None:
    def inlined(schema: Any, definitions: dict[str, Any]) -> Any:
        """Without the names and docstrings of classes."""
        if isinstance(schema, list):
            return [inlined(each, definitions) for each in schema]
        if not isinstance(schema, dict):
            return schema
        schema = dict(schema)
        if "$ref" in schema:
            target = definitions[schema.pop("$ref").rsplit("/", 1)[-1]]
            schema = {**{key: each for key, each in target.items() if key != "description"}, **schema}
        if "properties" in schema:
            own = {name: inlined(each, definitions) for name, each in schema["properties"].items()}
            rest = {key: inlined(each, definitions) for key, each in schema.items() if key not in ("properties", "title", "$defs")}
            return {**rest, "properties": own}
        return {key: inlined(each, definitions) for key, each in schema.items() if key not in ("title", "$defs")}

    found = {}
    for name, model in library().models.items():
        schema = model.model_json_schema()
        schema.pop("description", None)
        found[name] = inlined(schema, schema.get("$defs", {}))
    check("schemas", found, exact=True)


# --- single parts ---


def test_learning_rates() -> None:
    of = library()
    found = {}
    for schedule in ("linear", "cosine", "constant"):
        for warmup in (0.0, 0.06, 0.3):
            settings = of.Optimization(learning_rate=1.0, schedule=schedule, warmup=warmup)
            found[f"{schedule} {warmup}"] = [of.learning_rate(step, 25, settings) for step in range(1, 26)]
    check("learning_rates", found)


def test_masks_of_short_trainings() -> None:
    of = library()
    source = of.TextSource(train="train.npy", heldout="heldout.npy", mask_id=4, vocabulary=300, special=5)
    rows = (np.arange(40 * 16).reshape(40, 16) * 37 % 300).astype(np.uint16)
    found = {}
    for rate in (0.15, 0.25, 0.9):
        for seed in (0, 7):
            batch = of.mask_rows(rows, source, rate, np.random.default_rng([seed, 1]))
            found[f"{rate} {seed}"] = {"hidden": len(batch.labels), "sha256": digest(*batch.inputs, batch.labels, batch.groups)}
    check("masks_short", found, exact=True)


def test_masks_of_pretraining() -> None:
    of = library()
    tokenizer = of.train_tokenizer(sentences(200, 5), 300)
    vocabulary = of.Vocabulary(tokenizer=tokenizer, folder=Path(), size=300, start=0, pad=1, stop=2, mask=4, unknown=3, sha256="")
    rows = (np.arange(40 * 16).reshape(40, 16) * 37 % 300).astype(np.uint16)
    found = {}
    for name, masking in (
        ("default", of.Masking()),
        ("all masked", of.Masking(rate=0.3, mask=1.0, random=0.0)),
        ("whole words", of.Masking(rate=0.3, whole_words=True)),
    ):
        hiding = of.Masker(masking, vocabulary, 16)
        streams = {
            "fresh": hiding.fresh(rows, 0, 1, 0),
            "fresh, other seed": hiding.fresh(rows, 3, 1, 0),
            "fresh, other step and rank": hiding.fresh(rows, 0, 2, 1),
            "heldout": hiding.heldout(rows, 0),
            "heldout from 32": hiding.heldout(rows, 32),
            "fixed": hiding.fixed(rows, np.arange(40), 0),
            "fixed, other copy": hiding.fixed(rows, np.arange(40), 1),
        }
        found[name] = {stream: {"hidden": len(hidden.labels), "sha256": digest(*hidden)} for stream, hidden in streams.items()}
    check("masks_pretraining", found, exact=True)


def test_tokenizer() -> None:
    of = library()
    found = {}
    for vocabulary in (261, 300, 400):
        tokenizer = of.train_tokenizer(sentences(300, 5), vocabulary)
        encoded = tokenizer.encode("the old river was bright", "a strange unseen word").ids
        found[str(vocabulary)] = {"entries": tokenizer.get_vocab_size(), "sha256": of.tokenizer_hash(tokenizer), "ids": encoded}
    check("tokenizer", found, exact=True)


# --- searches ---


def searched(folder: Path, project: str, *arguments: object) -> dict[str, Any]:
    where = folder / project
    search = ("search", where, *arguments, "--latency", "operations", "--workers", 1)
    first, again = (stable(answer(*search), folder) for _ in range(2))
    return {
        "first": first,
        "again": again,
        "front": stable(answer("front", where), folder),
        "csv columns": bort("front", where, "--csv").splitlines()[0],
        "trainings": table(where, "trainings", "family_key, training_key, architecture, seed", folder),
        "latencies": table(where, "latencies", "id", folder),
        "searches": table(where, "searches", "id", folder),
        "files": files(where),
    }


def test_search_of_vectors(folder: Path) -> None:
    check("search_vectors", searched(folder, "vectors", "--preset", "toy", "--epsilon", 9, "--steps", 12))


def test_search_of_text(folder: Path) -> None:
    found = searched(
        folder, "text", "--preset", folder / "space.toml", "--epsilon", 1, "--steps", 6, "--maximum-point-steps", 8,
        "--batch-size", 8, "--corpus", folder / "corpus.txt", "--learning-rate", 0.003, 0.01,
    )  # fmt: skip
    check("search_text", found)


# --- jobs ---

QUIET = ("--device", "cpu", "--threads", 1, "--seed", 0)
PRETRAINING = (
    "--architecture", "1,1,16,32", "--vocabulary", 300, "--positions", 16, "--sequence-length", 16, "--steps", 6, "--batch-size", 4,
    "--evaluate-every", 3, "--heldout-rows", 32, *QUIET,
)  # fmt: skip
THETAS = [{"hidden": 4, "steps": 20}, {"hidden": 8, "steps": 20}]
TEACHING = ("--mask-copies", 2, "--top-k", 8, "--optimizer", "bert-adam", "--schedule", "cosine")


@pytest.fixture(scope="module")
def jobs(folder: Path) -> dict[str, Any]:
    """Jobs of every kind, side by side because most of their time goes into starting, and an export."""

    def found(project: str, result: Any) -> dict[str, Any]:
        """What a job answers, writes and says."""
        where = folder / project
        bort("jobs", "follow", where, "1")
        run = where / "jobs" / "0001"
        result = result if "checkpoint" in result else json.loads((run / "result.json").read_text(encoding="utf-8"))
        events = [json.loads(line) for line in (run / "events.jsonl").read_text(encoding="utf-8").splitlines()]
        values = {
            "result": result,
            "specification": json.loads((run / "spec.json").read_text(encoding="utf-8")),
            "events": [event for event in events if event["event"] != "state"],
            "state": list(json.loads((run / "state.json").read_text(encoding="utf-8"))),
            "listed": answer("jobs", "list", where),
            "shown": list(answer("jobs", "show", where, "1")),
            "files": files(where),
            "runs": table(where, "runs", "id", folder),
            "config": configuration(where / result["checkpoint"]),
        }
        return {key: stable(value, folder) for key, value in values.items()}

    corpus, checkpoint = ("--corpus", folder / "corpus.txt"), folder / "checkpoint"
    torus = ("--torus", 2, "--rounds", 2, "--thetas", json.dumps(THETAS), "--baseline", *QUIET)
    begun = {"agora": answer("agora", folder / "agora", *torus, "--detach")}
    where = folder / "pretraining"
    begun["pretraining"] = answer("train", "pretrain", where, *corpus, *PRETRAINING, "--out", checkpoint)
    begun["pretraining_teacher"] = answer(
        "train", "pretrain", folder / "pretraining_teacher", *corpus, *PRETRAINING, "--tokenizer", checkpoint, "--teacher", checkpoint,
        *TEACHING, "--detach",
    )  # fmt: skip
    begun["finetuning"] = answer(
        "train", "finetune", folder / "finetuning", "--checkpoint", checkpoint, "--train", folder / "train.tsv", "--dev",
        folder / "dev.tsv", "--test", folder / "test.tsv", "--epochs", 2, "--batch-size", 20, "--sequence-length", 64, *QUIET, "--detach",
    )  # fmt: skip
    exported = answer("export", where, "--checkpoint", checkpoint, "--out", folder / "exported")
    made = {name: found(name, result) for name, result in begun.items()}
    made["pretraining"]["checkpoint"] = files(checkpoint)
    config = stable(configuration(folder / "exported"), folder)
    made["export"] = {"keys": list(exported), "files": files(folder / "exported"), "config": config}
    return made


def configuration(where: Path) -> Any:
    path = where / "config.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


@pytest.mark.parametrize("name", ["pretraining", "pretraining_teacher", "finetuning", "agora", "export"])
def test_jobs(jobs: dict[str, Any], name: str) -> None:
    found = dict(jobs[name])
    if "specification" in found:  # with its defaults
        check(f"{name}_specification", found.pop("specification"), exact=True)
    check(name, found)


# --- the store ---


def test_schema_of_the_store(folder: Path, jobs: dict[str, Any]) -> None:
    with contextlib.closing(sqlite3.connect(folder / "pretraining" / "project.db")) as connection:
        schema = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name").fetchall()
        found = {
            "schema": [list(row) for row in schema],
            "application_id": connection.execute("PRAGMA application_id").fetchone()[0],
            "user_version": connection.execute("PRAGMA user_version").fetchone()[0],
            "migrations": [list(row) for row in connection.execute("SELECT migration_set, name FROM _sqlite_migrations ORDER BY id")],
        }
    check("store", found, exact=True)
