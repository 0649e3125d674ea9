"""How many connections to a relay there may be, when the next attempt is made, and what was reported. No I/O, no clock.

Promises: as many connections are begun at once as the relay held without trouble, one after trouble. After a slow-down
no more are allowed than were open, then one more each ``GROW`` seconds. The delay between attempts doubles while the
relay fails, from half a second to a minute, jittered. Times are monotonic seconds.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

FIRST_DELAY, LONGEST_DELAY = 0.5, 60.0
GROW = 30.0  # seconds: after a slow-down one more connection is allowed at each such interval
_MOST_DOUBLINGS = 20


class ConnectionCount:
    """How many connections are allowed, of ``size`` at most, and how many may be begun ``at_once``."""

    def __init__(self, size: int, now: float) -> None:
        self.allowed = size
        self.at_once = 1  # connections open at once since the relay's last trouble
        self._size = size
        self._grown = now

    def opened(self, number: int) -> None:
        """Note how many connections are open."""
        self.at_once = max(self.at_once, number)

    def begin_again(self) -> None:
        """Begin one at a time: the relay made trouble, or nothing is known of it any more."""
        self.at_once = 1

    def slow_down(self, number: int, now: float) -> None:
        """Allow no more than the ``number`` that are open, since the relay asked for fewer."""
        self.allowed, self._grown = max(1, number), now

    def grows(self, now: float) -> bool:
        """Allow one more if it is time, and return whether it was."""
        if self.allowed >= self._size or now - self._grown <= GROW:
            return False
        self.allowed, self._grown = self.allowed + 1, now
        return True


@dataclass(slots=True)
class Backoff:
    """When the next connection may be tried: ``failures`` in a row, and the time before which nothing is tried."""

    failures: int = 0
    not_before: float = 0.0

    def failed(self, now: float) -> None:
        """Wait longer each time; failures while we wait count as one."""
        if now >= self.not_before:
            delay = min(LONGEST_DELAY, FIRST_DELAY * 2**self.failures)
            self.not_before = now + delay * random.uniform(0.8, 1.2)
            self.failures = min(self.failures + 1, _MOST_DOUBLINGS)

    def succeeded(self) -> None:
        """Wait no more."""
        self.failures, self.not_before = 0, 0.0


@dataclass(slots=True)
class RelayReports:
    """The reports to the message source about the relay: that it is open, and that it is silent."""

    open: bool = False
    silent: bool = False

    def opened(self, *, failing: bool) -> bool:
        """Note an open connection; return whether that is news. ``failing``: the relay has taken nothing since."""
        if self.open and (failing or not self.silent):
            return False
        self.open, self.silent = True, False
        return True
