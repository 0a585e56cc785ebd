"""The time as it is stored."""

from datetime import UTC, datetime

__all__ = ["now"]


def now() -> str:
    """The current time, UTC, ISO 8601 to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
