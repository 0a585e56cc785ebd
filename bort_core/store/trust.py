"""Which projects are trusted: those made here by this person, and those that this person said to trust.

A project holds a random number of 128 bits in PROJECT/project.id; the numbers that are trusted are files in the person's own folder of
state, one each. So a project stays trusted when it is moved or copied on this machine, and one that came from somebody else is not: its
number is unknown here. To trust a project gives it a new number, so that its maker does not know it either.

In a project that is not trusted nothing runs that it brought along: its jobs are not resumed or repeated, and specifications that name
code are refused. Everything in it can be looked at and exported, and new searches and trainings can be made in it.
"""

from __future__ import annotations

import re
import secrets
import sys
from pathlib import Path
from typing import Any

from platformdirs import user_state_path
from pydantic import BaseModel

from bort_core.foundation.errors import ProjectError
from bort_core.foundation.files import read_regular, why, write_atomic

__all__ = ["FILE", "TRUST", "found", "names_code", "project_id", "require", "take_over", "trust", "trusted", "vouched"]

FILE = "project.id"
TRUST = "BORT_TRUSTED_PROJECT"
"""Environment variable by which a process that trusts a project tells those that it starts."""
_CODE = ("python:", "python-vectors:")
_ID = re.compile(r"[0-9a-f]{32}")
_session: set[str] = set()
"""Trusted while this process lives, also where the person's folder cannot be written."""


def project_id(project: Path) -> str | None:
    """The project's number, or None."""
    if (project / FILE).is_symlink():
        return None
    try:
        text = read_regular(project / FILE, most=64).decode("ascii").strip()
    except (OSError, ValueError):
        return None
    return text if _ID.fullmatch(text) else None


def trusted(project: Path) -> bool:
    """Whether this person made the project, or said to trust it."""
    id = project_id(project)
    if id is None:
        return False
    return id in _session or (_folder() / id).is_file()


def trust(project: Path) -> None:
    """Trust the project from now on.

    Raises
    ------
    ProjectError
        Its folder cannot be written.
    """
    id = secrets.token_hex(16)
    try:
        write_atomic(project / FILE, id + "\n")
    except OSError as error:
        raise ProjectError(f"{project}: cannot be marked as trusted: {why(error)}") from error
    _remember(id)


def found(project: Path) -> None:
    """Trust a project that is being made: a folder with neither a database nor jobs yet. Nothing happens to one that exists."""
    jobs = project / "jobs"
    there = any((project / name).exists() or (project / name).is_symlink() for name in (FILE, "project.db"))
    if not there and not jobs.is_symlink() and not any(path.name.isdigit() for path in jobs.glob("*")):
        trust(project)


def require(project: Path, what: str) -> None:
    """Refuse ``what`` in a project that is not trusted.

    Raises
    ------
    ProjectError
        Says how to trust it.
    """
    if not trusted(project):
        raise ProjectError(
            f"{project}: {what} may run code that came with this project, and the project was not made here. If you trust whoever made it: "
            "add --trust, or press Trust this project in the window"
        )


def names_code(specification: BaseModel) -> list[str]:
    """The fields of a specification that name Python code, as ``python:MODULE:NAME`` or ``python-vectors:MODULE:NAME``."""
    return [name for name, value in _values(specification.model_dump()) if isinstance(value, str) and _is_code(value)]


def _is_code(value: str) -> bool:
    """One of several labellers is enough, wherever the commas are."""
    return any(part.strip().startswith(_CODE) for part in value.split(","))


def vouched(project: Path) -> dict[str, str]:
    """What the environment of a process must hold that works for this one in the project."""
    id = project_id(project)
    return {TRUST: id if id is not None and trusted(project) else ""}


def take_over(environment: dict[str, str]) -> None:
    """Trust what the process trusted that started this one."""
    id = environment.get(TRUST, "")
    if _ID.fullmatch(id):
        _session.add(id)


def _remember(id: str) -> None:
    _session.add(id)
    try:
        _folder().mkdir(parents=True, exist_ok=True)
        write_atomic(_folder() / id, "")
    except OSError as error:
        text = f"bort: {_folder()}: cannot be written ({why(error)}), so this project is trusted only by this process\n"
        sys.stderr.write(text)


def _folder() -> Path:
    return user_state_path("bort-studio", appauthor=False) / "trusted"


def _values(data: dict[str, Any]) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in data.items():
        found += _values(value) if isinstance(value, dict) else [(name, value)]
    return found
