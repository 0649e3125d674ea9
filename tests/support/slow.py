"""A transport that takes its time."""

from __future__ import annotations

import asyncio
import time

from mailer.outcome import NotWritten, Replied
from mailer.transport.base import MessageSource
from mailer.transport.memory import MemoryTransport


class Slow(MemoryTransport):
    """Take at most a number of letters a second, one at a time.

    ``times`` says when (monotonic). ``in_vain`` counts how often it has asked for a letter since it last got one.
    ``ended``: it has taken note of ``stop``.
    """

    def __init__(self, a_second: float) -> None:
        super().__init__()
        self.pause = 1 / a_second
        self.times: list[float] = []
        self.in_vain = 0
        self.ended = False

    async def run(self, feed: MessageSource, stop: asyncio.Event) -> None:
        while not stop.is_set():
            parcel = feed.take()
            if parcel is None:
                self.in_vain += 1
                await asyncio.sleep(0.005)
            elif feed.still_wanted(parcel.delivery):
                self.in_vain = 0
                self.letters.append(parcel)
                self.times.append(time.monotonic())
                await asyncio.sleep(self.pause)
                feed.report(parcel.delivery, Replied("dot", 250, "ok"))
            else:
                feed.report(parcel.delivery, NotWritten("not wanted"))
        self.ended = True
