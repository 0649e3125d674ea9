"""The connections of one relay: how many, when another, when to wait. Knows sessions, not how they are opened.

Promises: a connection is opened only when there is work and no idle one. First one is opened, then as many at once as
the relay holds already. So a far relay costs some round trips, not one for each connection. One that had accepted mail
is replaced at once. So is one whose relay lost the commands behind another one in the same write, by one that waits for
each answer (:mod:`mailer.transport.pipelining_trust`). While the relay fails, there is one attempt at a time with a
growing delay. 421 before a first message also lowers the number of connections for a while
(:mod:`mailer.transport.connection_count`). A relay that asks us to wait, or is silent, is reported as ``slow_down`` or
``silent`` only while no connection is open. A fault of the feed ends :meth:`Pool.run` with that error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import Any, Union

from mailer.outcome.results import RelayEvent
from mailer.transport.base import MessageSource, RelayObserver
from mailer.transport.connection_count import Backoff, ConnectionCount, RelayReports
from mailer.transport.limits import Limits
from mailer.transport.link import PipeliningHealth
from mailer.transport.session import Monotonic, Session

TICK = 0.25
_RAMP = 0.05  # another connection is begun when one is ready, or after this

DialResult = Union[Session, RelayEvent]


class Pool:
    """One run of a transport: ``size`` connections at most, opened by ``dial``."""

    def __init__(
        self, dial: Callable[[RelayObserver], Awaitable[DialResult]], size: int, limits: Limits, clock: Monotonic
    ) -> None:
        self._dial, self._limits, self._clock = dial, limits, clock
        self._count = ConnectionCount(size, clock())
        self._backoff = Backoff()
        self._reports = RelayReports()
        self._health = PipeliningHealth()
        self._sessions: set[Session] = set()
        self._idle: list[Session] = []
        self._dialing: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()  # something that the main turn must look at
        self._asked = asyncio.Event()  # the feed may be asked again whether it has work
        self._work = False
        self._ending = False
        self._crash: BaseException | None = None

    async def run(self, feed: MessageSource, stop: asyncio.Event) -> None:
        """Keep connections busy from ``feed`` until ``stop``; see :class:`mailer.transport.base.Transport`."""
        others = [
            asyncio.create_task(other)
            for other in (self._ticking(feed), self._watch_feed(feed), self._watch_stop(stop))
        ]
        try:
            while not stop.is_set() and self._crash is None:
                await self._turn(feed)
            await self._drain()
        finally:
            self._ending = True
            for task in (*others, *self._dialing):
                task.cancel()
            for session in tuple(self._sessions):
                session.abort("the sender ended before the answer came")
            await asyncio.gather(*others, *self._dialing, return_exceptions=True)
        if self._crash is not None:
            raise self._crash

    async def _turn(self, feed: MessageSource) -> None:
        """Do all that can be done now, then wait. It runs for each hand-off, so it makes no task."""
        self._changed.clear()
        if self._idle or self._room():
            if self._work:
                await self._dispatch(feed)
            else:
                await self._changed.wait()
            return
        later = None
        if len(self._sessions) + len(self._dialing) < self._count.allowed:
            wait = min(max(self._backoff.not_before - self._clock(), 0.01), 1.0)
            later = asyncio.get_running_loop().call_later(wait, self._changed.set)
        await self._changed.wait()
        if later is not None:
            later.cancel()

    async def _watch_feed(self, feed: MessageSource) -> None:
        """Notice that the feed has work; it is asked again when that work was given out."""
        try:
            while True:
                await feed.wait()
                self._work = True
                self._asked.clear()
                self._changed.set()
                await self._asked.wait()
        except Exception as error:
            self._crash = self._crash or error
            self._changed.set()

    async def _watch_stop(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._changed.set()

    async def _dispatch(self, feed: MessageSource) -> None:
        """Give work to the idle connections first, then open one more."""
        self._work = False
        while self._idle:
            session = self._idle.pop()
            session.poke()
            if session in self._idle:  # the work was gone already
                self._changed.clear()
                self._asked.set()
                await asyncio.sleep(0)
                return
        if self._room():
            self._changed.clear()
            self._begin(feed)
            while self._room() and len(self._dialing) < self._count.at_once:
                self._begin(feed)
            await _first(self._changed.wait(), timeout=_RAMP)
        self._asked.set()

    def _begin(self, feed: MessageSource) -> None:
        task = asyncio.create_task(self._open(feed))
        self._dialing.add(task)
        task.add_done_callback(self._dialled)

    def _room(self) -> bool:
        if self._clock() < self._backoff.not_before or (self._backoff.failures and self._dialing):
            return False
        return len(self._sessions) + len(self._dialing) < self._count.allowed

    async def _open(self, feed: MessageSource) -> None:
        try:
            opened = await self._dial(lambda event: self._nothing_heard(feed, event))
        except Exception as error:
            self._crash = error
            self._changed.set()
            return
        if isinstance(opened, RelayEvent):
            self._trouble(feed, opened)
        elif self._ending:  # Python 3.11's wait_for swallows a cancellation that comes together with the answer
            opened.abort("the sender ended before it began")
        else:
            self._sessions.add(opened)
            self._count.opened(len(self._sessions))
            opened.on_idle = self._went_idle
            opened.on_end = lambda session: self._ended(feed, session)
            if self._reports.opened(failing=bool(self._backoff.failures)):
                feed.relay(RelayEvent("open", "", 0, ""))
            opened.begin(feed, self._limits, self._health)
        self._changed.set()

    def _dialled(self, task: asyncio.Task[None]) -> None:
        self._dialing.discard(task)
        self._changed.set()

    def _went_idle(self, session: Session) -> None:
        self._idle.append(session)
        self._changed.set()

    def _ended(self, feed: MessageSource, session: Session) -> None:
        """Handle the end of a session; called at least once for each."""
        self._crash = self._crash or session.crash
        if session in self._sessions:
            self._sessions.discard(session)
            if session in self._idle:
                self._idle.remove(session)
            self._record_success(feed, session)
            how = session.how
            if how is None or how.kind == "quiet":
                pass
            elif how.kind == "garbled":
                if self._health.trust.doubted(self._clock(), how.text):
                    feed.relay(RelayEvent("no_groups", how.stage, how.code, how.text))
            elif how.kind == "rotated":
                feed.relay(RelayEvent("rotated", how.stage, how.code, how.text))
            else:
                self._trouble(feed, RelayEvent(how.kind, how.stage, how.code, how.text))
        self._changed.set()

    def _trouble(self, feed: MessageSource, event: RelayEvent) -> None:
        """Wait longer each time the relay fails without having accepted anything."""
        now = self._clock()
        self._count.begin_again()
        self._backoff.failed(now)
        if event.kind == "slow_down":
            self._count.slow_down(len(self._sessions), now)
            event = replace(event, kind="crowded") if self._sessions else event
        feed.relay(event)

    def _nothing_heard(self, feed: MessageSource, event: RelayEvent) -> None:
        """Report a connection that is slow to open; not while others are open."""
        if not (self._sessions or self._ending):
            self._reports.silent = True
            feed.relay(event)

    def _record_success(self, feed: MessageSource, session: Session) -> None:
        if self._backoff.failures and session.pipeline is not None and session.pipeline.use.accepted:
            self._backoff.succeeded()
            self._reports.silent = False
            feed.relay(RelayEvent("open", "", 0, ""))
            self._changed.set()

    async def _ticking(self, feed: MessageSource) -> None:
        while True:
            await asyncio.sleep(TICK)
            now = self._clock()
            if not (self._sessions or self._dialing):
                self._count.begin_again()  # nothing is known of a relay that we have left
            if self._count.grows(now):
                self._changed.set()
            try:
                for session in tuple(self._sessions):
                    session.tick()
                    self._record_success(feed, session)
            except Exception as error:
                self._crash = self._crash or error
                self._changed.set()

    async def _drain(self) -> None:
        """Stop: open no new connection; each session ends once its last dot is answered, or after the grace."""
        self._ending = True
        for task in self._dialing:
            task.cancel()
        for session in tuple(self._sessions):
            session.stop()
        deadline = self._clock() + self._limits.timeouts.grace
        while self._sessions and self._clock() < deadline and self._crash is None:
            self._changed.clear()
            await _first(self._changed.wait(), timeout=TICK)


async def _first(*waits: Coroutine[Any, Any, object], timeout: float | None = None) -> None:  # noqa: ASYNC109
    """Wait until one of them is done, or the time is over; the others are cancelled. Raises the error of a done one."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        done, _ = await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
