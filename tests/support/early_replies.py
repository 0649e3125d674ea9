"""A mail server that answers before it is asked: a script of what it says, and of how much it reads in between."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Union

Step = Union[bytes, int, float]
"""Bytes are said, in one write; a whole number of lines is read; a fraction is waited for, in seconds."""

EHLO = b"250-hasty.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
PLAIN_EHLO = b"250 hasty.example\r\n"


@dataclass
class Hasty:
    """The running server: its port, and all that was written to it, a text for each connection."""

    port: int = 0
    heard: list[bytearray] = field(default_factory=list)

    @property
    def contents(self) -> int:
        """How many letters, or beginnings of one, it was given."""
        return sum(heard.count(b"Subject: hello") for heard in self.heard)


@asynccontextmanager
async def hasty_server(steps: Sequence[Step], *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Hasty]:
    """Each connection gets the same script; after it the server says nothing and reads on."""
    hasty = Hasty()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard = bytearray()
        hasty.heard.append(heard)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            for step in steps:
                if isinstance(step, bytes):
                    writer.write(step)
                    await writer.drain()
                elif isinstance(step, int):
                    for _ in range(step):
                        heard += await reader.readline()
                else:
                    await asyncio.sleep(step)
            while data := await reader.read(65_536):
                heard += data
        writer.close()

    listening = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=tls)
    hasty.port = listening.sockets[0].getsockname()[1]
    try:
        yield hasty
    finally:
        listening.close()
