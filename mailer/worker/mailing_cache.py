"""The writing thread's view of the mailings, read each quarter of a second, so that a pause acts within that time.

Promises: ``unwanted`` names every mailing that has letters on their way and is not open any more.
:meth:`MailingCache.ending` says when a sender that was asked to work until everything is done has reached that point.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from mailer import outbox
from mailer.outbox import Claimed, Mailing
from mailer.worker.fair_share import Demand
from mailer.worker.service import ServiceMail
from mailer.worker.values import ExitReason


class MailingCache:
    """See the module. ``only``: the one mailing that this sender works for, or all that are open.

    Service mail that waits for the relay (``service``) is open in the database, but not here.
    """

    def __init__(self, only: int | None, give_up: timedelta = timedelta(days=4)) -> None:
        self.only = only
        self.service = ServiceMail(give_up)
        self.open: dict[int, Mailing] = {}
        self.known: dict[int, Mailing] = {}  # also those that are not open any more and have letters on their way
        self.remaining: dict[int, int] = {}  # mailing → how many may still be claimed, as far as we know
        self.due: set[int] = set()  # those with rows in retry whose time has come
        self.cancelled: list[int] = []
        self.unwanted: frozenset[int] = frozenset()

    def look(self, conn: Connection, on_their_way: Collection[int], now: datetime) -> None:
        """Read the mailings. ``on_their_way``: mailings of which letters were claimed and not yet settled."""
        mine = outbox.open_ones(conn) if self.only is None else [outbox.get(conn, self.only)]
        waits = self.service.look(conn, mine, now)
        self.open = {mailing.id: mailing for mailing in mine if mailing.state == "open" and mailing.id not in waits}
        gone = set(on_their_way) - set(self.open)
        kept = {number: self.known[number] for number in gone if number in self.known}
        self.known = kept | {mailing.id: mailing for mailing in mine}
        self.unwanted = frozenset(gone)
        self.cancelled = outbox.cancelled_ones(conn)
        self.due = {number for number, mailing in self.open.items() if _is_due(conn, mailing, now)}
        self.remaining = {
            number: mailing.counts.waiting + (mailing.counts.retry if number in self.due else 0)
            for number, mailing in self.open.items()
        }

    def claimed(self, wanted: Mapping[int, int], claims: Sequence[Claimed], *, paced: bool) -> None:
        """Lower ``remaining``: a mailing that gave too few rows has none until the next look, unless ``paced``."""
        alone = len(wanted) == 1
        got = dict.fromkeys(wanted, len(claims)) if alone else Counter(claim.mailing for claim in claims)
        for number, asked in wanted.items():
            self.remaining[number] = max(0, self.remaining.get(number, 0) - got[number])
            if got[number] < asked and not paced:
                self.remaining[number] = 0

    def drop(self, mailings: Collection[int]) -> None:
        """Drop mailings that this sender has just held."""
        for number in mailings:
            self.open.pop(number, None)
        self.unwanted |= frozenset(mailings)

    def needs(self) -> list[Demand]:
        """Return the mailings that could use places now, the oldest first."""
        return [
            Demand(number, self.remaining[number], mailing.is_service, mailing.spec.priority)
            for number, mailing in self.open.items()
            if self.remaining.get(number)
        ]

    def finished_service(self) -> Sequence[Mailing]:
        """Return the service mailings that are done: no caller follows them, so the worker closes them."""
        return [mailing for mailing in self.open.values() if mailing.is_service and mailing.finished]

    def ending(self) -> ExitReason | None:
        """Return why to end, or None. With ``only``: done or held; else done when no open mailing has letters now."""
        if self.only is not None and self.only not in self.open:
            mailing = self.known[self.only]
            return ExitReason("held", mailing.reason) if mailing.state == "held" else ExitReason("done", mailing.reason)
        busy = any(self.remaining[number] or not _rests(mailing) for number, mailing in self.open.items())
        return None if busy else ExitReason("done")


def _is_due(conn: Connection, mailing: Mailing, now: datetime) -> bool:
    due = outbox.next_retry(conn, mailing.id) if mailing.counts.retry else None
    return due is not None and due <= now


def _rests(mailing: Mailing) -> bool:
    """Return whether no recipient will be added, and no row waits or is being sent, by whichever sender."""
    return mailing.audience_complete and not (mailing.counts.waiting or mailing.counts.sending)
