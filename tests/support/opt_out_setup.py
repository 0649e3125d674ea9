"""A reader of two topics and the mailings to her: what tests of leaving begin with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from mailer import outbox
from mailer.outbox import Identity, MailingSpec, Recipient
from mailer.signing import Purpose, Token
from mailer.storage import Database
from tests.support.tables import create_all
from unsubscribe import contacts, optout, verifying
from unsubscribe.contacts import Person

PEPPER = b"p" * 32
NOW = datetime(2024, 9, 18, 7, 0, tzinfo=UTC)
SENDER = 1
IDENTITY = Identity("https://mail.vng.example", "bounce@vng.example", 7)


class OptOutSetup:
    """A database with two topics and a reader of both, and mailings to her."""

    def __init__(self, db: Database) -> None:
        self.db = db
        create_all(db)
        with db.write() as conn:
            self.reader = contacts.add(conn, Person("esther@gouda.example", language="nl"), PEPPER, NOW)
            for slug in ("nieuws", "agenda"):
                topic = contacts.ensure_topic(conn, slug, "", NOW)
                contacts.subscribe(conn, self.reader.id, topic.id, NOW - timedelta(days=400), statement=0)

    def mailing(self, key: str, scope: str = "nieuws", kind: str = "campaign") -> int:
        with self.db.write() as conn:
            made = outbox.open_mailing(conn, MailingSpec(key, kind, scope, "hash", IDENTITY), NOW)  # type: ignore[arg-type]
            who = self.reader
            outbox.enqueue(conn, made.id, [Recipient(who.id, who.email, who.address_hash, who.domain)], 1, NOW)
            outbox.audience_complete(conn, made.id)
        return made.id

    def token(self, mailing: int, subject: int = 0, purpose: Purpose = Purpose.OPT_OUT) -> Token:
        return Token(purpose, mailing, self.reader.id, 1 if subject else 0, subject)

    def claim(self, mailing: int, now: datetime = NOW) -> list[outbox.Claimed]:
        with self.db.write() as conn:
            return outbox.claim(conn, SENDER, {mailing: 10}, now)

    def leave(self, mailing: int, scope: optout.Scope = "topic", now: datetime = NOW) -> optout.OptOutResult:
        with self.db.write() as conn:
            return optout.opt_out(conn, self.token(mailing), scope, now)

    def look(self, mailing: int, now: datetime = NOW) -> optout.Subscriber:
        with self.db.read() as conn:
            return optout.look(conn, self.token(mailing), now)

    def states(self) -> dict[str, str]:
        with self.db.read() as conn:
            return dict(contacts.subscriptions(conn, self.reader.id))

    def kinds(self) -> list[tuple[str, str]]:
        with self.db.read() as conn:
            return [(entry.kind, entry.topic) for entry in verifying.chain(conn, self.reader.id).entries]
