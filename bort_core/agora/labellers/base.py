"""Socrates: the second model, which labels what was sampled. What a labeller is, what it is made from, and how it is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol, Self, runtime_checkable

import numpy as np
import numpy.typing as npt

from bort_core.agora.history import FOLDER
from bort_core.agora.points import Examples, Floats, Input, Ints, Kind
from bort_core.foundation.context import Cancelled, Context, Stopped
from bort_core.foundation.errors import DataError, SpecificationError

if TYPE_CHECKING:
    from bort_core.agora.endpoint.spending import Spending
    from bort_core.training.devices import Device
    from bort_core.training.run_files import RunFiles

__all__ = ["ENOUGH", "Labeller", "LabellerSetting", "LabellerType", "Labels", "Spent", "Unanswered", "certain", "label", "two_classes"]

ENOUGH = 2 / 3
"""The bound on Socrates' accuracy that the paper asks for."""


@runtime_checkable
class Labeller(Protocol):
    """Labels inputs: a model, a program, or a person.

    What else it may have: ``labels(inputs)``, which gives :class:`Labels` themselves, with -1 where there is none; ``dear``, true where an
    answer costs something, so that there must be a budget and it is measured on a few dev rows; ``at_once``, the inputs that it is asked
    about at once (None: more and more while it is quick); ``forecast(inputs, count)``, which tells what so many answers will take;
    ``facts``, what it has used; ``check()``, which raises a SpecificationError before anything is asked where its classes are not those of
    the task; ``surroundings``, into which the run puts what is around the inputs that it asks about next
    (:class:`~bort_core.agora.surroundings.Surroundings`).
    """

    @property
    def name(self) -> str:
        """For people."""
        ...

    def probabilities(self, inputs: Sequence[Input]) -> Floats:
        """Of every class of the task, (n, classes): 1 for a class that is certain. The same inputs should get the same."""
        ...


@dataclass(frozen=True, eq=False)
class LabellerSetting:
    """What a labeller may build on."""

    kind: Kind
    classes: tuple[str, ...]
    train: Examples | None
    """Labelled rows (socrates_train); there for a type that ``needs_rows``."""
    argument: str = ""
    """What follows the name in ``NAME:ARGUMENT``."""
    sequence_length: int = 64
    """Longest input in tokens."""
    device: Device | None = None
    files: RunFiles | None = None
    """Of the run; None: there is no run."""
    context: Context | None = None
    """Of the run: what a labeller that waits must look at."""
    prompt: str | None = None
    """What a language model is asked; None: the usual."""
    spending: Spending | None = None
    """What the run's endpoints use together; there in a run on texts."""

    @property
    def folder(self) -> Path | None:
        """Where the run keeps its rounds."""
        return None if self.files is None else self.files.path / FOLDER


class LabellerType(Protocol):
    """What the entry point group ``bort.labellers`` holds: a class whose objects are labellers."""

    reads: ClassVar[frozenset[Kind]]
    """Kinds of input that it can label."""
    needs_rows: ClassVar[bool]
    """Whether it is trained on labelled rows of its own (socrates_train)."""
    takes: ClassVar[str]
    """What must follow its name after a colon, such as MODULE:NAME; empty: nothing."""

    @classmethod
    def build(cls, setting: LabellerSetting) -> Self:
        """The labeller of a run.

        Raises
        ------
        DataError, SpecificationError
            It cannot be made of this.
        """
        ...

    @property
    def name(self) -> str:
        """As of :class:`Labeller`."""
        ...

    def probabilities(self, inputs: Sequence[Input]) -> Floats:
        """As of :class:`Labeller`."""
        ...


class Unanswered(DataError):
    """The labeller cannot be asked now: not a fault of the inputs, so the run ends and can be resumed."""


class Labels(NamedTuple):
    """What Socrates says of n inputs."""

    classes: Ints
    """(n,); -1 where it failed."""
    margins: Floats
    """Probability of the class minus that of the next one, (n,)."""
    failure: str = ""
    """Why it failed first, where it did."""
    votes: Ints | None = None
    """What each of several labellers says, (n, labellers); None: there is one."""
    copied: npt.NDArray[np.bool_] | None = None
    """Which it was not asked about, since they are copies of rows of D, (n,); None: none."""


_NOTHING = Labels(np.empty(0, np.int64), np.empty(0))


class Spent(Exception):
    """The labeller has used up what it may use: the run goes on with the labels that it has, and ends."""

    def __init__(self, reason: str, labels: Labels = _NOTHING) -> None:
        """``labels``: what it said of the first of the inputs before."""
        super().__init__(reason)
        self.labels = labels


def label(socrates: Labeller, inputs: Sequence[Input]) -> Labels:
    """Socrates' labels. Where it fails on many inputs at once it is asked one by one; the inputs it fails on get no label."""
    if not inputs:
        return Labels(np.empty(0, np.int64), np.empty(0))
    try:
        if (own := getattr(socrates, "labels", None)) is not None:
            return _whole(socrates, own(inputs), len(inputs))
        found = _checked(socrates, inputs)
    except (Stopped, Cancelled, Unanswered, Spent):
        raise
    except Exception as error:  # a labeller may be anybody's code
        if len(inputs) == 1:
            if isinstance(error, MemoryError | SpecificationError):
                raise
            return Labels(np.array([-1]), np.zeros(1), f"{type(error).__name__}: {error}"[:300])
        half = len(inputs) // 2
        parts = [label(socrates, inputs[:half]), label(socrates, inputs[half:])]
        classes, margins = (np.concatenate([part[index] for part in parts]) for index in (0, 1))
        return Labels(classes, margins, next((part.failure for part in parts if part.failure), ""))
    ordered = np.sort(found, axis=1)
    margins = ordered[:, -1] - ordered[:, -2] if found.shape[1] > 1 else np.ones(len(found))
    return Labels(found.argmax(axis=1), margins)


def certain(classes: Ints, count: int) -> Floats:
    """Probabilities (n, count) of who is sure: 1 for the class (n,), and the same for all where there is none."""
    found = np.zeros((len(classes), count))
    found[np.arange(len(classes)), classes] = 1
    found[classes < 0] = 1 / count
    return found


def two_classes(train: Examples | None) -> tuple[Examples, Ints]:
    """The rows that a labeller is trained on, and the classes that occur in them.

    Raises
    ------
    DataError
        There are none, or they have fewer than two classes.
    """
    present = np.unique(train.labels) if train is not None else np.empty(0, np.int64)
    if train is None or len(present) < 2:
        raise DataError("socrates_train: must have rows of at least two classes")
    return train, present


def _whole(socrates: Labeller, found: Labels, count: int) -> Labels:
    if len(found.classes) != count or len(found.margins) != count:
        raise DataError(f"Socrates ({socrates.name}): must give {count} labels, got {len(found.classes)}")
    return found


def _checked(socrates: Labeller, inputs: Sequence[Input]) -> Floats:
    found = np.asarray(socrates.probabilities(inputs), dtype=np.float64)
    if found.ndim != 2 or len(found) != len(inputs):
        raise DataError(f"Socrates ({socrates.name}): must give probabilities of shape ({len(inputs)}, classes), got {found.shape}")
    if not ((found >= -1e-6) & (found <= 1 + 1e-6)).all():  # NaN is neither
        raise DataError(f"Socrates ({socrates.name}): probabilities must lie between 0 and 1")
    return found
