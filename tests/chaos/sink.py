"""A fast SMTP sink that writes down when each final dot came: ``python -m tests.chaos.sink FILE`` prints its port.

Times are ``time.monotonic``, which all processes of a machine share. On SIGTERM it writes ``[[recipient, time], …]``.
It trusts its client: how strict a server must be is for :mod:`tests.support.smtpd`.
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

HELLO = b"250-sink.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"


class Sink(asyncio.Protocol):
    """One session."""

    def __init__(self, record: list[tuple[str, float]]) -> None:
        self.record, self.buffer, self.in_data, self.recipient = record, bytearray(), False, ""
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.transport.write(b"220 sink.example\r\n")

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        out = []
        while True:
            mark = b"\r\n.\r\n" if self.in_data else b"\r\n"
            end = self.buffer.find(mark)
            if end < 0:
                break
            line = bytes(self.buffer[: 9 if self.in_data else end])
            del self.buffer[: end + len(mark)]
            out.append(self.dot() if self.in_data else self.command(line))
            if line[:4].upper() == b"QUIT" and not self.in_data:
                self.transport.write(b"".join(out))
                self.transport.close()
                return
        if out:
            self.transport.write(b"".join(out))

    def dot(self) -> bytes:
        self.record.append((self.recipient, time.monotonic()))
        self.in_data = False
        return b"250 2.0.0 Ok\r\n"

    def command(self, line: bytes) -> bytes:
        verb = line[:4].upper()
        if verb == b"RCPT":
            self.recipient = line.partition(b"<")[2].partition(b">")[0].decode()
        if verb == b"DATA":
            self.in_data = True
            return b"354 go\r\n"
        return HELLO if verb == b"EHLO" else b"221 bye\r\n" if verb == b"QUIT" else b"250 Ok\r\n"


async def serve() -> list[tuple[str, float]]:
    """Until SIGTERM; the record."""
    record: list[tuple[str, float]] = []
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    listening = await asyncio.get_running_loop().create_server(lambda: Sink(record), "127.0.0.1", 0)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await ended.wait()
    listening.close()
    return record


if __name__ == "__main__":
    import uvloop

    Path(sys.argv[1]).write_text(json.dumps(uvloop.run(serve())))
