"""Drafts of the console, good and bad, and a hostile letter that was kept as if it had been sent."""

from __future__ import annotations

from campaigns.lifecycle import drafts, records
from campaigns.lifecycle.drafts import Draft
from mailer import archive
from mailer.letter.compiled import Compiled, Letter, Slot
from mailer.letter.compiled import EscapeContext as Place
from tests.support.console import ConsoleSetup
from unsubscribe import contacts
from unsubscribe.contacts import Contact, Person

HEAD = {
    "subject": "Denkt u mee?",
    "preheader": "een dialoog",
    "from": "VNG <info@vng.nl>",
    "language": "nl",
    "topic": "verenigingsnieuws",
}
BODY = """Geachte {{ contact.salutation | default("heer, mevrouw") }},

Hierbij nodigen wij u uit. Lees [het voorstel](https://vng.example/voorstel).
"""


def draft(setup: ConsoleSetup, name: str = "Denkt u mee", body: str = BODY, **head: str) -> Draft:
    """Add a draft."""
    with setup.db.write() as conn:
        return drafts.create(conn, name, HEAD | head, body, "user:1", setup.clock())


def saved(setup: ConsoleSetup, known: Draft, body: str) -> Draft:
    """Save another text of it."""
    source = known.version.source.split("---\n", 2)
    with setup.db.write() as conn:
        text = "---\n".join([*source[:2], body])
        return drafts.save(conn, known, (text, known.version.images), "saved", "user:1", setup.clock())


def reader(
    setup: ConsoleSetup, email: str = "ester@example.org", name: str = "Ester de Vries", **values: str
) -> Contact:
    """Add a contact that is no reader of a topic."""
    with setup.db.write() as conn:
        return contacts.add(conn, Person(email, name, attributes=values), b"p" * 32, setup.clock())


def kept(setup: ConsoleSetup, html: str, slug: str = "verstuurd", *, origin: str = "console") -> None:
    """Keep a letter with this HTML as that of a campaign that was sent, whatever compile would say of it."""
    letter = Letter(
        "nl", "VNG", "info@vng.nl", "", ("Onderwerp",), (html, Slot("contact.name", Place.HTML)), ("Tekst",)
    )
    with setup.db.write() as conn:
        found = drafts.create(conn, slug, HEAD, BODY, "user:1", setup.clock())
        snapshot = archive.keep(conn, Compiled(letter, "", ""), setup.clock())
        values = {"snapshot": snapshot, "state": "finished", "launched_at": setup.clock(), "origin": origin}
        records.store(conn, found.campaign.id, values, setup.clock())
