"""Where connections come in: so many a turn, and never more than there are descriptors and memory for.

Promises: a server keeps ``room`` connections at most. When there are as many, an eighth is closed: those first that
have waited for their client for ``GRACE`` seconds, without an open request before those with one, and the longest
first. Newcomers wait in the kernel's queue meanwhile, and none is reset. Only when each connection is being worked for
do newcomers wait longer. The log says so, at most once in ``PERIOD`` seconds. Where the process or the machine is out
of descriptors or buffers all the same, the same happens.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from collections.abc import Callable, Collection

from structlog import get_logger

from unsubscribe.endpoint.connection import PatientProtocol

MOST_CONNECTIONS = 2_048  # an idle one takes some 8 KiB, one that does its worst some 40
KEPT_FREE = 128  # descriptors, for database, journal and what else a process opens
AT_ONCE = 64  # new connections in one turn of the loop: others have their turn between
RECEIVED, SENT = 64 * 1024, 128 * 1024  # bytes of a connection that the kernel keeps for us: it takes twice as much
GRACE = 1.0  # seconds that one may need to ask, or to take an answer, before it is among the first to go
PAUSE = 0.1  # seconds until it is tried again where nobody can be closed
PERIOD = 60.0
SHORT = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
log = get_logger("postiljon.web")


def room(files: int) -> int:
    """How many connections a process with so many descriptors keeps."""
    return max(1, min(MOST_CONNECTIONS, files - min(KEPT_FREE, files // 2)))


class Gate:
    """Accepts on one listening socket for one server; stands where uvicorn has its own (``close``, ``wait_closed``)."""

    def __init__(
        self,
        listening: socket.socket,
        make: Callable[[], asyncio.BaseProtocol],
        connections: Collection[PatientProtocol],
        most: int,
    ) -> None:
        self._listening, self._make, self._connections, self._most = listening, make, connections, most
        self._loop = asyncio.get_running_loop()
        self._coming: set[asyncio.Task[object]] = set()
        self._again: asyncio.TimerHandle | None = None
        self._closed, self._said = 0, float("-inf")

    def open(self, backlog: int) -> None:
        """Begin."""
        self._listening.setblocking(False)
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVED)  # newcomers have the same
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SENT)
        self._listening.listen(backlog)
        self._loop.add_reader(self._listening.fileno(), self._accept)

    def close(self) -> None:
        """Accept nobody any more."""
        if self._again is not None:
            self._again.cancel()
        self._loop.remove_reader(self._listening.fileno())

    async def wait_closed(self) -> None:
        """Whoever was accepted has come in."""
        await asyncio.gather(*self._coming, return_exceptions=True)

    def _accept(self) -> None:
        for number in range(AT_ONCE):
            if len(self._connections) + len(self._coming) >= self._most:
                if not number:  # else nobody may be waiting: if somebody is, we are called again
                    self._make_room()
                return
            try:
                newcomer, _address = self._listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionError):
                return
            except OSError as error:  # not SHORT: the network's trouble with one connection (accept(2))
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
        except OSError:  # it went already
            newcomer.close()

    def _make_room(self) -> None:
        """Close who rests longest; look again when they are gone, in the next turn, or after a pause if none rests."""
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
        """At most once in a period: how many were closed since the last time."""
        now = self._loop.time()
        if now - self._said >= PERIOD:
            log.warning("connections_full", most=self._most, closed=self._closed)
            self._said, self._closed = now, 0
