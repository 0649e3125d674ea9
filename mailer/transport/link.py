"""What a pipeline needs of a connection, and how a session ends. Values and one Protocol; no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from mailer.transport.trust import Trust

_REMEMBERED = 10_000
PATIENCE = 10
"""So many sessions may break at one letter before it waits like any other that was refused for now."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Why a session is over. ``quiet``: we ended it. ``rotated``: the server did, having accepted mail.

    ``garbled``: the server lost what stood behind a command in the same write, so we ended it without content.
    """

    kind: Literal["quiet", "rotated", "away", "slow_down", "garbled"]
    stage: str = ""
    code: int = 0
    text: str = ""


class Wire(Protocol):
    """What a pipeline needs of a connection."""

    def write(self, data: bytes) -> None:
        """Queue bytes."""

    def unsent(self) -> int:
        """How many queued bytes have certainly not left the process."""

    def full(self) -> bool:
        """Whether the queue is long: :meth:`Pipeline.drained` will be called."""

    def idle(self) -> None:
        """Nothing is under way: the pipeline can be poked."""

    def ended(self, how: Ended, *, abort: bool) -> None:
        """The session is over; ``abort``: nothing queued may leave any more."""


class Losses:
    """What sessions with one relay know together: whether it can do groups (``trust``), and how often a parcel was at
    the head of a session that broke, so that none can break them for ever.
    """

    def __init__(self) -> None:
        self.trust = Trust()
        self._seen: dict[int, int] = {}

    def count(self, delivery: int) -> int:
        """One more; how many by now. Forgets the oldest beyond ten thousand."""
        times = self._seen.pop(delivery, 0) + 1
        self._seen[delivery] = times
        if len(self._seen) > _REMEMBERED:
            self._seen.pop(next(iter(self._seen)))
        return times
