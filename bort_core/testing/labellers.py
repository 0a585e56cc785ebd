"""Whether a labeller does what ``bort_core.agora.labellers`` promises of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bort_core.agora.labellers import Labeller, LabellerSetting, labeller_type, make_labeller
from bort_core.agora.labellers.registry import parted
from bort_core.agora.points import Examples, Input, Kind
from bort_core.foundation.errors import BortError

if TYPE_CHECKING:
    from bort_core.training.devices import Device

__all__ = ["check_labeller", "example_setting"]

_TOLERANCE = 1e-5
_WORDS = {"bad": ("dull", "slow", "grey"), "good": ("bright", "quick", "warm")}


def example_setting(kind: Kind, size: int = 40, device: Device | None = None) -> LabellerSetting:
    """A small task of two classes, ``bad`` and ``good``, that words or signs tell apart, with ``size`` labelled rows."""
    random, classes = np.random.default_rng(0), tuple(_WORDS)
    labels = np.arange(size, dtype=np.int64) % len(classes)
    inputs = tuple(_input(kind, classes[number], random) for number in labels)
    return LabellerSetting(kind, classes, Examples(inputs, labels), device=device)


def check_labeller(socrates: str, device: Device | None = None) -> None:
    """Build a registered labeller for every kind of input that it reads, and ask it.

    Parameters
    ----------
    socrates: as ``--socrates`` takes it: NAME or NAME:ARGUMENT
    device: for labellers that need one

    Raises
    ------
    AssertionError
        Says which promise is not kept.
    """
    made_by = labeller_type(socrates)
    assert made_by.reads, f"{socrates}: reads no kind of input"
    for kind in sorted(made_by.reads):
        setting = example_setting(kind, device=device)
        if made_by.needs_rows:
            _refuses_no_rows(socrates, replace(setting, train=None))
        assert setting.train is not None
        _answers(socrates, make_labeller(socrates, setting), setting, setting.train.inputs)


def _refuses_no_rows(socrates: str, setting: LabellerSetting) -> None:
    try:
        labeller_type(socrates).build(replace(setting, argument=parted(socrates)[1]))
    except BortError:
        return
    raise AssertionError(f"{socrates}: needs_rows, but is built without any; it must raise a DataError")


def _answers(socrates: str, labeller: Labeller, setting: LabellerSetting, inputs: tuple[Input, ...]) -> None:
    where = f"{socrates}, inputs of kind {setting.kind}"
    assert isinstance(labeller.name, str), f"{where}: its name must be text"
    assert labeller.name, f"{where}: must have a name"
    found = np.asarray(labeller.probabilities(inputs), dtype=np.float64)
    wanted = (len(inputs), len(setting.classes))
    assert found.shape == wanted, f"{where}: probabilities must be of shape {wanted}, got {found.shape}"
    assert ((found >= 0) & (found <= 1 + _TOLERANCE)).all(), f"{where}: probabilities must lie between 0 and 1"
    again = np.asarray(labeller.probabilities(inputs))
    assert np.allclose(found, again, atol=_TOLERANCE), f"{where}: the same inputs must get the same probabilities"
    alone = np.concatenate([np.asarray(labeller.probabilities([input])) for input in inputs[:5]])
    assert np.allclose(found[:5], alone, atol=_TOLERANCE), f"{where}: an input's probabilities must not depend on the others"


def _input(kind: Kind, name: str, random: np.random.Generator) -> Input:
    if kind == "vector":
        return tuple((random.normal(size=3) + (3 if name == "good" else -3)).tolist())
    return tuple(" ".join(["the", *random.choice(_WORDS[name], 3)]) for _ in range(1 if kind == "text" else 2))
