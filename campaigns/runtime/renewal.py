"""Changes of settings in the console: how they are noticed, and how web processes follow one another.

Promises: :class:`Watch` looks at the database once a second at most; while that does not answer, nothing has changed.
:class:`Succession` starts a web process beside the one before, on the same listening socket. Only once it says that it
has begun, the one before ends, with the requests that it has. So no request is lost, and a process that cannot begin
takes nobody's place. One follows at a time, so that the machine has one process more, not twice as many.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

import structlog

from campaigns.context import AppContext
from mailer.errors import StorageError

EVERY = 1.0  # seconds
Start = Callable[[str], tuple[BaseProcess, Connection]]
log = structlog.get_logger("postiljon.serve")


class Watch:
    """Sees that settings were changed since a context was made."""

    def __init__(self, context: AppContext, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._context, self._monotonic = context, monotonic
        self._seen, self._last = context.revision, monotonic()

    def changed(self) -> bool:
        """Return whether there was a change since the last time that this was true."""
        now = self._monotonic()
        if now - self._last < EVERY:
            return False
        self._last = now
        try:
            found = self._context.stored_revision()
        except StorageError:
            return False
        before, self._seen = self._seen, found
        return found != before


class Succession:
    """Web processes that follow others, one at a time. ``start`` starts one; it says so in a pipe once it has begun."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._due: list[str] = []
        self._next: tuple[str, BaseProcess, Connection] | None = None
        self._too_old: list[BaseProcess] = []

    def begin(self, names: Sequence[str]) -> None:
        """Let these be followed. One that was started before this and has not begun yet is too old: it ends."""
        if self._next is not None:
            self._next[1].terminate()
            self._too_old.append(self._next[1])
            self._next = None
        self._due = list(names)

    def step(self) -> Iterator[tuple[str, BaseProcess]]:
        """Yield a process that has begun, with the name whose place it takes; start the next one."""
        self._too_old = [child for child in self._too_old if child.is_alive()]
        if self._next is None and self._due:
            name = self._due.pop(0)
            self._next = (name, *self._start(name))
        if self._next is None:
            return
        name, child, begun = self._next
        if _has_begun(begun):
            self._next = None
            yield name, child
        elif not child.is_alive():
            self._next = None
            log.error("a process with changed settings did not begin; the one before stays", child=name)

    def children(self) -> list[BaseProcess]:
        """Return the processes that have not begun."""
        return [*self._too_old, *([self._next[1]] if self._next else [])]


def _has_begun(begun: Connection) -> bool:
    try:
        return begun.poll() and begun.recv_bytes() == b"."
    except (EOFError, OSError):
        return False
