"""When to report on the relay: at once, when its words change, at growing intervals, and when it is well.

A state machine over :class:`~mailer.worker.values.SendProgress`; no clock, no words of its own. Promises: words that
differ only in numbers and marks (a session's own number, a time) are the same words. A relay that goes and comes many
times a minute is not reported each time. A relay to which nothing is to go any more is not reported again. Trouble that
was never reported is not reported as mended.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from mailer.worker.values import SendProgress

AGAIN = tuple(timedelta(minutes=minutes) for minutes in (2, 5, 15, 60))
"""Intervals after which the same trouble is reported again; the last one repeats."""
CALM = timedelta(minutes=10)
_CODE = 4
_MOST = 5  # different words in one trouble
_MARKS = re.compile(r"\S*\d\S*")


class RelayReport(NamedTuple):
    """A report to make. ``trouble``: nothing leaves since then. ``still``: the same later. ``well``: it is over."""

    kind: Literal["trouble", "still", "well"]
    since: datetime
    words: str = ""


class RelayNews:
    """Takes the progress of each turn, and returns the news."""

    def __init__(self) -> None:
        self._said: set[str] = set()
        self._telling: datetime | None = None  # the trouble that was reported
        self._times = 0
        self._next: datetime | None = None
        self._well: datetime | None = None

    def of(self, turn: SendProgress) -> RelayReport | None:
        """Return the report to make now."""
        if turn.relay_away_since is None:
            return self._is_well(turn.at)
        self._well = None
        same = turn.words[:_CODE] + _MARKS.sub("#", turn.words[_CODE:])
        new = same not in self._said and len(self._said) < _MOST
        due = self._next is None or turn.at >= self._next
        waiting = any(counts.unfinished for counts in turn.counts.values())
        if not (new or (due and waiting)):
            return None
        kind: Literal["trouble", "still"] = "trouble" if new or self._telling is None else "still"
        self._telling = turn.relay_away_since
        self._said.add(same)
        self._next = turn.at + AGAIN[min(self._times, len(AGAIN) - 1)]
        self._times += due
        return RelayReport(kind, turn.relay_away_since, turn.words)

    def _is_well(self, now: datetime) -> RelayReport | None:
        self._well = self._well or now
        if now - self._well >= CALM:
            self._said.clear()
            self._times, self._next = 0, None
        since, self._telling = self._telling, None
        return RelayReport("well", since) if since else None
