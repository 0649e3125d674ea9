"""A transport that takes its time, and a wait that does not take for ever."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from mailer.outcome import NotWritten, Replied
from mailer.transport.base import Feed
from mailer.transport.memory import MemoryTransport


class Slow(MemoryTransport):
    """Takes at most so many letters a second, one at a time; ``times`` says when (monotonic)."""

    def __init__(self, a_second: float) -> None:
        super().__init__()
        self.pause = 1 / a_second
        self.times: list[float] = []

    async def run(self, feed: Feed, stop: asyncio.Event) -> None:
        while not stop.is_set():
            parcel = feed.take()
            if parcel is None:
                await asyncio.sleep(0.005)
            elif feed.still_wanted(parcel.delivery):
                self.letters.append(parcel)
                self.times.append(time.monotonic())
                await asyncio.sleep(self.pause)
                feed.report(parcel.delivery, Replied("dot", 250, "ok"))
            else:
                feed.report(parcel.delivery, NotWritten("not wanted"))


async def until(condition: Callable[[], object], seconds: float = 20) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)
