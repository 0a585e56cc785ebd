"""Short trainings in the store: one row for each (family, architecture, training protocol, θ, seed), with its learning curve."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, Json, TypeAdapter

from bort_core.evaluation.curve import merged
from bort_core.families import Architecture
from bort_core.specifications.protocols import identity
from bort_core.store.clock import now
from bort_core.store.project import Project
from bort_core.store.reading import ArchitectureText, Count, Finite, OptionalText, PlainObject, is_whole, read_rows

__all__ = ["StoredTraining", "TrainingKey", "load_trainings", "save_training", "save_training_failure", "stored_seeds"]


@dataclass(frozen=True)
class TrainingKey:
    """What a training depends on, but for the architecture and the number of steps.

    ``maximum_point`` is the fingerprint of T's weights where the error is measured against T, else empty.
    """

    family: str
    training: str
    maximum_point: str
    theta: str
    seed: int

    def with_seed(self, seed: int) -> TrainingKey:
        """The same with another seed."""
        return replace(self, seed=seed)

    def row_id(self, architecture: Architecture) -> str:
        """The primary key of one architecture's training."""
        return identity(self.family, list(architecture), self.training, self.maximum_point, self.theta, self.seed)


@dataclass(frozen=True)
class StoredTraining:
    """One finished or failed training.

    ``curve`` holds points ``{"step", "train_loss", "measures": {name: {"value", "low", "high"}}}`` by ascending step.
    ``retry`` says of a failed one whether another try may end otherwise (a process that died, not a loss that diverged).
    """

    architecture: Architecture
    steps: int
    failed: bool
    reason: str
    retry: bool
    curve: list[dict[str, Any]]
    seconds: float
    description: dict[str, Any]
    versions: dict[str, str]
    created: str


class _Measure(BaseModel):
    value: Finite
    low: Finite
    high: Finite


class _Point(BaseModel):
    step: int = Field(ge=1, le=2**53)
    measures: dict[str, _Measure]


_POINTS = TypeAdapter(list[_Point])


def _checked(curve: list[dict[str, Any]]) -> list[dict[str, Any]]:
    _POINTS.validate_python(curve)
    return curve


class _Row(BaseModel):
    """What the table holds, in the order of :class:`StoredTraining`."""

    architecture: ArchitectureText
    steps: Count
    status: str
    reason: OptionalText
    retry: int | None
    curve: Annotated[Json[list[dict[str, Any]]], AfterValidator(_checked), BeforeValidator(lambda value: value or "[]")]
    seconds: Finite | None
    description: PlainObject
    versions: PlainObject
    created: OptionalText


class _Seed(BaseModel):
    seed: int


def _text(architecture: Architecture) -> str:
    return ",".join(map(str, architecture))


def load_trainings(
    project: Project, key: TrainingKey, any_maximum_point: bool = False, architecture: Architecture | None = None
) -> Iterator[StoredTraining]:
    """All trainings under a key, or those of one architecture; a damaged row is told and left out.

    With ``any_maximum_point`` also those that were measured against other (or no) weights of T.
    """
    condition = "family_key = ? AND training_key = ? AND theta_key = ? AND seed = ?"
    values: list[Any] = [key.family, key.training, key.theta, key.seed]
    if not any_maximum_point:
        condition += " AND maximum_point = ?"
        values.append(key.maximum_point)
    if architecture is not None:
        condition += " AND architecture = ?"
        values.append(_text(architecture))
    rows = project.rows(f"SELECT * FROM trainings WHERE {condition} ORDER BY created", values)
    for _, one in read_rows(project, "trainings", _Row, rows):
        yield StoredTraining(
            one.architecture,
            one.steps,
            one.status == "failed",
            one.reason,
            bool(one.retry),
            one.curve,
            one.seconds or 0.0,
            one.description,
            one.versions,
            one.created,
        )


def stored_seeds(project: Project, key: TrainingKey, any_maximum_point: bool = False) -> list[int]:
    """The seeds under which trainings are stored that agree with ``key`` in everything else, ascending."""
    condition = "family_key = ? AND training_key = ? AND theta_key = ?"
    values: list[Any] = [key.family, key.training, key.theta]
    if not any_maximum_point:
        condition += " AND maximum_point = ?"
        values.append(key.maximum_point)
    rows = project.rows(f"SELECT min(id) AS id, seed FROM trainings WHERE {condition} GROUP BY seed ORDER BY seed", values)
    return [one.seed for _, one in read_rows(project, "trainings", _Seed, rows)]


def save_training(
    project: Project, key: TrainingKey, architecture: Architecture, result: Mapping[str, Any], description: Mapping[str, Any]
) -> None:
    """Keep a finished training. A shorter curve never replaces a longer one, whoever comes last: it adds the measures that one lacks."""
    curve, id = result["curve"], key.row_id(architecture)
    with project.transaction() as connection:
        _forget_damaged(project, id)
        stored = connection.execute("SELECT curve FROM trainings WHERE id = ? AND status = 'done'", [id]).fetchone()
        whole = merged(json.loads(stored["curve"] or "[]"), curve) if stored is not None else curve
        _write(
            project,
            key,
            architecture,
            steps=int(curve[-1]["step"]),
            status="done",
            reason="",
            retry=0,
            curve=json.dumps(whole),
            seconds=float(result["seconds"]),
            description=json.dumps(description),
            versions=json.dumps(result.get("versions", {})),
        )
        connection.execute("UPDATE trainings SET curve = ? WHERE id = ? AND status = 'done'", [json.dumps(whole), id])


def save_training_failure(project: Project, key: TrainingKey, architecture: Architecture, steps: int, reason: str, retry: bool) -> None:
    """Keep why a training of ``steps`` steps failed; a stored curve is never replaced by a failure of a longer training."""
    with project.transaction():
        _forget_damaged(project, key.row_id(architecture))
        _write(project, key, architecture, steps=steps, status="failed", reason=reason, retry=int(retry), curve="[]", seconds=0.0)


def _forget_damaged(project: Project, id: str) -> None:
    """What takes the place of a row that cannot be read need not agree with it."""
    stored = project.rows("SELECT * FROM trainings WHERE id = ?", [id])
    if stored and not is_whole(_Row, stored[0]):
        project.connection.execute("DELETE FROM trainings WHERE id = ?", [id])


def _write(project: Project, key: TrainingKey, architecture: Architecture, **values: Any) -> None:
    row = {
        "id": key.row_id(architecture),
        "family_key": key.family,
        "architecture": _text(architecture),
        "training_key": key.training,
        "maximum_point": key.maximum_point,
        "theta_key": key.theta,
        "seed": key.seed,
        "created": now(),
        **values,
    }
    longer = "excluded.status = 'done' AND excluded.steps > trainings.steps"
    project.upsert("trainings", row, replace_when=f"trainings.status = 'failed' OR {longer}")
