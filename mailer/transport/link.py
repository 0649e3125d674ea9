"""The interface of a connection to a pipeline, and how a session ends. Values and one Protocol; no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from mailer.outcome.results import NotWritten, Replied
from mailer.outcome.session import about_connection
from mailer.transport.pipelining_trust import AGAIN, PipeliningTrust

_REMEMBERED = 10_000
_HANDED_BACK = 2  # number of refusals about the connection that cost the same letter nothing
MOST_BROKEN_SESSIONS = 10
"""Number of sessions that may break at one letter before it waits like any other that was refused for now."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Why a session is over. ``quiet``: we ended it. ``rotated``: the server did, having accepted mail.

    ``garbled``: the server lost the commands behind another one in the same write, so we ended it without content.
    """

    kind: Literal["quiet", "rotated", "away", "slow_down", "garbled"]
    stage: str = ""
    code: int = 0
    text: str = ""


class Wire(Protocol):
    """A connection as a pipeline uses it."""

    def write(self, data: bytes) -> None:
        """Queue bytes."""

    def unsent(self) -> int:
        """Return how many queued bytes have certainly not left the process."""

    def full(self) -> bool:
        """Return whether the queue is long: :meth:`Pipeline.drained` will be called."""

    def idle(self) -> None:
        """Note that nothing is under way: the pipeline can be poked."""

    def ended(self, how: Ended, *, abort: bool) -> None:
        """End the session; ``abort``: nothing queued may leave any more."""


class PipeliningHealth:
    """Knowledge shared by the sessions with one relay: whether it can do groups (``trust``), and how many letters a
    connection takes. Counts how often a message was at the head of a broken session, so that none breaks them for ever.
    """

    def __init__(self) -> None:
        self.trust = PipeliningTrust()
        self._seen: dict[int, int] = {}
        self._takes: tuple[int, float] | None = None

    def takes(self, now: float) -> int | None:
        """Return how many letters the relay takes on one connection, if it has said so; forgotten after ten minutes."""
        if self._takes is not None and now >= self._takes[1]:
            self._takes = None
        return self._takes[0] if self._takes else None

    def learn_limit(self, reply: Replied, accepted: int, earlier: int, now: float) -> bool:
        """Return, and learn, whether a refusal is about the connection (``accepted`` of ``earlier`` letters taken)."""
        if not about_connection(reply, accepted, earlier):
            return False
        known = self.takes(now)
        self._takes = (min(earlier, known or earlier), now + AGAIN)
        return True

    def result_of(self, delivery: int, reply: Replied, taken: tuple[int, int], now: float) -> Replied | NotWritten:
        """Return the result of a refusal: the reply, or *not written*, since the next connection may take the message.

        ``taken``: how many letters the connection accepted, and how many were offered on it before this one.
        """
        if self.learn_limit(reply, *taken, now) and self.count(delivery) <= _HANDED_BACK:
            return NotWritten(f"{reply.code} {reply.text}")
        return reply

    def returned(self, delivery: int, how: Ended, *, at_head: bool) -> Replied | NotWritten:
        """Return the result of a message whose session ended before its content was written: handed back, at no cost.

        ``at_head``: no content was unanswered before it. A message at which ten sessions broke has to wait.
        """
        if how.kind not in ("quiet", "garbled") and at_head and self.count(delivery) >= MOST_BROKEN_SESSIONS:
            return Replied("local", 451, f"4.4.2 the connection was lost {MOST_BROKEN_SESSIONS} times at this letter")
        return NotWritten(how.text or "the connection ended before its content was written")

    def count(self, delivery: int) -> int:
        """Count one more, and return how many there are. Forgets the oldest beyond ten thousand."""
        times = self._seen.pop(delivery, 0) + 1
        self._seen[delivery] = times
        if len(self._seen) > _REMEMBERED:
            self._seen.pop(next(iter(self._seen)))
        return times
