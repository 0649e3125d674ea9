"""Contacts by the thousand, for the import: read by key, numbered in advance, written with few statements.

Promises: the numbers that :func:`new_numbers` gives are free and stay so until the transaction ends. On SQLite the
caller holds the write lock; PostgreSQL's sequence gives each number once.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Connection, Integer, Table, Text, bindparam, cast, func, literal_column, select, update
from sqlalchemy import table as named

from mailer.columns import Instant
from mailer.prepared_statements import PreparedStatement
from unsubscribe.contacts.rows import ImportRow
from unsubscribe.contacts.tables import CONTACT, SUBSCRIPTION

CONTACT_COLUMNS = (
    "id",
    "email",
    "email_key",
    "address_hash",
    "domain",
    "name",
    "language",
    "attributes",
    "own_fields",
    "created_at",
    "updated_at",
)
_INSTANT = Instant()


@dataclass(slots=True)
class Known:
    """The fields of a contact that an import compares; ``attributes`` in their canonical text."""

    id: int
    email: str
    name: str
    language: str
    attributes: str
    own_fields: str


_KNOWN = (
    CONTACT.c.email_key,
    CONTACT.c.id,
    CONTACT.c.email,
    CONTACT.c.name,
    CONTACT.c.language,
    CONTACT.c.attributes,
    CONTACT.c.own_fields,
)
_KEYS = bindparam("b_keys", type_=Text())
_FOR_SQLITE = select(*_KNOWN).where(
    CONTACT.c.email_key.in_(select(func.json_each(_KEYS).table_valued("value").c.value))
)
_FOR_POSTGRESQL = (
    select(*_KNOWN)
    .where(CONTACT.c.email_key.in_(select(func.json_array_elements_text(cast(_KEYS, JSON)).column_valued("key"))))
    .order_by(CONTACT.c.id)
    .with_for_update(of=CONTACT)
)
_UPDATE = (
    update(CONTACT)
    .where(CONTACT.c.id == bindparam("b_id"))
    .values({name: bindparam(name) for name in ("name", "language", "attributes", "updated_at")})
)


def by_key(conn: Connection, keys: Sequence[str]) -> dict[str, Known]:
    """Return the contacts with these keys, locked against others until the transaction ends.

    All keys are one JSON parameter: with one parameter for each key, SQLAlchemy costs more than the look-up.
    """
    of_all = _FOR_POSTGRESQL if conn.dialect.name == "postgresql" else _FOR_SQLITE
    return {row[0]: Known(*row[1:]) for row in conn.execute(of_all, {"b_keys": json.dumps(list(keys))})}


def new_numbers(conn: Connection, table: Table, count: int) -> list[int]:
    """Return ``count`` numbers for new rows of a table whose ``id`` counts up."""
    if not count:
        return []
    if conn.dialect.name == "postgresql":
        return [number for (number,) in _NEXT.run(conn, {"b_table": table.name, "b_count": count}).fetchall()]
    last = _LAST.run(conn, {"b_table": table.name}).fetchone()
    start = last[0] + 1 if last else 1
    return list(range(start, start + count))


_TABLE, _COUNT = bindparam("b_table", type_=Text()), bindparam("b_count", type_=Integer())
_NEXT = PreparedStatement(
    lambda _dialect: select(func.nextval(func.pg_get_serial_sequence(_TABLE, literal_column("'id'")))).select_from(
        func.generate_series(literal_column("1"), _COUNT).table_valued("number")
    )
)
_LAST = PreparedStatement(
    lambda _dialect: (
        select(literal_column("seq")).select_from(named("sqlite_sequence")).where(literal_column("name") == _TABLE)
    )
)


def bound(conn: Connection, at: datetime) -> Any:
    """Return a time as the database stores it, for :func:`insert_rows`."""
    return _INSTANT.process_bind_param(at, conn.dialect)


def insert_rows(conn: Connection, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert many rows in the fastest way that the database has; a conflict is an error. Times are :func:`bound`.

    PostgreSQL: COPY. SQLite: the driver's executemany, since SQLAlchemy's handling of each value costs more than
    the insert itself.
    """
    if not rows:
        return
    names = ", ".join(columns)
    if conn.dialect.name == "postgresql":
        driver: Any = conn.connection.driver_connection
        with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        return
    marks = ", ".join("?" * len(columns))
    conn.exec_driver_sql(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", list(rows))  # noqa: S608 - own names


def write_contacts(
    conn: Connection, adds: Sequence[tuple[ImportRow, Known]], updates: Sequence[dict[str, Any]], now: datetime
) -> None:
    """Insert contacts whose numbers are known, and change others."""
    at = bound(conn, now)
    rows = [
        (
            item.id,
            item.email,
            row.key,
            row.address_hash,
            row.domain,
            item.name,
            item.language,
            item.attributes,
            "",
            at,
            at,
        )
        for row, item in adds
    ]
    insert_rows(conn, CONTACT, CONTACT_COLUMNS, rows)
    if updates:
        conn.execute(_UPDATE, updates)


def subscribe_new(conn: Connection, topic_id: int, statement: int, contact_ids: Sequence[int], since: datetime) -> None:
    """Subscribe contacts that have no row for the topic yet."""
    columns = ("contact_id", "topic_id", "state", "since", "statement")
    at = bound(conn, since)
    insert_rows(
        conn, SUBSCRIPTION, columns, [(number, topic_id, "subscribed", at, statement) for number in contact_ids]
    )
