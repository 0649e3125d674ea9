"""The real application on a real port of loopback, over a real database: what browsers and dumb clients knock on."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from unsubscribe.endpoint.server import config


class Site:
    """A running server. ``url("/u/…")`` is an address on it."""

    def __init__(self, server: uvicorn.Server, port: int) -> None:
        self.server = server
        self.port = port

    def url(self, path: str = "") -> str:
        """The address of a path."""
        return f"http://127.0.0.1:{self.port}{path}"


@contextmanager
def serving(app: ASGIApp, **options: object) -> Iterator[Site]:
    """``app`` behind uvicorn in a thread of its own, as it is served in production, until the end of the block."""
    door = socket.create_server(("127.0.0.1", 0))
    port = door.getsockname()[1]
    server = uvicorn.Server(config(app, "127.0.0.1", port, **options))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [door]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        if time.monotonic() > deadline or not thread.is_alive():
            raise RuntimeError("the server did not start")
        time.sleep(0.01)
    try:
        yield Site(server, port)
    finally:
        server.should_exit = True
        thread.join(20)
        door.close()
