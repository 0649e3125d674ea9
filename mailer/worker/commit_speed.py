"""The speed of commits: quick ones may be made on the event loop. Pure but for its memory.

Promises: once they take longer than SLOW in the running mean, COMMITs belong in a thread for five seconds; then the
loop is tried again. A single commit is counted as MOST at most. So one late commit on a quick disk changes nothing, and
a slow disk stops the sockets for some five commits each five seconds.
"""

from __future__ import annotations

SLOW = 0.003  # seconds, of the running mean: a hop to the thread and back costs some letters' processor time
MOST = 0.012  # seconds that one commit counts at most
OF_THESE = 16
AWAY = 5.0  # seconds


class Commits:
    """See the module. Times are seconds; ``now`` is monotonic."""

    def __init__(self) -> None:
        self._mean = 0.0
        self._slow_until = 0.0

    def took(self, seconds: float, now: float) -> None:
        """Note a commit that was made on the event loop."""
        self._mean += (min(seconds, MOST) - self._mean) / OF_THESE
        if self._mean > SLOW:
            self._mean, self._slow_until = 0.0, now + AWAY

    def are_quick(self, now: float) -> bool:
        """Return whether the loop may make commits now."""
        return now >= self._slow_until
