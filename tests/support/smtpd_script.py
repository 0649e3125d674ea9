"""The script of the SMTP server: rules and options, its faults, and its record."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import ssl
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.limited_receiver import Taker

HUGE = b"250 " + b"x" * 10_000_000


@dataclass(frozen=True)
class Rule:
    """At a step (``greeting ehlo starttls auth mail rcpt data content dot after rset quit``) do something.

    ``do``: ``reply`` (``text`` instead of the usual answer), ``delay`` (the usual, or ``text``, after
    ``seconds``), ``hold`` (it, once ``Server.release`` is called), ``slow`` (it, a byte each ``seconds``), ``stall``
    (never answer, read on), ``deaf`` (never answer, read nothing), ``drop`` (close), ``reset`` (RST), ``huge`` (10 MB
    without a line end), ``silent`` (leave the answer out), ``extra`` (answer, and then ``text`` unasked), ``close``
    (answer, then close), ``garbage`` (after 220 to STARTTLS), ``kill`` (SIGKILL the process whose number is in
    ``pid_file``, then go on). ``after``: once a 250 has left. When: the ``nth`` such step of all, ``every`` n-th,
    the ``session``, the ``in_session``-th of its session, once its session has taken ``beyond`` messages, or a part of
    the ``recipient``; all that are given must hold. ``times``: at most so often.
    """

    at: str
    do: str = "reply"
    text: str = ""
    seconds: float = 0.0
    nth: int | None = None
    every: int | None = None
    session: int | None = None
    in_session: int | None = None
    beyond: int = 0
    recipient: str = ""
    times: int | None = None
    pid_file: str = ""


@dataclass
class Limit:
    """Takes ``number`` a ``window`` of seconds at a step (``smooth``: as they come, with ``depth`` in store).

    What is above that is answered with ``text``; ``recipient``: only for addresses with this in them.
    """

    text: str
    number: float
    window: float = 1.0
    smooth: bool = True
    depth: float = 1.0
    at: str = "dot"
    recipient: str = ""
    taken: int = 0
    refused: int = 0

    def __post_init__(self) -> None:
        self.taker = Taker(self.number, self.window, self.smooth, self.depth, time.monotonic())

    def exceeded(self, at: str, recipient: str) -> bool:
        """Count this one, and whether it is one too many."""
        if at != self.at or self.recipient not in recipient:
            return False
        if self.taker.takes(time.monotonic()):
            self.taken += 1
            return False
        self.refused += 1
        return True


@dataclass
class Options:
    """The features of the server, and its faults."""

    pipelining: bool = True
    one_command_a_read: bool = False  # offers PIPELINING, and forgets all but the first command of what it reads
    loses: str = ""  # offers PIPELINING; of what it reads at once is lost: "command", the second; "bytes", its first
    # two; "dot", all behind a final dot
    eightbit: bool = True
    smtputf8: bool = True
    size: int = 0
    tls: ssl.SSLContext | None = None
    implicit: bool = False
    auth: tuple[str, str] | None = None
    early_354: bool = False  # 354 although RCPT was refused
    inject: bytes = b""  # plain text right after 220 to STARTTLS
    close_after: int = 0  # messages; then the connection is closed without a word
    helo_only: bool = False
    receive_buffer: int = 0
    keep: bool = True  # keep contents and raw bytes


@dataclass
class Accepted:
    """One message that was answered with 250 (``replied_at`` is 0 until then)."""

    session: int
    sender: str
    recipient: str
    content: bytes
    dot_at: float
    mail_options: str = ""
    reply: str = ""
    replied_at: float = 0.0


class Misdeeds:
    """One method for each ``do``; mixed into a connection. Each gives what was (or will be) answered, else ""."""

    server: Any
    transport: Any
    out: bytearray
    busy: bool
    over: bool
    finished: Callable[[], None] | None

    def flush(self) -> None:
        raise NotImplementedError

    def work(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def mischief(self, rule: Rule) -> bool:
        """Where no answer is due: do it; whether the session goes on. With ``reply`` and ``text``: said unasked."""
        if rule.do != "reply" or rule.text:
            getattr(self, f"do_{rule.do}")(rule, rule.text)
        return not (self.busy or self.over)

    def do_reply(self, rule: Rule, text: str) -> str:
        self.out += text.encode("latin-1", "replace").replace(b"\n", b"\r\n") + b"\r\n"
        if text.startswith("421"):
            self.finished = self.close
        return text

    def do_kill(self, rule: Rule, text: str) -> str:
        self.flush()
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(Path(rule.pid_file).read_text()), signal.SIGKILL)
        return self.do_reply(rule, text) if text else ""

    def do_close(self, rule: Rule, text: str) -> str:
        self.do_reply(rule, text)
        self.close()
        return text

    def do_extra(self, rule: Rule, text: str) -> str:
        self.out += b"250 the usual\r\n" + rule.text.encode() + b"\r\n"
        return "250 the usual"

    def do_silent(self, rule: Rule, text: str) -> str:
        return text

    def do_stall(self, rule: Rule, text: str) -> str:
        self.flush()
        self.busy = True
        return ""

    def do_deaf(self, rule: Rule, text: str) -> str:
        self.transport.pause_reading()
        return self.do_stall(rule, text)

    def do_drop(self, rule: Rule, text: str) -> str:
        self.close()
        return ""

    def do_reset(self, rule: Rule, text: str) -> str:
        self.flush()
        self.over = True
        sock = self.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()
        return ""

    def do_huge(self, rule: Rule, text: str) -> str:
        self.out += HUGE
        return text

    def do_delay(self, rule: Rule, text: str) -> str:
        self.flush()
        self.busy = True
        asyncio.get_running_loop().call_later(rule.seconds, self.later, text.encode() + b"\r\n")
        return text

    def do_hold(self, rule: Rule, text: str) -> str:
        self.flush()
        self.busy = True
        self.server.held.append(lambda: self.later(text.encode() + b"\r\n"))
        return text

    def do_slow(self, rule: Rule, text: str) -> str:
        self.flush()
        self.busy = True
        self.drip(text.encode() + b"\r\n", rule.seconds)
        return text

    def do_garbage(self, rule: Rule, text: str) -> str:
        self.out += b"220 go ahead\r\n"
        self.flush()
        self.busy = True
        asyncio.get_running_loop().call_later(0.1, self.garbage)
        return ""

    def garbage(self) -> None:
        if not self.over:
            self.transport.write(b"this is no TLS\r\n" * 4)
            self.close()

    def later(self, data: bytes) -> None:
        if not self.over:
            self.transport.write(data)
            self.busy = False
            self.work()

    def drip(self, data: bytes, seconds: float) -> None:
        if self.over:
            return
        if len(data) == 1:
            self.later(data)
        else:
            self.transport.write(data[:1])
            asyncio.get_running_loop().call_later(seconds, self.drip, data[1:], seconds)
