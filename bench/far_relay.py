"""A wire of a given length in front of a relay: an answer leaves some milliseconds after its question came.

Usage: python -m bench.far_relay LISTEN_PORT RELAY_PORT MILLISECONDS [FILE]

What it takes to pass bytes on, and what the relay itself takes, is within that time and not added to it. The timers of
an event loop know whole milliseconds and fire up to one late; here the kernel's timer (Linux) keeps the time, to some
microseconds. When it is told to end, the wire writes into FILE how long its answers really took, in milliseconds (the
mean).
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from heapq import heappop, heappush
from itertools import count
from pathlib import Path

import uvloop

_ABSOLUTE = 1  # TFD_TIMER_ABSTIME


class Delay:
    """Has calls made a fixed time after a moment; ``kept`` and ``number`` say how long that took in all."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.kept, self.number = seconds, 0.0, 0
        self._waiting: list[tuple[float, int, Callable[[], object]]] = []
        self._order = count()
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._timer: int = self._libc.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._timer < 0:
            raise OSError(ctypes.get_errno(), "no timer")
        asyncio.get_running_loop().add_reader(self._timer, self._due)

    def later(self, since: float, call: Callable[[], object]) -> None:
        """Have it called so long after ``since`` (monotonic)."""
        heappush(self._waiting, (since + self.seconds, next(self._order), call))
        if self._waiting[0][2] is call:
            self._arm()

    def _arm(self) -> None:
        spec = (ctypes.c_long * 4)(0, 0, *divmod(int(self._waiting[0][0] * 1e9), 10**9))
        self._libc.timerfd_settime(self._timer, _ABSOLUTE, spec, None)

    def _due(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._timer, 8)
        while self._waiting and self._waiting[0][0] <= time.monotonic():
            moment, _, call = heappop(self._waiting)
            self.kept += time.monotonic() - moment + self.seconds
            self.number += 1
            call()
        if self._waiting:
            self._arm()


class Near(asyncio.Protocol):
    """The sender's side; passes bytes on at once."""

    def __init__(self, relay_port: int, delay: Delay) -> None:
        self.relay_port, self.delay = relay_port, delay
        self.far: asyncio.Transport | None = None
        self.early = bytearray()
        self.asked = time.monotonic()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        loop = asyncio.get_running_loop()
        self.opening = loop.create_task(loop.create_connection(lambda: Far(self), "127.0.0.1", self.relay_port))

    def data_received(self, data: bytes) -> None:
        self.asked = time.monotonic()
        if self.far:
            self.far.write(data)
        else:
            self.early += data

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the name is asyncio's
        if self.far:
            self.far.close()


class Far(asyncio.Protocol):
    """The relay's side; passes answers on after the delay."""

    def __init__(self, near: Near) -> None:
        self.near = near

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.near.far = transport  # type: ignore[assignment]
        transport.write(bytes(self.near.early))  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self.near.delay.later(self.near.asked, lambda: self._pass_on(data))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the name is asyncio's
        self.near.delay.later(time.monotonic(), self.near.transport.close)  # type: ignore[attr-defined]

    def _pass_on(self, data: bytes) -> None:
        if not self.near.transport.is_closing():  # type: ignore[attr-defined]
            self.near.transport.write(data)  # type: ignore[attr-defined]


async def main(listen: int, relay: int, milliseconds: float) -> float:
    """Serve until told to end; how many milliseconds an answer took."""
    loop, end = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, end.set)
    delay = Delay(milliseconds / 1000)
    server = await loop.create_server(lambda: Near(relay, delay), "127.0.0.1", listen)
    await end.wait()
    server.close()
    return 1000 * delay.kept / max(1, delay.number)


if __name__ == "__main__":
    took = uvloop.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
    if len(sys.argv) > 4:
        Path(sys.argv[4]).write_text(f"{took:.2f}\n")
