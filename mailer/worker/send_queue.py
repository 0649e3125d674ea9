"""The loop's side of the worker: messages that are ready to go, and their results (the ``MessageSource``).

Promises: a message is given out once, at most a second after its claim, while its mailing is wanted and the database is
reachable. Otherwise it is reported as not written. Content follows at most a second after the database last confirmed
that the contact is to have it. The writing thread asks again while a slow relay answers an envelope. All methods that
the transport calls take microseconds and touch only these queues. Hand-offs in both directions are a window, never a
single message. A turn is asked for when a part of the window is free or nothing is left to send, and each 30 ms.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Protocol

from mailer.outbox import Claimed
from mailer.transport.base import NotWritten, OutgoingMessage, RelayEvent, Result

WITHIN = 0.9  # seconds from the claim, or the last look at whether it is still wanted, to the content
_SOON = 0.0005  # seconds: a letter that may go this soon may go now
ASK_AGAIN = 0.3  # seconds after which a letter is looked at again: a relay may answer an envelope slowly


@dataclass(slots=True)
class InFlight:
    """A claimed delivery on its way. ``make`` composes its message when the transport takes it.

    ``slow``: it is made before that, in a thread. ``not_before`` (monotonic): it is not given out earlier, since the
    relay or the domain takes no more. ``expires_at`` (monotonic): afterwards it is handed back, not written.
    """

    claimed: Claimed
    sender_id: int
    make: Callable[[], OutgoingMessage]
    expires_at: float
    slow: bool = False
    claimed_at: float = 0.0  # seconds since 1970
    not_before: float = 0.0
    taken: bool = False


class Wake(Protocol):
    """Asks for a turn of the sender; called on the thread of the event loop."""

    def set(self) -> None:
        """Have a turn soon."""

    def is_set(self) -> bool:
        """Return whether a turn is asked for."""


class SendQueue:
    """See the module. Used on the thread of the event loop; the writer reads ``results`` and ``events``."""

    def __init__(self, wake: Wake, enough: int) -> None:
        self.flights: dict[int, InFlight] = {}  # the writer's: claimed and not yet drained
        self.results: deque[tuple[int, Result]] = deque()
        self.events: deque[RelayEvent] = deque()
        self.broken: deque[tuple[int, Exception]] = deque()  # could not be composed, and why
        self.late = 0  # handed back because they waited too long
        self._ready: deque[InFlight] = deque()
        self._later: list[tuple[float, int, InFlight]] = []  # a heap: letters whose moment has not come
        self._timer: asyncio.TimerHandle | None = None
        self._unwanted: Collection[int] = frozenset()
        self._halted = False
        self._in_making = 0  # claimed letters that a thread makes: they come through :meth:`add`
        self._wake, self.enough = wake, enough  # this number of results asks for a turn
        self._more = asyncio.Event()

    @property
    def has_replies(self) -> bool:
        """Return whether there is something for the writer to read."""
        return bool(self.results or self.events or self.broken)

    def expect(self, number: int) -> None:
        """Note that ``number`` more flights are made in threads, and will be added."""
        self._in_making += number

    def add(self, flights: Iterable[InFlight]) -> None:
        """Take letters that the dispatcher hands over."""
        soon = time.monotonic() + _SOON
        for flight in flights:
            self._in_making -= flight.slow
            if flight.not_before > soon:
                heapq.heappush(self._later, (flight.not_before, flight.claimed.delivery, flight))
            else:
                self._ready.append(flight)
        if self._ready and not self._halted:
            self._more.set()
        self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._later:
            wait = max(0.0, self._later[0][0] - time.monotonic())
            self._timer = asyncio.get_running_loop().call_later(wait, self._moment)

    def _moment(self) -> None:
        """Release the letters whose moment has come."""
        self._timer, soon = None, time.monotonic() + _SOON
        while self._later and self._later[0][0] <= soon:
            self._ready.append(heapq.heappop(self._later)[2])
        if self._ready and not self._halted:
            self._more.set()
        self._set_timer()

    def halt(self, halted: bool) -> None:
        """Give out nothing more (without the database), or go on."""
        self._halted = halted
        if halted:
            self._more.clear()
        else:
            self._more.set()

    def set_stopped_mailings(self, unwanted: Collection[int]) -> None:
        """Hold back these mailings, which are paused, held or cancelled."""
        self._unwanted = unwanted

    def expire(self) -> None:
        """Hand back letters that have waited too long, although the transport asks for nothing."""
        now, ready = time.monotonic(), self._ready
        while ready and ready[0].expires_at < now:
            self.late += 1
            self.results.append((ready.popleft().claimed.delivery, NotWritten("waited too long")))

    def waiting_for_answers(self) -> list[InFlight]:
        """Return letters that the transport took some time ago, without a result yet: are they still wanted?"""
        soon = time.monotonic() + WITHIN - ASK_AGAIN
        return [flight for flight in self.flights.values() if flight.taken and flight.expires_at < soon]

    def never_taken(self) -> list[InFlight]:
        """Return the letters that were claimed and never reached the transport, once it has ended."""
        return [flight for flight in self.flights.values() if not flight.taken]

    def take(self) -> OutgoingMessage | None:
        """Return the next message that may still go."""
        if self._halted:
            return None
        ready = self._ready
        while ready:
            flight = ready.popleft()
            if not self._may_go(flight):
                self.results.append((flight.claimed.delivery, NotWritten("held back before it was written")))
                continue
            try:
                message = flight.make()
            except Exception as error:  # one letter, or all of them: the writer decides
                self.broken.append((flight.claimed.delivery, error))
                continue
            flight.taken = True
            return message
        self._more.clear()
        if self.broken or (self.results and not self._in_making):
            self._wake.set()  # while letters are in the making, a turn for each reply would cost more than to sign it
        return None

    async def wait(self) -> None:
        """Wait until there may be a message."""
        await self._more.wait()

    def still_wanted(self, delivery: int) -> bool:
        """Return whether its content may be written now."""
        flight = self.flights.get(delivery)
        return flight is not None and not self._halted and self._may_go(flight)

    def report(self, delivery: int, result: Result) -> None:
        """Take the result of a message."""
        results = self.results
        results.append((delivery, result))
        if len(results) >= self.enough and not self._wake.is_set():  # setting it takes ten times as long
            self._wake.set()

    def relay(self, event: RelayEvent) -> None:
        """Take an event of the relay."""
        self.events.append(event)
        self._wake.set()

    def _may_go(self, flight: InFlight) -> bool:
        if flight.claimed.mailing in self._unwanted:
            return False
        if time.monotonic() > flight.expires_at:
            self.late += 1
            return False
        return True
