"""Columns and INSERTs that differ between SQLite and PostgreSQL: auto-increment numbers, times, conflicts.

All times are aware and in UTC (I9): :class:`Instant` stores sortable ISO 8601 text on SQLite, and ``timestamptz`` on
PostgreSQL.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, Connection, Dialect, Integer, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import DateTime, String, TypeDecorator, TypeEngine

NUMBER = BigInteger().with_variant(Integer, "sqlite")  # SQLite auto-increments only INTEGER
_READ = json.JSONDecoder().raw_decode


class Instant(TypeDecorator[datetime]):
    """An aware ``datetime`` in UTC. A naive one is refused with ``ValueError``."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return text on SQLite, timestamptz on PostgreSQL."""
        kind: TypeEngine[Any] = String(32) if dialect.name == "sqlite" else DateTime(timezone=True)
        return dialect.type_descriptor(kind)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Convert a value for the database."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        return as_text(value) if dialect.name == "sqlite" else value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's
        """Convert a value from the database."""
        if value is None:
            return None
        if isinstance(value, str):
            return datetime.fromisoformat(value)
        stored: datetime = value
        return stored.astimezone(UTC)


@lru_cache(maxsize=64)
def as_text(value: datetime) -> str:
    """Return a time in SQLite's text form. The rows of a transaction mostly share one time."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def json_object(text: str) -> dict[str, Any] | None:
    """Return the object in a JSON column; None when another program has stored anything else there."""
    try:
        found, end = _READ(text)  # does the same as json.loads for a text that is exactly one value
    except (ValueError, TypeError, RecursionError):
        end = -1
    if end != len(text):
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return None
    return found if isinstance(found, dict) else None


def insert_into(conn: Connection | str, table: Table) -> postgresql.Insert | sqlite.Insert:
    """Return an INSERT that supports ``on_conflict_…``. ``conn``: a connection, or the name of its dialect."""
    name = conn if isinstance(conn, str) else conn.dialect.name
    return postgresql.insert(table) if name == "postgresql" else sqlite.insert(table)
