"""How long to wait for each reply, how long to use a connection, and what a relay offered. Values only.

Sources: RFC 5321 section 4.5.3.2 (B48) for the waits, B60 for the reuse, RFC 2920, 6152, 6531, 1870 for the offers.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. ``behind``: how long an envelope may wait behind a slow dot before its row is handed back.

    ``follow``: how long after the one before the rest of a group's answers may come, on a connection not yet proven to
    do groups. ``hush``: the same where its row cannot wait (:mod:`mailer.transport.pipelining_trust`).
    ``notice``: how long a connection in the making may be silent before we report that, and go on waiting.
    ``grace``: how long :meth:`~mailer.transport.base.Transport.run` waits for last replies once it is told to stop;
    messages without an answer are in doubt then.
    """

    connect: float = 30
    greeting: float = 300
    notice: float = 7
    mail: float = 300
    rcpt: float = 300
    data: float = 120
    block: float = 180
    dot: float = 600
    rset: float = 20
    quit: float = 2
    behind: float = 1
    follow: float = 3
    hush: float = 0.5
    grace: float = 60

    def of(self, stage: str) -> float:
        """Return the wait for the reply to ``stage``."""
        return float(getattr(self, stage))


@dataclass(frozen=True, slots=True)
class Reuse:
    """When a connection ends: after a number of messages, of seconds, or of seconds without work."""

    messages: int = 1_000
    seconds: float = 300
    idle: float = 10


@dataclass(frozen=True, slots=True)
class Limits:
    """Both, as one value."""

    timeouts: Timeouts = field(default_factory=Timeouts)
    reuse: Reuse = field(default_factory=Reuse)


@dataclass(frozen=True, slots=True)
class Offers:
    """The extensions that the relay offered in its last EHLO, the one after STARTTLS. ``size`` 0: no limit known."""

    pipelining: bool = False
    eightbit: bool = False
    smtputf8: bool = False
    sized: bool = False
    size: int = 0


def offers(extensions: dict[str, str]) -> Offers:
    """Return the offers from the EHLO's keywords in lower case and their parameters."""
    size = extensions.get("size", "").strip()
    return Offers(
        pipelining="pipelining" in extensions,
        eightbit="8bitmime" in extensions,
        smtputf8="smtputf8" in extensions,
        sized="size" in extensions,
        size=int(size) if size.isascii() and size.isdigit() else 0,
    )
