"""A database with every table of the sending side, and short ways to fill it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mailer import archive, outbox, pace, suppression, undeliverable
from mailer.storage import Database, open_database

TABLES = (
    archive.SNAPSHOT,
    pace.PACE,
    suppression.SUPPRESSION,
    undeliverable.STATEMENT,
)  # importing a home of tables declares them
NOW = datetime(2024, 9, 18, 7, 0, tzinfo=UTC)
IDENTITY = outbox.Identity("http://127.0.0.1:8000", "bounce@example.org", 7)


def hash_of(number: int) -> bytes:
    """The address hash of invented person ``number``."""
    return hashlib.sha256(str(number).encode()).digest()[:16]


def person(number: int, domain: str = "example.org") -> outbox.Recipient:
    """Invented person ``number``."""
    return outbox.Recipient(number, f"reader{number}@{domain}", hash_of(number), domain)


def spec(key: str = "campaign:1", **given: Any) -> outbox.MailingSpec:
    """A campaign on topic *news*."""
    fields: dict[str, Any] = {"kind": "campaign", "scope": "news", "snapshot": "0" * 64, "identity": IDENTITY}
    return outbox.MailingSpec(key, **(fields | given))


def fill(db: Database, people: int | Sequence[outbox.Recipient] = 3, key: str = "campaign:1", **given: Any) -> int:
    """A mailing with these recipients, its audience complete; its number."""
    recipients = [person(number) for number in range(1, people + 1)] if isinstance(people, int) else people
    with db.write() as conn:
        mailing = outbox.open_mailing(conn, spec(key, **given), NOW)
        outbox.enqueue(conn, mailing.id, recipients, len(recipients), NOW)
        outbox.audience_complete(conn, mailing.id)
    return mailing.id


def states(db: Database, mailing: int) -> dict[int, str]:
    """recipient → state."""
    with db.read() as conn:
        return {row.recipient: row.state for row in outbox.deliveries(conn, mailing)}


def counts(db: Database, mailing: int) -> dict[str, int]:
    """The counters that are not zero; they must be what a recount gives."""
    with db.write() as conn:
        wrong = outbox.differences(conn, mailing)
        assert not wrong, f"counters were wrong: {wrong}"
        found = outbox.get(conn, mailing).counts
    return {name: getattr(found, name) for name in found.__slots__ if getattr(found, name)}


def later(**delta: float) -> datetime:
    """NOW and a bit."""
    return NOW + timedelta(**delta)


def open_lite(folder: Path) -> Database:
    """An SQLite database in a folder, for tests that need one per example."""
    return open_database(f"sqlite:///{folder}/postiljon.db")
