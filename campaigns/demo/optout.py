"""An opt-out from before the demo begins: writes the same rows as the public endpoint.

Raises ``StateError`` when the database, the pepper or the contact is missing: ``init`` and ``import`` come first.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from campaigns.settings.campaign import CampaignSettings
from mailer import suppression
from mailer.errors import StateError
from mailer.storage import open_database
from unsubscribe import contacts


def opt_out(data: Path, address: str, slug: str) -> None:
    """Record that the contact with that address left the topic, and suppress the address for it."""
    database = open_database(CampaignSettings.model_construct(data=data).database)
    try:
        with database.write() as conn:
            contact, topic, now = contacts.find(conn, address), contacts.topic(conn, slug), datetime.now(UTC)
            if contact is None:
                raise StateError(f"{address} is not among the contacts of the demo")
            contacts.set_state(conn, contact.id, topic.id, "opted_out", now)
            suppression.suppress(conn, contact.address_hash, topic.slug, "opt_out", now)
    finally:
        database.close()
