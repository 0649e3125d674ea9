"""How the endpoint is put on a port: uvicorn with limits, and without the lines that would tell too much.

Promises: no ``Server`` header, no access log (paths hold tokens), no trust in ``X-Forwarded-For``; a connection that
has not sent the head of a request within ``HEAD_PATIENCE`` seconds is closed (slow clients; bodies have their own
limit in :mod:`.forms`), as is one whose head is longer than ``MOST_HEAD`` bytes. The parser is httptools (C): it
takes a third of the time of h11 for a request as small as ours.
"""

from __future__ import annotations

import asyncio
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_PATIENCE = 10.0
MOST_HEAD = 16 * 1024
MOST_WAITING = 64 * 1024


class OnePiece:
    """A transport that sends what is written in one turn of the loop, head and body, in one piece."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._waiting: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        """Send soon; at once where much waits, so that whoever writes learns that the reader is slow."""
        if not self._waiting:
            self._loop.call_soon(self._flush)
        self._waiting.append(data)
        self._size += len(data)
        if self._size > MOST_WAITING:
            self._flush()

    def close(self) -> None:
        """Send what waits, then close."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        waiting, self._waiting, self._size = self._waiting, [], 0
        if waiting:
            self._transport.write(b"".join(waiting))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class PatientProtocol(HttpToolsProtocol):
    """HTTP/1.1 that waits for a request's head, and between requests, but not for ever."""

    head_patience = HEAD_PATIENCE
    most_head = MOST_HEAD
    _deadline: asyncio.TimerHandle | None = None
    _head = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client came: its first request must be there in time."""
        super().connection_made(transport)
        self.transport = OnePiece(transport, self.loop)  # type: ignore[assignment]
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Bytes came; they count only once they are a whole head."""
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before:
            self._head = 0
            self._unwatch()
        elif before is None or before.response_complete:
            self._head += len(data)
            if self._head > self.most_head:
                self._give_up()
            elif self._deadline is None:
                self._watch()

    def on_headers_complete(self) -> None:
        """A head is whole; one that came in a single piece is measured here, and refused as what cannot be parsed."""
        if len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > self.most_head:
            raise ValueError("the head is too long")
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words say what it is written in
        """Refuse what is not HTTP, without a word about us."""
        super().send_400_response("This is not a request that we can read.")

    def connection_lost(self, exc: Exception | None) -> None:
        """The client went."""
        self._unwatch()
        super().connection_lost(exc)

    def _watch(self) -> None:
        self._deadline = self.loop.call_later(self.head_patience, self._give_up)

    def _unwatch(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._unwatch()
        self.transport.close()


def config(app: ASGIApp, host: str, port: int, **more: Any) -> uvicorn.Config:
    """The settings of uvicorn under which the promises hold; ``more`` adds or overrules."""
    basis: dict[str, Any] = {
        "host": host,
        "port": port,
        "http": PatientProtocol,
        "ws": "none",
        "server_header": False,
        "access_log": False,
        "proxy_headers": False,
        "log_config": None,
        "timeout_keep_alive": 30,
        "backlog": 1024,
    }
    return uvicorn.Config(app, **(basis | more))
