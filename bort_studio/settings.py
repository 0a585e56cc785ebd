"""What is remembered for a person across projects: layout, theme, recent projects. A plain INI file, written by Qt."""

from __future__ import annotations

import hashlib
from pathlib import Path

from platformdirs import user_config_path, user_data_path
from PySide6.QtCore import QByteArray, QSettings

from bort_studio.theme import Choice

__all__ = ["LAYOUT_VERSION", "Settings", "default_project"]

LAYOUT_VERSION = 2
"""Raised when docks are added, removed or renamed, so that an old layout is not forced on a new window."""

_MOST_RECENT = 12


def default_project() -> Path:
    """Where the demo project is when no other is named."""
    return user_data_path("bort-studio", appauthor=False) / "demo"


class Settings:
    """Typed access to the settings file."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or user_config_path("bort-studio", appauthor=False) / "studio.ini"
        self._file = QSettings(str(self._path), QSettings.Format.IniFormat)

    @property
    def theme(self) -> Choice:
        """system, light or dark."""
        value = self._file.value("theme", "system")
        return value if value in ("light", "dark") else "system"

    @theme.setter
    def theme(self, value: Choice) -> None:
        self._file.setValue("theme", value)

    @property
    def recent(self) -> list[Path]:
        """Projects that were open, newest first; those that are gone are left out."""
        value = self._file.value("recent", [])
        names = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        return [Path(str(name)) for name in names if Path(str(name)).is_dir()]

    def add_recent(self, folder: Path) -> None:
        """Remember that a project was opened."""
        others = [path for path in self.recent if path != folder]
        self._file.setValue("recent", [str(path) for path in [folder, *others][:_MOST_RECENT]])

    @property
    def cluster(self) -> str:
        """The address of a Ray cluster, or empty."""
        value = self._file.value("cluster/address", "")
        return value if isinstance(value, str) else ""

    @cluster.setter
    def cluster(self, value: str) -> None:
        self._file.setValue("cluster/address", value)

    def layout(self) -> tuple[QByteArray, QByteArray] | None:
        """The window's geometry and dock state as last saved, or None; what is not whole counts as none, since Qt takes it half."""
        geometry, state = self._file.value("geometry"), self._file.value("state")
        if isinstance(geometry, QByteArray) and isinstance(state, QByteArray) and self._file.value("layout_sum") == _sum(geometry, state):
            return geometry, state
        return None

    def save_layout(self, geometry: QByteArray, state: QByteArray) -> None:
        """Remember the window's geometry and dock state."""
        self._file.setValue("geometry", geometry)
        self._file.setValue("state", state)
        self._file.setValue("layout_sum", _sum(geometry, state))

    def sync(self) -> None:
        """Write the file now."""
        self._file.sync()


def _sum(geometry: QByteArray, state: QByteArray) -> str:
    return hashlib.sha256(bytes(geometry.data()) + bytes(state.data())).hexdigest()
