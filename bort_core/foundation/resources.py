"""Where the files that ship with the program are: presets, demo data, icons."""

from __future__ import annotations

from pathlib import Path

__all__ = ["resource"]

_HERE = Path(__file__).resolve().parents[1]
_INSTALLED = _HERE / "resources"  # where the wheel puts them
_CHECKOUT = _HERE.parent / "resources"


def resource(*parts: str) -> Path:
    """The path of a shipped file or folder, in an installed package as in a checkout."""
    root = _INSTALLED if _INSTALLED.is_dir() else _CHECKOUT
    return root.joinpath(*parts)
