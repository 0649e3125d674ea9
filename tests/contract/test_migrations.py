"""The way to the schema: one door, one transaction, the same tables as the code thinks there are."""

from __future__ import annotations

import re
import threading
from datetime import UTC, datetime

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from campaigns import migrations
from mailer import outbox
from mailer.errors import SchemaError
from mailer.outbox import Identity, MailingSpec, Recipient
from mailer.outbox.values import Kind
from mailer.storage import Database

NOW = datetime(2024, 9, 18, 7, 0, tzinfo=UTC)
SENT: tuple[tuple[str, Kind, int], ...] = (("one", "service", 1), ("many", "campaign", 2), ("empty", "service", 0))


def test_migrating_gives_the_tables_that_the_code_declares(empty_database: Database) -> None:
    migrations.upgrade(empty_database)
    with empty_database.read() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True})
        assert compare_metadata(context, migrations.metadata()) == []


def test_migrating_and_creating_give_the_same_statements_on_sqlite(sqlite_database: Database) -> None:
    migrations.upgrade(sqlite_database)
    migrated = schema(sqlite_database)
    with sqlite_database.write() as conn:
        for name in inspect(conn).get_table_names():
            conn.execute(text(f'DROP TABLE "{name}"'))
        migrations.metadata().create_all(conn)
    created = schema(sqlite_database)
    assert {name: sql for name, sql in migrated.items() if "alembic" not in name} == created


def schema(db: Database) -> dict[str, list[str]]:
    """The words of each statement in one order: constraints may stand in another."""
    with db.read() as conn:
        query = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
        return {name: sorted(re.findall(r"[\w']+", sql)) for name, sql in conn.execute(text(query))}


def test_a_second_time_nothing_happens(empty_database: Database) -> None:
    assert migrations.upgrade(empty_database) is None
    assert migrations.upgrade(empty_database) == migrations.HEAD
    migrations.check(empty_database)


def test_many_may_migrate_at_once(empty_database: Database) -> None:
    found: list[str | None] = []
    threads = [threading.Thread(target=lambda: found.append(migrations.upgrade(empty_database))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found, key=str) == [migrations.HEAD] * 3 + [None]


def test_service_letters_of_an_older_database_know_whom_they_are_for(empty_database: Database) -> None:
    migrations.upgrade(empty_database)
    with empty_database.write() as conn:
        for key, kind, people in SENT:
            spec = MailingSpec(key, kind, "", "hash", Identity("https://vng.example", "b@vng.example", 7))
            mailing = outbox.open_mailing(conn, spec, NOW).id
            row = [Recipient(10 + number, "a@b.example", b"a", "b.example") for number in range(people)]
            outbox.enqueue(conn, mailing, row, people, NOW)
        for words in (
            "DROP INDEX ix_mailing_recipient",
            "ALTER TABLE mailing DROP COLUMN recipient",
            "DROP TABLE learnt",
            "ALTER TABLE pace ADD COLUMN slowed FLOAT",
            "DROP INDEX delivery_put_back",
            "UPDATE alembic_version SET version_num = '0002'",
        ):
            conn.execute(text(words))
    assert migrations.upgrade(empty_database) == "0002"
    with empty_database.read() as conn:
        rows = conn.execute(text("SELECT key, recipient FROM mailing ORDER BY id")).all()
    assert [tuple(row) for row in rows] == [("one", 10), ("many", None), ("empty", None)]


def test_an_empty_database_is_not_used(empty_database: Database) -> None:
    with pytest.raises(SchemaError, match="run 'postiljon init'"):
        migrations.check(empty_database)


def test_a_database_of_a_newer_postiljon_is_left_alone(sqlite_database: Database) -> None:
    migrations.upgrade(sqlite_database)
    with sqlite_database.write() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for refuse in (migrations.check, migrations.upgrade):
        with pytest.raises(SchemaError, match="newer Postiljon"):
            refuse(sqlite_database)


def test_the_head_that_start_up_compares_with_is_that_of_the_revisions() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations.FOLDER))
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [migrations.HEAD]
    assert {revision.revision for revision in script.walk_revisions()} == set(migrations.KNOWN)
