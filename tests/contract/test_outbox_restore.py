"""E24: a backup taken while a campaign ran is put back."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from mailer import outbox
from mailer.storage import Database, open_database
from mailer.transport.memory import MemoryTransport
from tests.support.house_db import counts, db, lite
from tests.support.sending import Sending, deps, send, sendable, until, utc_now

__all__ = ["db", "lite"]


async def test_a_backup_of_a_running_campaign_sends_nothing_twice_unasked(lite: Database, tmp_path: Path) -> None:
    mailing, transport = sendable(lite, 300, rate=60_000), MemoryTransport()
    sending = Sending(deps(lite, tmp_path, transport, rate=6000), only=mailing)
    await until(lambda: len(transport.letters) > 120)
    copy = tmp_path / "copy" / "postiljon.db"
    copy.parent.mkdir()
    with sqlite3.connect(lite.sqlite_path or "") as original, sqlite3.connect(copy) as backup:
        original.backup(backup)
    original.close()
    backup.close()
    assert (await sending.ended()).kind == "done"

    other = open_database(f"sqlite:///{copy}")
    outbox.restored(other, copy.parent, utc_now())
    again = MemoryTransport()
    assert (await send(deps(other, copy.parent, again), only=mailing)).kind == "held"
    assert again.letters == []
    found = counts(other, mailing)
    assert found["accepted"] + found["in_doubt"] == 300

    got = {parcel.recipient for parcel in transport.letters}  # what the relay's log says
    with other.write() as conn:
        doubted = {doubt.address for doubt in outbox.doubts(conn, mailing)}
        outbox.decide(conn, mailing, "treat_as_sent", sorted(doubted & got), utc_now())
        outbox.decide(conn, mailing, "send_again", None, utc_now())
        outbox.release(conn, mailing, utc_now())
    await send(deps(other, copy.parent, again), only=mailing)
    assert {parcel.recipient for parcel in again.letters} == doubted - got
    assert counts(other, mailing) == {"recipients": 300, "accepted": 300}
    other.close()


def test_what_waited_and_what_was_in_retry_is_in_doubt_also_under_send_again(db: Database, tmp_path: Path) -> None:
    one, two = sendable(db, 5), sendable(db, 5, key="campaign:2", in_doubt="send_again")
    assert outbox.restored(db, tmp_path, utc_now()) == 10
    assert outbox.restored(db, tmp_path, utc_now()) == 0
    assert counts(db, one) == counts(db, two) == {"recipients": 5, "in_doubt": 5}
    with db.read() as conn:
        assert {outbox.get(conn, number).reason for number in (one, two)} == {"restored"}
        assert outbox.running(conn) == []
