"""The server of the endpoint: uvicorn with limits, and without headers and log lines that reveal too much.

Promises: no ``Server`` header, no access log (paths hold tokens), no trust in ``X-Forwarded-For``. :mod:`.connection`
limits the bytes and time of one connection. :mod:`.acceptor` limits their number, also when descriptors run out. An
answer leaves in pieces that wait for their reader, so that a large one costs no more memory. :class:`Server` also
raises the process's soft limit on open files.
"""

from __future__ import annotations

import asyncio
import socket
from functools import partial
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mailer import resource_limits
from unsubscribe.web.acceptor import Gate, room
from unsubscribe.web.coalescing import MOST_WAITING
from unsubscribe.web.connection import (
    HEAD_TIMEOUT,
    MOST_HEAD,
    PIECE,
    BoundedProtocol,
    Narrow,
    PipelinedRequests,
)
from unsubscribe.web.security import Headers, protecting

__all__ = ["HEAD_TIMEOUT", "MOST_HEAD", "MOST_WAITING", "BoundedProtocol", "Server", "config"]

BACKLOG = 1024


class InPieces:
    """ASGI middleware: a body leaves ``MOST_WAITING`` bytes at a time, each when there is room for it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def in_pieces(message: Message) -> None:
            body = message.get("body", b"")
            if len(body) > MOST_WAITING:
                whole, message = memoryview(body), {**message, "body": b""}
                for start in range(0, len(whole), MOST_WAITING):
                    part = whole[start : start + MOST_WAITING]
                    await send({"type": "http.response.body", "body": part, "more_body": True})
            await send(message)

        await self.app(scope, receive, in_pieces)


class Server(uvicorn.Server):
    """Uvicorn's server, with our own gate on each listening socket."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.stopping = asyncio.Event()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell the answers that have no end of their own to end (``scope["state"]["stopping"]``), and stop."""
        self.stopping.set()
        await super().shutdown(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, on the given sockets, else on the address of the settings."""
        found = sockets or [self.config.bind_socket()]
        await super().startup(sockets=[])
        self.lifespan.state["stopping"] = self.stopping
        most, state = room(resource_limits.raise_files()), self.server_state
        make = partial(
            self.config.http_protocol_class,  # type: ignore[call-arg]
            config=self.config,
            server_state=state,
            app_state=self.lifespan.state,
            _loop=asyncio.get_running_loop(),
        )
        gates = [Gate(each, make, state.connections, most) for each in found]  # type: ignore[arg-type]
        for gate in gates:
            gate.open(self.config.backlog)
        self.servers = gates  # type: ignore[assignment]


def config(app: ASGIApp, host: str, port: int, *, headers: Headers | None = None, **more: Any) -> uvicorn.Config:
    """Return the settings of uvicorn under which the promises hold; ``more`` adds or overrules.

    ``headers``: those of the refusal of input that is no request (:class:`.application.WebApplication` has them).
    """
    headers = protecting(https=False) if headers is None else headers
    http = type("Protocol", (more.pop("http", BoundedProtocol),), {"protecting": headers, "turns": PipelinedRequests()})
    basis: dict[str, Any] = {
        "host": host,
        "port": port,
        "http": partial(Narrow, http, memoryview(bytearray(PIECE))),
        "ws": "none",
        "server_header": False,
        "access_log": False,
        "proxy_headers": False,
        "log_config": None,
        "timeout_keep_alive": 30,
        "backlog": BACKLOG,
    }
    return uvicorn.Config(InPieces(app), **(basis | more))
