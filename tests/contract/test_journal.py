"""The journal: in the file before the database says done, once, and not written with SQLite's lock in hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import Connection, update

from mailer import journal, suppression
from mailer.errors import StorageFull
from mailer.journal import Journal
from mailer.signing import Purpose
from mailer.storage import Database
from tests.support import web
from tests.support.site import Town, serving
from unsubscribe import consent, optout
from unsubscribe.contacts.tables import CONTACT
from unsubscribe.endpoint import public_app

NOTE = {"hash": "00", "scope": "news", "reason": "opt_out", "since": "2024-09-18", "until": None}


@pytest.fixture
def lite_town(house_database: Database) -> Town:
    """Three readers."""
    return Town(house_database)


def test_what_was_written_ahead_is_not_written_again(lite_town: Town, tmp_path: Path) -> None:
    lite_town.db.journal = book = Journal(tmp_path / "journal")
    holds = [(b"an address", "nieuws"), (b"another", "")]
    ahead = suppression.lines(holds, "opt_out", lite_town.now)
    lite_town.db.journal_ahead(ahead)
    assert list(book.lines()) == ahead
    with lite_town.db.write() as conn:
        suppression.suppress_many(conn, holds, "opt_out", lite_town.now, journaled=True)
        journal.add(conn, NOTE)
    assert list(book.lines()) == [*ahead, NOTE]
    with lite_town.db.write() as conn:
        suppression.suppress_many(conn, holds, "opt_out", lite_town.now)
    assert list(book.lines()) == [*ahead, NOTE, *ahead], "the next transaction knows nothing of it"


def test_a_plan_that_was_noted_ahead_is_carried_out_without_another_line(lite_town: Town, tmp_path: Path) -> None:
    lite_town.db.journal = book = Journal(tmp_path / "journal")
    planned = noted_ahead(lite_town)
    with lite_town.db.write() as conn:
        optout.carry_out(conn, planned, journaled=True)
    assert [line["hash"] for line in book.lines()] == [lite_town.readers[0].address_hash.hex()]
    assert lite_town.state() == "opted_out"


def test_an_opt_out_stands_in_the_journal_once_however_often_its_link_is_used(lite_town: Town, tmp_path: Path) -> None:
    lite_town.db.journal = book = Journal(tmp_path / "journal")
    with serving(public_app(lite_town.deps())) as site:
        for body in ({"List-Unsubscribe": "One-Click"}, {}, {"scope": "all"}, {"scope": "all"}):
            assert web.post(site.url(lite_town.path()), data=body).status_code == 200
    hashed = lite_town.readers[0].address_hash.hex()
    said = [(line["hash"], line["scope"], line["reason"]) for line in book.lines()]
    assert said == [(hashed, "nieuws", "opt_out"), (hashed, "", "opt_out")]


def test_nobody_waits_for_the_journal_of_an_opt_out_with_the_lock_in_hand(lite_town: Town, tmp_path: Path) -> None:
    class Slow(Journal):
        def append(self, lines: Sequence[journal.Line]) -> None:
            super().append(lines)
            with lite_town.db.write(0.2) as conn:  # fails while somebody has the lock
                suppression.suppress(conn, b"somebody else", "", "undeliverable", lite_town.now)

    lite_town.db.journal = Slow(tmp_path / "journal")
    with serving(public_app(lite_town.deps())) as site:
        assert web.post(site.url(lite_town.path())).status_code == 200
    assert lite_town.state() == "opted_out"


def test_an_opt_out_that_the_journal_cannot_keep_is_not_done(lite_town: Town, tmp_path: Path) -> None:
    lite_town.db.journal = Journal(tmp_path / "journal")
    (tmp_path / "journal").symlink_to("/dev/full")
    with serving(public_app(lite_town.deps())) as site:
        assert web.post(site.url(lite_town.path())).status_code == 503
    assert lite_town.state() == "subscribed"
    with pytest.raises(StorageFull):
        lite_town.db.journal_ahead([NOTE])


def test_whoever_moves_between_plan_and_act_is_noted_as_they_are_then(lite_town: Town, tmp_path: Path) -> None:
    lite_town.db.journal = book = Journal(tmp_path / "journal")
    planned = noted_ahead(lite_town)
    with lite_town.db.write() as conn:
        moved(conn, lite_town)
        optout.carry_out(conn, planned, journaled=True)
    hashes = [line["hash"] for line in book.lines()]
    assert hashes == [lite_town.readers[0].address_hash.hex(), b"another address".hex()]


def test_the_last_word_of_the_journal_is_an_opt_out_that_somebody_lifted_in_between(
    lite_town: Town, tmp_path: Path
) -> None:
    lite_town.db.journal = book = Journal(tmp_path / "journal")
    planned = noted_ahead(lite_town)
    with lite_town.db.write() as conn:
        suppression.lift(conn, lite_town.readers[0].address_hash, "nieuws", ["opt_out"])
        consent.record(
            conn, consent.ConsentEvent(lite_town.readers[0].id, "given", "nieuws", lite_town.now), lite_town.now
        )
    with lite_town.db.write() as conn:
        optout.carry_out(conn, planned, journaled=True)
    assert ["lifted" in line for line in book.lines()] == [False, True, False]


def noted_ahead(town: Town) -> optout.OptOutPlan:
    """The opt-out of the first reader, planned, its lines in the journal."""
    wish = optout.OptOutRequest(town.tokens.read(town.path().rpartition("/")[2], Purpose.OPT_OUT, town.now))
    with town.db.read() as conn:
        planned = optout.plan(conn, [wish], town.now)
    town.db.journal_ahead(planned.lines())
    return planned


def moved(conn: Connection, town: Town) -> None:
    person = town.readers[0].id
    conn.execute(update(CONTACT).where(CONTACT.c.id == person).values(address_hash=b"another address"))
    consent.record(conn, consent.ConsentEvent(person, "address", "", town.now), town.now)


def test_a_house_without_a_journal_notes_nothing(lite_town: Town) -> None:
    database: Database = lite_town.db
    assert database.journal is None
    database.journal_ahead([NOTE])
