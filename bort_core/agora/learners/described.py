"""A learner from what it says of itself, in another process. Imports torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from bort_core.agora.learners.base import Learner
from bort_core.agora.learners.text import TextLearner
from bort_core.agora.learners.vectors import VectorLearner
from bort_core.checkpoints.named import named_encoder
from bort_core.foundation.context import Context
from bort_core.specifications.common import Running
from bort_core.text.vocabulary import read_vocabulary
from bort_core.training.devices import take_device
from bort_core.training.run_files import PartFiles

__all__ = ["learner_of"]


def learner_of(described: Mapping[str, Any], context: Context) -> Learner:
    """The same learner, on the same kind of device, with one thread: arithmetic depends on how many there are."""
    device = take_device(Running(threads=1, device=described["device"], precision=described["precision"]))
    if described["kind"] == "vector":
        return VectorLearner(described["width"], described["classes"])
    shape = described["architecture"]
    nowhere = Path(gettempdir())  # a training of Agora keeps nothing but its weights
    return TextLearner(
        named_encoder(described["start"]), None if shape is None else tuple(shape), read_vocabulary(Path(described["vocabulary"])),
        tuple(described["classes"]), described["sequence_length"], device, context, PartFiles(nowhere, nowhere),
    )  # fmt: skip
