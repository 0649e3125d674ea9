"""Statements of the busy paths, made once for each database and run on the driver's own cursor.

SQLAlchemy takes 15 to 40 us to execute a statement; a turn of ten messages has four of them and may take 130 us in all.
What a caller of :class:`PreparedStatement` gives up is result types: rows come as the driver gives them
(:func:`instant` reads a time). Errors leave as SQLAlchemy's, so that ``storage.mapped`` maps them like all others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache, partial
from itertools import chain
from operator import itemgetter
from typing import Any, Literal

from sqlalchemy import BigInteger, Connection, String, Table, bindparam, cast, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import ClauseElement
from sqlalchemy.types import TypeEngine

from mailer.columns import Instant, as_text, insert_into
from mailer.storage import begin_writing

_INSTANT = Instant()
TOGETHER = 64


class PreparedStatement:
    """One statement with named bound parameters. It must not hold an IN list of varying length."""

    def __init__(self, build: Callable[[str], ClauseElement]) -> None:
        """``build`` gets the dialect's name (sqlite, postgresql) and gives the statement."""
        self._build = build
        self._ready: dict[str, tuple[str, list[str] | None, dict[str, Any]]] = {}

    def run(self, conn: Connection, bound: Mapping[str, Any]) -> Any:
        """Execute; the driver's cursor, for ``fetchall()`` and ``rowcount``."""
        sql, order, values = self._values(conn, bound)
        return _on_cursor(conn, sql, "execute", values if order is None else [values[name] for name in order])

    def run_in_order(self, conn: Connection, names: Sequence[str], values: Sequence[Any]) -> Any:
        """As :meth:`run`, for values in the order in which the statement has its parameters; ``names`` are theirs."""
        sql, order, _ = self._ready.get(conn.dialect.name) or self._compile(conn)
        return _on_cursor(conn, sql, "execute", values if order else dict(zip(names, values, strict=False)))

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
        """Return the statement, the order of its parameters (None: by name), and what they are bound to."""
        name = conn.dialect.name
        sql, order, constants = self._ready.get(name) or self._compile(conn)
        times = {each: time_out(value, name) for each, value in bound.items() if isinstance(value, datetime)}
        return sql, order, {**constants, **bound, **times}

    def _compile(self, conn: Connection) -> tuple[str, list[str] | None, dict[str, Any]]:
        compiled = self._build(conn.dialect.name).compile(dialect=conn.dialect)
        positions = getattr(compiled, "positiontup", None)
        ready = (str(compiled), list(positions) if positions else None, dict(compiled.params))
        self._ready[conn.dialect.name] = ready
        return ready


class BulkInsert:
    """An INSERT of a crowd's rows: some statements for all of them, each of 1, 2, 4, … ``TOGETHER`` rows.

    Not one statement for each row: the driver lets go of the interpreter in every step of a statement, and to get it
    back from a busy event loop takes longer than the step, with SQLite's lock in hand. For thousands of rows there
    is ``insert_rows``.
    """

    def __init__(self, table: Table, columns: Sequence[str], finish: Callable[[Any], Any] = lambda insert: insert):
        """``columns`` in the table's order, else ``ValueError``; ``finish`` says what a conflict means."""
        if [name for name in table.c.keys() if name in columns] != list(columns):  # noqa: SIM118 - not the columns
            raise ValueError(f"the columns of {table.name} are in another order")
        self._table, self._columns, self._finish = table, tuple(columns), finish
        self._names = [f"b_{row}_{name}" for row in range(TOGETHER) for name in columns]
        self._ready = {number: PreparedStatement(partial(self._statement, number)) for number in _sizes(TOGETHER)}

    def put(self, conn: Connection, rows: Sequence[Sequence[Any]]) -> None:
        """Insert; the values of each row are in the order of the columns, times as of :func:`time_out`."""
        start = 0
        for number in _parts(len(rows)):
            values = list(chain.from_iterable(rows[start : start + number]))
            self._ready[number].run_in_order(conn, self._names, values)
            start += number

    def _statement(self, number: int, dialect: str) -> ClauseElement:
        kinds = {name: self._table.c[name].type for name in self._columns}
        rows = [{name: bindparam(f"b_{at}_{name}", type_=kinds[name]) for name in kinds} for at in range(number)]
        finished: ClauseElement = self._finish(insert_into(dialect, self._table).values(rows))
        return finished


class BulkLookup:
    """A query by values that cannot stand in JSON (see :func:`given_numbers`), for 1, 2, 4, … ``TOGETHER`` of them."""

    def __init__(self, kind: TypeEngine[Any], build: Callable[[Sequence[Any]], ClauseElement]) -> None:
        """``build`` gets the parameters, for ``IN``."""
        self._names = [f"b_{place}" for place in range(TOGETHER)]
        given = [bindparam(name, type_=kind) for name in self._names]
        self._ready = {number: PreparedStatement(partial(_of, build, given[:number])) for number in _sizes(TOGETHER)}

    def rows(self, conn: Connection, values: Sequence[Any]) -> Iterator[Any]:
        """Yield the rows for any of them; the first value stands in for those that are missing in a statement."""
        for start in range(0, len(values), TOGETHER):
            some = list(values[start : start + TOGETHER])
            number = 1 << (len(some) - 1).bit_length()
            some += some[:1] * (number - len(some))
            yield from self._ready[number].run_in_order(conn, self._names, some).fetchall()


def _of(build: Callable[[Sequence[Any]], ClauseElement], given: Sequence[Any], _dialect: str) -> ClauseElement:
    return build(given)


def _sizes(most: int) -> list[int]:
    """Powers of two up to ``most``, the largest first."""
    return [1 << bit for bit in reversed(range(most.bit_length()))]


def _parts(number: int) -> Iterator[int]:
    """Split ``number`` into a sum of such sizes."""
    for size in _sizes(TOGETHER):
        while number >= size:
            yield size
            number -= size


def given_numbers(dialect: str) -> Any:
    """For ``IN``: the numbers of a JSON list that is bound to ``b_ids``, in one value however many they are."""
    ids: Any = bindparam("b_ids", type_=String())
    if dialect == "sqlite":
        return select(func.json_each(ids).table_valued("value", name="chosen").c.value).scalar_subquery()
    chosen = func.jsonb_array_elements_text(cast(ids, JSONB)).column_valued("chosen")
    return select(cast(chosen, BigInteger)).scalar_subquery()


def _on_cursor(conn: Connection, sql: str, how: Literal["execute", "executemany"], parameters: Any) -> Any:
    """Run on a cursor of the driver's, which is given back; its errors leave as SQLAlchemy raises them."""
    cursor = None
    try:
        cursor = conn.connection.cursor()
        getattr(cursor, how)(sql, parameters)
    except conn.dialect.loaded_dbapi.Error as error:
        raise _as_sqlalchemy(conn, error, sql, cursor) from error
    return cursor


def begin_at_once(conn: Connection) -> bool:
    """Begin a writing transaction that the driver ends (:func:`commit`, :func:`roll_back`), without waiting.

    False while another connection has SQLite's lock. On PostgreSQL the first statement begins it.
    """
    try:
        return begin_writing(conn)
    except conn.dialect.loaded_dbapi.Error as error:
        raise _as_sqlalchemy(conn, error) from error


@contextmanager
def together(conn: Connection) -> Iterator[None]:
    """Have the statements within travel in one go on PostgreSQL: each way there and back takes as long as a statement.

    Their results are there at the end, and their errors leave there, as :func:`_on_cursor` says.
    """
    driver: Any = conn.connection.dbapi_connection
    if conn.dialect.name == "sqlite":
        yield
        return
    try:
        with driver.pipeline():
            yield
    except conn.dialect.loaded_dbapi.Error as error:
        raise _as_sqlalchemy(conn, error) from error


def commit(conn: Connection) -> None:
    """End it; what was written is on disk. Also where SQLAlchemy has joined it for a statement of its own."""
    _finish(conn, "COMMIT")


def roll_back(conn: Connection) -> None:
    """End it and leave nothing."""
    _finish(conn, "ROLLBACK")


def _finish(conn: Connection, word: Literal["COMMIT", "ROLLBACK"]) -> None:
    if conn.in_transaction():
        conn.commit() if word == "COMMIT" else conn.rollback()
    else:
        driver: Any = conn.connection.dbapi_connection
        try:
            driver.commit() if word == "COMMIT" else driver.rollback()
        except conn.dialect.loaded_dbapi.Error as error:
            raise _as_sqlalchemy(conn, error) from error


def _as_sqlalchemy(conn: Connection, error: Exception, sql: str | None = None, cursor: Any = None) -> Exception:
    """Return an error of the driver as SQLAlchemy raises it."""
    dialect, kind = conn.dialect, conn.dialect.loaded_dbapi.Error
    away = dialect.is_disconnect(error, conn.connection.dbapi_connection, cursor)  # type: ignore[arg-type]
    return DBAPIError.instance(sql, None, error, kind, connection_invalidated=away, dialect=dialect)


def time_out(value: Any, dialect_name: str) -> Any:
    """Return a time as the database takes it; any other value as it is."""
    if isinstance(value, datetime):
        return as_text(value) if dialect_name == "sqlite" else value.astimezone(UTC)
    return value


@lru_cache(maxsize=256)
def instant(value: Any) -> datetime:
    """Return a time as the driver gave it. Rows that were claimed together share it."""
    found = _INSTANT.process_result_value(value, None)  # type: ignore[arg-type]
    assert found is not None  # noqa: S101 - the column is set by the statement that returns it
    return found
