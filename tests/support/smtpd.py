"""A scripted SMTP server, as strict as Postfix, on raw asyncio: it records exact bytes and misbehaves when told.

Strict: a nested MAIL is 503, RCPT without MAIL 503, DATA after a refused RCPT 554, bytes that are no command end the
session with 221. Its record says what was accepted, byte for byte, when the final dot came and when its 250 left;
what no correct client does is listed in ``Server.wrongs``. What goes wrong, and when, is a list of :class:`Rule`.

In a test: ``async with smtp_server(Rule("dot", "drop", nth=3)) as server``. As a process of its own, for kills:
``python -m tests.support.smtpd`` (see :mod:`tests.support.smtpd_main`); it manages some thousands of letters a second.
"""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.support.smtpd_script import Accepted, Limit, Misdeeds, Options, Rule

__all__ = ["Accepted", "Connection", "Limit", "Options", "Rule", "Server", "smtp_server"]


@dataclass
class Server:
    """A running server and its record."""

    rules: list[Rule]
    options: Options
    limits: list[Limit] = field(default_factory=list)
    port: int = 0
    accepted: list[Accepted] = field(default_factory=list)
    dots: list[Accepted] = field(default_factory=list)  # each final dot that came, whatever was answered
    wrongs: list[str] = field(default_factory=list)
    commands: list[tuple[int, str]] = field(default_factory=list)
    sessions: list[Connection] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    used: Counter[int] = field(default_factory=Counter)
    logins: list[str] = field(default_factory=list)
    held: list[Callable[[], None]] = field(default_factory=list)  # answers that wait for release()
    on_dot: Callable[[Accepted], None] | None = None
    on_reply: Callable[[Accepted], None] | None = None

    def rule(self, at: str, connection: Connection, recipient: str = "") -> Rule | None:
        """The first rule that holds at this step, counted."""
        self.seen[at] += 1
        connection.seen[at] += 1
        for limit in self.limits:
            if limit.exceeded(at, recipient):
                return Rule(at, text=limit.text)
        for number, rule in enumerate(self.rules):
            if rule.at == at and self._holds(rule, number, connection, recipient):
                self.used[number] += 1
                return rule
        return None

    def _holds(self, rule: Rule, number: int, connection: Connection, recipient: str) -> bool:
        return (
            (rule.nth is None or self.seen[rule.at] == rule.nth)
            and (rule.every is None or self.seen[rule.at] % rule.every == 0)
            and (rule.session is None or connection.number == rule.session)
            and (rule.in_session is None or connection.seen[rule.at] == rule.in_session)
            and connection.taken >= rule.beyond
            and (not rule.recipient or rule.recipient in recipient)
            and (rule.times is None or self.used[number] < rule.times)
        )

    def release(self) -> None:
        """Give the answers that were held. Runs on the thread of the server's event loop."""
        held, self.held[:] = list(self.held), []
        for answer in held:
            answer()

    @property
    def recipients(self) -> list[str]:
        """Return the recipients of accepted messages, in order."""
        return [message.recipient for message in self.accepted]


@dataclass
class Envelope:
    """The envelope of MAIL and RCPT."""

    sender: str | None = None
    options: str = ""
    recipients: list[str] = field(default_factory=list)

    @property
    def recipient(self) -> str:
        """The first one, or ""."""
        return self.recipients[0] if self.recipients else ""


@dataclass
class Incoming:
    """The bytes of a session: all of them, those that are not used yet, and up to where their end was looked for."""

    raw: bytearray = field(default_factory=bytearray)
    buffer: bytearray = field(default_factory=bytearray)
    searched: int = 0

    def end_of_content(self) -> int:
        """Where the final dot begins; -1 if it has not come."""
        if self.buffer.startswith(b".\r\n"):
            return 0
        found = self.buffer.find(b"\r\n.\r\n", max(0, self.searched - 4))
        return found + 2 if found >= 0 else -1


class Connection(Misdeeds, asyncio.Protocol):
    """One session."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.number = len(server.sessions) + 1
        server.sessions.append(self)
        self.seen: Counter[str] = Counter()
        self.transport: Any = None
        self.incoming = Incoming()
        self.envelope = Envelope()
        self.in_data = self.busy = self.over = self.encrypted = False
        self.user = ""
        self.taken = 0
        self.out = bytearray()
        self.finished: Callable[[], None] | None = None

    @property
    def options(self) -> Options:
        """The features of the server, and its faults."""
        return self.server.options

    # --- the connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        again, self.transport = self.transport is not None, transport
        if not again:
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.encrypted = self.options.implicit
            self.answer("greeting", "220 scripted.example ESMTP")
            self.flush()

    def data_received(self, data: bytes) -> None:
        if self.options.keep:
            self.incoming.raw += data
        self.incoming.buffer += data
        self.work()

    def connection_lost(self, exc: Exception | None) -> None:
        self.over = True

    def work(self) -> None:
        """All that was read."""
        commands = 0
        while not (self.busy or self.over):
            content = self.in_data
            if not (self.content() if content else self.command()):
                break
            commands += 1
            if self.options.one_command_a_read and not self.in_data:
                self.incoming.buffer.clear()
            if self.options.loses:
                self.lose(content=content, first=commands == 1)
        self.flush()

    def lose(self, *, content: bool, first: bool) -> None:
        """Lose the part of the input that a server with broken PIPELINING loses."""
        if self.options.loses == "dot" and content and not self.in_data:
            self.incoming.buffer.clear()
        elif self.options.loses == "bytes" and first and not content:
            del self.incoming.buffer[:2]
        elif self.options.loses == "command" and first and not content:
            del self.incoming.buffer[: self.incoming.buffer.find(b"\n") + 1]

    def flush(self) -> None:
        if self.out and not self.over:
            self.transport.write(bytes(self.out))
        self.out.clear()
        finished, self.finished = self.finished, None
        if finished:
            finished()

    def close(self) -> None:
        self.flush()
        self.over = True
        self.transport.close()

    # --- answers

    def answer(self, at: str, usual: str, recipient: str = "") -> str:
        """Answer a step as the script says; what was (or will be) answered, empty if nothing."""
        rule = self.server.rule(at, self, recipient)
        if rule is None:
            self.out += usual.encode() + b"\r\n"
            return usual
        return getattr(self, f"do_{rule.do}")(rule, rule.text or usual)  # type: ignore[no-any-return]

    # --- commands

    def command(self) -> bool:
        end = self.incoming.buffer.find(b"\r\n")
        if end < 0:
            if b"\n" in self.incoming.buffer or len(self.incoming.buffer) > 4096:
                self.server.wrongs.append(f"bytes without CRLF: {bytes(self.incoming.buffer[:60])!r}")
                self.close()
            return False
        line = bytes(self.incoming.buffer[:end])
        del self.incoming.buffer[: end + 2]
        text = line.decode("utf-8", "replace")
        if self.options.keep:
            self.server.commands.append((self.number, text))
        verb, _, rest = text.partition(" ")
        known = getattr(self, f"on_{verb.lower()}", None) if verb.isalpha() and verb.isascii() else None
        if known is None:
            self.server.wrongs.append(f"not a command: {text[:60]!r}")
            self.out += b"221 2.7.0 Error: I can break rules, too. Goodbye.\r\n"
            self.close()
        else:
            known(rest)
        return True

    def on_ehlo(self, rest: str) -> None:
        self.forget()
        if self.options.helo_only:
            self.out += b"502 5.5.2 Error: command not recognized\r\n"
            return
        words = ["PIPELINING"] * self.options.pipelining + ["8BITMIME"] * self.options.eightbit
        words += ["SMTPUTF8"] * self.options.smtputf8 + [f"SIZE {self.options.size or ''}".strip()]
        words += ["STARTTLS"] * (self.options.tls is not None and not self.encrypted)
        words += ["AUTH PLAIN LOGIN"] * (self.options.auth is not None) + ["ENHANCEDSTATUSCODES"]
        lines = ["scripted.example", *words]
        self.answer("ehlo", "\r\n".join([f"250-{line}" for line in lines[:-1]] + [f"250 {lines[-1]}"]))

    def on_helo(self, rest: str) -> None:
        self.forget()
        self.answer("helo", "250 scripted.example")

    def on_starttls(self, rest: str) -> None:
        if self.answer("starttls", "220 2.0.0 Ready to start TLS").startswith("220"):
            self.out += self.options.inject
            self.flush()
            self.busy = True
            self.incoming.buffer.clear()
            self.upgrading = asyncio.create_task(self.upgrade())

    async def upgrade(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            transport = await loop.start_tls(self.transport, self, self.options.tls, server_side=True)  # type: ignore[arg-type]
        except (OSError, ssl.SSLError):
            self.over = True
            return
        self.transport, self.encrypted, self.busy = transport, True, False
        self.forget()
        self.work()

    def on_auth(self, rest: str) -> None:
        """PLAIN with an initial response only; that is what our client sends first."""
        method, _, given = rest.partition(" ")
        secret = base64.b64decode(given or "").split(b"\0")
        right = method.upper() == "PLAIN" and [part.decode() for part in secret[1:]] == [*(self.options.auth or ())]
        usual = "235 2.7.0 Authentication successful" if right else "535 5.7.8 Error: authentication failed"
        if self.answer("auth", usual).startswith("235"):
            self.user = secret[1].decode()
            self.server.logins.append(self.user)

    def on_mail(self, rest: str) -> None:
        if self.envelope.sender is not None:
            self.server.wrongs.append("nested MAIL")
            self.out += b"503 5.5.1 Error: nested MAIL command\r\n"
        elif self.options.auth and not self.user:
            self.out += b"530 5.7.0 Authentication required\r\n"
        elif self.answer("mail", "250 2.1.0 Ok", rest).startswith("250"):
            path, _, self.envelope.options = rest.partition(":")[2].partition(" ")
            self.envelope.sender = path.strip("<>")

    def on_rcpt(self, rest: str) -> None:
        if self.envelope.sender is None:
            self.out += b"503 5.5.1 Error: need MAIL command\r\n"
            return
        path = rest.partition(":")[2].strip().removeprefix("<").removesuffix(">")
        if self.answer("rcpt", "250 2.1.5 Ok", path).startswith("25"):
            self.envelope.recipients.append(path)

    def on_data(self, rest: str) -> None:
        if not self.envelope.recipients and not (self.options.early_354 and self.envelope.sender is not None):
            need = (
                "554 5.5.1 Error: no valid recipients"
                if self.envelope.sender is not None
                else "503 5.5.1 Error: need RCPT"
            )
            self.out += need.encode() + b"\r\n"
        elif self.answer("data", "354 End data with <CR><LF>.<CR><LF>").startswith("354"):
            self.in_data, self.incoming.searched = True, 0

    def on_rset(self, rest: str) -> None:
        self.forget()
        self.answer("rset", "250 2.0.0 Ok")

    def on_noop(self, rest: str) -> None:
        self.out += b"250 2.0.0 Ok\r\n"

    def on_quit(self, rest: str) -> None:
        self.answer("quit", "221 2.0.0 Bye")
        if not self.busy:
            self.close()

    def forget(self) -> None:
        self.envelope = Envelope()

    # --- content

    def content(self) -> bool:
        incoming = self.incoming
        if not incoming.searched and incoming.buffer and self.server.rules:
            incoming.searched = 1
            rule = self.server.rule("content", self, self.envelope.recipient)
            if rule is not None and not self.mischief(rule):
                return False
        end = incoming.end_of_content()
        if end < 0:
            incoming.searched = len(incoming.buffer)
            return False
        data = bytes(incoming.buffer[:end])
        del incoming.buffer[: end + 3]
        self.in_data, incoming.searched = False, 0
        self.dot(data[1:] if data.startswith(b"..") else data)
        return True

    def dot(self, data: bytes) -> None:
        content = data.replace(b"\r\n..", b"\r\n.") if self.options.keep else data
        envelope, recipient = self.envelope, self.envelope.recipient
        message = Accepted(
            self.number, envelope.sender or "", recipient, content, time.monotonic(), mail_options=envelope.options
        )
        empty, several = not data, len(envelope.recipients) != 1
        self.forget()
        if not recipient:
            if not empty:
                self.server.wrongs.append("content for nobody")
            self.out += b"554 5.5.1 Error: no valid recipients\r\n"
            return
        if empty or several:
            self.server.wrongs.append("an empty letter" if empty else "several recipients")
        self.server.dots.append(message)
        if self.server.on_dot:
            self.server.on_dot(message)
        reply = self.answer("dot", f"250 2.0.0 Ok: queued as {len(self.server.dots):X}", recipient)
        if reply.startswith("2"):
            self.taken += 1
            self.accept(message, reply)

    def accept(self, message: Accepted, reply: str) -> None:
        self.flush()
        message.reply, message.replied_at = reply, time.monotonic()
        self.server.accepted.append(message)
        if self.server.on_reply:
            self.server.on_reply(message)
        if self.server.rules:
            rule = self.server.rule("after", self, message.recipient)
            if rule is not None:
                self.mischief(rule)
        if self.options.close_after and self.taken >= self.options.close_after:
            self.close()


@asynccontextmanager
async def smtp_server(*rules: Rule, **options: Any) -> AsyncIterator[Server]:
    """A running server on loopback; its connections end with it."""
    server = Server(list(rules), Options(**options))
    loop = asyncio.get_running_loop()
    sock = socket.create_server(("127.0.0.1", 0), backlog=200)
    if server.options.receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, server.options.receive_buffer)
    tls = server.options.tls if server.options.implicit else None
    listening = await loop.create_server(lambda: Connection(server), sock=sock, ssl=tls)
    server.port = sock.getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for connection in server.sessions:
            if connection.transport is not None:
                connection.transport.abort()
        await asyncio.sleep(0)
        await listening.wait_closed()


if __name__ == "__main__":
    from tests.support.smtpd_main import main

    main()
