"""A change of address as stored: its two addresses, its steps, and the mailboxes that may put their address back.

Promises: this module alone knows the shape of an act of the kind *address*. A carried-out change can be put back for
:data:`PUT_BACK` from the moment at which it was carried out. :func:`former_mailboxes` names every mailbox of the chain
that can still do so, the original one first. Each announcement to the contact goes to these mailboxes too. Reads only,
except :func:`forget`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection

from mailer import outbox
from mailer.address import is_address, key_of, mask, parse
from mailer.outbox import Recipient
from mailer.signing import Token
from unsubscribe import changes
from unsubscribe.changes import Change
from unsubscribe.contacts import Contact

PUT_BACK = timedelta(days=14)
_NOWHERE = "erased@erased.invalid"  # RFC 2606 section 2: an address that no person has


def may_take_back(conn: Connection, contact: Contact, token: Token, now: datetime) -> bool:
    """Return whether this link may undo: a link of the page itself, or in a letter to the mailbox that may undo.

    While former mailboxes may put their address back, only the original one may undo; otherwise the present one may.
    """
    address = outbox.service_address(conn, token.mailing, token.recipient)
    return address is None or say_of(conn, contact, address, now) == "undo"


def say_of(conn: Connection, contact: Contact, address: str, now: datetime) -> Literal["undo", "told", "none"]:
    """Return the right of a mailbox about a contact: it may undo, is told of acts, or neither (any more)."""
    keys = [key_of(one.recipient.address) for one in former_mailboxes(conn, contact, now)]
    key = key_of(address) if address else ""
    if key == (keys[0] if keys else contact.key):
        return "undo"
    return "told" if key in (*keys, contact.key) else "none"


@dataclass(frozen=True, slots=True)
class AddressChange:
    """One change of address. ``moved``: when it was carried out; ``undone``: whether it was called off or put back."""

    id: int
    at: datetime
    old: str
    new: str
    masked_new: str
    old_hash: bytes
    confirmed: bool
    agreed: bool
    moved: datetime | None
    undone: bool

    @property
    def waits(self) -> bool:
        """Return whether it may still be carried out."""
        return not self.undone and self.moved is None

    def can_be_put_back(self, now: datetime) -> bool:
        """Return whether it was carried out, and the old mailbox may still put its address back."""
        return not self.undone and self.moved is not None and now < self.moved + PUT_BACK

    def leaves(self, other: AddressChange) -> bool:
        """Return whether both changes begin at the same address."""
        return key_of(self.old) == key_of(other.old)


@dataclass(frozen=True, slots=True)
class Former:
    """A mailbox that may put its address back, by the change of address ``change``."""

    change: int
    recipient: Recipient


def sides(contact: Contact, email: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the sides, before and after, of a requested change."""
    before = {"email": contact.email, "hash": contact.address_hash.hex()}
    return before, {"email": email, "masked": mask(email), "confirmed": None, "agreed": None, "moved": None}


def can_be_read(change: Change) -> bool:
    """Return whether both sides hold the values that :func:`sides` wrote."""
    return "email" in change.before and {"email", "masked", "confirmed", "agreed", "moved"} <= set(change.after)


def of(change: Change) -> AddressChange:
    """Read an act of the kind *address*. An act of an earlier version has no hash of the old address."""
    before, after = change.before, change.after
    moved = datetime.fromisoformat(after["moved"]) if after["moved"] else None
    steps = (bool(after["confirmed"]), bool(after["agreed"]), moved, change.undone_at is not None)
    hashed = bytes.fromhex(before.get("hash", ""))
    return AddressChange(change.id, change.at, before["email"], after["email"], after["masked"], hashed, *steps)


def of_contact(conn: Connection, contact_id: int) -> list[AddressChange]:
    """List the changes of address of a contact, oldest first; acts that another program has broken are left out."""
    return [of(act) for act in changes.of_contact(conn, contact_id, "address") if can_be_read(act)]


def former_mailboxes(conn: Connection, contact: Contact, now: datetime) -> list[Former]:
    """List the mailboxes that may put their address back now, oldest first; each once, and never the present one."""
    found: dict[str, Former] = {}
    for move in of_contact(conn, contact.id):
        if move.can_be_put_back(now) and move.old_hash and key_of(move.old) != contact.key:
            recipient = Recipient(contact.id, move.old, move.old_hash, parse(move.old).domain)
            found.setdefault(key_of(move.old), Former(move.id, recipient))
    return list(found.values())


def naming(conn: Connection, email: str) -> list[tuple[int, AddressChange]]:
    """List the changes of address, of any contact, that begin or end at an address: contact and act, oldest first."""
    if not is_address(email):
        return []
    address = parse(email)
    plain = address.key.isascii() and address.key[0] != '"'  # as JSON writes it, except for its case
    acts = changes.with_text(conn, "address", address.key if plain else f"@{address.domain}")
    found = [(act.contact_id, of(act)) for act in acts if can_be_read(act)]
    return [(number, move) for number, move in found if address.key in (_key(move.old), _key(move.new))]


def forget(conn: Connection, move: AddressChange, email: str) -> None:
    """Remove an address from the change of another contact, which can then be neither carried out nor put back.

    A change that was carried out and ended at that address stays, without it: the mailbox it began at keeps its right.
    """
    act = changes.get(conn, move.id)
    if act is None:
        return
    if move.moved and not move.undone and _key(move.old) != key_of(email):
        changes.revise(conn, act, {**act.after, "email": _NOWHERE, "masked": "•••"})
    else:
        changes.remove(conn, move.id)


def _key(text: str) -> str:
    """Return the key to compare a stored address by; a text that is not an address (any more) as it is."""
    return key_of(text) if is_address(text) else text
