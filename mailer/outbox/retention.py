"""Retention: personal data is removed from deliveries that finished long ago; the rows stay as numbers, for the counts.

Promises: only rows at rest are blanked, also those in doubt (so late, a decision can only treat them as sent).
Transactions are small, in the order of the mailings. A mailing with nothing left is read once in the life of a process,
not at each call. Tokens of these letters go on working: they contain numbers (I7), and I12's *deliveries stay as
numbers* holds as after an erasure.
"""

from __future__ import annotations

from datetime import datetime
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, or_, select, update

from mailer.outbox.tables import DELIVERY, MAILING
from mailer.storage import Database

PAGE = 500  # rows in a transaction: about ten milliseconds
AT_ONCE = 400  # pages in a call; the next call goes on
MOVING = ("waiting", "sending", "retry")
BLANK = {"address": "", "address_hash": b"", "domain": "", "reply": ""}
_DONE: WeakKeyDictionary[Database, set[int]] = WeakKeyDictionary()


def forget_addresses(db: Database, before: datetime) -> int:
    """Blank the personal data of deliveries that came to rest before a time; return the number of rows."""
    done = _DONE.setdefault(db, set())
    with db.read() as conn:
        old = select(MAILING.c.id).where(MAILING.c.created_at < before).order_by(MAILING.c.id)
        todo = [number for number in conn.execute(old).scalars() if number not in done]
    blanked = pages = 0
    for mailing in todo:
        after: int | None = -1
        whole = True
        while after is not None:
            if pages == AT_ONCE:
                return blanked
            pages += 1
            after, rows, left = _page(db, mailing, after, before)
            blanked, whole = blanked + rows, whole and not left
        if whole:
            done.add(mailing)
    return blanked


def _page(db: Database, mailing: int, after: int, before: datetime) -> tuple[int | None, int, bool]:
    """Return the start of the next page (None: no more), the rows blanked, and whether personal data is left."""
    with db.read() as conn:
        found = _named(conn, mailing, after)
    ready = [number for number, _, state, at in found if state not in MOVING and (at is None or at < before)]
    if ready:
        row = DELIVERY.c
        rested = (row.state.not_in(MOVING), or_(row.at.is_(None), row.at < before))
        with db.write() as conn:
            conn.execute(update(DELIVERY).where(row.id.in_(ready), *rested).values(BLANK))
    return (found[-1][1] if len(found) == PAGE else None), len(ready), len(ready) < len(found)


def _named(conn: Connection, mailing: int, after: int) -> list[tuple[int, int, str, datetime | None]]:
    row = DELIVERY.c
    mine = (row.mailing_id == mailing, row.recipient > after, row.address != "")
    query = select(row.id, row.recipient, row.state, row.at).where(*mine).order_by(row.recipient).limit(PAGE)
    return [(item[0], item[1], item[2], item[3]) for item in conn.execute(query)]
