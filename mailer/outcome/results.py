"""What can happen to one parcel that was handed to a transport, and to the way to the relay itself.

Three things can happen to a parcel, and no more: it was answered (:class:`Replied`), nothing of its content was
left standing at the relay (:class:`NotWritten`), or nobody knows (:class:`Unknown`, RFC 1047). Values only;
what follows from them is decided in :mod:`mailer.outcome.decide`, and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, Union

Stage = Literal["greeting", "ehlo", "tls", "auth", "mail", "rcpt", "data", "dot", "local"]
"""To what the relay answered. ``local``: we refused it ourselves, since this relay cannot carry it."""

BEFORE_RCPT = frozenset({"greeting", "ehlo", "tls", "auth", "mail"})
"""What is answered here is about the sender or the relay: the relay has not heard of the recipient yet."""

EventKind = Literal["open", "refused", "away", "silent", "rotated", "slow_down", "crowded", "no_groups"]


class Replied(NamedTuple):
    """The relay answered: code and text as read (text without the code, cleaned, at most 1,000 characters).

    ``Replied("dot", 250, …)`` is the one and only sign that the relay took the letter. With another stage the
    code is always 4xx or 5xx: the first refusal of its envelope.
    """

    stage: Stage
    code: int
    text: str


@dataclass(frozen=True, slots=True)
class NotWritten:
    """Handed back: the row goes to waiting and may be sent at once.

    The final dot has certainly not left; or it was answered by a refusal that is about the connection alone.
    """

    why: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """The final dot may have left, and its reply was never read: in doubt."""

    why: str


Result = Union[Replied, NotWritten, Unknown]


@dataclass(frozen=True, slots=True)
class RelayEvent:
    """Something about the relay, not about one parcel.

    ``open``: the first connection was made, or mail was accepted again after trouble. ``refused``: greeting, EHLO, TLS
    or AUTH refused for good; it holds the campaigns (:func:`mailer.outcome.hold_for`). ``away``: no connection, or it
    ended without having accepted a message; the transport backs off by itself. ``rotated``: the relay ended a
    connection that had accepted messages, and it is replaced at once; nothing to worry about. ``slow_down``: 421 or
    another 4xx before a first message, and no other connection is open; ``crowded``: the same while others are.
    ``silent``: nothing was heard for some seconds while no connection is open; we go on waiting. ``no_groups``: it
    offers PIPELINING and loses what stands behind a command in the same write: the next sessions wait for each answer;
    said once.
    """

    kind: EventKind
    stage: str
    code: int
    text: str
