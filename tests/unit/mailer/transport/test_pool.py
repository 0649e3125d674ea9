"""Connections of one relay, over a wire that only notes whether it was closed."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import pytest

from mailer.transport.base import Notice
from mailer.transport.limits import Limits, Offers
from mailer.transport.pool import Pool
from mailer.transport.session import Session
from tests.support.feeds import ListFeed, parcel


class Wire(asyncio.Transport):
    """A connection of which only the end matters."""

    def __init__(self) -> None:
        super().__init__()
        self.aborted = False

    def abort(self) -> None:
        self.aborted = True


@pytest.mark.parametrize("how", ["cancelled", "told to stop"])
async def test_a_connection_that_is_ready_when_the_run_ends_takes_nothing_and_is_closed(how: str) -> None:
    """``asyncio.wait_for`` of Python 3.11 swallows a cancellation that comes together with what it waits for."""
    feed, wire, stop, dialled = ListFeed([parcel(1)]), Wire(), asyncio.Event(), asyncio.Event()

    async def dial(_notice: Notice) -> Session:
        dialled.set()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
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
