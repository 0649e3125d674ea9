"""Erase a person (I12, D10): everything is deleted except a keyed hash in suppression, and numbers.

Promises: one transaction deletes the contact, the subscriptions, their changes, the personal data beside the consent,
and the personal data in deliveries. Deliveries stay as numbers; the chain of consent still verifies and says when the
person was erased. The hash (reason *erased*) keeps every later import from bringing the person back. A second entry of
that hash, under the scope ``person:NUMBER``, lets the organisation find the chain when the person shows the address.
Former addresses that no other contact has are kept out too. A change of address of another contact may name one of
these addresses, as the new one or as a former one. That change and its letters then lose the address. On SQLite all
deleted data is overwritten. :func:`forget_files`, after the commit, empties the write-ahead log: it is part of the
erasure, on the web and by command.

Not erased: the chain of another contact that had the address before, which is that contact's proof; backups, the
relay's log, and mails already sent. docs/privacy says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from mailer import outbox, suppression, undeliverable
from mailer.address import key_of
from mailer.errors import InputError
from mailer.messages import Message
from mailer.signing import address_hash
from mailer.storage import Database
from unsubscribe import changes, consent, contacts, moves, verifying

FILES_TIMEOUT = 10.0  # seconds
_PERSON = "person:"


@dataclass(frozen=True, slots=True)
class Erased:
    """The result of an erasure: the person's number, and how many deliveries are now only numbers."""

    contact_id: int
    deliveries: int
    at: datetime
    link: bytes

    @property
    def code(self) -> str:
        """Return the code to refer to the erasure by: from the last link of the chain, so it names nobody."""
        digits = self.link.hex().upper()
        return "-".join(digits[place : place + 4] for place in (0, 4, 8))


def erase(conn: Connection, contact_id: int, now: datetime) -> Erased | None:
    """Erase a person; return None when no person has that number (any more)."""
    contact = contacts.get_many(conn, [contact_id], lock=True).get(contact_id)
    if contact is None:
        return None
    suppression.suppress(conn, contact.address_hash, suppression.EVERYTHING, "erased", now)
    former = [move for move in moves.of_contact(conn, contact_id) if move.moved and not move.undone and move.old_hash]
    gone = {move.old_hash: move.old for move in former if contacts.find(conn, move.old) is None}
    for old_hash in gone:
        suppression.suppress(conn, old_hash, suppression.EVERYTHING, "erased", now)
    suppression.suppress(conn, contact.address_hash, f"{_PERSON}{contact_id}", "erased", now)
    undeliverable.forget(conn, [contact.address_hash])
    deliveries = outbox.erase_recipient(conn, contact_id, now)
    link = consent.erase(conn, contact_id, now)
    changes.erase(conn, contact_id)
    twins = contacts.twins(conn, contact)
    contacts.remove(conn, contact_id)
    for hashed, email in (gone | {contact.address_hash: contact.email}).items():
        _forget_elsewhere(conn, email, hashed, now)
    for twin in twins:  # rows from before one mailbox had one spelling
        erase(conn, twin, now)
    return Erased(contact_id, deliveries, now, link)


def erase_address(db: Database, email: str, pepper: bytes, now: datetime) -> Erased | None:
    """Erase the contact with this address, else those that moved away from it; the address is kept out in any case.

    Raises ``AddressError``.
    """
    hashed = hash_of(email, pepper)
    with db.write() as conn:
        found = contacts.find(conn, email)
        numbers = [found.id] if found else _moved_away(conn, email)
        erased = [one for number in numbers if (one := erase(conn, number, now))]
        if found is None:
            suppression.suppress(conn, hashed, suppression.EVERYTHING, "erased", now)
            undeliverable.forget(conn, [hashed])
            _forget_elsewhere(conn, email, hashed, now)
    forget_files(db)
    return erased[0] if erased else None


def _moved_away(conn: Connection, email: str) -> list[int]:
    """Return the contacts that had this address before, by the changes that are still stored."""
    moved = [(number, move) for number, move in moves.naming(conn, email) if move.moved and not move.undone]
    return sorted({number for number, move in moved if key_of(move.old) == key_of(email)})


def _forget_elsewhere(conn: Connection, email: str, hashed: bytes, now: datetime) -> None:
    """Remove an address from other contacts' changes of address, and from the letters that these sent to it."""
    for contact_id, move in moves.naming(conn, email):
        moves.forget(conn, move, email)
        outbox.erase_recipient(conn, contact_id, now, only_to=hashed)


def forget_files(db: Database, seconds: float = FILES_TIMEOUT) -> bool:
    """Empty SQLite's write-ahead log, which still holds erased data; return whether that succeeded within ``seconds``.

    Where other connections kept the log busy all that time, the daily tidying empties it.
    """
    return db.empty_log(seconds)


def erased_persons(conn: Connection, email: str, pepper: bytes) -> list[int]:
    """Return the numbers of erased persons that had this address: their chains still verify."""
    entries = suppression.entries(conn, hash_of(email, pepper))
    return [int(entry.scope.removeprefix(_PERSON)) for entry in entries if entry.scope.startswith(_PERSON)]


def proof(conn: Connection, email: str, pepper: bytes) -> list[verifying.Chain]:
    """Return the verified chains for an address: of erased persons that had it, then of its present contact.

    Raises ``InputError`` when no person ever had it.
    """
    found = contacts.find(conn, email)
    chains = [verifying.chain(conn, number) for number in erased_persons(conn, email, pepper)]
    if found:
        states = contacts.subscriptions(conn, found.id)
        subscribed = [slug for slug, state in states.items() if state == "subscribed"]
        chains.append(verifying.verify(conn, found.id, subscribed))
    if not chains:
        said = Message("nobody has the address {email}, and nobody who had it was erased")
        raise InputError(said.format(email=email))
    return chains


def hash_of(email: str, pepper: bytes) -> bytes:
    """Return the keyed hash of an address; raises ``AddressError``."""
    return address_hash(pepper, key_of(email))
