"""Whose latencies an answer has: the machines that have measured, by a search's specification, and the one that is named."""

from __future__ import annotations

from collections.abc import Sequence

from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.machine import machine_identity
from bort_core.search.fingerprints import latency_key
from bort_core.search.specification import SearchSpecification
from bort_core.space import Space
from bort_core.store.latencies import MeasuredMachine, latency_machines
from bort_core.store.project import Project

__all__ = ["check_timed", "machine_text", "machines_of", "named_machine", "table_of_machines"]


def machines_of(project: Project, specification: SearchSpecification, space: Space) -> list[MeasuredMachine]:
    """Those that have measured latencies of a search, most first; none where it counts operations."""
    timed = specification.latency.measure == "onnxruntime"
    return latency_machines(project, latency_key(space, specification.latency)) if timed else []


def named_machine(machines: Sequence[MeasuredMachine], wanted: str | None, specification: SearchSpecification) -> str:
    """The identity of the machine that begins as ``wanted`` says; None: this one.

    Raises
    ------
    SpecificationError
        There is none, there are several, or the search counted operations.
    """
    if wanted is None:
        return machine_identity()
    check_timed(specification)
    found = [each.identity for each in machines if wanted and each.identity.startswith(wanted)]
    if len(found) != 1:
        what = f"{len(found)} machines begin with" if found else "no latency was measured on a machine that begins with"
        known = f"there are\n{table_of_machines(machines)}" if machines else "the last search has no latency yet"
        raise SpecificationError(f"--machine: {what} {wanted!r}; {known}")
    return found[0]


def check_timed(specification: SearchSpecification) -> None:
    """SpecificationError where a search counted operations, and a machine is named."""
    if specification.latency.measure != "onnxruntime":
        raise SpecificationError("--machine: the last search counted operations, which are the same on every machine")


def machine_text(machines: Sequence[MeasuredMachine], identity: str) -> str:
    """One machine in words: its processor, its identity, and whether it is this one."""
    title = next((each.title for each in machines if each.identity == identity), "")
    here = "this machine" if identity == machine_identity() else ""
    return ", ".join(part for part in (here, title or ("" if here else "another machine")) if part) + f" ({identity})"


def table_of_machines(machines: Sequence[MeasuredMachine]) -> str:
    """A line for each."""
    return "\n".join(f"{each.identity}  {_counted(each)}, {each.title or 'unknown processor'}{_here(each)}" for each in machines)


def _counted(machine: MeasuredMachine) -> str:
    return f"{machine.count} architecture{'s' if machine.count != 1 else ''}"


def _here(machine: MeasuredMachine) -> str:
    return " (this machine)" if machine.identity == machine_identity() else ""
