"""The SMTP transport: aiosmtplib greets (TLS, EHLO, AUTH), then our own pipelined sessions take over.

The only module that uses aiosmtplib. Promises: ``tls`` of the relay is followed exactly. ``implicit`` and ``starttls``
verify the certificate and its name, TLS 1.2 or newer (B59, B74). ``opportunistic`` encrypts if it can and never sends a
password in the clear, except on loopback. Values learnt before STARTTLS are forgotten (RFC 3207); PIPELINING is taken
from the last EHLO. Each error of the library becomes a :class:`~mailer.outcome.results.RelayEvent`. An answer is
``slow_down`` or ``refused``, as :func:`mailer.outcome.session.when_opening` says, a certificate or missing TLS is
``refused``, the rest ``away``. A greeting is awaited for five minutes (RFC 5321); after some seconds of silence at any
step a ``silent`` event says so. Bytes that come instead of a greeting are checked before the library reads them, and
their protocol is named (:mod:`mailer.transport.hints`). No error contains a password.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from dataclasses import dataclass, field
from typing import cast

import aiosmtplib

from mailer.errors import RelayAway, RelayRefused
from mailer.messages import Message, joined
from mailer.outcome.results import EventKind, RelayEvent
from mailer.outcome.session import when_opening
from mailer.settings import LOOPBACK, Relay
from mailer.transport import hints
from mailer.transport.base import MessageSource, RelayObserver, unheard
from mailer.transport.dial import dial
from mailer.transport.limits import Limits, offers
from mailer.transport.pool import DialResult, Pool
from mailer.transport.replies import Replies, clean
from mailer.transport.session import Monotonic, Session

_LOOK, _LOOK_LONGER = 300, 0.2
LONGEST_WORDS = 1_000  # characters of a relay's words; our own messages are shorter and stay messages


@dataclass(frozen=True, slots=True)
class SmtpOptions:
    """Options for tests and unusual relays. ``context``: the trusted certificates (default: the system's)."""

    limits: Limits = field(default_factory=Limits)
    context: ssl.SSLContext | None = None
    clock: Monotonic = time.monotonic


class SmtpTransport:
    """See :class:`mailer.transport.base.Transport`. ``hello_name``: a full host name for EHLO (A6)."""

    def __init__(self, relay: Relay, hello_name: str, options: SmtpOptions | None = None) -> None:
        self.relay = relay
        self._hello = hello_name
        self._options = options or SmtpOptions()
        self._context = self._options.context

    async def run(self, feed: MessageSource, stop: asyncio.Event) -> None:
        """Carry messages over at most ``relay.connections`` connections. Raises only the errors of the feed."""
        await Pool(self._open, self.relay.connections, self._options.limits, self._options.clock).run(feed, stop)

    async def check(self, notice: RelayObserver = unheard) -> None:
        """Connect, greet, log in, leave. Raises ``RelayRefused`` or ``RelayAway`` with a sentence."""
        opened = await self._connect(notice, trial=True)
        if isinstance(opened, RelayEvent):
            said = f"{opened.code} {opened.text}" if opened.code else opened.text
            message = joined(": ", [self.relay.name, said])
            if opened.kind == "refused":
                raise RelayRefused(message, opened.code, opened.stage)
            raise RelayAway(message)

    async def _open(self, notice: RelayObserver) -> DialResult:
        return cast(DialResult, await self._connect(notice, trial=False))

    async def _connect(self, notice: RelayObserver, *, trial: bool) -> DialResult | None:
        """Return a session (with ``trial``: None after QUIT), or the event that says why there is none."""
        if self._context is None and self.relay.tls != "none":
            self._context = await asyncio.to_thread(self._default_context)
        attempt = _Opening(self.relay, self._hello, self._options, self._context, notice)
        opened = await attempt.run(trial=trial)
        if isinstance(opened, RelayEvent) and opened.stage == "tls" and self._may_be_plain():
            plain = _Opening(self.relay, self._hello, self._options, None, notice)
            opened = await plain.run(trial=trial)
        return opened

    def _may_be_plain(self) -> bool:
        return self.relay.tls == "opportunistic" and (not self.relay.password or self.relay.host in LOOPBACK)

    def _default_context(self) -> ssl.SSLContext:
        if self.relay.tls == "opportunistic":  # RFC 7435: better than no TLS at all, which would be taken otherwise
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        else:
            context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context


class _Opening:
    """One attempt to get a session. ``notice`` is called once for each step at which nothing is heard."""

    def __init__(
        self, relay: Relay, hello: str, options: SmtpOptions, context: ssl.SSLContext | None, notice: RelayObserver
    ) -> None:
        self.relay, self.options, self.context = relay, options, context
        self.hello, self.notice = hello, notice
        self.stage = "connect"
        self._watch: asyncio.TimerHandle | None = None
        self._client: aiosmtplib.SMTP | None = None
        self._unfit = ""

    async def run(self, *, trial: bool) -> DialResult | None:
        """Return a session (None with ``trial``), or the event that says why there is none."""
        try:
            return await self._run(trial=trial)
        except _Refusal as refusal:
            return self._event("refused", 0, str(refusal))
        except _Foreign as seen:
            return self._event("away", 0, str(seen))
        except aiosmtplib.SMTPResponseException as error:
            return self._answered(error.code, error.message)
        except (TimeoutError, aiosmtplib.SMTPException, OSError) as error:
            return self._event("away", 0, self._unfit) if self._unfit else self._failed(error, trial=trial)
        finally:
            self._reached("")

    async def _run(self, *, trial: bool) -> DialResult | None:
        self._reached("connect")
        sock = await dial(self.relay.host, self.relay.port, self.options.limits.timeouts.connect)
        client = self._client = self._made(sock)
        try:
            await self._greet(client, sock)
            if trial:
                self._reached("quit")
                await client.quit(timeout=5)
                return None
        except BaseException:
            client.close()
            raise
        transport = client.transport
        if transport is None or transport.is_closing():
            return self._event("away", 0, hints.closed(self.relay, self.stage))
        return Session(cast(asyncio.Transport, transport), offers(client.esmtp_extensions), self.options.clock)

    def _reached(self, stage: str) -> None:
        """Enter this step ("": the end), and watch how long nothing is heard."""
        self.stage = stage or self.stage
        if self._watch is not None:
            self._watch.cancel()
        seconds = self.options.limits.timeouts.notice
        self._watch = asyncio.get_running_loop().call_later(seconds, self._silent, seconds) if stage else None

    def _silent(self, seconds: float) -> None:
        rest = _left_over(self._client) if self._client is not None else b""
        if Replies().feed(rest):  # within a login: the library waits for another answer than the one it has
            self._unfit = hints.unfit(clean(rest))
            cast(aiosmtplib.SMTP, self._client).close()
        elif self.stage != "quit":
            self.notice(self._event("silent", 0, hints.silence(self.relay, self.stage, seconds)))

    def _made(self, sock: socket.socket) -> aiosmtplib.SMTP:
        return aiosmtplib.SMTP(
            hostname=self.relay.host,
            sock=sock,
            local_hostname=self.hello,
            timeout=self.options.limits.timeouts.greeting,
            use_tls=self.relay.tls == "implicit",
            start_tls=False,
            tls_context=self.context,
        )

    async def _greet(self, client: aiosmtplib.SMTP, sock: socket.socket) -> None:
        encrypted = self.relay.tls == "implicit"
        self._reached("tls" if encrypted else "greeting")
        if not encrypted:
            await self._recognise(sock)
        await client.connect()
        _heard_all(client)
        await self._ehlo(client)
        if self.relay.tls in ("starttls", "opportunistic") and self.context is not None:
            encrypted = await self._starttls(client)
        if self.relay.user:
            await self._login(client, encrypted=encrypted)

    async def _recognise(self, sock: socket.socket) -> None:
        """Wait for the greeting, and see whether it may be one. Raises ``_Foreign``, ``TimeoutError``, ``OSError``."""
        try:
            seen = hints.foreign(await _first_bytes(sock, self.options.limits.timeouts.greeting))
            if seen:
                raise _Foreign(seen)
        except BaseException:
            sock.close()  # no other code has it yet
            raise

    async def _ehlo(self, client: aiosmtplib.SMTP) -> None:
        self._reached("ehlo")
        try:
            await client.ehlo()
        except aiosmtplib.SMTPHeloError as error:
            if error.code not in (500, 501, 502, 504) or not client.is_connected:
                raise
            await client.helo()
        _heard_all(client)

    async def _starttls(self, client: aiosmtplib.SMTP) -> bool:
        if not client.supports_extension("starttls"):
            if self.relay.tls == "starttls":
                self.stage = "starttls"
                raise _Refusal(
                    Message("the mail server offers no encryption (STARTTLS), and this relay's setting demands it")
                )
            return False
        self._reached("tls")
        await client.starttls()
        await self._ehlo(client)
        return True

    async def _login(self, client: aiosmtplib.SMTP, *, encrypted: bool) -> None:
        self._reached("auth")
        if not encrypted and self.relay.host not in LOOPBACK:
            raise _Refusal(Message("the mail server offers no encryption, and the password would go in the clear"))
        if not client.supports_extension("auth") or not client.supported_auth_methods:
            raise _Refusal(Message("the mail server offers no way to log in that we know"))
        await client.login(self.relay.user, self.relay.password)
        _heard_all(client)

    def _answered(self, code: int, message: str) -> RelayEvent:
        text = clean(message.encode("utf-8", "replace"))
        if self.relay.tls == "implicit" and self.stage == "tls":
            self.stage = "greeting"  # TLS is established: the answer came from the server inside it
        if 400 <= code < 600:
            return self._event(when_opening(self.stage, code, text), code, text)
        said = text.removeprefix("Malformed SMTP response line: ")  # the library's words
        return self._event("away", 0, hints.no_smtp(said.encode()))

    def _failed(self, error: Exception, *, trial: bool) -> RelayEvent | None:
        if trial and self.stage == "quit":
            return None  # it greeted us; how it says goodbye does not matter (B54)
        causes = (error, error.__cause__, error.__context__)
        unsafe = next((cause for cause in causes if isinstance(cause, ssl.SSLError)), None)
        if unsafe is not None:
            self.stage = "tls"
            return self._event("refused", 0, hints.unsafe(self.relay, unsafe))
        if any(isinstance(cause, TimeoutError | ConnectionAbortedError) for cause in causes):
            timeouts = self.options.limits.timeouts
            seconds = timeouts.connect if self.stage == "connect" else timeouts.greeting
            return self._event("away", 0, hints.silence(self.relay, self.stage, seconds))
        lost = (aiosmtplib.SMTPServerDisconnected, ConnectionResetError, BrokenPipeError)
        if self.stage != "connect" and any(isinstance(cause, lost) for cause in causes):
            return self._event("away", 0, hints.closed(self.relay, self.stage))
        if isinstance(error, aiosmtplib.SMTPConnectError) and error.__cause__ is not None:
            error = error.__cause__ if isinstance(error.__cause__, Exception) else error
        return self._event("away", 0, hints.unreachable(error))

    def _event(self, kind: EventKind, code: int, text: str) -> RelayEvent:
        return RelayEvent(kind, self.stage, code, text if len(text) <= LONGEST_WORDS else text[:LONGEST_WORDS])


class _Refusal(Exception):
    """The relay cannot be used with its present settings; the reason is a sentence."""


class _Foreign(Exception):
    """The first bytes of the server cannot be a greeting; the reason is a sentence."""


def _heard_all(client: aiosmtplib.SMTP) -> None:
    """Raise ``_Foreign`` if an answer is left over: it was sent before it was asked for."""
    if rest := _left_over(client):
        raise _Foreign(hints.unfit(clean(rest)))


def _left_over(client: aiosmtplib.SMTP) -> bytes:
    """Return the bytes that were read behind the last answer.

    The library keeps them, and would take them for the answer to its next command; there is no public way to see them.
    """
    return bytes(getattr(client.protocol, "_buffer", b""))


async def _first_bytes(sock: socket.socket, seconds: float) -> bytes:
    """Return the first bytes of the server, left where they are.

    Empty if it closes. Raises ``TimeoutError``, ``OSError``.
    """
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(sock, ready.set)
    try:
        async with asyncio.timeout(seconds):
            await ready.wait()
    finally:
        loop.remove_reader(sock)
    first = sock.recv(_LOOK, socket.MSG_PEEK)
    if first and not first[:1].isdigit():
        await asyncio.sleep(_LOOK_LONGER)  # not SMTP: the rest of the bytes shows the protocol
        first = sock.recv(_LOOK, socket.MSG_PEEK)
    return first
