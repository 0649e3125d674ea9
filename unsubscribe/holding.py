"""No more mail to somebody, at their request to the staff (GDPR 18 and 21): reason *manual*.

Promises: nothing is deleted; every topic counts as left, on record as such, so that signing up for one later brings
back that one only. Only that, the person's own double opt-in (:mod:`unsubscribe.signup`), lifts it. An address that
nobody has is kept out as well. Raises ``AddressError``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from mailer import suppression
from mailer.address import parse
from mailer.signing import address_hash
from unsubscribe import consent, contacts


@dataclass(frozen=True, slots=True)
class Held:
    """Whether somebody has this address, whether it was held back by hand before, and the topics that were left."""

    known: bool
    again: bool
    topics: tuple[str, ...] = ()


def hold(conn: Connection, email: str, pepper: bytes, now: datetime) -> Held:
    """Send nothing more to that address. Again: nothing more."""
    hashed = address_hash(pepper, parse(email).key)
    again = any(entry.reason == "manual" for entry in suppression.entries(conn, hashed))
    suppression.suppress(conn, hashed, suppression.EVERYTHING, "manual", now)
    contact = contacts.find(conn, email)
    if contact is None:
        return Held(known=False, again=again)
    left = []
    for item in contacts.subscriptions_of(conn, contact.id):
        if item.state != "opted_out":
            contacts.set_state(conn, contact.id, item.topic.id, "opted_out", now)
            left.append(item.topic.slug)
    detail = {"address": contact.email, "how": "staff"}
    events = [consent.Event(contact.id, "withdrawn", slug, now, 0, detail) for slug in left]
    consent.record_many(conn, events, now)
    return Held(known=True, again=again, topics=tuple(left))
