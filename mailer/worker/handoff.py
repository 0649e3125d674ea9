"""Claimed rows become letters that are ready to go: values are read, the event loop gets one function each.

Promises: it is called after the COMMIT of the claim, so the values are read after it. A letter that cannot be made
holds its mailing, and no other. For a contact whose values cannot be used, that one delivery is refused. An erased
contact is skipped. Letters that are signed are made in threads before they are handed over.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Sequence
from functools import partial

from sqlalchemy import Connection

from mailer import resource_limits
from mailer.errors import InputError, PostiljonError, StorageError
from mailer.outbox import Claimed, Hold
from mailer.storage import mapped
from mailer.worker.message_builder import MessageBuilder, at_once
from mailer.worker.send_queue import WITHIN, InFlight
from mailer.worker.sender_state import RunOnLoop, SenderState

SIGNED_TOGETHER = 4  # letters that a thread signs before it hands them over
UNSENDABLE, LETTER_BROKEN = "unsendable", "letter_broken"
log = logging.getLogger("postiljon.worker")


class HandOff:
    """See the module. Used by the holder of the turn."""

    def __init__(self, state: SenderState) -> None:
        self._state = state
        self._builder = MessageBuilder(state.deps)

    def close(self) -> None:
        """End the signing threads."""
        self._builder.close()

    def give(self, claimed: Sequence[Claimed], sender_id: int, claimed_at: float, post: RunOnLoop) -> None:
        """Hand these over. ``claimed_at``: seconds since 1970. Raises ``StorageError``: the rest is handed back."""
        by_mailing: defaultdict[int, list[Claimed]] = defaultdict(list)
        for claim in claimed:
            by_mailing[claim.mailing].append(claim)
        until = time.monotonic() + WITHIN
        flights: list[InFlight] = []
        try:
            with self._state.reader.reading() as conn:
                for number in list(by_mailing):
                    claims = by_mailing.pop(number)
                    flights += self._flights(conn, claims, sender_id, (until, claimed_at))
        except StorageError:
            for rest in by_mailing.values():
                self._hand_back(rest, sender_id)
            raise
        finally:
            self._state.outbound.flights.update((flight.claimed.delivery, flight) for flight in flights)
            self._release([flight for flight in flights if not flight.slow], post)
            slow = [flight for flight in flights if flight.slow]
            if slow:
                post(partial(self._state.outbound.expect, len(slow)))
            for start in range(0, len(slow), SIGNED_TOGETHER):
                self._builder.in_thread(partial(self._make_ahead, slow[start : start + SIGNED_TOGETHER]))

    def _release(self, flights: list[InFlight], post: RunOnLoop) -> None:
        if flights:
            post(partial(self._state.outbound.add, flights))

    def _make_ahead(self, flights: list[InFlight]) -> None:
        """Make these letters in a thread of the builder, while the turns go on."""
        for flight in flights:
            flight.make = at_once(flight.make)
        self._release(flights, self._state.post)

    def _flights(
        self, conn: Connection, claims: Sequence[Claimed], sender_id: int, times: tuple[float, float]
    ) -> list[InFlight]:
        number, (until, claimed_at) = claims[0].mailing, times
        try:
            with mapped():
                made = self._builder.make(conn, self._state.cache.known[number], claims)
        except Exception as error:
            self._hand_back(claims, sender_id)
            if isinstance(error, StorageError) and not error.permanent:
                raise
            self.broken(number, error)
            self._state.stop_mailings({number})
            return []
        for claim in made.erased:
            self._state.pending.skip(claim, sender_id)
        flights = [InFlight(claim, sender_id, make, until, made.slow, claimed_at) for claim, make in made.ready]
        moments = self._state.pacing.moments
        if moments:
            ahead = time.monotonic() - self._state.deps.clock().timestamp()
            for flight in flights:
                flight.not_before = moments.get(flight.claimed.delivery, 0.0) + ahead
        return flights

    def broken(self, mailing: int, error: Exception) -> None:
        """Hold a mailing whose letters cannot be made; without memory or threads the sender ends instead (E18)."""
        short = resource_limits.meant(error)
        if short:
            self._state.error, self._state.stopping = short, True
            return
        log.error("the letter of mailing %s cannot be made", mailing, exc_info=error)
        self._state.pending.held[mailing] = Hold(str(error) if isinstance(error, PostiljonError) else LETTER_BROKEN)

    def unmade(self, delivery: int, error: Exception) -> None:
        """Refuse the letter of a contact whose values cannot be used; any other error is a fault of the mailing."""
        flight = self._state.outbound.flights.pop(delivery)
        if isinstance(error, InputError):
            self._state.pending.refuse(flight.claimed, flight.sender_id, UNSENDABLE, str(error))
        else:
            self._state.pending.hand_back(flight.claimed, flight.sender_id)
            self.broken(flight.claimed.mailing, error)

    def _hand_back(self, claims: Sequence[Claimed], sender_id: int) -> None:
        for claim in claims:
            self._state.pending.hand_back(claim, sender_id)
