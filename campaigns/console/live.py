"""Parts of pages that follow the database while they are looked at: server-sent events.

Promises: one reader a process, however many pages are open. While anybody listens it reads once a second and renders
each part once for each language; a part that is the same as before is not sent. A stream ends when the server stops,
when its session ends, and when the database is away. A reader that takes nothing is cut off by
:mod:`unsubscribe.web.connection`; meanwhile the newest part replaces the one before, so that no queue grows. A session
has ``MOST_A_SESSION`` streams, the process ``MOST``: beyond that the answer is 204, and the page works by *Refresh*.

Events without a name are the HTML of a part, with its hash as ``id``. ``beat`` has the hour to which the numbers
belong, every few seconds. ``ended``: the session ended. Source: HTML standard, section 9.2.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from campaigns.console.context import Console
from campaigns.staff import sessions
from mailer.errors import PostiljonError
from unsubscribe.web.metrics import log

EVERY, BEAT = 1.0, 5.0  # seconds
MOST_A_SESSION, MOST = 6, 300
TOKEN = b"CSRF-OF-THE-LISTENER"  # in a rendered part, where the token of each reader's own forms comes
HEADERS = {"x-accel-buffering": "no", "vary": "Cookie", "cache-control": "no-store"}


class Part(NamedTuple):
    """A part of a page: which one, of which campaign, in which language, with or without the buttons of a sender."""

    name: str
    slug: str
    language: str
    may_send: bool


Render = Callable[[Connection, Part], str]


@dataclass(eq=False)
class Listener:
    """One open page. ``shown``: the hash of the part that it shows."""

    part: Part
    session: int
    token: bytes
    shown: str
    awake: asyncio.Event = field(default_factory=asyncio.Event)
    html: bytes = b""
    hour: str = ""
    end: str = ""  # why the stream ends: ``ended``, ``away``


def identity(html: bytes | str) -> str:
    """Return the hash of a part."""
    data = html.encode() if isinstance(html, str) else html
    return hashlib.sha256(data).hexdigest()[:16]


class Live:
    """The listeners of a process and their reader. ``render`` makes a part; ``hour`` words the time of its numbers."""

    def __init__(self, console: Console, render: Render, hour: Callable[[], str]) -> None:
        self._console, self._render, self._hour = console, render, hour
        self._listeners: set[Listener] = set()
        self._task: asyncio.Task[None] | None = None
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="postiljon-console-live")

    def close(self) -> None:
        """End the thread of the reader."""
        self._reader.shutdown()

    def answer(self, request: Request, listener: Listener) -> Response:
        """Return the stream for a listener; 204 when there are too many."""
        mine = sum(1 for other in self._listeners if other.session == listener.session)
        if mine >= MOST_A_SESSION or len(self._listeners) >= MOST:
            return Response(status_code=204, headers=HEADERS)
        stopping = request.scope.get("state", {}).get("stopping") or asyncio.Event()
        return StreamingResponse(self._events(listener, stopping), 200, HEADERS, "text/event-stream")

    async def _events(self, listener: Listener, stopping: asyncio.Event) -> AsyncIterator[bytes]:
        stop, beaten = asyncio.create_task(stopping.wait()), 0.0
        self._listeners.add(listener)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._follow())
        try:
            yield b": hello\n\n"
            while not stopping.is_set():
                await _first(listener.awake, stop)
                listener.awake.clear()
                if listener.end:
                    yield _event(listener.end, "")
                    return
                clock = asyncio.get_running_loop().time()
                if listener.html and identity(listener.html) != listener.shown:
                    listener.shown = identity(listener.html)
                    yield _event("", listener.html.replace(TOKEN, listener.token).decode(), listener.shown)
                    beaten = 0.0
                if listener.hour and clock - beaten >= BEAT:
                    beaten = clock
                    yield _event("beat", listener.hour)
        finally:
            stop.cancel()
            self._listeners.discard(listener)

    async def _follow(self) -> None:
        """Read once a second while there are listeners, and wake them."""
        loop = asyncio.get_running_loop()
        while self._listeners:
            began, wanted = loop.time(), list(self._listeners)
            try:
                found, alive = await loop.run_in_executor(self._reader, self._look, wanted)
            except Exception as error:  # whatever the fault: open pages must not go on showing old numbers
                log.warning("console_live_ended", error=type(error).__name__)
                found, alive = {}, set()
                for listener in wanted:
                    listener.end = "away"
            hour = self._hour()
            for listener in wanted:
                if not listener.end and listener.session not in alive:
                    listener.end = "ended"
                elif not listener.end and listener.part not in found:
                    listener.end = "away"
                listener.html, listener.hour = found.get(listener.part, b""), hour
                listener.awake.set()
            await asyncio.sleep(max(0.05, EVERY - (loop.time() - began)))

    def _look(self, listeners: Iterable[Listener]) -> tuple[dict[Part, bytes], set[int]]:
        """Return each part, and the sessions that have not ended; in the thread of the reader."""
        found: dict[Part, bytes] = {}
        with self._console.db.read() as conn:
            alive = sessions.alive(conn, {listener.session for listener in listeners}, self._console.now)
            for part in {listener.part for listener in listeners if listener.session in alive}:
                with suppress(PostiljonError):  # a campaign that is gone: its page says so when it is loaded again
                    found[part] = self._render(conn, part).encode()
        return found, alive


async def _first(awake: asyncio.Event, stop: asyncio.Task[Literal[True]]) -> None:
    """Wait until a listener is woken, or the server stops."""
    wait = asyncio.create_task(awake.wait())
    try:
        await asyncio.wait({wait, stop}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        wait.cancel()


def _event(name: str, data: str, number: str = "") -> bytes:
    lines = [f"event: {name}"] if name else []
    lines += [f"data: {line}" for line in data.split("\n")]
    lines += [f"id: {number}"] if number else []
    return ("\n".join(lines) + "\n\n").encode()
