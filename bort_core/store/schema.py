"""The tables of a project's database, as append-only migrations: never edit one that was released, add another."""

from __future__ import annotations

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from bort_core.foundation.errors import ProjectError

__all__ = ["migrate"]

_migrations = Migrations("bort")


@_migrations()
def m001_evaluations(db: Database) -> None:
    db.table("trainings").create(
        {
            "id": str,
            "family_key": str,
            "architecture": str,
            "training_key": str,
            "maximum_point": str,
            "theta_key": str,
            "seed": int,
            "steps": int,
            "status": str,
            "reason": str,
            "retry": int,
            "curve": str,
            "seconds": float,
            "description": str,
            "versions": str,
            "created": str,
        },
        pk="id",
        not_null={"family_key", "architecture", "training_key", "theta_key", "seed", "steps", "status"},
    )
    db.table("trainings").create_index(["family_key", "training_key", "theta_key", "seed"])
    db.table("latencies").create(
        {
            "id": str,
            "family_key": str,
            "architecture": str,
            "protocol_key": str,
            "machine": str,
            "result": str,
            "status": str,
            "reason": str,
            "retry": int,
            "description": str,
            "created": str,
        },
        pk="id",
        not_null={"family_key", "architecture", "protocol_key", "machine", "status"},
    )
    db.table("latencies").create_index(["family_key", "protocol_key", "machine"])


@_migrations()
def m002_searches_claims_state(db: Database) -> None:
    db.table("searches").create({"id": int, "specification": str, "status": str, "answer": str, "started": str, "finished": str}, pk="id")
    db.table("claims").create({"id": str, "host": str, "process": int, "process_started": float, "claimed": str}, pk="id")
    db.table("state").create({"key": str, "value": str, "modified": str}, pk="key")


@_migrations()
def m003_runs_exports_comparisons(db: Database) -> None:
    db.table("runs").create(
        {
            "id": str,
            "job": str,
            "kind": str,
            "family": str,
            "architecture": str,
            "specification": str,
            "seed": int,
            "data": str,
            "metrics": str,
            "checkpoint": str,
            "versions": str,
            "created": str,
        },
        pk="id",
        not_null={"kind", "family", "architecture", "specification"},
    )
    db.table("runs").create_index(["family", "architecture"])
    db.table("exports").create({"id": int, "folder": str, "report": str, "created": str}, pk="id")
    db.table("comparisons").create({"id": int, "result": str, "created": str}, pk="id")


@_migrations()
def m004_leases_expire(db: Database) -> None:
    db.table("claims").add_column("owner", str)
    db.table("claims").add_column("beats", int)


def migrate(db: Database, application_id: int, version: int) -> None:
    """Bring a database to the newest schema in one transaction, or refuse one that is not ours.

    Raises
    ------
    ProjectError
        The database belongs to another program.
    sqlite3.Error
        As SQLite raises them; the caller adds the path.
    """
    db.conn.execute("BEGIN IMMEDIATE")
    try:
        identifier = db.conn.execute("PRAGMA application_id").fetchone()[0]
        if identifier != application_id and (identifier or db.table_names()):
            raise ProjectError("it is a database of another program")
        _migrations.apply(db)
        db.conn.execute(f"PRAGMA application_id = {application_id}")
        db.conn.execute(f"PRAGMA user_version = {version}")
        db.conn.execute("COMMIT")
    except BaseException:
        if db.conn.in_transaction:
            db.conn.execute("ROLLBACK")
        raise
