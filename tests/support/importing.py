"""Files of contacts, imported in a test."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from mailer import suppression
from mailer.signing import address_hash
from mailer.storage import Database
from tests.support.tables import create_all
from unsubscribe import consent, contacts, importing, verifying
from unsubscribe.contacts import Contact
from unsubscribe.contacts.rows import Rejected
from unsubscribe.contacts.sheet import Reading
from unsubscribe.importing import ImportJob, ImportSummary

PEPPER = b"p" * 32
NOW = datetime(2024, 9, 18, 7, 0, tzinfo=UTC)
MEMBER = consent.make_statement("member", "ledenlijst")


class Importer:
    """A database into which files of contacts are read."""

    def __init__(self, db: Database, folder: Path) -> None:
        self.db, self.folder, self.rejected = db, folder, list[Rejected]()
        create_all(db)

    def __call__(
        self,
        data: str | bytes,
        *,
        topic: str = "nieuws",
        statement: consent.ConsentStatement = MEMBER,
        reading: Reading | None = None,
    ) -> ImportSummary:
        path = self.folder / "people.csv"
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        self.rejected = []
        plan = ImportJob(topic, statement, PEPPER, reading=reading)
        return importing.import_contacts(self.db, path, plan, NOW, reject=self.rejected.append)

    def contact(self, email: str) -> Contact:
        """Return the contact with that address."""
        with self.db.read() as conn:
            found = contacts.find(conn, email)
        assert found
        return found

    def topics(self, email: str) -> dict[str, str]:
        """The topics of a person with their states."""
        with self.db.read() as conn:
            return dict(contacts.subscriptions(conn, self.contact(email).id))

    def mailed(self, email: str, topic: str = "nieuws") -> bool:
        """Return whether a campaign on that topic would be sent to the contact."""
        with self.db.read() as conn:
            held = suppression.why(conn, address_hash(PEPPER, email.lower()), topic, NOW)
            found = contacts.find(conn, email)
            state = contacts.subscriptions(conn, found.id).get(topic) if found else None
        return state == "subscribed" and held is None

    def fault(self, email: str) -> str:
        """Return the fault of the contact's proof of consent."""
        subscribed = [slug for slug, state in self.topics(email).items() if state == "subscribed"]
        with self.db.read() as conn:
            return verifying.verify(conn, self.contact(email).id, subscribed).fault

    def count(self) -> int:
        """How many people there are."""
        with self.db.read() as conn:
            return len(contacts.everyone(conn))
