"""The answers of a domain, and the correction of refusals: for the rules on striking addresses off.

Promises: :func:`last_answers` reads some thousand rows around a delivery, however large the mailing is.
:func:`put_back` moves only refused rows, and the same delivery is sent again (I5). It raises no errors of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, literal_column, select, update

from mailer.outbox.counters import CounterDelta
from mailer.outbox.lookup import may_be_for
from mailer.outbox.states import sources
from mailer.outbox.tables import DELIVERY, MAILING

BEFORE, AFTER = 4_000, 1_000
"""Rows that are read before and after a delivery: answers come nearly in the order of the queue."""
_ANSWERED = ("accepted", "refused", "retry")
_TAKEN = ("accepted", "complained")


class Refusal(NamedTuple):
    """An answer to a delivery: whether it was refused for good, with the key of a class."""

    delivery: int
    recipient: int
    address_hash: bytes
    refused: bool
    reason: str


def last_answers(conn: Connection, mailing: int, domain: str, delivery: int, number: int) -> list[Refusal]:
    """Return the last answers for a domain in a mailing, around one delivery; at most ``number``."""
    row = DELIVERY.c
    plus = "+delivery.mailing_id" if conn.dialect.name == "sqlite" else "delivery.mailing_id"
    near = (row.id.between(delivery - BEFORE, delivery + AFTER), literal_column(plus) == mailing)
    query = _query().where(*near, row.domain == domain, row.state.in_(_ANSWERED))
    return _refusals(conn, query.order_by(row.id.desc()).limit(number))


def refusals(conn: Connection, mailing: int, deliveries: Collection[int]) -> list[Refusal]:
    """Return those of the given deliveries that are refused."""
    row = DELIVERY.c
    if not deliveries:
        return []
    return _refusals(conn, _query().where(row.id.in_(deliveries), row.mailing_id == mailing, row.state == "refused"))


def relabel(conn: Connection, deliveries: Sequence[int], reason: str) -> None:
    """Change the reason of refusals: the provider, not the mailbox, seems to be at fault."""
    if deliveries:
        mine = (DELIVERY.c.id.in_(deliveries), DELIVERY.c.state == "refused")
        conn.execute(update(DELIVERY).where(*mine).values(reason=reason))


def put_back(
    conn: Connection, rows: Collection[tuple[int, int]], now: datetime, delta: CounterDelta | None = None
) -> int:
    """Move refused (delivery, mailing) to waiting; return how many. With a ``delta`` the caller posts the counters."""
    own, moved = delta or CounterDelta(), 0
    for delivery, mailing in rows:
        mine = (
            DELIVERY.c.id == delivery,
            DELIVERY.c.state.in_(sources("put_back", "waiting")),
            DELIVERY.c.address != "",
        )
        values = {"state": "waiting", "reason": "", "tries": 0, "retry_at": None, "at": now}
        number = conn.execute(update(DELIVERY).where(*mine).values(values)).rowcount
        own.moved(mailing, "refused", "waiting", number)
        moved += number
    if delta is None:
        own.post(conn)
    return moved


def refused_for(conn: Connection, mailing: int, reason: str) -> list[tuple[int, int]]:
    """Return the (delivery, mailing) refused for a reason, in the order of the audience, without erased contacts."""
    row = DELIVERY.c
    mine = (row.mailing_id == mailing, row.state == "refused", row.reason == reason, row.address != "")
    return [(number, mailing) for number in conn.execute(select(row.id).where(*mine).order_by(row.id)).scalars()]


def accepted_since(conn: Connection, recipient: int, address_hash: bytes, since: datetime) -> bool:
    """Return whether a letter to this contact at this address was accepted after a time; one look-up a mailing."""
    row, letter = DELIVERY.c, MAILING.c
    mine = (row.mailing_id == letter.id) & (row.recipient == recipient)
    query = select(row.id).join_from(MAILING, DELIVERY, mine).where(may_be_for(recipient), row.state.in_(_TAKEN))
    query = query.where(row.address_hash == address_hash, row.at > since)
    return conn.execute(query.limit(1)).first() is not None


def _query() -> Any:
    row = DELIVERY.c
    return select(row.id, row.recipient, row.address_hash, row.state, row.reason)


def _refusals(conn: Connection, query: Any) -> list[Refusal]:
    return [
        Refusal(item.id, item.recipient, bytes(item.address_hash), item.state == "refused", item.reason)
        for item in conn.execute(query)
    ]
