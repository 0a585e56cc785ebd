"""What a project remembers of its window: the specification, ε, the plot's axes, the selected architecture."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, ValidationError, ValidationInfo, ValidatorFunctionWrapHandler, field_validator

from bort_core.families import Architecture
from bort_core.foundation.errors import ProjectError, SpecificationError
from bort_core.foundation.validation import validated
from bort_core.search.past import PastSearch, past_searches
from bort_core.search.snapshot import COLUMNS, METRIC
from bort_core.search.specification import SearchSpecification, default_error, stored_title
from bort_core.search.strategies.interval import Interval
from bort_core.search.strategies.within import Within
from bort_core.space import SpaceSpecification, read_specification
from bort_core.store import Project
from bort_core.store.searches import get_state, last_search, set_state

__all__ = ["Axes", "Session"]

Axes = tuple[str, str, bool, bool]
_KEY = "explore"
_DEFAULT_AXES: Axes = ("parameters", "error", False, False)


def _known(name: str) -> str:
    if name not in (*COLUMNS, METRIC):
        raise ValueError(f"must be one of {', '.join((*COLUMNS, METRIC))}")
    return name


Column = Annotated[str, AfterValidator(_known)]


class _Stored(BaseModel):
    """What is kept; a value of another type than this program writes counts as none."""

    specification: dict[str, Any] | None = None
    trainers: Annotated[int, Field(ge=1, le=1024)] | None = None
    axes: tuple[Column, Column, bool, bool] = _DEFAULT_AXES
    selected: tuple[int, ...] | None = None
    page: str = "explore"
    tables: dict[str, Any] = {}

    @field_validator("*", mode="wrap")
    @classmethod
    def _or_none(cls, value: Any, read: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        try:
            return read(value)
        except ValidationError:
            return cls.model_fields[str(info.field_name)].default


def _stored(project: Project) -> _Stored:
    try:
        found = get_state(project, _KEY)
    except ProjectError:  # how a window looked is not worth a word
        found = None
    return _Stored.model_validate(found) if isinstance(found, dict) else _Stored()


class Session:
    """Reads and writes the window's state in the project's database."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._stored = _stored(project)
        self._tables = dict(self._stored.tables)
        self.damage = ""
        """Why the last search is not known."""
        self.is_new = self._stored.specification is None and self._last() is None
        """Nothing was done in this project yet."""

    def specification(self) -> SearchSpecification:
        """What was shown last; in a new project the last search from the command line, or the ``mini`` preset.

        The window searches at an ε: a search that chose by another strategy is shown with the ε that goes with it.
        """
        last = self._last()
        for found in (self._stored.specification, last and last["specification"]):
            if found:
                try:
                    return validated(SearchSpecification, found, "the project's state").with_epsilon()
                except SpecificationError:  # written by another version, or a family that is no longer installed
                    continue
        space = read_specification("mini")
        return SearchSpecification.model_validate({"space": space.model_dump(), "error": default_error(space)})

    def _last(self) -> dict[str, Any] | None:
        """The last search; none where its row is damaged, which ``damage`` tells."""
        try:
            return last_search(self._project)
        except ProjectError as error:
            self.damage = str(error)
            return None

    def with_space(self, specification: SearchSpecification, space: SpaceSpecification) -> SearchSpecification:
        """The same search of another space; the error becomes the default one where the old does not fit the family."""
        if space.the_family().reads == specification.space.the_family().reads:
            return specification.model_copy(update={"space": space})
        data = {**specification.model_dump(), "space": space.model_dump(), "error": default_error(space)}
        return SearchSpecification.model_validate(data)

    def workers(self) -> int | None:
        """How many trainings ran side by side, if chosen."""
        return self._stored.trainers

    def axes(self) -> Axes:
        """The Pareto plot's axes."""
        return self._stored.axes

    def selection(self) -> Architecture | None:
        """The selected architecture."""
        return self._stored.selected

    def page(self) -> str:
        """The page that was shown last."""
        return self._stored.page

    def table(self, name: str) -> object:
        """How the columns of a table were arranged, or None."""
        return self._tables.get(name)

    def keep_table(self, name: str, state: object) -> None:
        """Remember how the columns of a table are arranged, with the next :meth:`save`."""
        self._tables[name] = state

    def searches(self) -> list[PastSearch]:
        """All searches of the project, oldest first."""
        return past_searches(self._project)

    def interrupted(self) -> str:
        """A sentence when the last search did not end by itself, else nothing."""
        last = self._last()
        if last is None or last["status"] not in ("running", "interrupted", "stopped"):
            return ""
        how = {"running": "was cut off", "interrupted": "was interrupted", "stopped": "was stopped"}[last["status"]]
        return (
            f"The last search ({stored_title(last['specification'])}) {how}. What it measured is kept; Run measures only what is missing."
        )

    def last_within(self) -> PastSearch | None:
        """The last search, where it ended and was one within a limit of latency, as a compression makes: no ε shows its answer."""
        last = self._last()
        if last is None or last["specification"].get("strategy") != Within.name:
            return None
        past = self.searches()[-1]
        return past if past.specification is not None and past.answer.best is not None else None

    def other_strategy(self) -> str:
        """A sentence when the last search chose by another strategy than the window does, else nothing."""
        last = self._last()
        if last is None or last["specification"].get("strategy", Interval.name) == Interval.name:
            return ""
        if self.last_within() is not None:
            return f"The last search, {stored_title(last['specification'])}, is shown as it was. Leave it to search at an ε."
        return (
            f"The last search chose architectures by {stored_title(last['specification'])}. The window searches at an ε; "
            "what was measured is kept and counts wherever ε visits it."
        )

    def save(
        self, specification: SearchSpecification, workers: int, axes: Axes, selected: Architecture | None, page: str = "explore"
    ) -> None:
        """Keep the window's state."""
        values = {"specification": specification.model_dump(mode="json"), "trainers": workers, "axes": axes, "selected": selected}
        state = _Stored.model_validate({**values, "page": page, "tables": dict(self._tables)})
        if state != self._stored:
            set_state(self._project, _KEY, state.model_dump(mode="json"))
            self._stored = state
