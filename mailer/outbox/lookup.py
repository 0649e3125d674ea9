"""The rows of one contact: a single letter, or all letters. It changes nothing and raises no errors of its own."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, or_, select

from mailer.outbox.tables import DELIVERY, MAILING
from mailer.outbox.values import Delivery, Posted


def first_claim(conn: Connection, mailing_id: int, recipient: int) -> datetime | None:
    """Return the time of a delivery's first claim, which is the Date of its letter (I5); None before that."""
    mine = (DELIVERY.c.mailing_id == mailing_id) & (DELIVERY.c.recipient == recipient)
    moment: datetime | None = conn.execute(select(DELIVERY.c.first_claimed_at).where(mine)).scalar()
    return moment


def delivery_to(conn: Connection, mailing_id: int, recipient: int) -> Delivery | None:
    """Return the row of a recipient in a mailing; None when the recipient is not in its audience."""
    row = DELIVERY.c
    query = select(
        row.id, row.recipient, row.address, row.domain, row.state, row.reason, row.attempt, row.at, row.retry_at,
        row.code, row.reply,
    ).where(row.mailing_id == mailing_id, row.recipient == recipient)  # fmt: skip
    found = conn.execute(query).first()
    return Delivery(*found) if found else None


def service_address(conn: Connection, mailing_id: int, recipient: int) -> str | None:
    """Return the address of a service letter to a recipient ("" once it was blanked); None for any other mailing."""
    mine = (MAILING.c.id == mailing_id) & (MAILING.c.kind == "service") & (DELIVERY.c.recipient == recipient)
    query = select(DELIVERY.c.address).join_from(MAILING, DELIVERY, DELIVERY.c.mailing_id == MAILING.c.id).where(mine)
    row = conn.execute(query).first()
    return (row[0] or "") if row else None


def may_be_for(recipient: int) -> ColumnElement[bool]:
    """Return the condition of a mailing that may contain a recipient: it is for many, or for that recipient alone."""
    return or_(MAILING.c.recipient.is_(None), MAILING.c.recipient == recipient)


def posted_to(conn: Connection, recipient: int) -> list[Posted]:
    """Return all letters for a recipient, oldest first, with their outcome (GDPR article 15).

    It searches the index of (mailing, recipient) for each campaign, and for each letter to that recipient alone. So ten
    million deliveries need no index of their own for a rare query.
    """
    row, letter = DELIVERY.c, MAILING.c
    said = (letter.key, letter.kind, letter.scope, row.address, row.state, row.reason, row.at, row.code, row.reply)
    columns = (*said, letter.snapshot, letter.id)
    mine = (DELIVERY.c.mailing_id == letter.id) & (row.recipient == recipient)
    query = select(*columns).join_from(MAILING, DELIVERY, mine).where(may_be_for(recipient)).order_by(letter.id)
    return [Posted(*tuple(item)) for item in conn.execute(query)]
