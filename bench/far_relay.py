"""A wire of a given length in front of a relay: every answer arrives that many milliseconds later.

Usage: python -m bench.far_relay LISTEN_PORT RELAY_PORT MILLISECONDS
"""

from __future__ import annotations

import asyncio
import sys

import uvloop


class Near(asyncio.Protocol):
    """The sender's side; passes bytes on at once."""

    def __init__(self, relay_port: int, delay: float) -> None:
        self.relay_port, self.delay = relay_port, delay
        self.far: asyncio.Transport | None = None
        self.early = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        loop = asyncio.get_running_loop()
        self.opening = loop.create_task(loop.create_connection(lambda: Far(self), "127.0.0.1", self.relay_port))

    def data_received(self, data: bytes) -> None:
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
        asyncio.get_running_loop().call_later(self.near.delay, self._pass_on, data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the name is asyncio's
        asyncio.get_running_loop().call_later(self.near.delay, self.near.transport.close)

    def _pass_on(self, data: bytes) -> None:
        if not self.near.transport.is_closing():
            self.near.transport.write(data)  # type: ignore[attr-defined]


async def main(listen: int, relay: int, milliseconds: float) -> None:
    """Serve until ended."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Near(relay, milliseconds / 1000), "127.0.0.1", listen)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
