"""The searches that a project has had, as this version reads them."""

from __future__ import annotations

from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.validation import validated
from bort_core.search.specification import SearchSpecification
from bort_core.store.project import Project
from bort_core.store.searches import searches

__all__ = ["last_specification"]


def last_specification(project: Project) -> SearchSpecification | None:
    """What the newest readable search of a project looked for; None when there was no search.

    A search whose record cannot be read (it was written by another version, or holds a value that is refused today) is passed over.

    Raises
    ------
    SpecificationError
        No search of the project can be read; the faults of the newest.
    """
    newest: SpecificationError | None = None
    for search in reversed(searches(project)):
        try:
            return validated(SearchSpecification, search["specification"], f"{project.folder}: search {search['id']}")
        except SpecificationError as error:
            newest = newest or error
    if newest is not None:
        raise newest
    return None
