"""Trust in a relay that offers PIPELINING, judged from all sessions with that relay. No I/O, no clock.

Some relays offer it, and lose or mangle the commands behind another one in the same segment (RFC 2920, section 3.2).
Then the rest of a group is never answered. A session that sees this ends without content, and reports it here.
Promises: a relay that was never seen to answer a group whole is not trusted for a while after the first such session. A
relay that was seen to do so loses trust after three in a row, since it may only be slow. Success does not mean that
each machine behind the relay's name can do it.
"""

from __future__ import annotations

import logging
from typing import Literal

AGAIN = 600.0
"""Seconds after which groups are tried again: a slow hour is no reason to wait for each answer for ever."""
_IN_A_ROW = 3

log = logging.getLogger("postiljon.relay")


class PipeliningTrust:
    """The trust in one relay. ``now`` is monotonic time in seconds."""

    def __init__(self) -> None:
        self._until: float | None = None
        self._proven = False
        self._doubts = 0

    def holds(self, now: float) -> bool:
        """Return whether a new session may write groups."""
        return self._until is None or now >= self._until

    def proven(self) -> Literal[True]:
        """Note that a group behind a final dot, in the same write, was answered whole."""
        self._proven, self._doubts = True, 0
        return True

    def doubted(self, now: float, why: str) -> bool:
        """Note a session that lost answers; return whether that is news: now each command waits for its answer."""
        self._doubts += 1
        if not self.holds(now) or (self._proven and self._doubts < _IN_A_ROW):
            return False
        first, self._until, self._proven = self._until is None, now + AGAIN, False
        if first:
            log.warning("the mail server offers PIPELINING and does not do it (%s): now each command waits", why)
        return first
