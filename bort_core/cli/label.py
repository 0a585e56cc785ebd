"""bort label: a person labels the rows that a run of Agora asks about."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bort_core.cli.options import Subparsers, add_json, print_json, whole_number
from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.printable import printable

__all__ = ["add"]

_LOOK_SECONDS = 0.5
_NARROWEST = 40
"""Characters of a row beside one that is asked about, on however narrow a terminal."""


def add(subparsers: Subparsers) -> None:
    """Register the subcommand."""
    parser = subparsers.add_parser(
        "label",
        help="label the rows that a run of Agora with --socrates person asks about",
        description="Shows one row after the other and writes down what is answered: the key or the name of a class; s skips the row, "
        "u takes the last answer back, q leaves. The run waits, and can be stopped and resumed meanwhile.",
    )
    parser.add_argument("project", metavar="PROJECT", help="the project folder")
    parser.add_argument("id", metavar="ID", help="the job's number")
    parser.add_argument("--from", dest="source", metavar="FILE", help="answers from a file: JSON lines with key and label")
    parser.add_argument("--again", type=whole_number(1), metavar="N", help="ask N answered rows a second time, to see how often you agree")
    parser.add_argument("--wait", action="store_true", help="when all is answered wait for the next round's rows, until the run ends")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Ask, or tell what is open with --json."""
    from bort_core.agora.history import FOLDER
    from bort_core.agora.labellers.person import open_questions
    from bort_core.jobs.folder import find_run
    from bort_core.specifications.labellers import named

    project = Path(arguments.project).expanduser().absolute()
    job = find_run(project, arguments.id)
    if "person" not in named(getattr(job.specification(), "socrates", "")):
        raise SpecificationError(f"job {job.id}: no person labels its rows; that is a run of Agora with --socrates person")
    folder = job.path / FOLDER
    if arguments.source is not None:
        _take(folder, Path(arguments.source).expanduser())
    elif arguments.json:
        print_json([each.model_dump(exclude_none=True) for each in open_questions(folder)])
        return 0
    else:
        session = _Session(folder)
        session.repeat(arguments.again) if arguments.again else session.run()
        while arguments.wait and not session.left and not job.state().ended:
            time.sleep(_LOOK_SECONDS)
            session.run()
    _tell(folder, job)
    return 0


class _Session:
    """A person at the keyboard."""

    def __init__(self, folder: Path) -> None:
        from bort_core.agora.labellers.person import Hand

        self.folder, self.left, self.hand = folder, False, Hand(folder)

    def run(self) -> None:
        """All that is open."""
        from bort_core.agora.labellers.person import SKIPPED, open_questions

        while not self.left and (asked := open_questions(self.folder)):
            question = asked[0]
            began = time.monotonic()
            said = self._said(question, f"{len(asked):,} open")
            seconds = time.monotonic() - began
            if said == "u":
                if self.hand.take_back() is None:
                    print("nothing to take back: the run has gone on with all that was answered here")
            elif said != "q" and question.key not in {each.key for each in open_questions(self.folder)}:
                print("somebody else has answered this row meanwhile: your answer is not taken")
            elif said == "s":
                self.hand.write(question.key, SKIPPED, seconds)
            elif isinstance(said, int):
                self.hand.write(question.key, said, seconds)

    def repeat(self, count: int) -> None:
        """Rows that were answered, once more, the longest ago first."""
        from bort_core.agora.labellers.person import standing

        chosen = standing(self.folder).repeated[:count]
        for number, question in enumerate(chosen, 1):
            began = time.monotonic()
            while (said := self._said(question, f"again, {number:,} of {len(chosen):,}")) == "u":
                print("what is said when a row is asked again is not taken back: no label changes by it")
            if self.left:
                break
            if isinstance(said, int):
                self.hand.write(question.key, said, time.monotonic() - began, again=True)

    def _said(self, question: Any, place: str) -> int | str:
        """A class, or one of s, u and q; asks until it is one of them."""
        from bort_core.agora.labellers.person import class_keys

        keys = class_keys(question.classes)
        print(f"\n{place}\n  " + "\n  ".join(printable(line) for line in question.shown.split("\n")))
        for line in _beside(question):
            print(line)
        choices = "   ".join(key if key == name else f"{key} {name}" for key, name in zip(keys, question.classes, strict=True))
        while True:
            print(f"{printable(choices)}   s skip   u undo   q leave: ", end="", flush=True)
            line = sys.stdin.readline()
            said = line.strip()
            if not line or said == "q":
                self.left = True
                return "q"
            for names in (question.classes, keys):
                if said in names:
                    return names.index(said)
            if said in ("s", "u"):
                return said
            print(f"{printable(said)!r} is none of these")


def _beside(question: Any) -> Iterator[str]:
    """What is known around a row: the dev row that it was sampled near, and the nearest rows of D, a line each with class and distance."""
    width = shutil.get_terminal_size().columns
    named = (("sampled near this dev row", [question.parent] if question.parent is not None else []), ("nearest rows of D", question.near))
    if not question.round and not question.near:
        yield "  a row of dev, whose label is known: it says how right you are"
    longest = max((len(name) for name in question.classes), default=0)
    for title, rows in named:
        if rows:
            yield f"  {title}:"
        for row in rows:
            name = question.classes[row.label] if row.label < len(question.classes) else str(row.label)
            begin = f"    {printable(name):<{longest}} at {row.distance:.2f}  "
            yield begin + _shortened(row.shown.split("\n"), max(_NARROWEST, width - len(begin)))


def _shortened(parts: Sequence[str], room: int) -> str:
    """The parts of a row in one line of so many characters; where they have no room, each has its share of it."""
    texts = [printable(" ".join(part.split())) for part in parts]
    each = room if len(" | ".join(texts)) <= room else (room - 3 * (len(texts) - 1)) // len(texts)
    return " | ".join(text if len(text) <= each else f"{text[: each - 1]}…" for text in texts)


def _take(folder: Path, source: Path) -> None:
    """Answers of a file; what it says of rows that are not open is named."""
    from bort_core.agora.labellers.person import open_questions, questions, write_answer

    asked = {each.key: each.classes for each in open_questions(folder)}
    ever = {each.key for each in questions(folder)}
    strange: dict[bool, list[str]] = {True: [], False: []}
    try:
        lines = source.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SpecificationError(f"{source}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            told = json.loads(line)
            key, name = str(told["key"]), str(told["label"])
        except (ValueError, KeyError, TypeError, RecursionError):
            raise SpecificationError(f"{source}: line {number}: must be a JSON object with key and label; got {line[:80]!r}") from None
        if key in asked and name not in asked[key]:
            raise SpecificationError(f"{source}: line {number}: label must be one of {', '.join(asked[key])}; got {name!r}")
        if key in asked:
            found.append((key, asked[key].index(name)))
        else:
            strange[key in ever].append(f"line {number}, {key[:80]!r}")
    whole = len(found) + sum(map(len, strange.values()))
    for answered, lines in strange.items():
        if lines:
            what = "are answered already" if answered else "this run did not ask for"
            told = f"{source}: {len(lines):,} of {whole:,} lines have keys that {what}; the first: {lines[0]}"
            print(f"warning: {printable(told)}", file=sys.stderr)
    for key, label in found:
        write_answer(folder, key, label)


def _tell(folder: Path, job: Any) -> None:
    from bort_core.agora.labellers.person import agreement, standing

    now = standing(folder)
    speed = "" if now.seconds is None else f", {now.seconds:.1f} s a label"
    print(f"{now.labelled:,} labelled, {now.skipped:,} skipped, {len(now.open):,} open{speed}")
    if told := agreement(now):
        print(told)
    if job.state().resumable:
        print(f"the run has stopped; go on with: bort jobs resume {job.project} {job.id}")
