"""One spelling for each mailbox: for addresses stored before :mod:`mailer.address` knew their canonical form.

Promises: :func:`respell` gives each contact the canonical address with its key and hash. Suppressions of the old
spelling hold for the new one, in the database and in the journal; queued letters go to the new one. Where two contacts
turn out to have one mailbox, the one with the canonical spelling keeps the topics of both. The other row stays, so that
the links in its letters keep working on the same hash; it is deleted when that mailbox is erased. A second call changes
nothing.

It cannot change the hash of a spelling without a contact (a person erased as ``"name"@domain``), since a hash does not
reveal its address. Raises ``StorageError``.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from mailer import outbox, suppression, undeliverable
from mailer.address import Address, parse
from mailer.errors import AddressError
from mailer.outbox import Recipient
from mailer.signing import address_hash
from mailer.storage import Database
from unsubscribe import consent, contacts
from unsubscribe.contacts import Contact, Standing


def respell(db: Database, pepper: bytes, now: datetime) -> int:
    """Store all addresses in their canonical spelling, one transaction each; return how many had another spelling."""
    with db.read() as conn:
        found = [contact.id for contact in contacts.oddly_spelled(conn) if _other(contact, pepper)]
    changed = 0
    for number in found:
        with db.write() as conn:
            contact = contacts.get_many(conn, [number], lock=True).get(number)
            address = _other(contact, pepper) if contact else None
            if contact and address:
                _respell(conn, contact, address, address_hash(pepper, address.key), now)
                changed += 1
    return changed


def _other(contact: Contact, pepper: bytes) -> Address | None:
    """Return the address in its canonical spelling; None when it is that already, or is not a valid address."""
    try:
        address = parse(contact.email)
    except AddressError:
        return None
    same = (contact.email, contact.address_hash) == (str(address), address_hash(pepper, address.key))
    return None if same else address


def _respell(conn: Connection, contact: Contact, address: Address, hashed: bytes, now: datetime) -> None:
    first = contacts.find(conn, str(address))
    twin = first is not None and first.id != contact.id
    if first is not None and twin:
        _join(conn, first, contact, now)
    contacts.respell(conn, contact, address, hashed, twin=twin)
    if hashed != contact.address_hash:
        suppression.move(conn, contact.address_hash, hashed)
        undeliverable.forget(conn, [contact.address_hash])
    there = Recipient(contact.id, str(address), hashed, address.domain)
    outbox.readdress(conn, contact.address_hash, there)


def _join(conn: Connection, first: Contact, other: Contact, now: datetime) -> None:
    """Give the topics of one row to the other, with their legal basis."""
    mine = contacts.standings(conn, [first.id]).get(first.id, {})
    theirs = contacts.standings(conn, [other.id]).get(other.id, {})
    added = [row for topic, row in theirs.items() if topic not in mine]
    rows = [Standing(first.id, row.topic_id, row.state, row.since, row.statement) for row in added]
    contacts.put_standings(conn, rows)
    contacts.drop_standings(conn, other.id, list(theirs))
    slugs = {topic.id: topic.slug for topic in contacts.topics(conn)}
    detail = {"address": first.email, "how": f"the same mailbox as contact {other.id}"}
    subscribed = [row for row in rows if row.state == "subscribed"]
    given = [
        consent.ConsentEvent(first.id, "given", slugs[row.topic_id], now, row.statement, detail) for row in subscribed
    ]
    consent.record_many(conn, given, now)
