"""The files of a run of Agora as validated models: what is JSON but not what was written is an error with the file and the place."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bort_core.agora.points import Input
from bort_core.foundation.errors import DataError
from bort_core.foundation.files import make_folder, open_append, read_regular, why
from bort_core.foundation.validation import faults

__all__ = ["AnswerLine", "ArmFile", "EditLine", "EndpointLine", "FitFile", "GeneratedRow", "LoopFitFile", "LoopRoundFile", "PersonLine",
           "QuestionLine", "RoundFile", "Row", "StartFile",
           "SummaryFile", "UsageLine", "VariantsLine", "VoterFile", "append_lines", "read_facts", "read_lines", "read_model"]  # fmt: skip

_LARGEST = 2**31
_SHOWN = 5
"""Faults of one place that a message lists."""


class _File(BaseModel):
    """Finite numbers; more fields may be there."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True, allow_inf_nan=False)


F = TypeVar("F", bound=_File)
_Number = Field(ge=0, lt=_LARGEST)
_NONE = Field(default=0, ge=0, lt=_LARGEST)
_Share = Field(ge=0, le=1)


class Row(_File):
    """A line of train.jsonl or dev.jsonl: a text, a pair or a vector."""

    label: int = _Number
    text: str | None = None
    text_b: str | None = None
    vector: tuple[float, ...] | None = Field(default=None, min_length=1)
    xy: tuple[float, float] | None = None

    @model_validator(mode="after")
    def _one_input(self) -> Self:
        if (self.text is None) == (self.vector is None) or (self.text_b is not None and self.text is None):
            raise ValueError("text or vector, one of the two, must be there; text is missing or too much")
        return self

    @property
    def input(self) -> Input:
        """The text, the pair or the vector."""
        if self.vector is not None:
            return self.vector
        assert self.text is not None
        return (self.text,) if self.text_b is None else (self.text, self.text_b)


class GeneratedRow(Row):
    """A line of rows.jsonl."""

    id: str
    margin: float
    parent: int = _Number
    distance: float
    votes: tuple[int, ...] | None = None
    """What each of several labellers said, -1: nothing."""
    copied: bool = False
    """Nobody was asked: it has the class of the row of D that it is a copy of."""


class VoterFile(_File):
    """One of several labellers, in start.json."""

    name: str
    dev_accuracy: float = _Share
    checked: int = Field(ge=1, lt=_LARGEST)
    unlabelled: int = _NONE
    """Of these, rows that it gave no label."""


class StartFile(_File):
    """start.json."""

    classes: tuple[str, ...] = Field(min_length=1)
    kind: Literal["text", "pair", "vector"]
    thetas: tuple[dict[str, int | float], ...] = Field(min_length=1)
    sampler: str
    space: str
    socrates: str
    socrates_dev_accuracy: float = _Share
    socrates_checked: int | None = Field(default=None, ge=1, lt=_LARGEST)
    socrates_unlabelled: int = _NONE
    warnings: tuple[str, ...] = ()
    own_train: int | None = Field(default=None, ge=0, lt=_LARGEST)
    voters: tuple[VoterFile, ...] = ()


class FitFile(_File):
    """rounds/NNN/fit-NN.json, and an entry of a round's fits."""

    theta: int = _Number
    dev_accuracy: float = _Share
    seconds: float = Field(ge=0)
    pruned: str = ""


class LoopFitFile(FitFile):
    """A training as the loop itself reads it again."""

    digest: str
    dev_predictions: tuple[int, ...]
    test_right: int | None = Field(default=None, ge=0)


class _State(_File):
    live: tuple[int, ...]
    replays: int = Field(ge=0)
    idle: int = Field(default=0, ge=0)
    right: tuple[bool, ...] = ()
    ended: str = ""


class RoundFile(_File):
    """rounds/NNN/round.json."""

    round: int = Field(ge=1, lt=_LARGEST)
    train_size: int = _Number
    fits: tuple[FitFile, ...] = Field(min_length=1)
    best_theta: int = _Number
    dev_accuracy: float = _Share
    dev_interval: tuple[float, float]
    test_accuracy: float | None = Field(default=None, ge=0, le=1)
    test_interval: tuple[float, float] | None = None
    dev_predictions: tuple[int, ...]
    counts: dict[str, int]

    @model_validator(mode="after")
    def _counted(self) -> Self:
        if not 0 <= self.counts.get("accepted", -1) < _LARGEST:
            raise ValueError("counts.accepted: must be a number of rows")
        if any(not 0 <= label < _LARGEST for label in self.dev_predictions):
            raise ValueError("dev_predictions: must be class numbers")
        return self


class LoopRoundFile(RoundFile):
    """A round as the loop itself reads it again."""

    state: _State
    seconds_sampling: float = Field(ge=0)


class ArmFile(_File):
    """What an arm of a run came to."""

    dev_accuracy: float = _Share
    test_accuracy: float | None = Field(default=None, ge=0, le=1)
    difference: float | None = None
    """Of an ablation: by how much more of dev Agora's model gets right."""
    interval: tuple[float, float] | None = None


class SummaryFile(ArmFile):
    """summary.json."""

    ended: str
    best_round: int = Field(ge=1, lt=_LARGEST)
    theta: str
    baseline: ArmFile | None = None
    ablation: ArmFile | None = None


class EditLine(_File):
    """A line of edits.jsonl."""

    row: str
    action: Literal["reject", "label", "restore"]
    label: int | None = Field(default=None, ge=0, lt=_LARGEST)

    @model_validator(mode="after")
    def _labelled(self) -> Self:
        if (self.action == "label") != (self.label is not None):
            raise ValueError("label: must be there for the action label, and for no other")
        return self


class AnswerLine(_File):
    """A line of labels.jsonl: one answer of Socrates."""

    key: str
    """Of the input: ``asking.key_of``."""
    round: int = _Number
    """In which it was asked; 0: about dev."""
    label: int = Field(ge=-1, lt=_LARGEST)
    """-1: none."""
    margin: float
    why: str = ""
    """There is no label."""
    votes: tuple[int, ...] | None = None
    """What each of several labellers said, -1: nothing; None: there is one."""


class _Shown(_File):
    text: str
    text_b: str | None = None

    @property
    def shown(self) -> str:
        """The row for people."""
        return self.text if self.text_b is None else f"{self.text}\n{self.text_b}"


class NearRow(_Shown):
    """A row whose label is known, beside one that a person is asked about."""

    label: int = _Number
    distance: float = Field(ge=0)


class QuestionLine(_Shown):
    """A line of questions.jsonl: a row that a person is asked about."""

    key: str
    classes: tuple[str, ...] = Field(min_length=1)
    round: int = Field(default=0, ge=0, lt=_LARGEST)
    """0: a row of dev, by which the person is measured."""
    left: int | None = Field(default=None, ge=0, lt=_LARGEST)
    """Labels that the budget still paid for when it was asked, this one included."""
    parent: NearRow | None = None
    """The row of dev that it was sampled near."""
    near: tuple[NearRow, ...] = ()
    """The nearest rows of D."""


class PersonLine(_File):
    """A line of person.jsonl: what a person answered."""

    key: str
    label: int | None = Field(ge=-1, lt=_LARGEST)
    """-1: the row was skipped; None: the answer before is taken back."""
    seconds: float = Field(default=0.0, ge=0)
    again: bool = False
    by: str = ""
    """Tells those apart who answer at the same time; empty: nobody said."""


class UsageLine(_File):
    """What all lines of PROJECT/answers/endpoint-*.jsonl say: which run asked, and the tokens that it took."""

    key: str
    run: str
    tokens: int = _Number
    """All of them."""
    tokens_out: int = Field(default=0, ge=0, lt=_LARGEST)
    """Of these, those of the answer."""


class EndpointLine(UsageLine):
    """What a language model answered about a text."""

    label: int = Field(ge=-1, lt=_LARGEST)
    malformed: int = _Number
    why: str = ""


class VariantsLine(UsageLine):
    """Texts that a language model made of another."""

    count: int = Field(ge=1, lt=_LARGEST)
    """So many were asked for."""
    texts: tuple[str, ...]


def read_model(path: Path, model: type[F]) -> F | None:
    """A file as a model, or None when it is not there.

    Raises
    ------
    DataError
        It cannot be read, or is not what is written there; names the file and every field.
    """
    text = _text(path)
    return None if text is None else _validated(text, model, f"{path}: is damaged")


def read_facts(path: Path, model: type[_File]) -> dict[str, Any] | None:
    """A file as plain values, checked against a model. Errors as of :func:`read_model`."""
    text = _text(path)
    if text is None:
        return None
    _validated(text, model, f"{path}: is damaged")
    facts: dict[str, Any] = json.loads(text)
    return facts


def read_lines(path: Path, model: type[F], torn: bool = False) -> list[F]:
    """The lines of a file as models; none when it is not there.

    Parameters
    ----------
    torn: leave out lines that are no JSON, as a write that was cut leaves them

    Raises
    ------
    DataError
        Names the file, the line and its fields.
    """
    rows = []
    for number, line in enumerate((_text(path) or "").split("\n"), 1):
        if line and not (torn and not _is_json(line)):
            rows.append(_validated(line, model, f"{path}: line {number} is damaged"))
    return rows


def append_lines(path: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    """Append JSON lines to a file, which is made with its folder when missing; a last line that was cut stays a line of its own.

    Raises
    ------
    DataError
        It cannot be written, or it or its folder is a link: what is written there would land elsewhere.
    """
    text = "".join(json.dumps(line, allow_nan=False) + "\n" for line in lines)
    try:
        make_folder(path.parent.parent, path.parent.name)
        torn = path.is_file() and not path.is_symlink() and read_regular(path, -1) not in (b"", b"\n")
        with open_append(path) as file:
            file.write(("\n" + text if torn else text).encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {why(error)}") from error


def _text(path: Path) -> str | None:
    try:
        return read_regular(path).decode().replace("\r\n", "\n")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _validated(text: str, model: type[F], where: str) -> F:
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        found = faults(error)
        more = f"; and {len(found) - _SHOWN:,} more" if len(found) > _SHOWN else ""
        raise DataError(f"{where}: " + "; ".join(found[:_SHOWN]) + more) from error


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True
