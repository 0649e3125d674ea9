"""A transport that joins what is written in one turn of the event loop, since head and body of an answer come apart.

Promises: bytes leave in their order, none twice. A writer is held up like one without this: above ``MOST_WAITING``
bytes nothing is kept back. Closing sends the waiting bytes first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

MOST_WAITING = 32 * 1024


class CoalescingTransport:
    """A transport that joins all writes of one turn of the loop, head and body, into one piece."""

    def __init__(
        self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, close: Callable[[], None] | None = None
    ) -> None:
        self._transport, self._loop, self._close = transport, loop, close or transport.close
        self._waiting: list[bytes] = []
        self._size = 0
        self._closing = False

    def write(self, data: bytes) -> None:
        """Send in the next turn; at once above ``MOST_WAITING`` bytes, so that the writer notices a slow reader."""
        if self._closing:
            return
        if not self._waiting:
            self._loop.call_soon(self._flush)
        self._waiting.append(data)
        self._size += len(data)
        if self._size > MOST_WAITING:
            self._flush()

    def close(self) -> None:
        """Send the waiting bytes, then close."""
        if self._closing:
            return
        self._flush()
        self._closing = True
        self._close()

    def is_closing(self) -> bool:
        """Return whether writing is no longer possible."""
        return self._closing or self._transport.is_closing()

    def lost(self) -> None:
        """Release the protocol object when the connection is lost."""
        self._close = self._transport.close

    def _flush(self) -> None:
        waiting, self._waiting, self._size = self._waiting, [], 0
        if waiting and not self._transport.is_closing():  # the client may have cut the connection before this turn
            self._transport.write(b"".join(waiting))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
