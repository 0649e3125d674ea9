"""The periodic reads of a sender: mailings, rows that wait for a slow relay, limits, and senders that are gone.

Promises: a pause, a hold or a cancellation is seen within a quarter of a second, a dead sender within a second. Each
reading is in the writing thread, never on the event loop. :attr:`PeriodicReads.ending` says when a sender that works
until everything is done has reached that point.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection

from mailer import outbox
from mailer.worker.send_queue import WITHIN
from mailer.worker.sender_state import SenderState
from mailer.worker.values import ExitReason, SendProgress

LOOK_EVERY, LOOK_SOON = 0.25, 0.05
SWEEP_EVERY = 1.0
AWAY_TOO_LONG = 60.0


class PeriodicReads:
    """See the module. Used by the writing thread while it has the turn; times are seconds of the monotonic clock."""

    def __init__(self, state: SenderState) -> None:
        self.ending: ExitReason | None = None
        self.on_progress: Callable[[SendProgress], object] = lambda _turn: None
        self._state = state
        self._looked = self._swept = 0.0

    def is_due(self) -> bool:
        """Return whether it is time to look again."""
        return time.monotonic() - self._looked >= (LOOK_EVERY if self._state.outbound.flights else LOOK_SOON)

    def until_due(self) -> float:
        """Return the seconds until the next look, with letters on their way."""
        return max(0.0, self._looked + LOOK_EVERY - time.monotonic())

    def look(self, sender_id: int, now: datetime, *, certain: bool) -> None:
        """Read all that is due. ``certain``: each transaction of this process is known as committed or not."""
        clock, cache, outbound = time.monotonic(), self._state.cache, self._state.outbound
        if clock - self._swept > SWEEP_EVERY:
            self._swept = clock
            self._sweep(sender_id, now, certain=certain)
        if not self.is_due():
            return
        self._looked = clock
        before = cache.unwanted
        with self._state.reader.reading() as conn:
            self._ask_again(conn, now)
            cache.look(conn, {flight.claimed.mailing for flight in outbound.flights.values()}, now)
            self._state.pacing.refresh(conn, now)
        if cache.unwanted != before:
            self._state.stop_mailings(set())
        self._report(now)

    def _ask_again(self, conn: Connection, now: datetime) -> None:
        """Ask again while a slow relay answers: a contact that opted out gets nothing; the others get more time."""
        waiting, asked = self._state.outbound.waiting_for_answers(), time.monotonic()
        unwanted = outbox.unwanted(conn, [flight.claimed.delivery for flight in waiting], now) if waiting else ()
        for flight in waiting:
            flight.expires_at = 0.0 if flight.claimed.delivery in unwanted else asked + WITHIN

    def _sweep(self, sender_id: int, now: datetime, *, certain: bool) -> None:
        """Free the rows of senders that are gone, but not those that we ourselves still have under an old number."""
        flights = self._state.outbound.flights
        if certain and all(flight.sender_id == sender_id for flight in flights.values()):
            outbox.sweep(self._state.deps.db, now, sender_id)

    def _report(self, now: datetime) -> None:
        """Report the progress to ``on_progress``, and see whether this sender is done."""
        state, handler = self._state, self._state.reply_handler
        away = handler.away_since
        counts = {number: mailing.counts for number, mailing in state.cache.known.items()}
        turn = SendProgress(now, counts, len(state.outbound.flights), away, handler.away_words)
        state.post(lambda: self.on_progress(turn))
        if away and not handler.awaits_greeting and (now - away).total_seconds() >= AWAY_TOO_LONG:
            self.ending = ExitReason("relay_away", handler.away_words)
        elif not state.outbound.flights and not state.pending:
            self.ending = state.cache.ending()
        else:
            self.ending = None
