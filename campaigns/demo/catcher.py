"""A mail server that delivers nothing: it keeps all mail, for a person to look at.

Promises: listens on loopback only. Every message that it accepted is in :class:`Mailbox`, byte for byte, in the
order of arrival. The addresses in ``refuse`` get a real server's answer to an address that does not exist (550 5.1.1).
Those in ``defer`` get its answer to one that has to wait (451 4.7.1). At the first message to one in ``lose`` the
connection is broken off before an answer, so that the sender does not know what became of it. Success does not mean
that a provider would take the letter: this server asks no DNS and filters nothing.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cached_property
from typing import cast

from aiosmtpd.smtp import SMTP, Envelope, Session

REFUSED = "550 5.1.1 this mailbox does not exist here"
DEFERRED = "451 4.7.1 come back later, first mail from you here (greylisted)"
LARGEST = 30_000_000


@dataclass(frozen=True)
class Caught:
    """One message as it came in. ``number`` counts from 1."""

    number: int
    sender: str
    recipient: str
    content: bytes
    at: datetime

    @cached_property
    def message(self) -> EmailMessage:
        """Return the message as Python's own parser reads it."""
        parsed: EmailMessage = message_from_bytes(self.content, policy=policy.default)
        return parsed

    def part(self, kind: str) -> str:
        """Return the decoded text of the ``html`` or ``plain`` part; empty if there is none."""
        body = self.message.get_body((kind,))
        return str(body.get_content()) if body is not None else ""

    @property
    def unsubscribe_url(self) -> str:
        """The https or http address in List-Unsubscribe, for one-click (RFC 8058); empty if there is none."""
        items = (item.strip() for item in str(self.message["List-Unsubscribe"] or "").split(","))
        return next((item[1:-1] for item in items if item.startswith("<http")), "")


class Mailbox:
    """The messages caught, and the recipients turned away. Filled by one thread, read by others."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._caught: list[Caught] = []
        self._turned_away: list[tuple[str, str]] = []

    def keep(self, sender: str, recipient: str, content: bytes) -> None:
        """Keep one message for one recipient."""
        with self._lock:
            self._caught.append(Caught(len(self._caught) + 1, sender, recipient, content, self._clock()))

    def turn_away(self, recipient: str, reply: str) -> None:
        """Remember a recipient that we took no mail for, and our reply."""
        with self._lock:
            self._turned_away.append((recipient, reply))

    def all(self) -> list[Caught]:
        """Return all messages so far, oldest first."""
        with self._lock:
            return list(self._caught)

    def turned_away(self) -> list[tuple[str, str]]:
        """Return (recipient, reply) of each refused or deferred attempt."""
        with self._lock:
            return list(self._turned_away)

    def get(self, number: int) -> Caught | None:
        """Return the message with that number."""
        with self._lock:
            return self._caught[number - 1] if 1 <= number <= len(self._caught) else None


class Catcher:
    """aiosmtpd's handler: RCPT is answered by the two lists; a finished message goes into the mailbox."""

    def __init__(
        self, mailbox: Mailbox, refuse: Iterable[str] = (), defer: Iterable[str] = (), lose: Iterable[str] = ()
    ) -> None:
        self.mailbox = mailbox
        self._lose = set(lose)
        self._answers = dict.fromkeys(refuse, REFUSED) | dict.fromkeys(defer, DEFERRED)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Answer 250, or the reply of the lists."""
        answer = self._answers.get(address.lower())
        if answer:
            self.mailbox.turn_away(address, answer)
            return answer
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 good"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep the message, once for each recipient."""
        lost = self._lose & set(envelope.rcpt_tos)
        if lost and server.transport is not None:
            self._lose -= lost
            cast(asyncio.Transport, server.transport).abort()
            await asyncio.sleep(60)  # it is cancelled once the connection is gone
        content = envelope.original_content or b""
        for recipient in envelope.rcpt_tos:
            self.mailbox.keep(envelope.mail_from or "", recipient, content)
        return "250 2.0.0 caught"

    async def listen(self, port: int = 0) -> tuple[asyncio.Server, int]:
        """Start to listen on loopback; return the server and its port. Raises ``OSError`` when the port is taken."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(self._session, "127.0.0.1", port)
        return server, int(server.sockets[0].getsockname()[1])

    def _session(self) -> SMTP:
        loop = asyncio.get_running_loop()
        return SMTP(self, hostname="catcher.localhost", enable_SMTPUTF8=True, data_size_limit=LARGEST, loop=loop)
