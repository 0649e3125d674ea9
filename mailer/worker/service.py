"""Service mail that the relay refuses: the writing thread stops it, tries one letter, then lets the rest go.

Promises: letters that stop wait while one, the *probe*, is tried; once it is taken, those of the same From address go.
Any answer of the relay ends a stop of all service mail, in the transaction that settles it. A letter that is refused
while others of its address are taken waits alone. Letters whose time is over are closed, and the log says how many.
State is in the database (``outbox.service``); changes kept in memory are written again after an error.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Connection

from mailer.outbox import Claimed, Hold, Mailing, service
from mailer.outbox.service import EVERY, ServiceStop
from mailer.transport.base import RelayEvent
from mailer.worker.reply_handler import HandledReply

TIDY_EVERY = timedelta(minutes=1)
TRY_HELD = timedelta(minutes=30)  # a letter that waits alone is tried again after this
log = logging.getLogger("postiljon.worker")


class ServiceMail:
    """See the module. Used by the writing thread only."""

    def __init__(self, give_up: timedelta) -> None:
        self._give_up = give_up
        self._stops: dict[str, ServiceStop] = {}
        self._due: dict[str, int] = {}  # sender → the next probe
        self._late: list[int] = []
        self._refused: dict[str, tuple[Hold, int | None]] = {}  # sender → why, and which mailing
        self._taken: set[str] = set()
        self._hurry: set[str] = set()
        self._alone: set[str] = set()  # senders whose last answer was a refusal of one letter alone
        self._tidied: datetime | None = None
        self._now: datetime | None = None

    def __bool__(self) -> bool:
        """Return whether there is something to write."""
        return bool(self._refused or self._taken or self._hurry or self._due or self._late or self._must_tidy)

    @property
    def is_quiet(self) -> bool:
        """Return whether no stop is known and nothing is to be written: then campaigns change nothing here."""
        return not (self or self._stops)

    @property
    def _must_tidy(self) -> bool:
        return self._now is not None and (self._tidied is None or self._now - self._tidied >= TIDY_EVERY)

    def look(self, conn: Connection, mailings: Iterable[Mailing], now: datetime) -> set[int]:
        """Read the stops; return the mailings that wait. ``mailings``: all open ones, the oldest first."""
        self._now = now
        self._stops = service.stops(conn)
        mine = [mailing for mailing in mailings if mailing.is_service and mailing.state == "open"]
        unfinished = [mailing for mailing in mine if mailing.counts.waiting or mailing.counts.retry]
        stopped = {mailing.id: stop for mailing in mine if (stop := service.stop_of(mailing, self._stops))}
        self._late = [each.id for each in unfinished if self._is_late(each, now, waits=each.id in stopped)]
        candidates = [mailing for mailing in unfinished if mailing.id not in self._late and mailing.counts.waiting]
        self._due = self._next_probes([(each.id, stopped[each.id]) for each in candidates if each.id in stopped], now)
        return {*stopped, *self._late, *self.refused(mine)}

    def _is_late(self, mailing: Mailing, now: datetime, *, waits: bool) -> bool:
        """Return whether the letter's links have expired, or it has waited for as long as any letter is tried."""
        ends = mailing.spec.send_before
        return (ends is not None and ends <= now) or (waits and mailing.created_at + self._give_up <= now)

    def refused(self, mailings: Iterable[Mailing]) -> set[int]:
        """Return the mailings that wait from now on, although that is not written yet."""
        refused = self._refused
        return {
            mailing.id
            for mailing in mailings
            if refused and mailing.is_service and (EVERY in refused or mailing.spec.from_address in refused)
        }

    def record(self, claim: Claimed, mailing: Mailing, handled: HandledReply) -> HandledReply:
        """Note the outcome of a letter; return it without the hold, if service mail waits here instead."""
        decision = handled.decision
        if decision.code and EVERY in self._stops:
            self._taken.add(EVERY)
        if not mailing.is_service:
            if decision.state == "accepted" and self._stops:
                self._try_soon()
            return handled
        if mailing.spec.asked_for:  # anybody can have typed that address: nothing is concluded about it
            handled = handled._replace(statement=None)
        sender = mailing.spec.from_address
        if decision.state in ("accepted", "refused"):  # refused for the reader's sake: the relay took our address
            self._taken.add(sender)
            self._alone.discard(sender)
        if handled.hold is None or self._is_about_one(claim, sender):
            return handled
        self._refused[sender] = (handled.hold, mailing.id)
        return handled._replace(hold=None)

    def _is_about_one(self, claim: Claimed, sender: str) -> bool:
        """Return whether others of that address were taken since this letter's last refusal: then it is held alone."""
        stopped = sender in self._stops or sender in self._refused or sender in self._alone
        if claim.attempt > 1 and not stopped:
            self._alone.add(sender)
            return True
        return False

    def _try_soon(self) -> None:
        """Look again at the stops of one From address, since something else was accepted."""
        for sender, stop in self._stops.items():
            if self._now and sender != EVERY and stop.refused_at <= self._now - service.SHORTEST < stop.try_at:
                self._hurry.add(sender)

    def event(self, event: RelayEvent, hold: Hold | None) -> None:
        """Note an event of the relay. ``hold``: why everything waits, if it does."""
        if hold:
            self._refused[EVERY] = (hold, None)
            self._taken.discard(EVERY)
        elif event.kind == "open":
            self._taken |= {EVERY} & set(self._stops)
            self._try_soon()

    def write(self, conn: Connection, now: datetime) -> None:
        """Write all of it, in the transaction that settles."""
        if self._must_tidy:
            service.release_held(conn, now if self._tidied is None else now - TRY_HELD, now)
            if self._tidied is None:
                service.begin_anew(conn, now)
        for sender in self._taken:
            service.go(conn, sender)
            if sender != EVERY:
                service.release_held(conn, now - service.SHORTEST, now, sender)
        for sender, (why, probe) in self._refused.items():
            service.stop(conn, sender, why, now, probe)
        for sender in self._hurry - self._taken - set(self._refused):
            service.hurry(conn, sender, now)
        for sender, mailing in self._due.items():
            service.begin_probe(conn, self._stops[sender], mailing, now)
        expired = sum(service.expire(conn, mailing, now) for mailing in self._late)
        if expired:
            log.warning("service letters whose time is over, not sent: %s", expired)

    def done(self) -> None:
        """Forget the changes that are on disk."""
        if self._must_tidy:
            self._tidied = self._now
        for sender in self._taken:
            self._stops.pop(sender, None)
        self._refused.clear()
        self._taken.clear()
        self._hurry.clear()
        self._due, self._late = {}, []

    def _next_probes(self, stopped: list[tuple[int, ServiceStop]], now: datetime) -> dict[str, int]:
        """Return, for each stop whose time has come, the letter after the last one tried, in a circle."""
        due: dict[str, int] = {}
        for sender, stop in self._stops.items():
            mine = [number for number, its in stopped if its is stop]
            if mine and stop.try_at <= now:
                due[sender] = next((number for number in mine if number > (stop.probe or 0)), mine[0])
        return due
