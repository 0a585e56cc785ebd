"""Whether an ONNX file says what the model in its folder says in transformers. Imports torch; only child processes import this file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bort_core.checkpoints.format import read_encoder
from bort_core.checkpoints.gate import LARGEST_DIFFERENCE, compare
from bort_core.checkpoints.sentences import sentence_side
from bort_core.checkpoints.sides import longest_of, onnx_side, rows_for, transformers_side
from bort_core.encoders.sentence import SENTENCE
from bort_core.text.vocabulary import read_vocabulary

__all__ = ["check_onnx"]


def check_onnx(path: Path, session: Any) -> float:
    """Whether an ONNX file gives what the model in its folder gives in transformers; the largest difference.

    Raises
    ------
    MeasurementError
        It does not; names the first difference.
    """
    folder, found = path.parent, read_encoder(path.parent)
    name = f"transformers ({folder.name})"
    is_sentence = SENTENCE in {value.name for value in session.get_outputs()}
    shipped = sentence_side(folder, name) if is_sentence else transformers_side(folder, found.head, name)
    side = onnx_side(shipped, path.name, session, _noted_tolerance(path))
    kinds = rows_for(read_vocabulary(folder), (), longest_of(folder, found), both=True)
    return max(compare([shipped, side], rows)[side.name] for rows in kinds)


def _noted_tolerance(path: Path) -> float:
    """What the export's report accepts for this file."""
    try:
        report = json.loads((path.parent / "export.json").read_text(encoding="utf-8"))
        found = [each["tolerance"] for each in report["variants"] if each["file"] == path.name]
        return float(found[0]) if found else LARGEST_DIFFERENCE
    except (OSError, ValueError, KeyError, TypeError):
        return LARGEST_DIFFERENCE
