"""The candidates for the next claim where recipient domains are paced: read first, then claimed by number.

Reads only the partial indexes, takes no lock and promises nothing: the claim checks each row again.
``tests/golden/sql/candidates.*.sql`` holds the queries.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, Select, select

from mailer.outbox.tables import DELIVERY

_ROW = DELIVERY.c


@dataclass(frozen=True, slots=True)
class Candidate:
    """A row that may be claimed if its domain has room."""

    delivery: int
    domain: str
    state: Literal["waiting", "retry"]


def due(conn: Connection, mailing: int, blocked: Collection[str], limit: int, now: datetime) -> list[Candidate]:
    """Return due rows in retry, the longest due first, except those of blocked domains."""
    found = conn.execute(due_query(mailing, blocked, limit, now))
    return [Candidate(delivery, domain, "retry") for delivery, domain in found]


def fresh(conn: Connection, mailing: int, blocked: Collection[str], limit: int, after: int = 0) -> list[Candidate]:
    """Return waiting rows in the order of the queue, behind row ``after``, except those of blocked domains."""
    found = conn.execute(fresh_query(mailing, blocked, limit, after))
    return [Candidate(delivery, domain, "waiting") for delivery, domain in found]


def of_domain(conn: Connection, mailing: int, domain: str, limit: int, before: int) -> list[Candidate]:
    """Return one domain's waiting rows before row ``before``: those that were skipped while it was blocked."""
    found = conn.execute(domain_query(mailing, domain, limit, before))
    return [Candidate(delivery, domain, "waiting") for delivery, domain in found]


def due_query(mailing: int, blocked: Collection[str], limit: int, now: datetime) -> Select[int, str]:
    """Return the query of :func:`due`."""
    query = _queue(mailing, "retry", limit).where(_ROW.retry_at <= now).order_by(_ROW.retry_at)
    return query.where(_ROW.domain.not_in(blocked)) if blocked else query


def fresh_query(mailing: int, blocked: Collection[str], limit: int, after: int) -> Select[int, str]:
    """Return the query of :func:`fresh`."""
    query = _queue(mailing, "waiting", limit).where(_ROW.id > after).order_by(_ROW.id)
    return query.where(_ROW.domain.not_in(blocked)) if blocked else query


def domain_query(mailing: int, domain: str, limit: int, before: int) -> Select[int, str]:
    """Return the query of :func:`of_domain`."""
    return _queue(mailing, "waiting", limit).where(_ROW.id < before, _ROW.domain == domain).order_by(_ROW.id)


def _queue(mailing: int, state: str, limit: int) -> Select[int, str]:
    return select(_ROW.id, _ROW.domain).where(_ROW.mailing_id == mailing, _ROW.state == state).limit(limit)
