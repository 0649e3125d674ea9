"""The interface between the worker and the transport that carries letters: messages in, results out.

A transport keeps its connections busy from a :class:`MessageSource`: it takes messages, and reports exactly one
:data:`~mailer.outcome.results.Result` for each message that it took. It does so in every case, also when it is stopped
or its task is cancelled. All calls of the feed are plain calls on the thread of the event loop. So they must be quick
(some microseconds) and must not block; ``wait`` alone is awaited.

It knows nothing of campaigns, of the database, and of the meaning of a reply (:mod:`mailer.outcome` decides).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple, Protocol

from mailer.outcome.results import EventKind, NotWritten, RelayEvent, Replied, Result, Stage, Unknown

__all__ = [
    "EventKind",
    "MessageSource",
    "NotWritten",
    "OutgoingMessage",
    "RelayEvent",
    "RelayObserver",
    "Replied",
    "Result",
    "Stage",
    "Transport",
    "Unknown",
    "unheard",
]

RelayObserver = Callable[[RelayEvent], None]
"""Called with each event while a connection is made, such as that nothing is heard (``silent``)."""


def unheard(_event: RelayEvent) -> None:
    """Ignore the event."""


class OutgoingMessage(NamedTuple):
    """One letter for one mailbox. ``content``: finished CRLF bytes, ending in CRLF, without the final dot.

    ``sender`` and ``recipient`` are bare addresses (domain as A-labels); an empty sender is the null sender.
    ``smtputf8``: an address has characters beyond ASCII before its ``@`` (RFC 6531). ``ready``: its maker promises
    that the content is 7-bit and that no line of it begins with a dot. Else the transport checks that itself, which
    takes as long as all the rest of its work.
    """

    delivery: int
    sender: str
    recipient: str
    content: bytes
    smtputf8: bool = False
    ready: bool = False


class MessageSource(Protocol):
    """Where messages come from and results go; the worker implements it. All on the event loop's thread."""

    def take(self) -> OutgoingMessage | None:
        """Return the next message, or None if there is none now. From here on the transport answers for it."""

    async def wait(self) -> None:
        """Return as soon as :meth:`take` would give a message (it may be gone by then). May be cancelled."""

    def still_wanted(self, delivery: int) -> bool:
        """Return False if its content may not be written: paused, cancelled, opted out, or not confirmed in time."""

    def report(self, delivery: int, result: Result) -> None:
        """Report the result; once for each message taken. May call nothing of the transport."""

    def relay(self, event: RelayEvent) -> None:
        """Take an event of the relay itself."""


class Transport(Protocol):
    """Carries messages."""

    async def run(self, feed: MessageSource, stop: asyncio.Event) -> None:
        """Carry until ``stop`` is set; then take nothing more, hand back all that can be, and read the last replies."""

    async def check(self, notice: RelayObserver = unheard) -> None:
        """Connect, greet, leave. Raises ``RelayRefused`` or ``RelayAway``; ``notice`` hears of a long silence."""
