"""A pipeline without a socket: what the relay says goes in, what is written comes out, time is a number."""

from __future__ import annotations

from mailer.transport.base import OutgoingMessage
from mailer.transport.fast_pipeline import FastPipeline
from mailer.transport.limits import Limits, Offers
from mailer.transport.link import Ended, PipeliningHealth
from tests.support.feeds import ListFeed, parcel

OFFERS = Offers(pipelining=True, eightbit=True, smtputf8=True)
OK3 = b"250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 go\r\n"


def group(number: int) -> bytes:
    return f"MAIL FROM:<s{number}@vng.example>\r\nRCPT TO:<r{number}@example.nl>\r\nDATA\r\n".encode()


class Line:
    """A connection in memory."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.rest = 0
        self.long = False
        self.idled = 0
        self.how: Ended | None = None
        self.aborted = False

    def write(self, data: bytes) -> None:
        assert self.how is None, "written after the end"
        self.written.append(data)

    def unsent(self) -> int:
        return self.rest

    def full(self) -> bool:
        return self.long

    def idle(self) -> None:
        self.idled += 1

    def ended(self, how: Ended, *, abort: bool) -> None:
        self.how, self.aborted = how, abort


class Talk:
    """A pipeline with its feed and line; ``says`` is what the relay answers."""

    def __init__(
        self,
        *numbers: int,
        offers: Offers = OFFERS,
        parcels: tuple[OutgoingMessage, ...] = (),
        health: PipeliningHealth | None = None,
    ) -> None:
        self.feed = ListFeed([*(parcel(number) for number in numbers), *parcels])
        self.line = Line()
        self.health = health or PipeliningHealth()
        self.now = 0.0
        self.pipeline = FastPipeline(self.feed, self.line, offers, Limits(), self.health)
        self.pipeline.begin(0.0)

    def says(self, text: bytes) -> bytes:
        """The relay's bytes; what was written in answer."""
        before = len(self.line.written)
        self.pipeline.received(text, self.now)
        return b"".join(self.line.written[before:])

    def after(self, seconds: float) -> None:
        self.now += seconds
        self.pipeline.tick(self.now)
