"""The results of handing one message to a transport, and the events of the connection to the relay.

A message has exactly three possible results: it was answered (:class:`Replied`), the relay kept none of it
(:class:`NotWritten`), or the result is unknown (:class:`Unknown`, RFC 1047). This module has values only;
:mod:`mailer.outcome.decide` alone decides on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, Union

Stage = Literal["greeting", "ehlo", "tls", "auth", "mail", "rcpt", "data", "dot", "local"]
"""The SMTP step that the relay answered. ``local``: our own refusal, since this relay cannot carry the letter."""

BEFORE_RCPT = frozenset({"greeting", "ehlo", "tls", "auth", "mail"})
"""Steps whose answers are about the sender or the relay: the relay does not know the recipient yet."""

EventKind = Literal["open", "refused", "away", "silent", "rotated", "slow_down", "crowded", "no_groups"]


class Replied(NamedTuple):
    """The relay answered: code and text as read (text without the code, cleaned, at most 1,000 characters).

    Only ``Replied("dot", 250, …)`` shows that the relay took the letter. With another stage the code is always 4xx or
    5xx: the first refusal of its envelope.
    """

    stage: Stage
    code: int
    text: str


@dataclass(frozen=True, slots=True)
class NotWritten:
    """Handed back: the row goes to waiting and may be sent at once.

    The final dot was certainly not sent; or its reply was a refusal that is about the connection alone.
    """

    why: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """The final dot may have been sent, and its reply was never read: in doubt."""

    why: str


Result = Union[Replied, NotWritten, Unknown]


@dataclass(frozen=True, slots=True)
class RelayEvent:
    """An event about the relay, not about one message.

    ``open``: the first connection was made, or mail was accepted again after trouble. ``refused``: greeting, EHLO, TLS
    or AUTH refused for good; it holds the campaigns (:func:`mailer.outcome.hold_for`). ``away``: no connection, or it
    ended before it accepted a message; the transport backs off by itself. ``rotated``: the relay ended a connection
    that had accepted messages; it is replaced at once, and this is normal. ``slow_down``: 421 or another 4xx before a
    first message, and no other connection is open; ``crowded``: the same while others are. ``silent``: no reply for
    some seconds while no connection is open; the transport goes on waiting. ``no_groups``: the relay offers PIPELINING
    but loses commands that follow another in the same write. The next sessions wait for each answer; this event comes
    once.
    """

    kind: EventKind
    stage: str
    code: int
    text: str
