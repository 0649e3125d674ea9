"""The figures behind a report, counted beforehand by the clock, so that a page reads one row instead of a million.

Promises: a campaign that is being sent is counted again at most as often as :data:`SHARE` of the clock's time allows,
one that has ended at the next turn. Two processes that count at once store the same numbers. :func:`of_mailing` changes
nothing; it counts by itself where that is quick. Success does not mean that figures are those of this moment:
``Figures.at`` says of when.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection

from mailer import outbox
from mailer.outbox import Figures, Mailing
from mailer.storage import Database

SOONEST = timedelta(seconds=10)
SHARE = 0.05  # of the time, at most, goes to counting a campaign that is being sent
QUICK = 20_000  # people of a mailing that a page may count by itself: some tens of milliseconds


class Counting:
    """The counting of one process: it remembers how long each mailing took last."""

    def __init__(self) -> None:
        self._took: dict[int, float] = {}

    def turn(self, db: Database, clock: Callable[[], datetime]) -> list[int]:
        """Count what is due; return the mailings."""
        with db.read() as conn:
            due = [one.mailing for one in outbox.figures.outdated(conn) if self._is_due(one, clock())]
        for mailing in due:
            began = time.monotonic()
            with db.read() as conn:
                found = outbox.figures.count(conn, mailing, clock())
            self._took[mailing] = time.monotonic() - began
            with db.write() as conn:
                outbox.figures.keep(conn, mailing, found)
        return due

    def _is_due(self, one: outbox.figures.Outdated, now: datetime) -> bool:
        if one.at is None or one.is_finished:
            return True
        return now - one.at >= max(SOONEST, timedelta(seconds=self._took.get(one.mailing, 0.0) / SHARE))


def of_mailing(conn: Connection, mailing: Mailing, now: datetime) -> Figures | None:
    """Return the figures that were counted last, newer ones where that is quick; None before the first count."""
    kept = outbox.figures.kept(conn, mailing.id)
    if kept and kept.counts == mailing.counts:
        return kept
    if mailing.counts.recipients <= QUICK:
        return outbox.figures.count(conn, mailing.id, now)
    return kept
