"""One person's rows: a single letter, or all letters to her. Changes nothing, raises nothing of its own."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, or_, select

from mailer.outbox.tables import DELIVERY, MAILING
from mailer.outbox.values import Posted


def first_claim(conn: Connection, mailing_id: int, recipient: int) -> datetime | None:
    """When a sender first took this delivery: the Date of its letter (I5); None if nobody did yet."""
    mine = (DELIVERY.c.mailing_id == mailing_id) & (DELIVERY.c.recipient == recipient)
    moment: datetime | None = conn.execute(select(DELIVERY.c.first_claimed_at).where(mine)).scalar()
    return moment


def service_address(conn: Connection, mailing_id: int, recipient: int) -> str | None:
    """Where a service letter to a recipient went ("" once that was forgotten); None for any other mailing."""
    mine = (MAILING.c.id == mailing_id) & (MAILING.c.kind == "service") & (DELIVERY.c.recipient == recipient)
    query = select(DELIVERY.c.address).join_from(MAILING, DELIVERY, DELIVERY.c.mailing_id == MAILING.c.id).where(mine)
    row = conn.execute(query).first()
    return (row[0] or "") if row else None


def may_be_for(recipient: int) -> ColumnElement[bool]:
    """Return the mailings in which somebody may be: those for many, and those for her alone."""
    return or_(MAILING.c.recipient.is_(None), MAILING.c.recipient == recipient)


def posted_to(conn: Connection, recipient: int) -> list[Posted]:
    """All that was meant for a recipient, oldest first, with what became of it (GDPR article 15).

    A look-up in the index of (mailing, recipient) for each campaign, and for each letter that was for her alone, so
    that ten million deliveries need no index of their own for a question that is seldom asked.
    """
    row, letter = DELIVERY.c, MAILING.c
    said = (letter.key, letter.kind, letter.scope, row.address, row.state, row.reason, row.at, row.code, row.reply)
    columns = (*said, letter.snapshot)
    mine = (DELIVERY.c.mailing_id == letter.id) & (row.recipient == recipient)
    query = select(*columns).join_from(MAILING, DELIVERY, mine).where(may_be_for(recipient)).order_by(letter.id)
    return [Posted(*tuple(item)) for item in conn.execute(query)]
