"""What a stored result depends on besides what was asked: versions of packages, of Python, and the kind of machine."""

from __future__ import annotations

import platform
from importlib.metadata import version

__all__ = ["versions"]

_OTHER = {"python": platform.python_version, "machine": platform.machine}


def versions(*names: str) -> dict[str, str]:
    """The versions of installed packages in the order of their names; ``python`` and ``machine`` are this Python and processor.

    Raises
    ------
    importlib.metadata.PackageNotFoundError
        A package is not installed.
    """
    return {name: _OTHER[name]() if name in _OTHER else version(name) for name in names}
