"""Connections of one relay, over a wire that only notes whether it was closed."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import pytest

from mailer.outcome.results import RelayEvent
from mailer.transport.base import RelayObserver
from mailer.transport.limits import Limits, Offers, Timeouts
from mailer.transport.pool import DialResult, Pool
from mailer.transport.session import Session
from tests.support.feeds import ListFeed, parcel
from tests.support.waiting import until


class Wire(asyncio.Transport):
    """A connection that takes everything and answers nothing; its end is noted."""

    def __init__(self) -> None:
        super().__init__()
        self.aborted = False

    def abort(self) -> None:
        self.aborted = True

    close = abort

    def is_closing(self) -> bool:
        return self.aborted

    def write(self, data: bytes | bytearray | memoryview) -> None: ...

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None: ...


class Dials:
    """Connections that are begun, each of them until the test says what became of it."""

    def __init__(self) -> None:
        self.open: list[asyncio.Future[DialResult]] = []

    async def __call__(self, _notice: RelayObserver) -> DialResult:
        self.open.append(asyncio.get_running_loop().create_future())
        return await self.open[-1]

    async def begun(self) -> list[asyncio.Future[DialResult]]:
        """Return the connection that was begun, without waiting for time."""
        for _ in range(50):
            await asyncio.sleep(0)
        found, self.open = self.open, []
        return found


def ready(dial: asyncio.Future[DialResult]) -> None:
    dial.set_result(Session(Wire(), Offers(), time.monotonic))


async def test_a_relay_is_asked_for_as_many_connections_at_once_as_it_holds_already() -> None:
    dials, stop = Dials(), asyncio.Event()
    limits = Limits(Timeouts(grace=0))
    running = asyncio.create_task(Pool(dials, 20, limits, lambda: 0.0).run(ListFeed(map(parcel, range(99))), stop))
    for expected in (1, 1, 2, 4, 8):
        begun = await dials.begun()
        assert len(begun) >= expected
        for dial in begun:
            ready(dial)
    stop.set()
    await running


async def test_after_trouble_connections_are_begun_one_at_a_time_again() -> None:
    dials, stop, now = Dials(), asyncio.Event(), 0.0
    limits = Limits(Timeouts(grace=0))
    running = asyncio.create_task(Pool(dials, 20, limits, lambda: now).run(ListFeed(map(parcel, range(99))), stop))
    for _ in range(3):
        for dial in await dials.begun():
            ready(dial)
    for dial in await dials.begun():
        dial.set_result(RelayEvent("away", "connect", 0, "gone"))
    assert await dials.begun() == []
    now = 5.0
    await until(lambda: bool(dials.open))
    assert len(await dials.begun()) == 1
    assert await dials.begun() == []
    stop.set()
    await running


@pytest.mark.parametrize("how", ["cancelled", "told to stop"])
async def test_a_connection_that_is_ready_when_the_run_ends_takes_nothing_and_is_closed(how: str) -> None:
    """``asyncio.wait_for`` of Python 3.11 swallows a cancellation that comes together with what it waits for."""
    feed, wire, stop, dialled = ListFeed([parcel(1)]), Wire(), asyncio.Event(), asyncio.Event()

    async def dial(_notice: RelayObserver) -> Session:
        dialled.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return Session(wire, Offers(), time.monotonic)

    running = asyncio.create_task(Pool(dial, 1, Limits(), time.monotonic).run(feed, stop))
    await dialled.wait()
    if how == "cancelled":
        running.cancel()
    else:
        stop.set()
    await asyncio.wait([running], timeout=20)
    assert running.done()
    assert (feed.taken, feed.out, wire.aborted) == (0, {}, True)
