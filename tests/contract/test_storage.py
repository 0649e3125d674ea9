"""The database keeps its promises on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
import traceback
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, Table, func, insert, select, text

from mailer import outbox
from mailer.columns import Instant
from mailer.errors import SettingsError, StorageBusy, StorageError
from mailer.storage import Database, LockWaiters, open_database
from tests.support.databases import PostgresServer
from tests.support.waiting import wait_until

TABLE = Table("t", MetaData(), Column("id", Integer, primary_key=True), Column("at", Instant()))


def count(database: Database) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(TABLE)).scalar_one()


def test_a_transaction_leaves_all_or_nothing(empty_database: Database) -> None:
    with empty_database.write() as connection:
        TABLE.metadata.create_all(connection)
    with pytest.raises(RuntimeError), empty_database.write() as connection:
        connection.execute(insert(TABLE), [{"id": 1}, {"id": 2}])
        raise RuntimeError
    assert count(empty_database) == 0


def durability(connection: Connection) -> object:
    asked = "PRAGMA synchronous" if connection.dialect.name == "sqlite" else "SHOW synchronous_commit"
    return connection.exec_driver_sql(asked).scalar_one()


def test_every_connection_waits_for_the_disk_at_a_commit(house_database: Database, tmp_path: Path) -> None:
    sender = outbox.register(house_database, tmp_path, "one", datetime.now(UTC))
    on_disk = 2 if house_database.is_sqlite else "on"  # 2 is FULL
    with house_database.write() as connection:
        assert durability(connection) == on_disk
    with house_database.read() as connection:
        assert durability(connection) == on_disk
    with sender.write() as connection:
        assert durability(connection) == on_disk
    sender.abandon()


@pytest.mark.postgres
def test_a_commit_waits_for_the_disk_where_the_default_of_the_database_is_not_to(postgres: PostgresServer) -> None:
    name = postgres.fresh()
    postgres.admin(f"ALTER DATABASE {name} SET synchronous_commit = off")
    database = open_database(postgres.url(name))
    with pytest.raises(RuntimeError), database.write() as connection:
        assert durability(connection) == "on"
        raise RuntimeError
    with database.read() as connection:
        assert durability(connection) == "on", "the rollback took it back"
    database.close()
    postgres.drop(name)


def test_a_time_comes_back_in_utc_whatever_its_zone_was(empty_database: Database) -> None:
    at = datetime(2024, 9, 18, 9, 0, 0, 5, tzinfo=timezone(timedelta(hours=2)))
    with empty_database.write() as connection:
        TABLE.metadata.create_all(connection)
        connection.execute(insert(TABLE), {"id": 1, "at": at})
    with empty_database.read() as connection:
        stored = connection.execute(select(TABLE.c.at)).scalar_one()
    assert stored == at
    assert stored.tzinfo == UTC


def test_a_time_without_a_zone_is_refused(empty_database: Database) -> None:
    with empty_database.write() as connection:
        TABLE.metadata.create_all(connection)
    with pytest.raises(StorageError), empty_database.write() as connection:
        connection.execute(insert(TABLE), {"id": 1, "at": datetime(2024, 9, 18, 9)})  # noqa: DTZ001


def test_a_writer_waits_for_the_lock_and_then_goes_on(sqlite_database: Database) -> None:
    with sqlite_database.write() as connection:
        TABLE.metadata.create_all(connection)
    held, others = threading.Event(), LockWaiters(sqlite_database)

    def hold() -> None:
        with sqlite_database.write() as connection:
            connection.execute(insert(TABLE), {"id": 1})
            held.set()
            wait_until(others.any_waiting)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    with sqlite_database.write() as connection:
        connection.execute(insert(TABLE), {"id": 2})
    thread.join()
    assert count(sqlite_database) == 2


def test_a_lock_that_stays_taken_is_said_to_be_busy_and_worth_another_try(sqlite_database: Database) -> None:
    with sqlite_database.write(), pytest.raises(StorageBusy) as caught, sqlite_database.write(busy_seconds=0.05):
        pass
    assert not caught.value.permanent


def test_an_error_of_a_statement_names_none_of_its_values(empty_database: Database) -> None:
    with pytest.raises(StorageError) as caught, empty_database.write() as connection:
        connection.execute(text("INSERT INTO nothing VALUES (:address)"), {"address": "eva" * 5})
    assert "eva" * 5 not in "".join(traceback.format_exception(caught.value))


def test_an_unknown_kind_of_database_is_refused_with_what_was_expected() -> None:
    with pytest.raises(SettingsError, match="expected sqlite"):
        open_database("mysql://x/y")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p@GeHeim@db.example/x",
        "postgresql://u:p@Ge:Heim@db.example/x",
        "postgresql://u:p@Ge/Heim@db.example/x",
        "postgresql://u:p@Ge?Heim@db.example/x",
        "postgresql://u:p@x:GeHeim/x",
        "postgresql://u:p@[GeHeim/x",
        "GeHeim",
        "mysql://u:GeHeim@x/y",
    ],
)
def test_an_address_of_a_database_that_cannot_be_read_is_refused_without_any_of_it(url: str) -> None:
    with pytest.raises(SettingsError, match="percent-encoded") as caught:
        open_database(url)
    assert not [part for part in ("Ge", "Heim") if part in str(caught.value)]
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("more", ["", "?password=GeHeim&sslmode=prefer", "?sslpassword=GeHeim"])
def test_the_address_of_a_database_is_shown_without_its_password(more: str) -> None:
    db = open_database(f"postgresql://u:GeHeim@db.example/x{more}")
    assert "db.example/x" in db.shown
    assert "GeHeim" not in db.shown
    db.close()


def test_a_writer_sees_whether_somebody_else_waits_for_the_lock(tmp_path: Path) -> None:
    """So an opt-out goes before a sender that would take the lock again at once."""
    db = open_database(f"sqlite:///{tmp_path}/a.db")
    others, begun = LockWaiters(db), threading.Event()

    def wait() -> None:
        with db.write():
            begun.set()

    waiting = threading.Thread(target=wait)
    with db.write():
        assert not others.any_waiting()
        waiting.start()
        wait_until(others.any_waiting)
    waiting.join()
    assert begun.is_set()
    assert not others.any_waiting()
    others.close()
    db.close()


def test_a_writer_whose_mark_cannot_be_made_waits_all_the_same(tmp_path: Path) -> None:
    db = open_database(f"sqlite:///{tmp_path}/a.db")
    (tmp_path / "a.db-waiting").mkdir()
    others = LockWaiters(db)
    with db.write():
        assert not others.any_waiting()
        with pytest.raises(StorageBusy), db.write(busy_seconds=0.05):
            pass
    with db.write():
        pass
    others.close()
    db.close()
