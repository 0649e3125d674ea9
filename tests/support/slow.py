"""A transport that takes its time, and a wait that does not take for ever."""

from __future__ import annotations

import asyncio
import time

from mailer.outcome import NotWritten, Replied
from mailer.transport.base import MessageSource
from mailer.transport.memory import MemoryTransport


class Slow(MemoryTransport):
    """Takes at most so many letters a second, one at a time; ``times`` says when (monotonic)."""

    def __init__(self, a_second: float) -> None:
        super().__init__()
        self.pause = 1 / a_second
        self.times: list[float] = []

    async def run(self, feed: MessageSource, stop: asyncio.Event) -> None:
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
