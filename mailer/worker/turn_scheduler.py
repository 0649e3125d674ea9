"""Where the next turn of a sender runs: on the event loop while it is a lean one, else in the writing thread.

Promises: one turn at a time (``lock``). The event loop never waits for that lock, nor for SQLite's lock, and makes only
lean turns. While commits take some milliseconds (:mod:`mailer.worker.commit_speed`), the COMMIT of a lean turn runs in
a thread: a slow disk does not stop the sockets. On PostgreSQL lean turns run in the writing thread. Replies are settled
within 50 ms: the loop looks each 30 ms.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor

from mailer.worker.commit_speed import Commits
from mailer.worker.lean_turn import DONE, LOCKED, WRITTEN, LeanOutcome, LeanTurn
from mailer.worker.send_queue import SendQueue

LOOK_EVERY = 0.03
AGAIN = 0.001  # seconds until the lock is tried again; a transaction of another process takes some milliseconds


class TurnScheduler:
    """See the module. :meth:`set` and :meth:`is_set` are for the event loop: ``SendQueue`` asks for turns by them."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, *, may_run_on_loop: bool, thread: Executor | None = None
    ) -> None:
        """``thread``: where a COMMIT is made while the disk is slow."""
        self.event = threading.Event()  # wakes the writing thread
        self.lock = threading.Lock()  # held by whichever of the two has the turn
        self.lean: LeanTurn | None = None  # set by the writing thread before its first turn
        self.outbound: SendQueue | None = None
        self._loop, self._may_run_on_loop = loop, may_run_on_loop
        self._asked = self._closed = False
        self._commits = Commits()
        self._thread = thread or ThreadPoolExecutor(1, thread_name_prefix="postiljon-commit")
        loop.call_later(LOOK_EVERY, self._look)

    @property
    def on_loop(self) -> bool:
        """Return whether the next usual turn is for the event loop."""
        lean = self.lean
        return self._may_run_on_loop and lean is not None and lean.applies

    def close(self) -> None:
        """Allow no more turns. No COMMIT is under way: when the writing thread ends, no lean turn applies."""
        self._closed = True
        self._thread.shutdown(wait=False)

    def set(self) -> None:
        """Have a turn soon: on the loop after its present call, or in the writing thread."""
        if not self.on_loop:
            self.event.set()
        elif not self._asked:
            self._asked = True
            self._loop.call_soon(self._turn)

    def is_set(self) -> bool:
        """Return whether a turn is asked for already."""
        return self._asked or self.event.is_set()

    def _turn(self) -> None:
        self._asked = False
        lean = self.lean
        if self._closed or lean is None or not self.lock.acquire(blocking=False):
            return  # the writing thread has the turn, and asks for another one at its end
        came = lean.write() if self.on_loop else None
        if came is WRITTEN and not self._commits.are_quick(time.monotonic()) and self._commits_in_thread(lean):
            return  # the lock is held until the COMMIT has returned; only then may another turn begin
        if came is WRITTEN:
            lean.commit()
            self._commits.took(lean.commit_seconds, time.monotonic())
            came = lean.finish(_at_once)
        self._end(came)

    def _commits_in_thread(self, lean: LeanTurn) -> bool:
        """Have the COMMIT made in a thread; False when no thread is available."""
        try:
            commit = self._loop.run_in_executor(self._thread, lean.commit)
        except RuntimeError:
            return False
        self._asked = True
        commit.add_done_callback(lambda _done: self._committed(lean))
        return True

    def _committed(self, lean: LeanTurn) -> None:
        """Go on once the COMMIT has returned, or failed."""
        self._asked = False
        self._end(lean.finish(_at_once))

    def _end(self, came: LeanOutcome | None) -> None:
        """Release the turn's lock, then ask for the next turn: in 1 ms if SQLite's lock was taken, else if needed."""
        self.lock.release()
        if came is LOCKED:
            self._asked = True
            self._loop.call_later(AGAIN, self._turn)
        elif came is not DONE:
            self.event.set()
        elif self.outbound is not None and len(self.outbound.results) >= self.outbound.enough:
            self.set()  # these results came while the COMMIT was made

    def _look(self) -> None:
        """Look each 30 ms: settle the few replies that came, hand back rows that have waited too long."""
        if self._closed:
            return
        self._loop.call_later(LOOK_EVERY, self._look)
        outbound = self.outbound
        if outbound is not None and self.on_loop:
            outbound.expire()
            if outbound.has_replies:
                self.set()


def _at_once(call: Callable[[], object]) -> None:
    call()
