"""Statements for a crowd: many rows in one INSERT, many values in one query, whatever their number."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import LargeBinary, select
from sqlalchemy.exc import IntegrityError

from mailer.errors import StorageError
from mailer.prepared_statements import TOGETHER, BulkInsert, BulkLookup, time_out
from mailer.storage import Database
from mailer.suppression import SUPPRESSION

NOW = datetime(2024, 9, 18, 7, 0, tzinfo=UTC)
COLUMNS = ("address_hash", "scope", "reason", "since")
PLAIN = BulkInsert(SUPPRESSION, COLUMNS)
FORGIVING = BulkInsert(SUPPRESSION, COLUMNS, lambda insert: insert.on_conflict_do_nothing())
FOUND = BulkLookup(
    LargeBinary(), lambda given: select(SUPPRESSION.c.scope).where(SUPPRESSION.c.address_hash.in_(given))
)


def put(db: Database, rows: BulkInsert, numbers: range) -> None:
    with db.write() as conn:
        since = time_out(NOW, conn.dialect.name)
        rows.put(conn, [(b"%d" % number, str(number), "manual", since) for number in numbers])


def found(db: Database, numbers: range) -> list[str]:
    with db.read() as conn:
        return sorted((scope for (scope,) in FOUND.rows(conn, [b"%d" % number for number in numbers])), key=int)


@pytest.mark.parametrize("number", [0, 1, 2, 3, 13, TOGETHER - 1, TOGETHER, TOGETHER + 1, 3 * TOGETHER + 5])
def test_as_many_rows_as_are_put_are_found_each_once(db: Database, number: int) -> None:
    put(db, PLAIN, range(number))
    assert found(db, range(number)) == [str(each) for each in range(number)]
    assert found(db, range(number, 2 * number)) == []


def test_a_conflict_means_what_the_statement_says(db: Database) -> None:
    put(db, PLAIN, range(3))
    put(db, FORGIVING, range(5))
    assert found(db, range(9)) == ["0", "1", "2", "3", "4"]
    with pytest.raises(StorageError) as refused:
        put(db, PLAIN, range(2))
    assert isinstance(refused.value.__cause__, IntegrityError)


def test_a_time_comes_back_as_it_was_put(db: Database) -> None:
    put(db, PLAIN, range(1))
    with db.read() as conn:
        assert conn.execute(select(SUPPRESSION.c.since)).scalar_one() == NOW


def test_columns_in_another_order_than_the_tables_are_refused() -> None:
    with pytest.raises(ValueError, match="another order"):
        BulkInsert(SUPPRESSION, ("scope", "address_hash"))
