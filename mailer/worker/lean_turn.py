"""The lean turn: the fast path of the usual turn of a sender, beside the full turn of :mod:`mailer.worker.full_turn`.

It applies when exactly one campaign is open, without a limit, a due retry or anything else to write. All results must
be letters of that campaign that the relay has taken. Then it settles and claims as the full turn would: the same rows,
counters and states, the same memory of accepted letters (``properties/test_lean_turn``). Otherwise nothing is touched,
and the full turn does all of it. It runs on the event loop or in the writing thread: the one that holds the turn.

Promises: SQLite's lock is tried and never waited for. A result leaves memory only after COMMIT has returned. Rows that
the claim returns as skipped or refused are not sent (I2). Values are read after the claim. Raises nothing: an error is
kept in :attr:`LeanTurn.error`, for the writing thread to raise. Rows that its COMMIT may have changed are read back.
"""

from __future__ import annotations

import time
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from mailer import outbox
from mailer.outbox import LeanWork, LeanWritten, Mailing
from mailer.transport.base import Replied
from mailer.worker.handoff import HandOff
from mailer.worker.send_queue import InFlight
from mailer.worker.sender_state import RunOnLoop, SenderState
from mailer.worker.sender_transactions import MOST_ROOM, SenderTransactions


class LeanOutcome(Enum):
    """The result of an attempt at a lean turn."""

    DONE = 1  # a turn was made
    WRITTEN = 2  # a turn is written and not yet committed
    LOCKED = 3  # the lock is not free
    UNUSUAL = 4  # the full turn is needed
    ENDED = 5  # nothing is left to do


DONE, WRITTEN, LOCKED, UNUSUAL, ENDED = LeanOutcome


class UncommittedTurn(NamedTuple):
    """A turn that is written and not committed: the results it settles, the rows it asked for, the rows it wrote."""

    mailing: int
    batch: list[tuple[InFlight, Replied]]
    room: int
    now: datetime
    written: LeanWritten


class LeanTurn:
    """See the module. :meth:`choose_mailing` and :meth:`stop` are for the writing thread, the others for the holder."""

    def __init__(self, state: SenderState, transactions: SenderTransactions, hand_off: HandOff) -> None:
        self.error: Exception | None = None
        self.commit_seconds = 0.0  # of the last turn
        self._state, self._transactions, self._hand_off = state, transactions, hand_off
        self._mailing: Mailing | None = None
        self._uncommitted: UncommittedTurn | None = None
        self._waits_since = 0.0  # monotonic: since when the lock could not be had

    @property
    def applies(self) -> bool:
        """Return whether a lean turn can follow the last full turn."""
        return self._mailing is not None

    def stop(self) -> None:
        """Apply no more until the next :meth:`choose_mailing`; the error has been read."""
        self._mailing, self.error, self._waits_since = None, None, 0.0

    def choose_mailing(self) -> None:
        """Decide after a full turn whether lean turns may follow it: nothing else changes these conditions."""
        state, cache = self._state, self._state.cache
        found = list(cache.open.values())
        alone = found[0] if len(found) == 1 and not found[0].is_service else None
        unlimited = alone is not None and state.pacing.is_free(alone)
        quiet = not (cache.due or cache.cancelled or state.reply_handler.relay_news or state.reply_handler.away_since)
        usable = unlimited and quiet and cache.service.is_quiet and not self._transactions.uncertain
        self._mailing = alone if usable else None

    def attempt(self, post: RunOnLoop) -> LeanOutcome:
        """Take one turn if it is a usual one. ``post``: how calls reach the event loop from here."""
        came = self.write()
        if came is not WRITTEN:
            return came
        self.commit()
        return self.finish(post)

    def write(self) -> LeanOutcome:
        """Begin a turn if it is a usual one: all but its COMMIT (``WRITTEN``). Nothing has left memory then."""
        try:
            return self._begin()
        except Exception as error:
            self.error = error
            return UNUSUAL

    def _begin(self) -> LeanOutcome:
        state, mailing = self._state, self._mailing
        if mailing is None or self.error or not self._is_usual():
            return UNUSUAL
        batch = self._accepted(mailing)
        if batch is None:
            return UNUSUAL
        room = min(state.free_places(len(batch)), state.cache.remaining.get(mailing.id, 0))
        if not batch and room <= 0:
            return self._done(mailing.id)
        return self._write(mailing, batch, max(0, room))

    def commit(self) -> None:
        """Commit the written turn; it may be called in another thread, while the sockets go on."""
        try:
            if self._uncommitted is not None:
                self.commit_seconds = outbox.commit_lean(self._transactions.sender, self._uncommitted.written)
        except Exception as error:
            self.error = error

    def finish(self, post: RunOnLoop) -> LeanOutcome:
        """Forget the results that are on disk, and hand over the claimed rows."""
        uncommitted, self._uncommitted = self._uncommitted, None
        if self.error or uncommitted is None:
            return UNUSUAL
        try:
            self._settled(uncommitted)
            if uncommitted.written.claimed:
                claimed_at = uncommitted.now.timestamp()
                self._hand_off.give(uncommitted.written.claimed, self._transactions.sender.id, claimed_at, post)
        except Exception as error:
            self.error = error
            return UNUSUAL
        return self._done(uncommitted.mailing)

    def _settled(self, uncommitted: UncommittedTurn) -> None:
        self._transactions.uncertain.clear()
        outbound = self._state.outbound
        for flight, _said in uncommitted.batch:  # in the order in which they came
            outbound.results.popleft()
            del outbound.flights[flight.claimed.delivery]
        self._state.reply_handler.accepted([flight.claimed for flight, _said in uncommitted.batch], uncommitted.now)
        self._state.cache.claimed({uncommitted.mailing: uncommitted.room}, uncommitted.written.claimed, paced=False)

    def _done(self, mailing: int) -> LeanOutcome:
        """Return ``DONE`` if anything is left to do, else ``ENDED``: the full turn is to see that soon."""
        left = self._state.outbound.flights or self._state.cache.remaining.get(mailing)
        return DONE if left else ENDED

    def _is_usual(self) -> bool:
        state, outbound = self._state, self._state.outbound
        asked = state.stopping or state.finishing or state.error
        return not (asked or outbound.events or outbound.broken or state.pending or self._transactions.uncertain)

    def _accepted(self, mailing: Mailing) -> list[tuple[InFlight, Replied]] | None:
        """Return the results, which stay in their queue; None if one is not that of a letter the relay has taken."""
        outbound, sender, batch = self._state.outbound, self._transactions.sender.id, list[tuple[InFlight, Replied]]()
        for delivery, result in outbound.results.copy():
            flight = outbound.flights.get(delivery)
            if flight is None or flight.sender_id != sender or flight.claimed.mailing != mailing.id:
                return None
            if result.__class__ is not Replied or result.stage != "dot" or not 200 <= result.code < 300:
                return None
            batch.append((flight, result))
        return batch

    def _write(self, mailing: Mailing, batch: list[tuple[InFlight, Replied]], room: int) -> LeanOutcome:
        state, transactions, now = self._state, self._transactions, self._state.deps.clock()
        if self._must_wait() or not outbox.begin_lean(transactions.sender):
            return self._later()
        self._waits_since = 0.0
        accepted = [(flight.claimed.delivery, flight.claimed.attempt, said.code, said.text) for flight, said in batch]
        transactions.uncertain.add(transactions.sender.id)
        work = LeanWork(mailing.id, accepted, room, now, now - state.deps.settings.give_up)
        written = outbox.write_lean(transactions.sender, work)
        if written is None:
            transactions.uncertain.clear()
            return UNUSUAL
        self._uncommitted = UncommittedTurn(mailing.id, batch, room, now, written)
        return WRITTEN

    def _must_wait(self) -> bool:
        """Return whether another process waits for the lock and is to have it first, for 10 ms at most."""
        return self._transactions.others.any_waiting() and (
            not self._waits_since or time.monotonic() - self._waits_since < MOST_ROOM
        )

    def _later(self) -> LeanOutcome:
        """Try again soon, since another process holds the lock.

        After 10 ms the full turn waits for the lock, and announces that it waits.
        """
        clock = time.monotonic()
        self._waits_since = self._waits_since or clock
        return LOCKED if clock - self._waits_since < MOST_ROOM else UNUSUAL
