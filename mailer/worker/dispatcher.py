"""The writing thread of a sender: when it takes a turn, which kind of turn, and its end.

A turn is one transaction. A full one (:mod:`mailer.worker.full_turn`) is taken unless a lean one
(:mod:`mailer.worker.lean_turn`) applies; that one runs on the event loop or here. Promises: one turn at a time. Replies
are settled within 50 ms. When the database is lost, known results are kept, and written when it is back
(:mod:`mailer.worker.recovery`). The thread ends when all results are on disk, or with an error that cannot pass.
"""

from __future__ import annotations

import logging

from mailer import resource_limits
from mailer.errors import StorageError
from mailer.worker.full_turn import FullTurn
from mailer.worker.handoff import HandOff
from mailer.worker.lean_turn import DONE, LeanTurn
from mailer.worker.periodic_reads import LOOK_SOON, PeriodicReads
from mailer.worker.recovery import Recovery
from mailer.worker.sender_state import SenderState
from mailer.worker.sender_transactions import SenderTransactions
from mailer.worker.turn_scheduler import TurnScheduler

POLL_BUSY, POLL_IDLE = 0.03, 0.2
AT_LEAST = 0.003  # seconds between two looks for room
log = logging.getLogger("postiljon.worker")


class Dispatcher:
    """See the module. :meth:`run` is the thread; ``stopping`` and ``finishing`` of the state are set by the loop."""

    def __init__(self, state: SenderState, turns: TurnScheduler) -> None:
        self.reads = PeriodicReads(state)
        self._state, self._turns = state, turns
        self._hand_off = HandOff(state)
        self._full_turn = FullTurn(state, self.reads, self._hand_off)
        self._recovery = Recovery(state)

    def run(self) -> None:
        """Work until told to finish, or until an error that waiting cannot mend (``error`` of the state)."""
        state, transactions = self._state, None
        try:
            transactions = SenderTransactions(state)
            self._turns.lean = LeanTurn(state, transactions, self._hand_off)
            self._work(transactions, self._turns.lean)
        except BaseException as error:
            short = resource_limits.meant(error)
            log.error("the sender stops%s", f": {short}" if short else "", exc_info=None if short else error)
            state.error = short or error
        finally:
            self._turns.close()
            self._hand_off.close()
            state.reader.close()
            if transactions:
                transactions.abandon()

    def _work(self, transactions: SenderTransactions, lean: LeanTurn) -> None:
        turns, state = self._turns, self._state
        while not (state.finishing and self._settled(transactions)):
            if turns.on_loop or not state.outbound.has_replies:
                turns.event.wait(self._pause())
            turns.event.clear()
            with turns.lock:  # the event loop has it for one lean turn at most, some milliseconds
                error = self._one_turn(transactions, lean)
            if error is not None:
                self._recovery.lose(error)
            elif turns.on_loop:  # results that came during this turn are for the loop
                turns.event.clear()
                state.post(turns.set)
            if self._recovery.is_over():
                return
        transactions.close()

    def _one_turn(self, transactions: SenderTransactions, lean: LeanTurn) -> StorageError | None:
        """Take one turn; return the error while the database is away, or None."""
        try:
            if lean.error is not None:
                raise lean.error
            if not self._recovery.is_lost and self._lean_turn(transactions, lean):
                return None
            lean.stop()
            self._recovery.regain(transactions)
            self._full_turn.take(transactions)
            self._recovery.regained()
            lean.choose_mailing()
        except StorageError as error:
            lean.stop()
            if error.permanent:
                raise
            return error
        return None

    def _lean_turn(self, transactions: SenderTransactions, lean: LeanTurn) -> bool:
        """Look when it is time, and take a lean turn if it still applies; False if the full turn is needed."""
        if lean.applies and self.reads.is_due():
            self.reads.look(transactions.sender.id, self._state.deps.clock(), certain=not transactions.uncertain)
            lean.choose_mailing()
        return lean.attempt(self._state.post) is DONE

    def _settled(self, transactions: SenderTransactions) -> bool:
        """Return whether all results are on disk. Rows that the transport took and never reported await the sweep."""
        outbound = self._state.outbound
        return not (outbound.has_replies or outbound.never_taken() or self._state.pending or transactions.uncertain)

    def _pause(self) -> float:
        """Return the seconds until the next look: until a row without room may go, if that is sooner than usual."""
        flights, pacing = self._state.outbound.flights, self._state.pacing
        if self._turns.on_loop and flights and not self._state.finishing:
            return self.reads.until_due()
        soon = self._full_turn.wrote or self._turns.on_loop
        usual = POLL_BUSY if flights or self._state.finishing else LOOK_SOON if soon else POLL_IDLE
        if not pacing.holds_back:
            return usual
        until_room = pacing.next_at - self._state.deps.clock().timestamp()
        return min(usual, max(AT_LEAST, until_room))
