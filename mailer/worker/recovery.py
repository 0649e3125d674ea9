"""The loss of the database, and the way back: sending stops, known results are kept, and the next turn tries again.

Promises: while the database is away, nothing more is given to the transport. Before anything else is asked of it, the
connection and the sender's lock are made again. Rows that a lost COMMIT may have claimed are read back by the next full
turn and handed back, never redone (:mod:`mailer.worker.sender_transactions`). Sending goes on only after a full turn
has succeeded.
"""

from __future__ import annotations

import logging
import time

from mailer.errors import StorageError
from mailer.worker.sender_state import SenderState
from mailer.worker.sender_transactions import SenderTransactions

TRY_AGAIN = 0.25
LAST_WORDS = 10.0  # seconds that a sender which was told to stop waits for a lost database
log = logging.getLogger("postiljon.worker")


class Recovery:
    """See the module. Used by the writing thread, while it has no turn or at the ends of one."""

    def __init__(self, state: SenderState) -> None:
        self.is_lost = False
        self._state = state
        self._deadline = 0.0  # monotonic; 0 until the sender was told to finish

    def lose(self, error: StorageError) -> None:
        """Stop writing to sockets, keep known results, and wait a little: the database is away, full or locked."""
        if not self.is_lost:
            log.warning("sending stops for now: %s", error)
        self.is_lost = True
        self._state.post(lambda: self._state.outbound.halt(True))
        time.sleep(TRY_AGAIN)

    def regain(self, transactions: SenderTransactions) -> None:
        """Connect again if the database was lost. Raises ``StorageError`` while it is away."""
        if self.is_lost:
            transactions.regain()

    def regained(self) -> None:
        """Go on sending, after a full turn has succeeded."""
        if self.is_lost:
            self.is_lost = False
            self._state.post(lambda: self._state.outbound.halt(False))

    def is_over(self) -> bool:
        """Return whether a sender that was told to finish has waited long enough for the database."""
        if not self._state.finishing:
            return False
        clock = time.monotonic()
        self._deadline = self._deadline or clock + LAST_WORDS
        return clock > self._deadline
