"""The real application on a real port of loopback, over a real database: what browsers and dumb clients knock on."""

from __future__ import annotations

import base64
import socket
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select
from sqlmodel import SQLModel
from starlette.types import ASGIApp

from mailer import outbox
from mailer.letter.brand import builtin_brand
from mailer.outbox import Identity, MailingSpec, Recipient
from mailer.signing import Keyring
from mailer.storage import Database, open_database
from tests.support.tables import create_all
from unsubscribe import changes, contacts, notices
from unsubscribe.contacts import Contact, Person
from unsubscribe.endpoint import EndpointDeps
from unsubscribe.tokens import Tokens
from unsubscribe.web.application import WebApplication
from unsubscribe.web.server import Server, config


class WebServer:
    """A running server. ``url("/u/…")`` is an address on it."""

    def __init__(self, server: Server, port: int) -> None:
        self.server = server
        self.port = port

    def url(self, path: str = "") -> str:
        """The address of a path."""
        return f"http://127.0.0.1:{self.port}{path}"


@contextmanager
def serving(app: ASGIApp, **options: object) -> Iterator[WebServer]:
    """``app`` behind uvicorn in a thread of its own, as it is served in production, until the end of the block."""
    door = socket.create_server(("127.0.0.1", 0))
    port = door.getsockname()[1]
    headers = app.headers if isinstance(app, WebApplication) else None
    server = Server(config(app, "127.0.0.1", port, headers=headers, **options))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [door]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        if time.monotonic() > deadline or not thread.is_alive():
            raise RuntimeError("the server did not start")
        time.sleep(0.01)
    try:
        yield WebServer(server, port)
    finally:
        server.should_exit = True
        thread.join(20)
        door.close()


PEPPER = b"p" * 32
NEWS = {
    "nl": "Wat wij doen en wat er bij onze leden speelt. Hooguit twee mails per maand.",
    "en": "What we do and what our members work on. At most two mails a month.",
}
KEYRING = Keyring.of([b"k" * 32])
ANOTHER_RING = Keyring.of([b"x" * 32])
KEYS_IN_SETTINGS = {  # with which a process of its own serves a Town
    "POSTILJON_SECRET_KEYS": base64.urlsafe_b64encode(b"k" * 32).decode(),
    "POSTILJON_PEPPER": base64.urlsafe_b64encode(PEPPER).decode(),
}


_Known = tuple[list[contacts.Topic], list[Contact], int]
_TOWNS: dict[tuple[int, tuple[str, ...], int], tuple[bytes, _Known]] = {}


class Town:
    """A database with two topics, people who read them, and a mailing to all: what the public pages are about.

    On SQLite a town is founded once, and copied after that into an empty place.
    """

    def __init__(self, db: Database, people: int = 3, languages: Sequence[str] = ("nl", "en", "de", "fr", "")) -> None:
        self.db = db
        self.now = datetime(2024, 9, 18, 7, 0, tzinfo=UTC)
        self.languages = tuple(languages)
        self.tokens = Tokens(KEYRING)
        if db.sqlite_path is None or db.sqlite_path.exists():
            self._settle(people)
            return
        key = (people, self.languages, len(SQLModel.metadata.tables))
        if key not in _TOWNS:
            _TOWNS[key] = self._founded(people)
        content, (topics, readers, self.mailing) = _TOWNS[key]
        self.topics, self.readers = list(topics), list(readers)
        db.sqlite_path.write_bytes(content)

    def _founded(self, people: int) -> tuple[bytes, _Known]:
        """The same town in a file of its own: its bytes, and what is known of it."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "town.db"
            with closing(open_database(f"sqlite:///{path}")) as db:
                first = Town(create_all(db), people, self.languages)
            return path.read_bytes(), (first.topics, first.readers, first.mailing)

    def _settle(self, people: int) -> None:
        create_all(self.db)
        with self.db.write() as conn:
            self.topics = self._topics(conn)
            self.readers = [self._reader(conn, number) for number in range(people)]
            spec = MailingSpec("campaign:1", "campaign", "nieuws", "hash", self._identity())
            self.mailing = outbox.open_mailing(conn, spec, self.now).id
            recipients = [Recipient(who.id, who.email, who.address_hash, who.domain) for who in self.readers]
            outbox.enqueue(conn, self.mailing, recipients, len(recipients), self.now)
            outbox.audience_complete(conn, self.mailing)

    def deps(self, **more: Any) -> EndpointDeps:
        """Return the endpoint's dependencies; the clock stands still until ``now`` is set."""
        basis: dict[str, Any] = {
            "db": self.db,
            "keyring": KEYRING,
            "pepper": PEPPER,
            "public_url": "http://127.0.0.1:8000",
            "brand": builtin_brand("Vereniging van Voorbeeldgemeenten"),
            "contact_address": "info@voorbeeld.example",
            "clock": lambda: self.now,
        }
        return EndpointDeps(**(basis | more))

    def path(self, purpose: str = "u", reader: int = 0) -> str:
        """``/u/TOKEN`` or ``/d/TOKEN`` of a reader's letter."""
        make = self.tokens.optout_url if purpose == "u" else self.tokens.details_url
        return make("", KEYRING.current.id, self.mailing, self.readers[reader].id)

    def state(self, reader: int = 0, topic: str = "nieuws") -> str:
        """How a reader stands with a topic."""
        with self.db.read() as conn:
            return contacts.subscriptions(conn, self.readers[reader].id).get(topic, "")

    def letters(self, notice: str) -> list[int]:
        """The mailings of a kind of service letter."""
        table = SQLModel.metadata.tables["mailing"]
        with self.db.read() as conn:
            query = select(table.c.id).where(table.c.key.like(f"{notice}:%")).order_by(table.c.id)
            return list(conn.execute(query).scalars())

    def letter(self, notice: str, slot: str) -> str:
        """The path of a link in the last letter of a kind."""
        with self.db.read() as conn:
            mailing = outbox.get(conn, self.letters(notice)[-1])
            change = changes.get(conn, int(mailing.spec.key.partition(":")[2]))
            assert change
            filled = notices.fill(conn, mailing, [change.contact_id], self.tokens)
        contact = filled[change.contact_id].values["contact"]
        return str(contact[slot]).removeprefix("http://127.0.0.1:8000")  # type: ignore[index]

    def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        """All rows of all tables, to see that nothing changed."""
        with self.db.read() as conn:
            tables = SQLModel.metadata.sorted_tables
            return {table.name: sorted(map(tuple, conn.execute(select(table))), key=repr) for table in tables}

    def _identity(self) -> Identity:
        return Identity("http://127.0.0.1:8000", "bounce@voorbeeld.example", KEYRING.current.id)

    def _topics(self, conn: Connection) -> list[contacts.Topic]:
        made = []
        for slug, names, abouts in (
            ("nieuws", {"nl": "Verenigingsnieuws", "en": "Association news"}, NEWS),
            ("agenda", {"nl": "Agenda", "en": "Calendar"}, {}),
        ):
            topic = contacts.ensure_topic(conn, slug, names["nl"], self.now)
            contacts.describe_topic(conn, topic.id, names=names, descriptions=abouts, is_open=True)
            made.append(contacts.topic(conn, slug))
        return made

    def _reader(self, conn: Connection, number: int) -> Contact:
        name = ("Esther Jansen", "Ada <img src=x onerror=alert(1)>", "{{7*7}}")[number % 3]
        email = f"esther{number or ''}@vng{number or ''}.example"
        who = contacts.add(conn, Person(email, name, self.languages[number % len(self.languages)]), PEPPER, self.now)
        for topic in self.topics:
            contacts.subscribe(conn, who.id, topic.id, self.now - timedelta(days=400))
        return who
