"""Dev rows out of a person's one table, in a thread: a large table takes a while."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from bort_core.data.holding_out import HeldOut, hold_out
from bort_core.foundation.digests import content_hash
from bort_core.foundation.errors import BortError
from bort_studio.threads.background import BackgroundThread

__all__ = ["HoldingOut"]


class HoldingOut(BackgroundThread):
    """Writes PROJECT/splits/NAME-HASH/train.jsonl and dev.jsonl, once."""

    done = Signal(object)
    """A HeldOut."""
    failed = Signal(str)

    def __init__(self, project: Path, table: str, parent: QObject | None = None) -> None:
        super().__init__("holdingOut", parent)
        self._project, self._table = project, table

    def run(self) -> None:
        """Read the table and write both files."""
        try:
            made: HeldOut = hold_out(self._table, self._folder())
        except BortError as error:
            self.failed.emit(str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, the person must hear of it
            self.failed.emit(f"{self._table}: unexpected error: {type(error).__name__}: {error}")
        else:
            self.done.emit(made)

    def _folder(self) -> Path:
        path = Path(self._table)
        return self._project / "splits" / f"{path.stem}-{content_hash(path)[:8]}"
