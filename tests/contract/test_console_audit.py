"""The audit trail: insert only, chained, shown in words, its reading recorded; on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from campaigns.console.audit_trail import VERBS
from campaigns.staff import audit
from campaigns.staff.audit import Act, Origin, Verb
from mailer.errors import StorageError
from mailer.storage import Database
from tests.support.console import ConsoleSetup, StaffBrowser, console, console_setup, signed_in

CHANGES = (
    "UPDATE audit SET actor = 'user:9' WHERE id = 2",
    "DELETE FROM audit WHERE id = 2",
    "DELETE FROM audit",
)
_OFF = {
    "sqlite": ("DROP TRIGGER audit_no_update", "DROP TRIGGER audit_no_delete"),
    "postgresql": ("DROP TRIGGER audit_insert_only ON audit",),
}


@pytest.fixture
def setup(empty_database: Database, tmp_path: Path) -> ConsoleSetup:
    return console_setup(empty_database, tmp_path, 1)


@pytest.fixture
def admin(setup: ConsoleSetup) -> Iterator[StaffBrowser]:
    with console(setup) as server, signed_in(setup, server, "administrator") as browser:
        yield browser


def record(setup: ConsoleSetup, number: int = 5) -> None:
    for count in range(number):
        with setup.db.write() as conn:
            act = Act(Verb.SAVE, "campaign", f"nieuws-{count}", ("text",))
            audit.record(conn, Origin.of_user(1, "192.0.2.0/24", "abc"), act, setup.clock())


def wrong(setup: ConsoleSetup) -> list[int]:
    with setup.db.read() as conn:
        return list(audit.verify(conn))


@pytest.mark.parametrize("change", CHANGES)
def test_the_database_refuses_to_change_or_delete_a_row(setup: ConsoleSetup, change: str) -> None:
    record(setup)
    with pytest.raises((DBAPIError, StorageError)), setup.db.write() as conn:
        conn.exec_driver_sql(change)
    assert wrong(setup) == []
    with setup.db.read() as conn:
        assert audit.count(conn) == 5


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("UPDATE audit SET actor = 'user:9' WHERE id = 3", [3]),
        ("UPDATE audit SET outcome = 'refused' WHERE id = 1", [1]),
        ("UPDATE audit SET fields = '[]' WHERE id = 5", [5]),
        ("DELETE FROM audit WHERE id = 3", [4]),
        (
            (
                "INSERT INTO audit (id, at, actor, verb, outcome, kind, subject, fields, network, request, hash) "
                "SELECT 9, at, actor, verb, outcome, kind, subject, fields, network, request, 'made up' "
                "FROM audit WHERE id = 2"
            ),
            [9],
        ),
    ],
)
def test_a_row_that_was_changed_removed_or_put_in_is_found(setup: ConsoleSetup, change: str, found: list[int]) -> None:
    record(setup)
    with setup.db.write() as conn:
        for statement in _OFF[conn.dialect.name]:
            conn.exec_driver_sql(statement)
        conn.exec_driver_sql(change)
    assert wrong(setup) == found


def test_the_trail_is_shown_in_words_by_person_and_subject(setup: ConsoleSetup, admin: StaffBrowser) -> None:
    record(setup, 1)
    with setup.db.write() as conn:
        audit.record(conn, Origin.of_command("root"), Act(Verb.PAUSE, "campaign", "nieuws-0"), setup.clock())
    admin.get("/audit")
    assert "Bas Beheer saved a text ( text ) campaign nieuws-0 192.0.2.0/24" in admin.text
    assert "root on the command line paused campaign nieuws-0" in admin.text
    admin.get("/audit", params={"who": "cli:root"})
    assert "saved a text" not in admin.text.partition("newest first")[2]
    admin.get("/audit", params={"kind": "campaign", "subject": "nieuws-0"})
    assert "signed in" not in admin.text.partition("newest first")[2]
    admin.get("/audit", params={"who": "user:999", "before": "x" * 30})
    assert "Nothing matches" in admin.text


def test_a_long_trail_has_pages(setup: ConsoleSetup, admin: StaffBrowser) -> None:
    record(setup, 60)
    admin.get("/audit", params={"kind": "campaign"})
    assert admin.page.count("saved a text") == 50
    before = admin.page.partition("before=")[2].partition('"')[0]
    admin.get("/audit", params={"kind": "campaign", "before": before})
    assert admin.page.count("saved a text") == 10
    assert "before=" not in admin.page


def test_reading_the_trail_is_recorded_once_an_hour(setup: ConsoleSetup, admin: StaffBrowser) -> None:
    for _ in range(3):
        admin.get("/audit")
    assert reads(setup) == 1
    setup.clock.now += timedelta(hours=1, seconds=1)
    admin.get("/audit")
    assert reads(setup) == 2


def reads(setup: ConsoleSetup) -> int:
    with setup.db.read() as conn:
        return sum(act.verb == "read_audit" for act in audit.acts(conn))


def test_every_verb_has_words() -> None:
    assert set(VERBS) == {verb.value for verb in Verb}
