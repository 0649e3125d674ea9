"""Another mail address: asked for on the details page, confirmed from the new mailbox, announced to the old one.

Promises: nothing changes until the new address was confirmed *and* the old one agreed or stayed silent for some days
(seven by default); the old mailbox can keep its address all that time and put it back for days after. Consent moves
along with its proof (the chain is the person's, not the address's), as do opt-outs, pauses and limits; what holds the
new address back stays as well. An address that somebody else has is taken over by nobody, and whoever asks learns
nothing of it.

Raises ``FaultsError`` for what is no address, ``TokenError`` for a link that is about nothing, ``StateError`` when the
same person's address is to change too often in a day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection

from mailer import suppression
from mailer.address import mask, parse
from mailer.errors import AddressError, Fault, FaultsError, StateError, TokenError
from mailer.outbox import Recipient
from mailer.signing import Token, address_hash
from unsubscribe import changes, consent, contacts, notices
from unsubscribe.changes import Change
from unsubscribe.contacts import Contact
from unsubscribe.notices import Post

Stand = Literal["waiting", "moved", "kept", "gone"]
MOST_A_DAY = 3
WAIT = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Move:
    """How a change of address stands. ``confirmed``: from the new mailbox; ``agreed``: from the old one."""

    stand: Stand
    old: str = ""
    new: str = ""
    language: str = ""
    confirmed: bool = False
    agreed: bool = False


def ask(conn: Connection, token: Token, email: str, post: Post, pepper: bytes, now: datetime) -> Move:
    """Ask both mailboxes. The addresses in the answer are masked; nothing has changed yet."""
    try:
        address = parse(email)
    except AddressError as error:
        raise FaultsError([Fault("", 0, "email", str(error), "a mail address")]) from error
    contact = contacts.get_many(conn, [token.recipient], lock=True).get(token.recipient)
    if contact is None or address.key == contact.key:
        return Move("gone" if contact is None else "moved", new=mask(email))
    recent = [act for act in changes.of_contact(conn, contact.id) if act.at > now - timedelta(days=1)]
    if sum(act.kind == "address" for act in recent) >= MOST_A_DAY:
        raise StateError("this address was to be changed many times today; try again tomorrow")
    for earlier in (act for act in changes.of_contact(conn, contact.id) if _waits(act)):
        changes.undone(conn, earlier.id, now)
    steps = {"email": str(address), "masked": mask(str(address)), "confirmed": None, "agreed": None, "moved": None}
    change = changes.keep(conn, contact.id, "address", ({"email": contact.email}, steps), now)
    if contacts.find(conn, email) is None:
        there = Recipient(contact.id, str(address), address_hash(pepper, address.key), address.domain)
        post.send(conn, "address_change_new", change, there, contact.language, now)
        post.send(conn, "address_change_old", change, notices.recipient_of(contact), contact.language, now)
    return _move(contact, change)


def look(conn: Connection, token: Token) -> Move:
    """How it stands. Changes nothing."""
    contact, change = contacts.get(conn, token.recipient), changes.get(conn, token.subject)
    if contact is None:
        return Move("gone")
    if change is None or change.contact_id != contact.id or change.kind != "address":
        raise TokenError("there is no change of address")
    return _move(contact, change)


def confirm(conn: Connection, token: Token, pepper: bytes, now: datetime, wait: timedelta = WAIT) -> Move:
    """From the new mailbox: it exists, and its owner wants this."""
    return _step(conn, token, "confirmed", pepper, (now, wait))


def agree(conn: Connection, token: Token, pepper: bytes, now: datetime, wait: timedelta = WAIT) -> Move:
    """From the old mailbox: go ahead."""
    return _step(conn, token, "agreed", pepper, (now, wait))


def keep(conn: Connection, token: Token, pepper: bytes, now: datetime) -> Move:
    """From the old mailbox: this was not me. Puts the old address back if it has changed already."""
    contacts.lock(conn, [token.recipient])
    before = look(conn, token)
    contact, change = contacts.get(conn, token.recipient), changes.get(conn, token.subject)
    if contact is None or change is None or before.stand == "kept" or not changes.undone(conn, change.id, now):
        return before
    old = change.before["email"]
    if change.after["moved"] and contact.email == change.after["email"] and contacts.find(conn, old) is None:
        _put(conn, contact, old, pepper, now)
    return look(conn, token)


def settle(conn: Connection, pepper: bytes, now: datetime, wait: timedelta = WAIT) -> int:
    """Carry out what was confirmed and met silence from the old mailbox; how many. For the daily tidying."""
    done = 0
    for change in changes.open_ones(conn, "address", now - wait):
        if _waits(change):
            contacts.lock(conn, [change.contact_id])
            done += _carry_out(conn, change, pepper, now, wait).after["moved"] is not None
    return done


def _step(conn: Connection, token: Token, step: str, pepper: bytes, when: tuple[datetime, timedelta]) -> Move:
    now, wait = when
    contacts.lock(conn, [token.recipient])
    before = look(conn, token)
    change = changes.get(conn, token.subject)
    if before.stand != "waiting" or change is None:
        return before
    if not change.after[step]:
        change = changes.revise(conn, change, {**change.after, step: now.isoformat()})
    _carry_out(conn, change, pepper, now, wait)
    return look(conn, token)


def _carry_out(conn: Connection, change: Change, pepper: bytes, now: datetime, wait: timedelta) -> Change:
    """Move if all is there: confirmed, and agreed or silent for long enough; and nobody has the address by now."""
    silent = now >= change.at + wait
    contact = contacts.get(conn, change.contact_id)
    if contact is None or not change.after["confirmed"] or not (change.after["agreed"] or silent):
        return change
    if contacts.find(conn, change.after["email"]) is not None:
        return change
    _put(conn, contact, change.after["email"], pepper, now)
    return changes.revise(conn, change, {**change.after, "moved": now.isoformat()})


def _put(conn: Connection, contact: Contact, email: str, pepper: bytes, now: datetime) -> None:
    """Another address, with all that held the former one back, and on record."""
    moved = contacts.change_address(conn, contact, email, pepper, now)
    for entry in suppression.entries(conn, contact.address_hash):
        if entry.reason == "less_often" and entry.every_days:
            suppression.limit(conn, moved.address_hash, entry.every_days, now)
        elif entry.reason in ("opt_out", "pause", "complaint", "manual"):
            suppression.suppress(conn, moved.address_hash, entry.scope, entry.reason, entry.since, entry.until)  # type: ignore[arg-type]
    told = {"from": contact.email, "to": moved.email}
    consent.record(conn, consent.Event(contact.id, "address", "", now, 0, told), now)


def _waits(change: Change) -> bool:
    return change.kind == "address" and not change.undone_at and not change.after["moved"]


def _move(contact: Contact, change: Change) -> Move:
    stand: Stand = "kept" if change.undone_at else "moved" if change.after["moved"] else "waiting"
    old = mask(change.before["email"])
    steps = (bool(change.after["confirmed"]), bool(change.after["agreed"]))
    return Move(stand, old, change.after["masked"], contact.language, *steps)
