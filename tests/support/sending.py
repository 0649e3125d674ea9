"""A worker in a test: a kept letter, invented people, and a sender that runs until it is done."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from mailer import archive, outbox, worker
from mailer.letter.compiled import Compiled, EscapeContext, Letter, Slot
from mailer.outbox import Mailing
from mailer.settings import MailerSettings, Relay
from mailer.signing import Keyring
from mailer.storage import Database
from mailer.transport.base import Transport
from mailer.transport.smtp import SmtpTransport
from mailer.worker import ExitReason, Filled, LetterLinks, SendProgress, WorkerDeps
from tests.support.sending_db import fill
from tests.support.smtpd import Server

RING = Keyring.of([b"k" * 32])
WINDOW = 16  # deliveries that a sender of deps() has claimed at once, at most
LETTER = Letter(
    language="nl",
    from_name="VNG",
    from_address="info@vng.nl",
    reply_to="",
    subject=("Denkt u mee?",),
    html=("<p>Beste ", Slot('contact.name | default("lezer")', EscapeContext.HTML), "</p>\n"),
    text=("Beste ", Slot('contact.name | default("lezer")', EscapeContext.PLAIN), "\n"),
    headers=(("List-Id", "<nieuws.vng.nl>"),),
)


@dataclass
class People:
    """A ``SlotSource``: everybody but ``gone`` has a name; ``broken`` raises instead."""

    gone: set[int] = field(default_factory=set)
    broken: Exception | None = None
    asked: int = 0

    def fill(self, conn: Connection, mailing: Mailing, recipients: Sequence[int]) -> Mapping[int, Filled]:
        self.asked += 1
        if self.broken:
            raise self.broken
        url = "https://example.org/u/x"
        return {
            number: Filled(f"Reader {number}", {"contact": {"name": f"Reader {number}"}, "links": {}}, url)
            for number in recipients
            if number not in self.gone
        }

    def links(self, conn: Connection, mailing: Mailing) -> LetterLinks | None:
        return None


def utc_now() -> datetime:
    return datetime.now(UTC)


class AheadClock:
    """The wall clock, ``ahead`` by what a test sets."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


def sendable(db: Database, people: Any = 3, key: str = "campaign:1", **given: Any) -> int:
    """A mailing of the kept letter, ready to go; its number."""
    with db.write() as conn:
        snapshot = archive.keep(conn, Compiled(LETTER, "<p>Beste lezer</p>", "Beste lezer"), utc_now())
    identity = outbox.Identity("https://example.org", "bounce@example.org", RING.current.id)
    return fill(db, people, key, snapshot=snapshot, identity=given.pop("identity", identity), **given)


def smtp(port: int, *, connections: int = 4, window: int = 16) -> tuple[Relay, Transport]:
    """A relay on loopback, and the way to it."""
    relay = Relay("127.0.0.1", port, tls="none", connections=connections, window=window)
    return relay, SmtpTransport(relay, "sender.example")


def deps(
    db: Database,
    folder: Path,
    transport: Transport,
    *,
    people: People | None = None,
    clock: Any = utc_now,
    **given: Any,
) -> WorkerDeps:
    """All that a worker needs; ``given`` are settings."""
    given.setdefault("smtp_url", Relay("127.0.0.1", 25, connections=4, window=WINDOW))
    return WorkerDeps(db, folder, MailerSettings(**given), people or People(), RING, clock, transport)


class Sending:
    """A worker beside the test: ``turns`` collects its reports."""

    def __init__(self, given: WorkerDeps, *, only: int | None = None, until_done: bool = True) -> None:
        self.turns: list[SendProgress] = []
        self.stop = asyncio.Event()
        self.task = asyncio.create_task(
            worker.run(given, only=only, stop=self.stop, until_done=until_done, on_progress=self.turns.append)
        )

    async def ended(self, seconds: float = 120) -> ExitReason:
        """Wait until it ends by itself."""
        return await asyncio.wait_for(asyncio.shield(self.task), seconds)

    async def end(self) -> ExitReason:
        """Tell it to end, and wait."""
        self.stop.set()
        return await self.ended()


async def send(given: WorkerDeps, *, only: int | None = None) -> ExitReason:
    """Run a worker until it is done."""
    return await Sending(given, only=only).ended()


def relay_deps(db: Database, folder: Path, server: Server, **more: Any) -> WorkerDeps:
    """Return what a worker needs to send to this server; ``more`` are settings."""
    relay, transport = smtp(server.port)
    return deps(db, folder, transport, smtp_url=relay, **more)


def agree(db: Database, mailing: int, server: Server) -> None:
    """Assert that the records of database and server agree, and that each address got one letter."""
    with db.read() as conn:
        said = {row.address for row in outbox.deliveries(conn, mailing) if row.state == "accepted"}
        doubted = {doubt.address for doubt in outbox.doubts(conn, mailing)}
    got = [message.recipient for message in server.dots]
    assert len(got) == len(set(got)), "twice"
    assert said <= set(server.recipients)
    assert set(server.recipients) <= said | doubted
    assert server.wrongs == []
