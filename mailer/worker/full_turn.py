"""The full turn: known results are settled and a window is claimed in one transaction, then messages are handed over.

This is the specification; :mod:`mailer.worker.lean_turn` is its fast path for the usual turn. Promises: settling and
claiming are one transaction and one fsync (:mod:`mailer.worker.sender_transactions`). Nothing is handed to the loop
before its claim is on disk. After an error of the database the same turn may be taken again: nothing that was reported
is lost.
"""

from __future__ import annotations

import time
from datetime import datetime

from mailer.worker.fair_share import share
from mailer.worker.handoff import HandOff
from mailer.worker.periodic_reads import PeriodicReads
from mailer.worker.sender_state import SenderState
from mailer.worker.sender_transactions import SenderTransactions

EXPIRE_EVERY = 0.1


class FullTurn:
    """See the module. Used by the writing thread while it has the turn."""

    def __init__(self, state: SenderState, reads: PeriodicReads, hand_off: HandOff) -> None:
        self.wrote = False  # the last turn had something to settle
        self._state, self._reads, self._hand_off = state, reads, hand_off
        self._count = 0
        self._expired = 0.0

    def take(self, transactions: SenderTransactions) -> None:
        """Take one full turn. Raises ``StorageError``; then the same turn may be taken again."""
        state, now = self._state, self._state.deps.clock()
        finishing = state.finishing
        self._drain(now)
        if finishing:
            for flight in state.outbound.never_taken():
                del state.outbound.flights[flight.claimed.delivery]
                state.pending.hand_back(flight.claimed, flight.sender_id)
        self._reads.look(transactions.sender.id, now, certain=not transactions.uncertain)
        self.wrote = bool(state.pending)
        claimed = transactions.write(self._wanted(), now)
        if state.outbound.flights and not finishing:
            self._expire()
        if claimed:
            self._hand_off.give(claimed, transactions.sender.id, now.timestamp(), state.post)

    def _drain(self, now: datetime) -> None:
        """Decide on the results and events that the transport has reported."""
        state, cache = self._state, self._state.cache
        outbound, pending, service = state.outbound, state.pending, cache.service
        handle = state.reply_handler.handler_at(now)
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
                handled = service.record(flight.claimed, mailing, handle(flight.claimed, mailing, result))
                pending.decided(flight.claimed, flight.sender_id, mailing, handled, flight.claimed_at)
        while outbound.broken:
            self._hand_off.unmade(*outbound.broken.popleft())
        unwanted = set(cache.open) if pending.held_all else {*pending.held, *service.refused(cache.open.values())}
        if unwanted:
            state.stop_mailings(unwanted)

    def _wanted(self) -> dict[int, int]:
        """Return how many rows to claim of which mailing."""
        free = self._state.free_places()
        self._count += 1
        return share(self._state.cache.needs(), free, self._count) if free > 0 else {}

    def _expire(self) -> None:
        """Hand back claimed rows that are not written within a second."""
        clock = time.monotonic()
        if clock - self._expired > EXPIRE_EVERY:
            self._expired = clock
            self._state.post(self._state.outbound.expire)
