"""The people of a mailing in one state, page by page: for lists and downloads.

Promises: a page costs the same, however large the mailing is: rows that are set apart (refused, left out, …) have an
index of their own, by reason; *accepted* follows that of (mailing, recipient); the others are few or have their index.
A person that changes state between two pages may be on both or on neither. Raises ``InputError`` for a state that does
not exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

from sqlalchemy import Connection, literal_column, select, text, tuple_

from mailer.errors import InputError
from mailer.messages import Message
from mailer.outbox.states import DeliveryState
from mailer.outbox.tables import DELIVERY, SET_APART
from mailer.outbox.values import Delivery

STATES: tuple[str, ...] = get_args(DeliveryState)
_APART = frozenset(("retry", "refused", "skipped", "in_doubt", "bounced", "complained"))
_QUEUED = frozenset(("waiting", "sending"))
_END = "~"


@dataclass(frozen=True, slots=True)
class Listed:
    """A page. ``next_after``: where the next one begins, "" at the end."""

    people: list[Delivery]
    next_after: str


def listed(
    conn: Connection, mailing_id: int, state: str, *, reason: str = "", after: str = "", most: int = 50
) -> Listed:
    """Return a page of the people in a state (with a reason), after the place ``after`` of an earlier page."""
    if state not in STATES:
        raise InputError(Message("there is no outcome {name}", name=repr(state)))
    row = DELIVERY.c
    query = select(
        row.id, row.recipient, row.address, row.domain, row.state, row.reason, row.attempt, row.at, row.retry_at,
        row.code, row.reply,
    ).where(row.mailing_id == mailing_id, row.state == literal_column(f"'{state}'"))  # fmt: skip
    if reason:
        query = query.where(row.reason == reason)
    query = _ordered(query, state, _place(after), is_one=bool(reason))
    found = [Delivery(*item) for item in conn.execute(query.limit(most + 1))]
    last = found[most - 1] if len(found) > most else None
    return Listed(found[:most], _name(last) if last else "")


def _ordered(query: Any, state: str, place: tuple[int, str], *, is_one: bool) -> Any:
    """Return the query in the order of an index, from a place on; ``is_one``: it asks for one reason."""
    row, (number, reason) = DELIVERY.c, place
    if state in _APART:
        query = query.where(text(SET_APART))  # literally as the index says it
        if not is_one:
            query = query.order_by(row.reason, row.recipient)
            return query.where(tuple_(row.reason, row.recipient) > (reason, number)) if number else query
    order = row.id if state in _QUEUED else row.recipient
    return query.where(order > number).order_by(order)


def _name(row: Delivery) -> str:
    if row.state in _APART:
        return f"{row.recipient}{_END}{row.reason}"
    return str(row.delivery if row.state in _QUEUED else row.recipient)


def _place(after: str) -> tuple[int, str]:
    number, _, reason = after.partition(_END)
    return (int(number), reason) if number.isascii() and number.isdecimal() and len(number) < 18 else (0, "")
