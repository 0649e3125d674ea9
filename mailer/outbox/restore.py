"""After a backup was put back (E24): what left since the backup is not in it, so nothing may simply go on.

Promises: after :func:`restored` no letter leaves until a person says so; every delivery that was still to be done
stands in doubt, listed like any other doubt, since it may have been done after the backup. The relay's log tells who
got it: attempts have the same Message-ID before and after. Opt-outs that came after the backup are not in it either;
they are in the endpoint's own log. Run it once, before any sender is started.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, select, update

from mailer.outbox.counters import Tally
from mailer.outbox.mailings import CHUNK, hold_all
from mailer.outbox.senders import register, sweep
from mailer.outbox.states import sources
from mailer.outbox.tables import DELIVERY, MAILING
from mailer.storage import Database

RESTORED = "restored"


def restored(db: Database, data_dir: Path, now: datetime) -> int:
    """Hold every open mailing, and put in doubt what had not been settled; how many deliveries."""
    doubtful = sweep(db, now)
    with db.write() as conn:
        hold_all(conn, RESTORED, now)
        unfinished = conn.execute(select(MAILING.c.id).where(MAILING.c.state != "closed")).scalars().all()
    sender = register(db, data_dir, RESTORED, now)
    try:
        for mailing in unfinished:
            while True:
                with sender.write() as conn:
                    moved = _chunk(conn, mailing, sender.id, now)
                doubtful += moved
                if not moved:
                    break
    finally:
        sender.close(now)
    return doubtful


def _chunk(conn: Connection, mailing: int, sender_id: int, now: datetime) -> int:
    """As if a sender had claimed some rows and was gone, which may be what happened."""
    row, tally, total = DELIVERY.c, Tally(), 0
    for state in sources("claim", "sending"):
        chosen = select(row.id).where(row.mailing_id == mailing, row.state == state).limit(CHUNK).scalar_subquery()
        taken = update(DELIVERY).where(row.id.in_(chosen), row.state == state)
        number = conn.execute(
            taken.values(state="sending", sender_id=sender_id, attempt=row.attempt + 1, retry_at=None, at=now)
        ).rowcount
        tally.moved(mailing, state, "in_doubt", number)
        total += number
    gone = update(DELIVERY).where(row.sender_id == sender_id, row.state.in_(sources("lose", "in_doubt")))
    conn.execute(gone.values(state="in_doubt", reason=RESTORED))
    tally.post(conn)
    return total
