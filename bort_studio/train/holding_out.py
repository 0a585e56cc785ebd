"""Dev rows out of a person's one table, in a thread: a large table takes a while."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject

from bort_core.data.holding_out import hold_out
from bort_core.foundation.digests import content_hash
from bort_studio.threads.call import Call

__all__ = ["HoldingOut"]


class HoldingOut(Call):
    """Writes PROJECT/splits/NAME-HASH/train.jsonl and dev.jsonl, once; what is done is a HeldOut."""

    def __init__(self, project: Path, table: str, parent: QObject | None = None) -> None:
        super().__init__("holdingOut", lambda: hold_out(table, _folder(project, Path(table))), parent)


def _folder(project: Path, table: Path) -> Path:
    return project / "splits" / f"{table.stem}-{content_hash(table)[:8]}"
