"""``doctor`` counts beside a running sender: exact, and without holding its lock."""

from __future__ import annotations

from sqlalchemy import update

from mailer import outbox
from mailer.outbox.tables import MAILING
from mailer.storage import Database
from tests.support.sending_db import counts, fill


def test_differences_name_each_counter_that_is_wrong_and_none_that_is_right(db: Database) -> None:
    right, wrong = fill(db, 2), fill(db, 3, key="campaign:2")
    with db.write() as conn:
        conn.execute(update(MAILING).where(MAILING.c.id == wrong).values(waiting=7, accepted=1))
    with db.read() as conn:
        assert outbox.differences(conn, right) == {}
        assert outbox.differences(conn, wrong) == {"waiting": -4, "accepted": -1}
        assert outbox.differences(conn, 999) == {}


def test_counters_that_moved_since_they_were_counted_are_right_afterwards(db: Database) -> None:
    mailing = fill(db, 3)
    with db.write() as conn:
        conn.execute(update(MAILING).values(waiting=7))
    with db.read() as conn:
        changes = outbox.differences(conn, mailing)
    with db.write() as conn:
        outbox.cancel(conn, mailing, outbox.get(conn, mailing).created_at)  # three rows move, and their counters
        outbox.put_right(conn, mailing, changes)
    assert counts(db, mailing) == {"recipients": 3, "skipped": 3}


def test_an_empty_mailing_agrees(db: Database) -> None:
    mailing = fill(db, 0)
    with db.read() as conn:
        assert outbox.differences(conn, mailing) == {}
