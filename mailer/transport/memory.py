"""The shipped fake: keeps letters instead of sending them. For previews, dry runs, the demo and tests.

Promises the same as the SMTP transport (the contract tests run on both): each message taken is reported once. Pause
and stop take effect before a letter is kept. ``script`` may answer instead of the relay: it gets the message and
returns a result, or None for *250 kept*.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from mailer.errors import RelayAway, RelayRefused
from mailer.outcome.results import NotWritten, RelayEvent, Replied, Result
from mailer.transport.base import MessageSource, OutgoingMessage, RelayObserver, unheard
from mailer.transport.envelope import refusal
from mailer.transport.limits import Offers

Script = Callable[[OutgoingMessage], Result | None]
_BREATH = 100


class MemoryTransport:
    """``letters`` has the kept letters, in order. ``trouble``: an event instead of a connection (asked each second)."""

    def __init__(self, script: Script | None = None, *, offers: Offers | None = None) -> None:
        self.letters: list[OutgoingMessage] = []
        self.trouble: RelayEvent | None = None
        self._script = script
        self._offers = offers or Offers(pipelining=True, eightbit=True, smtputf8=True)

    async def run(self, feed: MessageSource, stop: asyncio.Event) -> None:
        """Keep each letter until told to stop."""
        stopped = asyncio.ensure_future(stop.wait())
        greeted = False
        try:
            while not stop.is_set():
                if self.trouble is not None:
                    greeted = False
                    feed.relay(self.trouble)
                    await asyncio.wait([stopped], timeout=1.0)
                    continue
                if not greeted:
                    greeted = True
                    feed.relay(RelayEvent("open", "", 0, ""))
                if self._carry(feed, stop) == 0:
                    waiting = asyncio.ensure_future(feed.wait())
                    await asyncio.wait([stopped, waiting], return_when=asyncio.FIRST_COMPLETED)
                    waiting.cancel()
                    await asyncio.gather(waiting, return_exceptions=True)
                await asyncio.sleep(0)
        finally:
            stopped.cancel()
            await asyncio.gather(stopped, return_exceptions=True)

    async def check(self, notice: RelayObserver = unheard) -> None:
        """Report that all is well, unless ``trouble`` is set."""
        if self.trouble is not None:
            notice(self.trouble)
            if self.trouble.kind == "refused":
                raise RelayRefused(self.trouble.text, self.trouble.code, self.trouble.stage)
            raise RelayAway(self.trouble.text)

    def _carry(self, feed: MessageSource, stop: asyncio.Event) -> int:
        """Take some messages, then let the loop have its turn; return how many."""
        for count in range(_BREATH):
            message = None if stop.is_set() else feed.take()
            if message is None:
                return count
            feed.report(message.delivery, self._one(feed, message))
        return _BREATH

    def _one(self, feed: MessageSource, message: OutgoingMessage) -> Result:
        unfit = refusal(message, self._offers)
        if unfit is not None:
            return unfit
        if not feed.still_wanted(message.delivery):
            return NotWritten("paused or cancelled")
        answer = self._script(message) if self._script else None
        if answer is None or (isinstance(answer, Replied) and answer.stage == "dot" and answer.code < 300):
            self.letters.append(message)
        return answer or Replied("dot", 250, f"2.0.0 kept as {len(self.letters)}")
