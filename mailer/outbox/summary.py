"""The numbers of pages that are looked at while a campaign runs, each found by a partial index.

Promises: no function reads all deliveries of a mailing. The rows that were refused, left out or are in doubt are few
beside those that were accepted, and each kind has an index of its own. Reads only.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, literal_column, select, text

from mailer.outbox.tables import DELIVERY, MAILING, SET_APART


@dataclass(frozen=True, slots=True)
class RefusedDelivery:
    """A refusal in the words of the receiver's server, with the address that it is about."""

    delivery: int
    address: str
    reason: str
    at: datetime | None
    code: int
    reply: str


def in_state(state: str) -> ColumnElement[bool]:
    """Return the condition of a state as a constant: only then SQLite takes the partial index of that state."""
    return DELIVERY.c.state == literal_column(f"'{state}'")


def reasons(conn: Connection, mailing_id: int) -> list[tuple[str, str, int]]:
    """Return (state, reason, number) of the deliveries that were refused or left out, the largest first."""
    found: list[tuple[str, str, int]] = []
    row, number = DELIVERY.c, func.count()
    for state in ("refused", "skipped"):
        mine = (row.mailing_id == mailing_id) & text(SET_APART) & in_state(state)
        query = select(row.reason, number).where(mine).group_by(row.reason)
        found += [(state, reason, count) for reason, count in conn.execute(query)]
    return sorted(found, key=lambda item: -item[2])


def first_refusals(conn: Connection, mailing_id: int, most: int) -> list[RefusedDelivery]:
    """Return some refusals of each reason, by recipient, with the server's own words."""
    row, found = DELIVERY.c, []
    columns = (row.id, row.address, row.reason, row.at, row.code, row.reply)
    for state, reason, _number in reasons(conn, mailing_id):
        if state == "refused":
            mine = (row.mailing_id == mailing_id) & text(SET_APART) & in_state(state) & (row.reason == reason)
            query = select(*columns).where(mine).order_by(row.recipient).limit(most)
            found += [RefusedDelivery(*item) for item in conn.execute(query)]
    return found


def in_doubt(conn: Connection) -> dict[int, int]:
    """Return how many deliveries of each mailing are in doubt, by mailing; service mail is left out."""
    row, number = DELIVERY.c, func.count()
    query = select(row.mailing_id, number).where(in_state("in_doubt")).group_by(row.mailing_id)
    counted: dict[int, int] = dict(map(tuple, conn.execute(query)))
    campaigns = _campaigns(conn, counted) if counted else set()
    return {mailing: count for mailing, count in counted.items() if mailing in campaigns}


def _campaigns(conn: Connection, mailings: Collection[int]) -> set[int]:
    columns: Any = MAILING.c
    query = select(columns.id).where(columns.id.in_(mailings), columns.kind == "campaign")
    return set(conn.execute(query).scalars())
