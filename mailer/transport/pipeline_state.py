"""The state of one SMTP session, in parts: questions, envelope, content, use of the connection, times. Values, no I/O.

Each part belongs to one :class:`~mailer.transport.pipeline.Pipeline`, which changes it. The parts know nothing of each
other. They exist once a session and are used again for each message, so that a message costs no further objects.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from mailer.outcome.results import NotWritten, Replied
from mailer.transport.base import OutgoingMessage
from mailer.transport.limits import Timeouts

DOT, TLS_MORE = b".\r\n", 1_000  # bytes: encrypted, the same data is somewhat longer

Asked = Literal["mail", "rcpt", "data", "dot", "rset", "lone", "quit"]


@dataclass(slots=True)
class Questions:
    """The commands that were written and not answered, and whether this relay answers whole groups.

    ``later``: commands still to be sent, without PIPELINING. ``answers``: number of answers to the last write.
    ``proven``: a group behind a dot was answered whole, so this relay loses none. ``reset``: the next group begins with
    RSET.
    """

    proven: bool
    expect: deque[Asked] = field(default_factory=deque)
    later: deque[tuple[Asked, bytes]] = field(default_factory=deque)
    answers: int = 0
    reset: bool = False

    @property
    def stage(self) -> str:
        """The question whose answer is due, or ``idle``."""
        return self.expect[0] if self.expect else "idle"


@dataclass(slots=True)
class OpenEnvelope:
    """The message whose envelope is on the way, and the answers to it. ``fault``: the first refusal."""

    message: OutgoingMessage | None = None
    since: float = 0.0
    fault: Replied | NotWritten | None = None
    mail_ok: bool = False
    rcpt_ok: bool = False

    def begin(self, message: OutgoingMessage, now: float) -> None:
        """Open the envelope of this message; nothing is answered yet."""
        self.message, self.since, self.fault = message, now, None
        self.mail_ok = self.rcpt_ok = False

    def close(self) -> OutgoingMessage | None:
        """Return the message; no envelope is open any more."""
        message, self.message = self.message, None
        return message


@dataclass(slots=True)
class SentContent:
    """The message whose content is on the way, its dot unanswered.

    ``held``: the content was written, its dot was not. ``after``: bytes written after the last dot.
    """

    message: OutgoingMessage | None = None
    held: bool = False
    after: int = 0

    def may_be_unsent(self, unsent: int) -> bool:
        """Return whether the dot may still be in the queue, of which ``unsent`` bytes have not left."""
        return self.held or unsent > self.after + TLS_MORE

    def is_surely_unsent(self, unsent: int | None) -> bool:
        """Return whether the unsent rest is known to begin before the dot. None: it is not known how much is unsent."""
        return self.held or (unsent is not None and unsent >= self.after + len(DOT))

    def end(self) -> OutgoingMessage | None:
        """Return the message; no content is on the way any more."""
        message, self.message = self.message, None
        return message


@dataclass(slots=True)
class ConnectionUse:
    """How far a connection is used: when it began, the messages offered on it, and those that were accepted."""

    begun: float = 0.0
    started: int = 0
    accepted: int = 0


@dataclass(slots=True)
class SessionTimes:
    """Monotonic seconds: ``now``, and ``since``, when the last answer came or the first question after it left.

    ``backlog``: unsent bytes at the last look. While it changes, the time of the next answer does not run.
    """

    now: float = 0.0
    since: float = 0.0
    backlog: int = 0

    def overdue(self, stage: Asked, unsent: int, timeouts: Timeouts) -> float | None:
        """Return the limit that has passed without an answer to ``stage``, or None."""
        if unsent and unsent != self.backlog:
            self.since = self.now
        self.backlog = unsent
        limit = timeouts.block if unsent else timeouts.of("dot" if stage == "lone" else stage)
        return limit if self.now - self.since > limit else None
