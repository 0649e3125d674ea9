"""Where the next turn of a sender runs: on the event loop while it is a lean one, else in the writing thread.

Promises: one turn at a time (``lock``); the event loop never waits for it, nor for SQLite's lock, and makes lean turns
alone. On PostgreSQL, and while commits take long, lean turns run in the writing thread. Replies are settled within
50 ms: the loop looks each 30 ms.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

from mailer.worker.commits import Commits
from mailer.worker.lean import DONE, LOCKED, LeanTurn
from mailer.worker.outbound import Outbound

LOOK_EVERY = 0.03
AGAIN = 0.001  # seconds until the lock is tried again; a transaction of another process takes some milliseconds


class Turns:
    """See the module. :meth:`set` and :meth:`is_set` are for the event loop: what ``Outbound`` calls to wake a turn."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, may_run_on_loop: bool) -> None:
        self.event = threading.Event()  # wakes the writing thread
        self.lock = threading.Lock()  # held by whichever of the two has the turn
        self.lean: LeanTurn | None = None  # set by the writing thread before its first turn
        self.outbound: Outbound | None = None
        self._loop, self._may_run_on_loop = loop, may_run_on_loop
        self._asked = self._closed = False
        self._commits = Commits()
        loop.call_later(LOOK_EVERY, self._look)

    @property
    def on_loop(self) -> bool:
        """Whether the next usual turn is for the event loop."""
        lean = self.lean
        return self._may_run_on_loop and lean is not None and lean.applies and self._commits.are_quick(time.monotonic())

    def close(self) -> None:
        """No more turns."""
        self._closed = True

    def set(self) -> None:
        """Have a turn soon: on the loop after what it does now, or in the writing thread."""
        if not self.on_loop:
            self.event.set()
        elif not self._asked:
            self._asked = True
            self._loop.call_soon(self._turn)

    def is_set(self) -> bool:
        """Whether one is asked for already."""
        return self._asked or self.event.is_set()

    def _turn(self) -> None:
        self._asked = False
        lean = self.lean
        if self._closed or lean is None or not self.lock.acquire(blocking=False):
            return  # the writing thread has the turn, and asks for another one at its end
        try:
            came = lean.attempt(_at_once) if self.on_loop else None
        finally:
            self.lock.release()
        if came is DONE:
            self._commits.took(lean.commit_seconds, time.monotonic())
        elif came is LOCKED:
            self._asked = True
            self._loop.call_later(AGAIN, self._turn)
        else:
            self.event.set()

    def _look(self) -> None:
        """Each 30 ms: settle the few replies that are there, hand back what has waited too long."""
        if self._closed:
            return
        self._loop.call_later(LOOK_EVERY, self._look)
        outbound = self.outbound
        if outbound is not None and self.on_loop:
            outbound.expire()
            if outbound.said:
                self.set()


def _at_once(call: Callable[[], object]) -> None:
    call()
