"""A reader, her topics and letters to her, for tests of the reader's side."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import unsubscribe.changes
import unsubscribe.consent  # noqa: F401 - their tables
from mailer import outbox
from mailer.letter.brand import builtin_brand
from mailer.outbox import Identity, MailingSpec
from mailer.signing import Keyring, Purpose, Token
from mailer.storage import Database
from tests.support.tables import create_all
from unsubscribe import consent, contacts, notices, verifying
from unsubscribe.contacts import Person
from unsubscribe.details import DetailsPolicy
from unsubscribe.notices import ServiceMailer
from unsubscribe.tokens import Tokens

PEPPER = b"p" * 32
NOW = datetime(2024, 9, 18, 7, 0, tzinfo=UTC)
TOKENS = Tokens(Keyring.of([b"a" * 32]))
IDENTITY = Identity("https://mail.vng.example", "", TOKENS.keyring.current.id)
SENDER = 1


class ReaderSetup:
    """A database with the topics *nieuws*, *agenda* (open) and *bestuur*, and Esther, who gets the first two."""

    def __init__(self, db: Database) -> None:
        self.db = db
        create_all(db)
        with db.write() as conn:
            person = Person(
                "esther@gouda.example", "Esther", "nl", {"salutation": "Geachte mevrouw", "role": "griffier"}
            )
            self.reader = contacts.add(conn, person, PEPPER, NOW)
            for slug in ("nieuws", "agenda", "bestuur"):
                contacts.ensure_topic(conn, slug, "", NOW)
            contacts.describe_topic(conn, contacts.topic(conn, "agenda").id, is_open=True)
            member = consent.store_statement(conn, consent.make_statement("member"))
            for slug in ("nieuws", "agenda"):
                number = contacts.topic(conn, slug).id
                contacts.subscribe(conn, self.reader.id, number, NOW - timedelta(days=400), statement=member)
                told = {"address": self.reader.email}
                consent.record(conn, consent.ConsentEvent(self.reader.id, "given", slug, NOW, member, told), NOW)
        self.service_mail = ServiceMailer(IDENTITY, builtin_brand("VNG"), "info@vng.example", pepper=PEPPER)
        self.policy = DetailsPolicy(self.service_mail, ("salutation",))
        self.mailing = self.letter("a")

    def letter(self, key: str, scope: str = "nieuws") -> int:
        """A campaign mailing to her."""
        with self.db.write() as conn:
            made = outbox.open_mailing(conn, MailingSpec(key, "campaign", scope, "hash", IDENTITY), NOW)
            outbox.enqueue(conn, made.id, [notices.recipient_of(self.reader)], 1, NOW)
            outbox.audience_complete(conn, made.id)
        return made.id

    def token(self, purpose: Purpose = Purpose.DETAILS, subject: int = 0) -> Token:
        """Return the token of one of her links."""
        return Token(purpose, self.mailing, self.reader.id, 1 if subject else 0, subject)

    def contact(self) -> contacts.Contact:
        """She, as she is now."""
        with self.db.read() as conn:
            found = contacts.get(conn, self.reader.id)
        assert found
        return found

    def topics(self) -> dict[str, str]:
        """Her topics and their states."""
        with self.db.read() as conn:
            return dict(contacts.subscriptions(conn, self.reader.id))

    def claimed(self, mailing: int, now: datetime = NOW) -> bool:
        """Return whether a letter to her is claimed now."""
        with self.db.write() as conn:
            return bool(outbox.claim(conn, SENDER, {mailing: 10}, now))

    def mail(self, key: str) -> dict[str, object]:
        """The values of the service letter with that key, as the sender would fill them in."""
        with self.db.read() as conn:
            mailing = outbox.find(conn, key)
            assert mailing, key
            filled = notices.fill(conn, mailing, [self.reader.id], TOKENS)
        values: dict[str, object] = dict(filled[self.reader.id].values["contact"])
        return values

    def fault(self) -> str:
        """Return the fault of her chain of consent."""
        subscribed = [slug for slug, state in self.topics().items() if state == "subscribed"]
        with self.db.read() as conn:
            return verifying.verify(conn, self.reader.id, subscribed).fault
