"""The candidates for the next claim where recipient domains are paced: read first, then claimed by number.

Reads only the partial indexes, takes no lock and promises nothing: the claim checks each row again.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, select

from mailer.outbox.tables import DELIVERY


@dataclass(frozen=True, slots=True)
class Candidate:
    """A row that may be claimed if its domain has room."""

    delivery: int
    domain: str
    state: Literal["waiting", "retry"]


def due(conn: Connection, mailing: int, blocked: Collection[str], limit: int, now: datetime) -> list[Candidate]:
    """Return due rows in retry, the longest due first, except those of blocked domains."""
    row = DELIVERY.c
    query = select(row.id, row.domain).where(row.mailing_id == mailing, row.state == "retry", row.retry_at <= now)
    query = query.where(row.domain.not_in(blocked)) if blocked else query
    found = conn.execute(query.order_by(row.retry_at).limit(limit))
    return [Candidate(delivery, domain, "retry") for delivery, domain in found]


def fresh(conn: Connection, mailing: int, blocked: Collection[str], limit: int, after: int = 0) -> list[Candidate]:
    """Return waiting rows in the order of the queue, behind row ``after``, except those of blocked domains."""
    row = DELIVERY.c
    query = select(row.id, row.domain).where(row.mailing_id == mailing, row.state == "waiting", row.id > after)
    query = query.where(row.domain.not_in(blocked)) if blocked else query
    found = conn.execute(query.order_by(row.id).limit(limit))
    return [Candidate(delivery, domain, "waiting") for delivery, domain in found]


def of_domain(conn: Connection, mailing: int, domain: str, limit: int, before: int) -> list[Candidate]:
    """Return one domain's waiting rows before row ``before``: those that were skipped while it was blocked."""
    row = DELIVERY.c
    query = select(row.id, row.domain).where(row.mailing_id == mailing, row.state == "waiting", row.id < before)
    found = conn.execute(query.where(row.domain == domain).order_by(row.id).limit(limit))
    return [Candidate(delivery, domain, "waiting") for delivery, domain in found]
