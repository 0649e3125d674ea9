"""One connection of the public port: its limits of memory and time, whatever the client sends.

Promises, for each connection:

- It is read ``PIECE`` bytes at a time. One request is answered and one or two more wait; then reading stops until an
  answer has left (the sender's own socket fills up: back-pressure). No honestly pipelined request is dropped.
- All bytes outside the body count as the head: request line, headers, chunk sizes and their extensions, trailers. They
  are ``MOST_HEAD`` bytes and ``MOST_LINES`` headers at most, else 400. Trailers are dropped: they never become headers.
- A body that no route reads waits in the sender's socket, except 64 KiB and a ``PIECE`` at most here. :mod:`.forms`
  limits how much of it is read, and for how long. When the answer is given, the rest of the body counts as head and
  must arrive within ``LINGER`` seconds; then the connection ends.
- An answer leaves ``MOST_WAITING`` bytes at a time. While the client does not take it, nothing else is read.
- Time: ``head_timeout`` seconds for a head, ``answer_timeout`` seconds to take the waiting part of an answer. After
  we hung up, ``LINGER`` seconds to read the last answer.
- Input that cannot be parsed is refused after the requests before it were answered, with the protecting headers of
  every answer. A request that says ``Connection: close``, or asks for another protocol, is the last one read.

The parser is httptools (C): a third of the time of h11 for a request as small as ours. It does not report the end of a
message by itself. So each piece given to it holds at most one empty line, where a head and a chunked body both end.

Source: RFC 9112 sections 6.1 (framing), 7.1.2 (trailers), 9.3.2 (pipelining) and 9.6 (closing in two steps).
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import httptools
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from unsubscribe.web.coalescing import CoalescingTransport

HEAD_TIMEOUT = 10.0  # seconds
ANSWER_TIMEOUT = 60.0
LINGER = 5.0
PIECE = 4 * 1024  # bytes
PIECE_SENT = 16 * 1024  # unsent bytes above which an answer waits; the kernel's buffer comes on top
MOST_HEAD = 16 * 1024
MOST_LINES = 100
AT_A_TURN = 8  # requests
MOST_FORGOTTEN = 256 * 1024
_END = b"\r\n\r\n"
_REFUSAL = b"content-type: text/plain; charset=utf-8\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b"
_WORDS = b"This is not a request that we can read."


class _Flow(FlowControl):
    """Uvicorn's requests to pause or resume reading; the connection decides, as it knows the other reasons to pause."""

    def __init__(self, transport: asyncio.Transport, decide: Callable[[], None]) -> None:
        super().__init__(transport)
        self._decide = decide

    def pause_reading(self) -> None:
        self.read_paused = True

    def resume_reading(self) -> None:
        if self.read_paused:
            self.read_paused = False
            self._decide()

    def lost(self) -> None:
        """Release the protocol object when the connection is lost."""
        self._decide = lambda: None


class PipelinedRequests:
    """Queue of pipelined requests: at most ``AT_A_TURN`` of them begin in one turn of the loop.

    A client that sends one request at a time, as browsers, proxies and providers do, waits for at most those few.
    """

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()

    def wait(self, loop: asyncio.AbstractEventLoop, begin: Callable[[], None]) -> None:
        """Queue ``begin``: the loop calls it in order, at most ``AT_A_TURN`` in a turn."""
        if not self._waiting:
            loop.call_soon(self._next, loop)
        self._waiting.append(begin)

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        for _ in range(min(AT_A_TURN, len(self._waiting))):
            self._waiting.popleft()()
        if self._waiting:
            loop.call_soon(self._next, loop)


@dataclass(slots=True)
class ParsingProgress:
    """How far the bytes of a connection are parsed.

    ``head``: bytes of the message outside its body; after the last message, all bytes. ``begun``: part of a message was
    parsed; ``in_body``: its head was. ``refused`` and ``last``: parsing has ended, after an error or a last request.
    """

    head: int = 0
    begun: bool = False
    in_body: bool = False
    refused: bool = False
    last: bool = False


class BoundedProtocol(HttpToolsProtocol):
    """HTTP/1.1 within the limits of the module. Each server sets its own ``turns`` and ``protecting`` headers."""

    head_timeout = HEAD_TIMEOUT
    answer_timeout = ANSWER_TIMEOUT
    most_head = MOST_HEAD
    protecting: Sequence[tuple[bytes, bytes]] = ()
    turns = PipelinedRequests()

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._line: asyncio.Transport  # below ``transport``, which joins the writes
        self._deadline: asyncio.TimerHandle | None = None
        self._since = time.monotonic()  # when the last wait began; the loop's clock stands still during a turn
        self._unread = b""  # received but not parsed yet: a PIECE at most, as reading stops meanwhile
        self._asked = 0  # number of requests not answered yet
        self._parsed = ParsingProgress()
        self.cut = False  # cut off: connection_lost follows in a later turn of the loop
        self._waited = False
        self._paused = self._parsing = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, and start the timer (``head_timeout``) for its first request."""
        super().connection_made(transport)
        self._line = transport
        transport.set_write_buffer_limits(PIECE_SENT)
        self.transport = CoalescingTransport(transport, self.loop, self._hang_up)  # type: ignore[assignment]
        self.flow = _Flow(transport, self._go_on)
        self._watch(self.head_timeout)

    def data_received(self, data: bytes) -> None:
        """Take bytes and parse them while there is room for their requests."""
        self._unset_keepalive_if_required()
        if self.transport.is_closing():
            self._forget(data)
            return
        self._unread += data
        self._go_on()
        if not self._asked and self._deadline is None and not self.transport.is_closing():
            self._watch(self.head_timeout)

    def rest(self) -> tuple[bool, float] | None:
        """Return whether a request is open, and since when we wait for the client; None while we work on an answer."""
        if self.cut or (self._asked and not (self._parsed.in_body or self.flow.write_paused)):
            return None
        return bool(self._asked), self._since

    def _go_on(self) -> None:
        """Parse pieces up to one empty line each, while there is room; resume reading when all is parsed."""
        if self._parsing or self.parser is None:
            return
        while self._unread and self._has_room():
            if not self._parsed.begun and self._unread.startswith(b"\r\n"):
                self._skip_empty_lines()
                continue
            end = self._unread.find(_END)
            if end < 0 or self._unread.find(_END, end + 1) < 0:  # no second empty line: the usual case
                piece, self._unread = self._unread, b""
            else:
                piece, self._unread = self._unread[: end + len(_END)], self._unread[end + len(_END) :]
            self._parse(piece)
        if self._paused or self._unread:
            self._pause(bool(self._unread))

    def _skip_empty_lines(self) -> None:
        """Drop empty lines before a request: they mean nothing (RFC 9112 section 2.2), and each would be a piece."""
        before, self._unread = len(self._unread), self._unread.lstrip(b"\r\n")
        self._parsed.head += before - len(self._unread)
        if self._parsed.head > self.most_head:
            self._refuse()

    def _has_room(self) -> bool:
        if self._parsed.refused or self.pipeline or self.flow.read_paused or self.flow.write_paused:
            return False
        return self._parsed.in_body or not self._parsed.last

    def _parse(self, piece: bytes) -> None:
        self._parsed.head += len(piece)
        self._parsing = True
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            pass  # the head was complete, and this request is the last
        except httptools.HttpParserError:
            self._refuse()
        finally:
            self._parsing = False
        if (self._parsed.head > self.most_head or len(self.headers or ()) > MOST_LINES) and not self._parsed.refused:
            self._refuse()

    def on_message_begin(self) -> None:
        """Take the beginning of a message."""
        super().on_message_begin()
        self._parsed.begun, self._parsed.in_body = True, False

    def on_headers_complete(self) -> None:
        """Take the end of a head; a head that came in a single piece is measured here, and may be refused."""
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self.most_head or len(self.headers) > MOST_LINES:
            raise ValueError("the head is too long")
        super().on_headers_complete()
        self.headers = []  # the request has its own list; from here on come trailers, which are not used
        self._asked, self._parsed.in_body, self._since = self._asked + 1, True, time.monotonic()
        self._unwatch()
        if self.parser.should_upgrade():
            self.cycle.keep_alive = False
        self._parsed.last = not self.cycle.keep_alive

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body; it counts as head only if its request is answered already."""
        if self._asked:
            self._parsed.head -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Take the end of a message."""
        if not self._asked:
            self._unwatch()
        self._parsed.head, self._parsed.begun, self._parsed.in_body = 0, False, False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Continue after an answer has left: with the next request, or with the end."""
        self._asked, self._since = self._asked - 1, time.monotonic()
        self._waited = True  # a request that begins now was pipelined
        super().on_response_complete()
        self._waited = False
        if (
            self._parsed.in_body and not self._asked
        ):  # answered before the end of its body: the rest must come within LINGER
            self._unset_keepalive_if_required()
            self._watch(LINGER)
        if self._parsed.refused and not self._asked:
            self._say_no()
        if self._unread:
            self._go_on()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if self._waited:
            self.turns.wait(self.loop, partial(super()._start_asgi_task, cycle, app))
        else:
            super()._start_asgi_task(cycle, app)

    def _refuse(self) -> None:
        """Stop parsing. Requests before this one are answered first; a half-received request is given up."""
        self._parsed.refused, self._unread = True, b""
        if self._parsed.in_body and not self._asked:
            self.transport.close()  # the request is answered, and this is the rest of its body
            return
        if self._parsed.in_body:
            self._give_up_body()
        if not self._asked:
            self._say_no()

    def _give_up_body(self) -> None:
        """End a body whose rest never comes: its reader sees a disconnect."""
        self._asked -= 1
        if self.pipeline and self.pipeline[0][0] is self.cycle:
            self.pipeline.popleft()
        else:
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    def _say_no(self) -> None:
        """Answer a bare 400 with the headers of every answer."""
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            headers = [*self.server_state.default_headers, *self.protecting]
            lines = b"".join(b"%b: %b\r\n" % pair for pair in headers)
            self.transport.write(STATUS_LINE[400] + lines + _REFUSAL % (len(_WORDS), _WORDS))
        self.transport.close()

    def pause_writing(self) -> None:
        """Start the timer (``answer_timeout``) for a client that does not take its answer."""
        super().pause_writing()
        self._since = time.monotonic()
        self._watch(self.answer_timeout)

    def resume_writing(self) -> None:
        """Stop the timer of :meth:`pause_writing`, as the client took some bytes, and continue."""
        super().resume_writing()
        self._unwatch()
        self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all timers and release the connection."""
        self._unread = b""
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self._unwatch()
        self.transport.lost()  # type: ignore[attr-defined]
        self.flow.lost()  # type: ignore[attr-defined]

    def cut_off(self) -> None:
        """End the connection at once, whatever is still to be sent."""
        self._unwatch()
        self.cut = True
        self._line.abort()

    def _hang_up(self) -> None:
        """Close our side, and read incoming bytes for a bounded time, or a reset would overtake the answer."""
        self._unset_keepalive_if_required()
        if self._line.is_closing():
            return
        heard = not (self._parsed.refused or self._parsed.in_body or self._unread)
        self._watch(self.answer_timeout if heard or self.flow.write_paused else LINGER)
        if not heard and self._line.can_write_eof():
            self._unread, self._parsed.head = b"", 0
            self._pause(False)
            self._line.write_eof()
        else:
            self._line.close()

    def _forget(self, data: bytes) -> None:
        self._parsed.head += len(data)
        if self._parsed.head > MOST_FORGOTTEN:
            self.cut_off()

    def _pause(self, wanted: bool) -> None:
        if wanted != self._paused:
            self._paused = wanted
            (self._line.pause_reading if wanted else self._line.resume_reading)()

    def _watch(self, seconds: float) -> None:
        """Cut the connection off after ``seconds``, unless the awaited event stops the timer first."""
        self._unwatch()
        self._deadline = self.loop.call_later(seconds, self.cut_off)

    def _unwatch(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class Narrow(asyncio.BufferedProtocol):
    """Reads a ``PIECE`` at a time for a ``BoundedProtocol``. All connections of a server share the buffer ``space``."""

    def __init__(self, made: Callable[..., BoundedProtocol], space: memoryview, **given: Any) -> None:
        self._told = made(**given)
        self._space = space
        self.connection_lost = self._told.connection_lost  # type: ignore[method-assign]
        self.pause_writing = self._told.pause_writing  # type: ignore[method-assign]
        self.resume_writing = self._told.resume_writing  # type: ignore[method-assign]
        self.eof_received = self._told.eof_received  # type: ignore[method-assign]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a connection."""
        self._told.connection_made(transport)  # type: ignore[arg-type]

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002
        """Return the buffer for incoming bytes; they are copied before another connection is read."""
        return self._space

    def buffer_updated(self, nbytes: int) -> None:
        """Hand the ``nbytes`` received bytes to the protocol."""
        self._told.data_received(bytes(self._space[:nbytes]))
