"""A TCP connection to a host that may have several addresses, some of which may be out of order (RFC 8305).

Promises: the addresses are tried in the system's order, IPv6 and IPv4 in turn, the next one ``STAGGER`` seconds after
the one before or at once when that one fails; the first that answers is kept, and the others are closed. An address
that drops packets costs ``STAGGER`` seconds, not the time-out. The only module that uses aiohappyeyeballs.

Raises ``TimeoutError`` or ``OSError``. Success says nothing about the protocol spoken there.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

from aiohappyeyeballs import AddrInfoType, start_connection

STAGGER = 0.25
"""Seconds: the *Connection Attempt Delay* that RFC 8305, section 5, recommends."""


async def dial(host: str, port: int, seconds: float) -> socket.socket:
    """Return a connected socket. ``seconds`` bound the DNS answer, and after it all connection attempts together."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(seconds):
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return await connect(found, seconds)


async def connect(addresses: Sequence[AddrInfoType], seconds: float) -> socket.socket:
    """Return a socket that is connected to the first of the addresses that answers."""
    async with asyncio.timeout(seconds):
        try:
            sock = await start_connection(addresses, happy_eyeballs_delay=STAGGER)
        except OSError as error:
            if error.errno is not None:
                raise
            sock = await start_connection(addresses[-1:])  # they failed in different ways: the last one's is told
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock
