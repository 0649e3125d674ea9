"""Statements of the busy paths, made once for each database and run on the driver's own cursor.

SQLAlchemy takes 15 to 40 us to execute a statement; a turn of ten messages has four of them and may take 130 us in
all. What a caller of :class:`Prepared` gives up is result types: rows come as the driver gives them (:func:`instant`
reads a time). Errors leave as SQLAlchemy's, so that ``storage.mapped`` maps them like all others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any, Literal

from sqlalchemy import BigInteger, Connection, String, bindparam, cast, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import ClauseElement
from sqlalchemy.types import TypeEngine

from mailer.storage import Instant, as_text

_INSTANT = Instant()
TOGETHER = 64


class Prepared:
    """One statement with named bound parameters. It must not hold an IN list of varying length."""

    def __init__(self, build: Callable[[str], ClauseElement]) -> None:
        """``build`` gets the dialect's name (sqlite, postgresql) and gives the statement."""
        self._build = build
        self._ready: dict[str, tuple[str, list[str] | None, dict[str, Any]]] = {}

    def run(self, conn: Connection, bound: Mapping[str, Any]) -> Any:
        """Execute; the driver's cursor, for ``fetchall()`` and ``rowcount``."""
        sql, order, values = self._values(conn, bound)
        return _on_cursor(conn, sql, "execute", values if order is None else [values[name] for name in order])

    def run_all(self, conn: Connection, bound: Mapping[str, Any], names: Sequence[str], rows: Sequence[Any]) -> Any:
        """As :meth:`run`, once for each tuple of ``rows``; ``names`` says what its fields are bound to.

        Times in ``rows`` are as the database takes them (:func:`time_out`).
        """
        sql, order, values = self._values(conn, bound)
        if order is None:
            by_name = [values | dict(zip(names, row, strict=True)) for row in rows]
            return _on_cursor(conn, sql, "executemany", by_name)
        common = {name: value for name, value in values.items() if name not in names}
        places = {name: place for place, name in enumerate([*common, *names])}
        arrange, start = itemgetter(*(places[name] for name in order)), tuple(common.values())
        return _on_cursor(conn, sql, "executemany", [arrange(start + row) for row in rows])

    def _values(self, conn: Connection, bound: Mapping[str, Any]) -> tuple[str, list[str] | None, dict[str, Any]]:
        """The statement, the order of its parameters (None: by name), and what they are bound to."""
        name = conn.dialect.name
        sql, order, constants = self._ready.get(name) or self._compile(conn)
        return sql, order, constants | {each: time_out(value, name) for each, value in bound.items()}

    def _compile(self, conn: Connection) -> tuple[str, list[str] | None, dict[str, Any]]:
        compiled = self._build(conn.dialect.name).compile(dialect=conn.dialect)
        positions = getattr(compiled, "positiontup", None)
        ready = (str(compiled), list(positions) if positions else None, dict(compiled.params))
        self._ready[conn.dialect.name] = ready
        return ready


def given_numbers(dialect: str) -> Any:
    """For ``IN``: the numbers of a JSON list that is bound to ``b_ids``, in one value however many they are."""
    ids: Any = bindparam("b_ids", type_=String())
    if dialect == "sqlite":
        return select(func.json_each(ids).table_valued("value", name="chosen").c.value).scalar_subquery()
    chosen = func.jsonb_array_elements_text(cast(ids, JSONB)).column_valued("chosen")
    return select(cast(chosen, BigInteger)).scalar_subquery()


def any_of(name: str, kind: TypeEngine[Any]) -> list[Any]:
    """For ``IN``: ``TOGETHER`` parameters, for values that cannot stand in JSON. See :func:`spread`."""
    return [bindparam(f"b_{name}_{place}", type_=kind) for place in range(TOGETHER)]


def spread(name: str, values: Sequence[Any]) -> dict[str, Any]:
    """What :func:`any_of` is bound to: 1 to ``TOGETHER`` values; the first stands in for those that are missing."""
    return {f"b_{name}_{place}": values[place if place < len(values) else 0] for place in range(TOGETHER)}


def _on_cursor(conn: Connection, sql: str, how: Literal["execute", "executemany"], parameters: Any) -> Any:
    """Run on a cursor of the driver's, which is given back; its errors leave as SQLAlchemy raises them."""
    dialect, cursor = conn.dialect, None
    kind = dialect.loaded_dbapi.Error
    try:
        cursor = conn.connection.cursor()
        getattr(cursor, how)(sql, parameters)
    except kind as error:
        away = dialect.is_disconnect(error, conn.connection.dbapi_connection, cursor)
        raise DBAPIError.instance(sql, None, error, kind, connection_invalidated=away, dialect=dialect) from error
    return cursor


def time_out(value: Any, dialect_name: str) -> Any:
    """A time as the database takes it; any other value as it is."""
    if isinstance(value, datetime):
        return as_text(value) if dialect_name == "sqlite" else value.astimezone(UTC)
    return value


@lru_cache(maxsize=256)
def instant(value: Any) -> datetime:
    """A time as the driver gave it. Rows that were claimed together share it."""
    found = _INSTANT.process_result_value(value, None)  # type: ignore[arg-type]
    assert found is not None  # noqa: S101 - the column is set by the statement that returns it
    return found
