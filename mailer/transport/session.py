"""A pipeline on a real connection: asyncio calls it, it calls the pipeline. Works on asyncio and uvloop, plain and TLS.

Promises: a fault of the feed is not swallowed (:attr:`Session.crash`), and still each message is reported. After an
abort nothing queued leaves. :attr:`Session.closed` is set once, when the connection is really gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from mailer.transport.base import MessageSource
from mailer.transport.fast_pipeline import FastPipeline
from mailer.transport.limits import Limits, Offers
from mailer.transport.link import Ended, PipeliningHealth
from mailer.transport.pipeline import Pipeline

_WRITE_LIMIT = 65_536
Monotonic = Callable[[], float]


class Session(asyncio.Protocol):
    """The protocol of one connection: give it to ``transport.set_protocol`` and call :meth:`begin`."""

    def __init__(self, transport: asyncio.Transport, offers: Offers, clock: Monotonic) -> None:
        self._transport, self._offers, self._clock = transport, offers, clock
        self._paused = self._gone = False
        self.how: Ended | None = None
        self.crash: BaseException | None = None
        self.closed = asyncio.Event()
        self.pipeline: Pipeline | None = None
        self.on_idle: Callable[[Session], None] = lambda _: None
        self.on_end: Callable[[Session], None] = lambda _: None

    def begin(self, feed: MessageSource, limits: Limits, health: PipeliningHealth) -> None:
        """Take over the connection, and take the first message."""
        now = self._clock()
        offers = self._offers if health.trust.holds(now) else replace(self._offers, pipelining=False)
        self.pipeline = FastPipeline(feed, self, offers, limits, health)
        self._transport.set_write_buffer_limits(high=_WRITE_LIMIT, low=0)
        self._transport.set_protocol(self)
        if self._transport.is_closing():
            self.connection_lost(None)
            return
        self._guarded(lambda pipeline: pipeline.begin(self._clock()))

    def poke(self) -> None:
        """Note that there may be work."""
        self._guarded(lambda pipeline: pipeline.poke(self._clock()))

    def tick(self) -> None:
        """Look at the time."""
        self._guarded(lambda pipeline: pipeline.tick(self._clock()))

    def stop(self) -> None:
        """End in good order."""
        self._guarded(lambda pipeline: pipeline.stop(self._clock()))

    def abort(self, why: str) -> None:
        """End at once, also before :meth:`begin`."""
        if self.pipeline is None:
            self._transport.abort()
        self._guarded(lambda pipeline: pipeline.abort(why))

    # --- asyncio calls these

    def data_received(self, data: bytes) -> None:
        """Take replies."""
        pipeline = self.pipeline
        if pipeline is not None:
            try:
                pipeline.received(data, self._clock())
            except Exception as error:
                self._crashed(error)

    def eof_received(self) -> bool:
        """Note that the server closes: the number of unread bytes is known now (rule 6 of :mod:`.pipeline`)."""
        unsent = self.unsent()
        self._guarded(lambda pipeline: pipeline.lost("the server closed the connection", unsent))
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Handle the loss of the connection; how much of the queue left is not known any more."""
        why = f"the connection was lost: {exc}" if exc else "the connection was lost"
        self._gone = True
        self._guarded(lambda pipeline: pipeline.lost(why))
        self.closed.set()

    def pause_writing(self) -> None:
        """Note that the queue is long."""
        self._paused = True

    def resume_writing(self) -> None:
        """Note that the queue is empty again."""
        self._paused = False
        self._guarded(lambda pipeline: pipeline.drained())

    # --- the pipeline calls these

    def write(self, data: bytes) -> None:
        """Queue bytes."""
        if not self._gone:
            self._transport.write(data)

    def unsent(self) -> int:
        """Return how many bytes have certainly not left the process.

        Over TLS that is less than the truth, which is safe.
        """
        return 0 if self._gone else self._transport.get_write_buffer_size()

    def full(self) -> bool:
        """Return whether the queue is long."""
        return self._paused

    def idle(self) -> None:
        """Tell the owner of the sessions."""
        self.on_idle(self)

    def ended(self, how: Ended, *, abort: bool) -> None:
        """Close the connection and tell the owner of the sessions."""
        self.how = how
        if not self._gone:
            if abort:
                self._transport.abort()
            else:
                self._transport.close()
        self.on_end(self)

    def _guarded(self, call: Callable[[Pipeline], None]) -> None:
        if self.pipeline is None:
            return
        try:
            call(self.pipeline)
        except Exception as error:
            self._crashed(error)

    def _crashed(self, error: Exception) -> None:
        """End the session after the message source raised, report the rest, and keep the error for ``run``."""
        if self.crash is None:
            self.crash = error
            self.abort(f"the sender failed: {type(error).__name__}")
        if not self._gone:
            self._transport.abort()
        self.on_end(self)
