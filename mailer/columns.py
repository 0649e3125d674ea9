"""What differs between SQLite and PostgreSQL in a column or an INSERT: numbers that count up, times, conflicts.

All times are aware and in UTC (I9): :class:`Instant` stores ISO 8601 text that sorts on SQLite and ``timestamptz`` on
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

NUMBER = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up INTEGER alone
_READ = json.JSONDecoder().raw_decode


class Instant(TypeDecorator[datetime]):
    """An aware ``datetime`` in UTC. A naive one is refused with ``ValueError``."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Text on SQLite, timestamptz on PostgreSQL."""
        kind: TypeEngine[Any] = String(32) if dialect.name == "sqlite" else DateTime(timezone=True)
        return dialect.type_descriptor(kind)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """To the database."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        return as_text(value) if dialect.name == "sqlite" else value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's
        """From the database."""
        if value is None:
            return None
        if isinstance(value, str):
            return datetime.fromisoformat(value)
        stored: datetime = value
        return stored.astimezone(UTC)


@lru_cache(maxsize=64)
def as_text(value: datetime) -> str:
    """Return a time as SQLite keeps it. The rows of a transaction mostly share one."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def json_object(text: str) -> dict[str, Any] | None:
    """Return the object in a column of JSON; None when another program has put something else there."""
    try:
        found, end = _READ(text)  # all that json.loads does for a text that is one value and nothing else
    except (ValueError, TypeError, RecursionError):
        end = -1
    if end != len(text):
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return None
    return found if isinstance(found, dict) else None


def insert_into(conn: Connection | str, table: Table) -> postgresql.Insert | sqlite.Insert:
    """Return an INSERT that knows ``on_conflict_…``. ``conn``: a connection, or the name of its dialect."""
    name = conn if isinstance(conn, str) else conn.dialect.name
    return postgresql.insert(table) if name == "postgresql" else sqlite.insert(table)
