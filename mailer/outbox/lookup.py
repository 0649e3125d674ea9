"""One person's row in one mailing, for who looks at a single letter. Changes nothing, raises nothing of its own."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from mailer.outbox.tables import DELIVERY


def first_claim(conn: Connection, mailing_id: int, recipient: int) -> datetime | None:
    """When a sender first took this delivery: the Date of its letter (I5); None if nobody did yet."""
    mine = (DELIVERY.c.mailing_id == mailing_id) & (DELIVERY.c.recipient == recipient)
    moment: datetime | None = conn.execute(select(DELIVERY.c.first_claimed_at).where(mine)).scalar()
    return moment
