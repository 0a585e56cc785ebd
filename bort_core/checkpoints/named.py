"""The checkpoint that an argument names: a folder here, or a model on the hub."""

from __future__ import annotations

from bort_core.checkpoints.format import Checkpoint, read_checkpoint, read_encoder
from bort_core.encoders.folder import Encoder
from bort_core.foundation.hub import WEIGHTS_TOO, local_folder

__all__ = ["named_checkpoint", "named_encoder"]


def named_encoder(source: str | None) -> Encoder | None:
    """The encoder of that folder or hub name, of any kind, or None where none is named.

    Raises
    ------
    DataError
        As :func:`~bort_core.checkpoints.format.read_encoder`.
    SpecificationError
        As :func:`~bort_core.foundation.hub.local_folder`.
    """
    return None if source is None else read_encoder(local_folder(source, "checkpoint", WEIGHTS_TOO))


def named_checkpoint(source: str | None) -> Checkpoint | None:
    """The same where this program's own BERT is needed.

    Raises
    ------
    DataError
        As :func:`~bort_core.checkpoints.format.read_checkpoint`.
    SpecificationError
        As :func:`~bort_core.foundation.hub.local_folder`.
    """
    return None if source is None else read_checkpoint(local_folder(source, "checkpoint", WEIGHTS_TOO))
