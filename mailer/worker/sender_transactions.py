"""The transactions of one sender: known results are settled and a window is claimed, in one COMMIT and one fsync.

Promises: nothing is forgotten before its COMMIT has returned; a COMMIT whose answer was lost is read back by attempt
and never redone. On SQLite a process that waits for the lock, such as an opt-out, gets it before the next transaction.
Raises ``StorageError``: then the same call may be made again.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime

from sqlalchemy import Connection

from mailer import outbox
from mailer.errors import StateError, StorageError
from mailer.outbox import Claimed, CounterDelta, Sender
from mailer.storage import LockWaiters
from mailer.worker.pacing import ClaimContext
from mailer.worker.pending_writes import PendingWrites
from mailer.worker.sender_state import SenderState

MOST_ROOM, LOOK_AGAIN = 0.01, 0.0002
log = logging.getLogger("postiljon.worker")


class SenderTransactions:
    """See the module. Used by the holder of the turn; ``sender`` is registered when it is made."""

    def __init__(self, state: SenderState) -> None:
        deps = state.deps
        self._state, self._name = state, f"sender {os.getpid()}"
        self.sender: Sender = outbox.register(deps.db, deps.data_dir, self._name, deps.clock())
        self.others = LockWaiters(deps.db)
        self.uncertain: set[int] = set()  # own senders with a COMMIT of unknown outcome

    def close(self) -> None:
        """Sign the sender off: all is on disk. If the database fails at this moment, the next sweep ends us instead."""
        try:
            self.sender.close(self._state.deps.clock())
        except StorageError as error:
            if error.permanent:
                raise
            log.warning("the goodbye of a sender was not kept: %s", error)

    def abandon(self) -> None:
        """Release lock and connections without signing off."""
        self.others.close()
        self.sender.abandon()

    def write(self, wanted: Mapping[int, int], now: datetime) -> list[Claimed]:
        """Settle what was decided, and claim up to ``wanted[mailing]`` rows of each mailing."""
        state, cache, claimed = self._state, self._state.cache, list[Claimed]()
        finished, relay = cache.finished_service(), state.reply_handler.relay_news
        if not wanted:
            state.pacing.idle()
        if not (wanted or state.pending or self.uncertain or cache.cancelled or finished or relay or cache.service):
            return []
        self.leave_room()
        uncertain = frozenset(self.uncertain)
        self.uncertain.add(self.sender.id)
        with self.sender.write() as conn:
            delta = CounterDelta()
            state.pending.write(conn, now, delta)
            state.pacing.record_answers(conn, state.pending.answers, now)
            for sender_id in uncertain:
                self._read_back(conn, sender_id, now, delta)
            if wanted:
                context = ClaimContext(conn, self.sender.id, now, now - state.deps.settings.give_up, delta, cache.due)
                claimed = state.pacing.claim(context, wanted, cache.known)
            state.pacing.close()
            delta.post(conn)
            self._write_mailings(conn, now)
        self._committed()
        cache.claimed(wanted, claimed, paced=state.pacing.holds_back)
        return claimed

    def _write_mailings(self, conn: Connection, now: datetime) -> None:
        """Write the changes of mailings that are due: close, skip, and report a relay that is away."""
        state, cache = self._state, self._state.cache
        for mailing in cache.finished_service():
            with suppress(StateError):  # a person has just decided to send again
                outbox.close(conn, mailing.id, now)
        cache.service.write(conn, now)
        for number in cache.cancelled[:1]:
            outbox.skip_cancelled(conn, number, now)
        if state.reply_handler.relay_news:
            handler, relay = state.reply_handler, state.deps.settings.smtp_url.name
            outbox.relay_away(conn, self.sender.id, handler.away_since, relay, handler.away_words)

    def _committed(self) -> None:
        """Forget the changes that are on disk now."""
        self.uncertain.clear()
        self._state.pending = PendingWrites()
        self._state.cache.service.done()
        self._state.reply_handler.relay_news = False

    def leave_room(self) -> None:
        """Let a process that waits for SQLite's lock go first, at most 10 ms; look each ``LOOK_AGAIN``."""
        until = time.monotonic() + MOST_ROOM
        while self.others.any_waiting() and time.monotonic() < until:
            time.sleep(LOOK_AGAIN)

    def _read_back(self, conn: Connection, sender_id: int, now: datetime, delta: CounterDelta) -> None:
        """Hand back the rows that a lost COMMIT has claimed: they were never written to a socket."""
        strays = [
            outbox.Settlement(delivery, mailing, attempt, "waiting")
            for delivery, mailing, attempt in outbox.held_by(conn, sender_id)
            if delivery not in self._state.outbound.flights
        ]
        outbox.settle(conn, sender_id, strays, now, delta)

    def regain(self) -> None:
        """Connect again, before anything else is asked of the database. Raises ``StorageError`` while it is away.

        The sender goes on under a new number when another one has swept it, or while PostgreSQL still holds the
        lock for the lost connection. Rows on their way are settled under the old number.
        """
        if not self.sender.renew():
            old, deps = self.sender, self._state.deps
            self.uncertain.add(old.id)
            self.sender = outbox.register(deps.db, deps.data_dir, self._name, deps.clock())
            old.abandon()
