"""The sizes of audiences, kept for a minute: to count a million subscribers takes longer than a page may.

Promises: a number is a minute old at most. Counting uses the caller's connection; two threads may count the same twice.
"""

from __future__ import annotations

import time
from datetime import datetime

from sqlalchemy import Connection

from campaigns.lifecycle import audience
from campaigns.lifecycle.audience import Tally

KEPT, MOST = 60.0, 100  # seconds; audiences


class Tallies:
    """The audiences that this process has counted."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str], tuple[float, Tally]] = {}

    def of(self, conn: Connection, topic: str, segment: str, language: str, now: datetime) -> Tally:
        """Return how many contacts of a topic and segment would be mailed, and how many are left out."""
        key, clock = (topic, segment, language), time.monotonic()
        at, tally = self._known.get(key, (float("-inf"), Tally(0, {})))
        if clock - at > KEPT:
            tally = audience.tally(conn, topic, segment, language, now)
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[key] = (clock, tally)
        return tally

    def forget(self) -> None:
        """Count everything again the next time."""
        self._known.clear()
