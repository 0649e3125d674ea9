"""Addresses that were struck off as *undeliverable*: staff can list them and lift that suppression.

Promises: only *undeliverable* is ever lifted here. An opt-out, a complaint, a hold by hand and an erasure are lifted by
the reader alone. Addresses are shown where a contact has them; else only the hash is known. Raises ``AddressError`` for
a text that is no address, ``InputError`` for an unknown campaign.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from campaigns.lifecycle import records
from mailer import outbox, suppression, undeliverable
from mailer.address import key_of
from mailer.signing import address_hash
from mailer.suppression import SuppressionEntry
from unsubscribe import contacts


@dataclass(frozen=True, slots=True)
class Chosen:
    """The chosen addresses: by a campaign's slug, since a moment, or all."""

    campaign: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Struck:
    """One address: "" where no contact has it; the campaign whose letter was refused, "" if it is not known."""

    address: str
    since: datetime
    campaign: str


@dataclass(frozen=True, slots=True)
class Lifted:
    """The result for one named address: whether it was lifted, and the reasons that are left."""

    address: str
    lifted: bool
    left: tuple[str, ...]


def struck_off(conn: Connection, chosen: Chosen) -> list[Struck]:
    """Return the addresses held back as *undeliverable*, oldest first."""
    mailing = _mailing(conn, chosen.campaign)
    found = suppression.undeliverable(conn, mailing=mailing, since=chosen.since)
    if not found:
        return []
    known = contacts.emails_of(conn, suppression.undeliverable_hashes(mailing, chosen.since))
    slugs = {item.mailing_id: item.slug for item in records.all_campaigns(conn) if item.mailing_id is not None}
    return [Struck(known.get(item.address_hash, ""), item.since, slugs.get(item.mailing or 0, "")) for item in found]


def entries(conn: Connection, email: str, pepper: bytes) -> list[SuppressionEntry]:
    """Return all suppressions of one address."""
    hidden = ("person:",)
    found = suppression.entries(conn, address_hash(pepper, key_of(email)))
    return [entry for entry in found if not entry.scope.startswith(hidden)]


def lift(conn: Connection, emails: Sequence[str], pepper: bytes) -> list[Lifted]:
    """Lift *undeliverable* of these addresses; return each with the reasons that are left."""
    done = []
    for email in emails:
        hashed = address_hash(pepper, key_of(email))
        lifted = bool(undeliverable.lift(conn, hashes=[hashed]))
        left = sorted({entry.reason for entry in entries(conn, email, pepper)})
        done.append(Lifted(email, lifted, tuple(left)))
    return done


def lift_all(conn: Connection, chosen: Chosen) -> int:
    """Lift *undeliverable* of all that a campaign struck off, or since a moment; return how many."""
    return len(undeliverable.lift(conn, mailing=_mailing(conn, chosen.campaign), since=chosen.since))


def _mailing(conn: Connection, slug: str) -> int | None:
    """Return the mailing of a campaign; None for no slug."""
    if not slug:
        return None
    campaign = records.get(conn, slug)
    return campaign.mailing_id if campaign.mailing_id is not None else outbox.NO_MAILING
