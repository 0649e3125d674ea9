"""The writing thread: settles known results, claims a window, makes messages of it, and hands them to the loop.

This full turn is the specification; :mod:`mailer.worker.lean_turn` has the fast way for the usual turn, which runs on
the event loop or here. Promises: settling and claiming are one transaction and one fsync. Nothing is handed to the loop
before its claim is on disk. Replies are settled within 50 ms. When the database is lost, nothing more is given to the
transport; known results are kept, and written when the database is back. Rows that a lost COMMIT may have claimed are
read back and handed back, never redone.
"""

from __future__ import annotations

import logging
import time
from datetime import datetime

from mailer import resource_limits
from mailer.errors import StorageError
from mailer.worker.handoff import HandOff
from mailer.worker.lean_turn import DONE, LeanTurn
from mailer.worker.ledger import Ledger
from mailer.worker.periodic_reads import LOOK_SOON, PeriodicReads
from mailer.worker.sender_state import SenderState
from mailer.worker.share import share
from mailer.worker.turn_scheduler import TurnScheduler

EXPIRE_EVERY = 0.1
POLL_BUSY, POLL_IDLE = 0.03, 0.2
AT_LEAST = 0.003  # seconds between two looks for room
TRY_AGAIN = 0.25
LAST_WORDS = 10.0  # seconds that a sender which was told to stop waits for a lost database
log = logging.getLogger("postiljon.worker")


class Dispatcher:
    """See the module. :meth:`run` is the thread; ``stopping`` and ``finishing`` of the state are set by the loop."""

    def __init__(self, state: SenderState, turns: TurnScheduler) -> None:
        self.watch = PeriodicReads(state)
        self._state, self._turns = state, turns
        self._hand_off = HandOff(state)
        self._wrote = False  # the last turn changed something
        self._lost = False
        self._count = 0
        self._expired = 0.0

    def run(self) -> None:
        """Work until told to finish, or until an error that waiting cannot mend (``error`` of the state)."""
        state, ledger = self._state, None
        try:
            ledger = Ledger(state)
            self._turns.lean = LeanTurn(state, ledger, self._hand_off)
            self._work(ledger, self._turns.lean)
        except BaseException as error:
            short = resource_limits.meant(error)
            log.error("the sender stops%s", f": {short}" if short else "", exc_info=None if short else error)
            state.error = short or error
        finally:
            self._turns.close()
            self._hand_off.close()
            state.reader.close()
            if ledger:
                ledger.abandon()

    def _work(self, ledger: Ledger, lean: LeanTurn) -> None:
        turns, state, deadline = self._turns, self._state, None
        while not (state.finishing and self._settled(ledger)):
            if turns.on_loop or not state.outbound.said:
                turns.event.wait(self._pause())
            turns.event.clear()
            with turns.lock:  # the event loop has it for one lean turn at most, some milliseconds
                error = self._one_turn(ledger, lean)
            if error is not None:
                self._lose(error)
            elif turns.on_loop:  # results that came during this turn are for the loop
                turns.event.clear()
                state.post(turns.set)
            if state.finishing:
                deadline = deadline or time.monotonic() + LAST_WORDS
                if time.monotonic() > deadline:
                    return
        ledger.close()

    def _one_turn(self, ledger: Ledger, lean: LeanTurn) -> StorageError | None:
        """Take one turn; return the error while the database is away, or None."""
        try:
            if lean.error is not None:
                raise lean.error
            if not self._lost and self._lean_turn(ledger, lean):
                return None
            lean.stop()
            if self._lost:
                ledger.regain()
            self.turn(ledger)
            lean.plan()
        except StorageError as error:
            lean.stop()
            if error.permanent:
                raise
            return error
        return None

    def _lean_turn(self, ledger: Ledger, lean: LeanTurn) -> bool:
        """Look when it is time, and take a lean turn if it still applies; False if the full turn is needed."""
        if lean.applies and self.watch.is_due():
            self.watch.look(ledger.sender.id, self._state.deps.clock(), certain=not ledger.uncertain)
            lean.plan()
        return lean.attempt(self._state.post) is DONE

    def _settled(self, ledger: Ledger) -> bool:
        """Whether all results are on disk. Rows that the transport took and never reported stay for the sweep."""
        outbound = self._state.outbound
        return not (outbound.said or outbound.never_taken() or self._state.pending or ledger.uncertain)

    def _pause(self) -> float:
        """Return the seconds until the next look: until a row without room may go, if that is sooner than usual."""
        flights, pacing = self._state.outbound.flights, self._state.pacing
        if self._turns.on_loop and flights and not self._state.finishing:
            return self.watch.until_due()
        soon = self._wrote or self._turns.on_loop
        usual = POLL_BUSY if flights or self._state.finishing else LOOK_SOON if soon else POLL_IDLE
        if not pacing.holds_back:
            return usual
        until_room = pacing.next_at - self._state.deps.clock().timestamp()
        return min(usual, max(AT_LEAST, until_room))

    def turn(self, ledger: Ledger) -> None:
        """Take one full turn. Raises ``StorageError``; then the same turn may be taken again."""
        state, now = self._state, self._state.deps.clock()
        finishing = state.finishing
        self._drain(now)
        if finishing:
            for flight in state.outbound.never_taken():
                del state.outbound.flights[flight.claimed.delivery]
                state.pending.hand_back(flight.claimed, flight.sender_id)
        self.watch.look(ledger.sender.id, now, certain=not ledger.uncertain)
        self._wrote = bool(state.pending)
        claimed = ledger.write(self._wanted(), now)
        if state.outbound.flights and not finishing:
            self._expire()
        if self._lost:
            self._lost = False
            state.post(lambda: state.outbound.halt(False))
        if claimed:
            self._hand_off.give(claimed, ledger.sender.id, now.timestamp(), state.post)

    def _expire(self) -> None:
        """Hand back claimed rows that are not written within a second."""
        clock = time.monotonic()
        if clock - self._expired > EXPIRE_EVERY:
            self._expired = clock
            self._state.post(self._state.outbound.expire)

    def _drain(self, now: datetime) -> None:
        """Decide on the results and events that the transport has reported."""
        state, cache = self._state, self._state.cache
        outbound, pending, service = state.outbound, state.pending, cache.service
        handle = state.reply_handler.begin(now)
        while outbound.events:
            event = outbound.events.popleft()
            held = state.reply_handler.event(event, now)
            service.event(event, held)
            pending.held_all = pending.held_all or held
        while outbound.results:
            delivery, result = outbound.results.popleft()
            flight = outbound.flights.pop(delivery, None)
            if flight is not None:
                mailing = cache.known[flight.claimed.mailing]
                handled = service.note(flight.claimed, mailing, handle(flight.claimed, mailing, result))
                pending.decided(flight.claimed, flight.sender_id, mailing, handled, flight.claimed_at)
        while outbound.broken:
            self._hand_off.unmade(*outbound.broken.popleft())
        unwanted = set(cache.open) if pending.held_all else {*pending.held, *service.refused(cache.open.values())}
        if unwanted:
            state.unwant(unwanted)

    def _wanted(self) -> dict[int, int]:
        free = self._state.free_places()
        self._count += 1
        return share(self._state.cache.needs(), free, self._count) if free > 0 else {}

    def _lose(self, error: StorageError) -> None:
        """Stop writing to sockets, keep known results, and try again: the database is away, full or locked."""
        if not self._lost:
            log.warning("sending stops for now: %s", error)
        self._lost = True
        self._state.post(lambda: self._state.outbound.halt(True))
        time.sleep(TRY_AGAIN)
