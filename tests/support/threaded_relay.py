"""The scripted mail server in a thread of its own, for tests that wait for a page meanwhile."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.smtpd import Rule, Server, smtp_server


@contextmanager
def threaded_relay(*rules: Rule) -> Iterator[Server]:
    """A running server, on loopback."""
    running: list[tuple[Server, asyncio.AbstractEventLoop, asyncio.Event]] = []
    ready = threading.Event()

    async def serve() -> None:
        over = asyncio.Event()
        async with smtp_server(*rules) as server:
            running.append((server, asyncio.get_running_loop(), over))
            ready.set()
            await over.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    ready.wait(10)
    server, loop, over = running[0]
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
