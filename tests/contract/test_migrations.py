"""The way to the schema: one door, one transaction, the same tables as the code thinks there are."""

from __future__ import annotations

import re
import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from campaigns import migrations
from mailer import outbox
from mailer.errors import SchemaError
from mailer.storage import Database

SENT = (("one", "service", 1), ("many", "campaign", 2), ("empty", "service", 0))
MAILING = """
INSERT INTO mailing (id, key, kind, scope, snapshot, public_url, return_path, key_id, dkim_selector, dkim_domain,
  priority, in_doubt_policy, state, reason, audience_complete, audience_position, created_at, changed_at, recipients,
  waiting, sending, accepted, retry, refused, skipped, in_doubt, bounced, complained)
VALUES ({number}, '{key}', '{kind}', '', 'hash', 'https://vng.example', 'b@vng.example', 7, '', '', 0, 'hold', 'open',
  '', false, 0, '2024-09-18 07:00:00.000000', '2024-09-18 07:00:00.000000', {people}, {people}, 0, 0, 0, 0, 0, 0, 0, 0)
"""
DELIVERY = """
INSERT INTO delivery (mailing_id, recipient, address, address_hash, domain, state, reason, attempt, tries, code, reply)
VALUES ({number}, {person}, 'a@b.example', '', 'b.example', 'waiting', '', 0, 0, 0, '')
"""


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")  # the next test does
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index")
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
    migrations.upgrade(empty_database, "0002")
    with empty_database.write() as conn:
        for number, (key, kind, people) in enumerate(SENT, 1):
            conn.execute(text(MAILING.format(number=number, key=key, kind=kind, people=people)))
            for person in range(people):
                conn.execute(text(DELIVERY.format(number=number, person=10 + person)))
    assert migrations.upgrade(empty_database) == "0002"
    with empty_database.read() as conn:
        rows = conn.execute(text("SELECT key, recipient FROM mailing ORDER BY id")).all()
    assert [tuple(row) for row in rows] == [("one", 10), ("many", None), ("empty", None)]


def test_service_letters_that_an_older_version_held_for_ever_may_go_now(empty_database: Database) -> None:
    migrations.upgrade(empty_database, "0004")
    keys = (("optin_confirm:1", "service"), ("my_data:2", "service"), ("campaign:1", "campaign"))
    with empty_database.write() as conn:
        for number, (key, kind) in enumerate(keys, 1):
            conn.execute(text(MAILING.format(number=number, key=key, kind=kind, people=0)))
        conn.execute(text("UPDATE mailing SET state = 'held', reason = 'relay_auth', hold_words = '535 no'"))
    migrations.upgrade(empty_database)
    with empty_database.read() as conn:
        found = [made for key, _ in keys if (made := outbox.find(conn, key))]
    said = [(made.state, made.reason, made.hold.words, made.spec.asked_for) for made in found]
    assert said == [("open", "", "", True), ("open", "", "", False), ("held", "relay_auth", "535 no", False)]


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
