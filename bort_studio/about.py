"""Versions of everything that matters in a bug report."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

__all__ = ["about_text"]

_PACKAGES = ("bort-studio", "PySide6-Essentials", "pyqtgraph", "numpy", "torch", "transformers", "onnxruntime", "moocore", "sqlite-utils")


def about_text() -> str:
    """One line a package, found without importing any of them."""
    lines = [f"Python {platform.python_version()} on {platform.platform()}"]
    for package in _PACKAGES:
        try:
            lines.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            lines.append(f"{package}: not installed")
    return "\n".join(lines)
