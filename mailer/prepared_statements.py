"""Prepared statements for the hot paths, compiled once for each database and run on the driver's own cursor.

SQLAlchemy takes 15 to 40 us to execute a statement. A turn of ten messages has four of them and may take 130 us in all.
A caller of :class:`PreparedStatement` gets no result types: rows come as the driver returns them (:func:`instant` reads
a time). Errors are raised as SQLAlchemy's, so that ``storage.mapped`` maps them like all others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache, partial
from itertools import chain
from operator import itemgetter
from typing import Any, Literal, NamedTuple

from sqlalchemy import BigInteger, Connection, Dialect, String, Table, bindparam, cast, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import ClauseElement
from sqlalchemy.types import TypeEngine

from mailer.columns import Instant, as_text, insert_into
from mailer.storage import begin_writing

_INSTANT = Instant()
TOGETHER = 64


class CompiledSql(NamedTuple):
    """The text of a statement, the order of its parameters (None: by name), and the values of its constants."""

    sql: str
    order: list[str] | None
    constants: dict[str, Any]


class PreparedStatement:
    """One statement with named bound parameters. It must not contain an IN list of varying length."""

    def __init__(self, build: Callable[[str], ClauseElement]) -> None:
        """Remember ``build``, which gets the dialect's name (sqlite, postgresql) and returns the statement."""
        self._build = build
        self._ready: dict[str, CompiledSql] = {}

    def run(self, conn: Connection, bound: Mapping[str, Any]) -> Any:
        """Execute; return the driver's cursor, for ``fetchall()`` and ``rowcount``."""
        sql, order, values = self._values(conn, bound)
        return _on_cursor(conn, sql, "execute", values if order is None else [values[name] for name in order])

    def run_in_order(self, conn: Connection, names: Sequence[str], values: Sequence[Any]) -> Any:
        """Execute as :meth:`run`, with values in the order of the statement's parameters, named in ``names``."""
        sql, order, _ = self._compile_once(conn)
        return _on_cursor(conn, sql, "execute", values if order else dict(zip(names, values, strict=False)))

    def run_all(self, conn: Connection, bound: Mapping[str, Any], names: Sequence[str], rows: Sequence[Any]) -> Any:
        """Execute as :meth:`run`, once for each tuple of ``rows``; ``names`` are the parameters of its fields.

        Times in ``rows`` must be in the database's form (:func:`time_out`).
        """
        sql, order, values = self._values(conn, bound)
        if order is None:
            by_name = [values | dict(zip(names, row, strict=True)) for row in rows]
            return _on_cursor(conn, sql, "executemany", by_name)
        common = {name: value for name, value in values.items() if name not in names}
        places = {name: place for place, name in enumerate([*common, *names])}
        arrange, start = itemgetter(*(places[name] for name in order)), tuple(common.values())
        return _on_cursor(conn, sql, "executemany", [arrange(start + row) for row in rows])

    def compiled(self, dialect: Dialect) -> CompiledSql:
        """Return the statement as it is executed; ``tests/golden/sql`` holds these texts for both databases."""
        found = self._build(dialect.name).compile(dialect=dialect)
        positions = getattr(found, "positiontup", None)
        return CompiledSql(str(found), list(positions) if positions else None, dict(found.params))

    def _values(self, conn: Connection, bound: Mapping[str, Any]) -> tuple[str, list[str] | None, dict[str, Any]]:
        """Return the statement, the order of its parameters (None: by name), and their values."""
        name = conn.dialect.name
        sql, order, constants = self._compile_once(conn)
        times = {each: time_out(value, name) for each, value in bound.items() if isinstance(value, datetime)}
        return sql, order, {**constants, **bound, **times}

    def _compile_once(self, conn: Connection) -> CompiledSql:
        found = self._ready.get(conn.dialect.name)
        if found is None:
            found = self._ready[conn.dialect.name] = self.compiled(conn.dialect)
        return found


class BulkInsert:
    """A bulk INSERT: a few statements for all rows, each of 1, 2, 4, … ``TOGETHER`` rows.

    One statement for each row would be slower: the driver releases the interpreter lock in every step of a statement.
    Getting it back from a busy event loop takes longer than the step, while SQLite's lock is held. For thousands of
    rows there is ``insert_rows``.
    """

    def __init__(self, table: Table, columns: Sequence[str], finish: Callable[[Any], Any] = lambda insert: insert):
        """Take ``columns`` in the table's order, else raise ``ValueError``; ``finish`` adds the conflict clause."""
        if [name for name in table.c.keys() if name in columns] != list(columns):  # noqa: SIM118 - not the columns
            raise ValueError(f"the columns of {table.name} are in another order")
        self._table, self._columns, self._finish = table, tuple(columns), finish
        self._names = [f"b_{row}_{name}" for row in range(TOGETHER) for name in columns]
        self.statements = {number: PreparedStatement(partial(self._statement, number)) for number in _sizes(TOGETHER)}

    def put(self, conn: Connection, rows: Sequence[Sequence[Any]]) -> None:
        """Insert rows, with their values in the order of the columns and their times from :func:`time_out`."""
        start = 0
        for number in _parts(len(rows)):
            values = list(chain.from_iterable(rows[start : start + number]))
            self.statements[number].run_in_order(conn, self._names, values)
            start += number

    def _statement(self, number: int, dialect: str) -> ClauseElement:
        kinds = {name: self._table.c[name].type for name in self._columns}
        rows = [{name: bindparam(f"b_{at}_{name}", type_=kinds[name]) for name in kinds} for at in range(number)]
        finished: ClauseElement = self._finish(insert_into(dialect, self._table).values(rows))
        return finished


class BulkLookup:
    """A query by values that JSON cannot hold (see :func:`given_numbers`), for 1, 2, 4, … ``TOGETHER`` values."""

    def __init__(self, kind: TypeEngine[Any], build: Callable[[Sequence[Any]], ClauseElement]) -> None:
        """Prepare the statements; ``build`` gets the parameters, for ``IN``."""
        self._names = [f"b_{place}" for place in range(TOGETHER)]
        given = [bindparam(name, type_=kind) for name in self._names]
        self.statements = {
            number: PreparedStatement(partial(_of, build, given[:number])) for number in _sizes(TOGETHER)
        }

    def rows(self, conn: Connection, values: Sequence[Any]) -> Iterator[Any]:
        """Yield the rows that match any of the values; unused parameters of a statement repeat its first value."""
        for start in range(0, len(values), TOGETHER):
            some = list(values[start : start + TOGETHER])
            number = 1 << (len(some) - 1).bit_length()
            some += some[:1] * (number - len(some))
            yield from self.statements[number].run_in_order(conn, self._names, some).fetchall()


def _of(build: Callable[[Sequence[Any]], ClauseElement], given: Sequence[Any], _dialect: str) -> ClauseElement:
    return build(given)


def _sizes(most: int) -> list[int]:
    """Return the powers of two up to ``most``, the largest first."""
    return [1 << bit for bit in reversed(range(most.bit_length()))]


def _parts(number: int) -> Iterator[int]:
    """Split ``number`` into a sum of the sizes of :func:`_sizes`."""
    for size in _sizes(TOGETHER):
        while number >= size:
            yield size
            number -= size


def given_numbers(dialect: str) -> Any:
    """Return the operand of ``IN``: the numbers of a JSON list that is bound to ``b_ids`` as one value."""
    ids: Any = bindparam("b_ids", type_=String())
    if dialect == "sqlite":
        return select(func.json_each(ids).table_valued("value", name="chosen").c.value).scalar_subquery()
    chosen = func.jsonb_array_elements_text(cast(ids, JSONB)).column_valued("chosen")
    return select(cast(chosen, BigInteger)).scalar_subquery()


def _on_cursor(conn: Connection, sql: str, how: Literal["execute", "executemany"], parameters: Any) -> Any:
    """Run on a new driver cursor and return the cursor; errors are raised as SQLAlchemy's."""
    cursor = None
    try:
        cursor = conn.connection.cursor()
        getattr(cursor, how)(sql, parameters)
    except conn.dialect.loaded_dbapi.Error as error:
        raise _as_sqlalchemy(conn, error, sql, cursor) from error
    return cursor


def begin_at_once(conn: Connection) -> bool:
    """Begin a writing transaction that the driver ends (:func:`commit`, :func:`roll_back`), without waiting.

    Return False while another connection holds SQLite's lock. On PostgreSQL the first statement begins it.
    """
    try:
        return begin_writing(conn)
    except conn.dialect.loaded_dbapi.Error as error:
        raise _as_sqlalchemy(conn, error) from error


@contextmanager
def together(conn: Connection) -> Iterator[None]:
    """Send the statements of the block together on PostgreSQL: a round trip takes as long as a statement.

    Their results are available at the end of the block, and their errors are raised there, as in :func:`_on_cursor`.
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
    """Commit the transaction, so that its changes are on disk; also when SQLAlchemy has joined it."""
    _finish(conn, "COMMIT")


def roll_back(conn: Connection) -> None:
    """Roll the transaction back."""
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
    """Return a driver error as the exception that SQLAlchemy would raise."""
    dialect, kind = conn.dialect, conn.dialect.loaded_dbapi.Error
    away = dialect.is_disconnect(error, conn.connection.dbapi_connection, cursor)  # type: ignore[arg-type]
    return DBAPIError.instance(sql, None, error, kind, connection_invalidated=away, dialect=dialect)


def time_out(value: Any, dialect_name: str) -> Any:
    """Return a time in the database's form; any other value unchanged."""
    if isinstance(value, datetime):
        return as_text(value) if dialect_name == "sqlite" else value.astimezone(UTC)
    return value


@lru_cache(maxsize=256)
def instant(value: Any) -> datetime:
    """Convert a time from the driver. The cache serves rows that were claimed together, since they share one time."""
    found = _INSTANT.process_result_value(value, None)  # type: ignore[arg-type]
    assert found is not None  # noqa: S101 - the column is set by the statement that returns it
    return found
