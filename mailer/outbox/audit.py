"""The audit of a mailing's counters against its rows, without delaying the senders.

Promises: one reading statement counts the rows and reads the counters, so both are of one moment. A deviation is then
added as a difference, in a transaction of one statement, since every other writer posts differences too. So a mailing
of a million rows costs its senders nothing, and a recount beside them is exact.
"""

from __future__ import annotations

from sqlalchemy import Connection, case, func, select, true, update

from mailer.outbox.tables import COUNTERS, DELIVERY, MAILING

STATES = tuple(name for name in COUNTERS if name != "recipients")


def differences(conn: Connection, mailing_id: int) -> dict[str, int]:
    """Return counter → number that must be added to it; empty when all agree. Reads only."""
    counted = [func.sum(case((DELIVERY.c.state == name, 1), else_=0)).label(f"n_{name}") for name in STATES]
    rows = select(func.count().label("n_recipients"), *counted).where(DELIVERY.c.mailing_id == mailing_id).subquery()
    both = MAILING.join(rows, true())
    stood = (MAILING.c[name] for name in COUNTERS)
    found = (
        conn.execute(select(*stood, *rows.c).select_from(both).where(MAILING.c.id == mailing_id))
        .mappings()
        .one_or_none()
    )
    if found is None:
        return {}
    wrong = {name: int(found[f"n_{name}"] or 0) - found[name] for name in COUNTERS}
    return {name: change for name, change in wrong.items() if change}


def put_right(conn: Connection, mailing_id: int, changes: dict[str, int]) -> None:
    """Add the numbers from :func:`differences`, however far the counters have moved since."""
    if changes:
        moved = {name: MAILING.c[name] + change for name, change in changes.items()}
        conn.execute(update(MAILING).where(MAILING.c.id == mailing_id).values(moved))
