"""A feed for tests of transports: a list of parcels in, results out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from mailer.transport.base import NotWritten, OutgoingMessage, RelayEvent, Replied, Result, Transport, Unknown
from tests.support.waiting import LONGEST, until

LETTER = b"From: VNG <info@vng.example>\r\nTo: reader@example.nl\r\nSubject: hello\r\n\r\nGoedemorgen.\r\n"


def parcel(number: int, content: bytes = LETTER, *, recipient: str = "", sender: str = "") -> OutgoingMessage:
    """Parcel ``number``, to ``r<number>@example.nl`` from ``s<number>@vng.example``."""
    return OutgoingMessage(number, sender or f"s{number}@vng.example", recipient or f"r{number}@example.nl", content)


class ListFeed:
    """Gives the parcels in order; ``done`` is set once each has a result. ``again``: NotWritten goes round."""

    def __init__(self, parcels: Iterable[OutgoingMessage] = (), *, again: bool = False) -> None:
        self.waiting = list(parcels)[::-1]
        self.again = again
        self.out: dict[int, OutgoingMessage] = {}
        self.results: dict[int, list[Result]] = {}
        self.events: list[RelayEvent] = []
        self.unwanted: set[int] = set()
        self.there = asyncio.Event()
        self.done = asyncio.Event()
        self.taken = 0
        if self.waiting:
            self.there.set()

    def add(self, *parcels: OutgoingMessage) -> None:
        self.waiting[:0] = parcels[::-1]
        self.done.clear()
        self.there.set()

    def take(self) -> OutgoingMessage | None:
        if not self.waiting:
            self.there.clear()
            return None
        parcel = self.waiting.pop()
        self.taken += 1
        assert parcel.delivery not in self.out, "taken twice"
        self.out[parcel.delivery] = parcel
        return parcel

    async def wait(self) -> None:
        await self.there.wait()

    def still_wanted(self, delivery: int) -> bool:
        return delivery not in self.unwanted

    def report(self, delivery: int, result: Result) -> None:
        parcel = self.out.pop(delivery)  # a second report, or one for what was never taken, is a KeyError
        self.results.setdefault(delivery, []).append(result)
        if self.again and isinstance(result, NotWritten) and delivery not in self.unwanted:
            self.waiting.append(parcel)
            self.there.set()
        elif not (self.out or self.waiting):
            self.done.set()

    def relay(self, event: RelayEvent) -> None:
        self.events.append(event)

    def last(self, delivery: int) -> Result:
        return self.results[delivery][-1]

    @property
    def accepted(self) -> list[int]:
        return [
            number
            for number, results in self.results.items()
            if isinstance(results[-1], Replied) and results[-1].stage == "dot" and results[-1].code < 300
        ]

    @property
    def unknown(self) -> list[int]:
        return [number for number, results in self.results.items() if isinstance(results[-1], Unknown)]

    @property
    def kinds(self) -> list[str]:
        """The kinds of the relay's events, ``open`` left out."""
        return [event.kind for event in self.events if event.kind != "open"]


class JumpClock:
    """Monotonic time that a test can push forward; ``looks`` counts how often a transport has asked for it."""

    def __init__(self) -> None:
        self.extra = 0.0
        self.looks = 0

    def __call__(self) -> float:
        self.looks += 1
        return time.monotonic() + self.extra

    async def looked(self, times: int = 6) -> None:
        """Wait until the time was asked for so often again: until a waiting transport has judged what it sees."""
        before = self.looks
        await until(lambda: self.looks >= before + times)


async def carry(transport: Transport, feed: ListFeed, *, seconds: float = LONGEST) -> None:
    """Run the transport until each parcel has its result, then stop it; a test that hangs fails after ``seconds``."""
    stop = asyncio.Event()
    running = asyncio.create_task(transport.run(feed, stop))
    finished = asyncio.create_task(feed.done.wait())
    try:
        async with asyncio.timeout(seconds):
            await asyncio.wait([running, finished], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stop.set()
        finished.cancel()
    async with asyncio.timeout(seconds):
        await running
