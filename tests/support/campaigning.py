"""A small organisation with a topic, people and a campaign file: what launches and schedules are tried on."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert

from campaigns.lifecycle.preparation import LaunchConfig
from mailer.address import parse
from mailer.storage import Database
from tests.support.tables import migrated
from unsubscribe import contacts
from unsubscribe.contacts import Person, bulk
from unsubscribe.contacts.people import row_of
from unsubscribe.contacts.tables import CONTACT

PEPPER = b"p" * 32
TOPIC = "verenigingsnieuws"
FILE = """---
slug: {slug}
subject: Denkt u mee?
preheader: een dialoog
from: VNG <info@vng.nl>
language: nl
topic: verenigingsnieuws
{more}---
Geachte {{{{ contact.salutation | default("heer, mevrouw") }}}},

Hierbij nodigen wij u uit.
"""


class SetClock:
    """A clock that a test sets."""

    def __init__(self, now: datetime = datetime(2024, 9, 1, 12, tzinfo=UTC)) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> datetime:
        """Later by so much."""
        self.now += timedelta(**span)
        return self.now


@dataclass
class CampaignSetup:
    """A migrated database with people, a clock, and a folder for campaign files."""

    db: Database
    folder: Path
    clock: SetClock = field(default_factory=SetClock)

    @property
    def config(self) -> LaunchConfig:
        """Return the configuration of a launch."""
        return LaunchConfig(self.db, "https://mail.example.org", "bounce@example.org", 7)

    def write(self, slug: str = "denkt-u-mee", **more: str) -> Path:
        """A campaign file."""
        path = self.folder / f"{slug}.md"
        path.write_text(
            FILE.format(slug=slug, more="".join(f"{key}: {value}\n" for key, value in more.items())), "utf-8"
        )
        return path

    def people(self, number: int, **attributes: str) -> None:
        """Add a number of subscribers."""
        with self.db.write() as conn:
            topic = contacts.ensure_topic(conn, TOPIC, "", self.clock())
            before = contacts.audience_count(conn, TOPIC)
            numbers = bulk.new_numbers(conn, CONTACT, number)
            people = [Person(f"lezer{before + at}@example.org", attributes=attributes) for at in range(number)]
            rows = [row_of(person, parse(person.email), PEPPER, self.clock()) for person in people]
            added = [{"id": number, **row} for number, row in zip(numbers, rows, strict=True)]
            if added:
                conn.execute(insert(CONTACT), added)
            bulk.subscribe_new(conn, topic.id, 0, numbers, self.clock())


def campaign_setup(db: Database, folder: Path, people: int = 5) -> CampaignSetup:
    """Return a setup with a number of subscribers."""
    made = CampaignSetup(migrated(db), folder)
    made.people(people)
    return made
