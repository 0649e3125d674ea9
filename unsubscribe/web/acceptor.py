"""The acceptance of connections: a number in each turn, and never more than descriptors and memory allow.

Promises: a server keeps at most ``room`` connections. At that number an eighth is closed. Connections that have waited
for their client for ``GRACE`` seconds go first. Of these, the ones without an open request go before the others, and
the longest wait first. New connections wait in the kernel's queue meanwhile, and none is reset. Only while an answer is
in work on every connection do they wait longer. The log reports this at most once in ``PERIOD`` seconds. The same
happens when the process or the machine runs out of descriptors or buffers.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from collections.abc import Callable, Collection

from structlog import get_logger

from unsubscribe.web.connection import BoundedProtocol

MOST_CONNECTIONS = 2_048  # an idle one takes some 8 KiB, the worst case some 40
KEPT_FREE = 128  # descriptors, for database, journal and other files of the process
AT_ONCE = 64  # new connections in one turn of the loop; other work runs between
RECEIVED, SENT = 64 * 1024, 128 * 1024  # kernel buffer of a connection in bytes; the kernel takes twice as much
GRACE = 1.0  # seconds a client has to send a request or take an answer, before it is among the first to go
PAUSE = 0.1  # seconds until the next try where no connection can be closed
PERIOD = 60.0
SHORT = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
log = get_logger("postiljon.web")


def room(files: int) -> int:
    """Return the number of connections that a process with ``files`` descriptors keeps."""
    return max(1, min(MOST_CONNECTIONS, files - min(KEPT_FREE, files // 2)))


class Gate:
    """Accepts on one listening socket for one server; takes the place of uvicorn's own (``close``, ``wait_closed``)."""

    def __init__(
        self,
        listening: socket.socket,
        make: Callable[[], asyncio.BaseProtocol],
        connections: Collection[BoundedProtocol],
        most: int,
    ) -> None:
        self._listening, self._make, self._connections, self._most = listening, make, connections, most
        self._loop = asyncio.get_running_loop()
        self._coming: set[asyncio.Task[object]] = set()
        self._again: asyncio.TimerHandle | None = None
        self._closed, self._said = 0, float("-inf")

    def open(self, backlog: int) -> None:
        """Begin to listen and accept."""
        self._listening.setblocking(False)
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVED)  # new connections inherit it
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SENT)
        self._listening.listen(backlog)
        self._loop.add_reader(self._listening.fileno(), self._accept)

    def close(self) -> None:
        """Stop the timer and accept no more connections."""
        if self._again is not None:
            self._again.cancel()
        self._loop.remove_reader(self._listening.fileno())

    async def wait_closed(self) -> None:
        """Wait until every accepted connection has its protocol."""
        await asyncio.gather(*self._coming, return_exceptions=True)

    def _accept(self) -> None:
        for number in range(AT_ONCE):
            if len(self._connections) + len(self._coming) >= self._most:
                if not number:  # else perhaps none waits; if one does, the loop calls again
                    self._make_room()
                return
            try:
                newcomer, _address = self._listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionError):
                return
            except OSError as error:  # not SHORT: a network error of one connection (accept(2))
                if error.errno in SHORT:
                    self._make_room()
                else:
                    self._wait(PAUSE)
                return
            newcomer.setblocking(False)
            task = self._loop.create_task(self._take(newcomer))
            self._coming.add(task)
            task.add_done_callback(self._coming.discard)

    async def _take(self, newcomer: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._make, newcomer)
        except OSError:  # the client has gone already
            newcomer.close()

    def _make_room(self) -> None:
        """Close the longest idle connections; accept again in the next turn, or after ``PAUSE`` s if none is idle."""
        number = max(1, self._most // 8)
        going = sum(each.cut for each in self._connections)
        late = time.monotonic() - GRACE
        resting = []
        for each in self._connections:
            if rest := each.rest():
                asked, since = rest
                resting.append(((since > late, asked and since <= late, since), each))
        resting.sort(key=lambda pair: pair[0])
        chosen = resting[: max(0, number - going)]
        for _, each in chosen:
            each.cut_off()
        self._closed += len(chosen)
        self._say()
        self._wait(0 if chosen or going else PAUSE)

    def _wait(self, seconds: float) -> None:
        self._loop.remove_reader(self._listening.fileno())
        self._again = self._loop.call_later(seconds, self._look_again)

    def _look_again(self) -> None:
        self._again = None
        self._loop.add_reader(self._listening.fileno(), self._accept)

    def _say(self) -> None:
        """Log, at most once in ``PERIOD`` seconds, how many connections were closed since the last time."""
        now = self._loop.time()
        if now - self._said >= PERIOD:
            log.warning("connections_full", most=self._most, closed=self._closed)
            self._said, self._closed = now, 0
