"""A connection to a relay as it was typed in the console, tried before it is saved.

Promises: nothing is sent but EHLO, STARTTLS, the login and QUIT: never a letter, an address or any other content. The
answer comes within ``LONGEST`` seconds, whatever the server does, and is cut to ``SHOWN`` characters. One test runs
at a time in a process, so that slow servers cannot hold up its pages. No password is in the answer. An administrator
may name any host, as in the settings file; that is what the right *settings* means.
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass

from mailer.errors import RelayRefused, TransportError
from mailer.messages import Message
from mailer.settings import Relay
from mailer.transport.limits import Limits, Timeouts
from mailer.transport.smtp import SmtpOptions, SmtpTransport

LONGEST, SHOWN = 10.0, 300  # seconds; characters
_QUICK = Limits(Timeouts(connect=6.0, greeting=8.0, notice=60.0))
_RUNNING = threading.Lock()
_LOGIN = Message("Check the user and the password; some servers want a password made for programs.")
_REFUSED = Message("Check host, port and encryption; the server may also have to allow this machine.")
_AWAY = Message("Check host and port. Many networks block port 25: try 587 with STARTTLS.")


@dataclass(frozen=True, slots=True)
class RelayAnswer:
    """The outcome of a test: the words of the server or of the network, and what to look at."""

    is_ok: bool
    words: str
    advice: str = ""


def try_relay(relay: Relay, hello_name: str) -> RelayAnswer:
    """Connect, greet, log in and leave; return the outcome. Never raises for what a server does."""
    if not _RUNNING.acquire(blocking=False):
        return RelayAnswer(False, Message("another test is running"), Message("Try again in some seconds."))
    found: list[RelayAnswer] = []
    thread = threading.Thread(target=_in_thread, args=(relay, hello_name, found), daemon=True, name="relay-test")
    thread.start()
    thread.join(LONGEST)
    return found[0] if found else _silence(relay)


def _in_thread(relay: Relay, hello_name: str, found: list[RelayAnswer]) -> None:
    """Add the outcome to ``found``. The lock is free again when the thread ends, which may be after the answer."""
    try:
        found.append(asyncio.run(_try(relay, hello_name)))
    finally:
        _RUNNING.release()


async def _try(relay: Relay, hello_name: str) -> RelayAnswer:
    try:
        async with asyncio.timeout(LONGEST - 1):
            await SmtpTransport(relay, hello_name, SmtpOptions(_QUICK)).check()
    except TimeoutError:
        return _silence(relay)
    except TransportError as error:
        words = error.args[0] if error.args else str(error)
        if isinstance(error, RelayRefused):
            return RelayAnswer(False, _cut(words), _LOGIN if error.stage == "auth" else _REFUSED)
        return RelayAnswer(False, _cut(words), _AWAY)
    return RelayAnswer(True, Message("{name} answers", name=relay.name))


def _silence(relay: Relay) -> RelayAnswer:
    words = Message("{name} said nothing for {seconds} seconds")
    return RelayAnswer(False, words.format(name=relay.name, seconds=round(LONGEST - 1)), _AWAY)


def _cut(words: str) -> str:
    """Return short words as they are, a message that can be translated among them; long ones cut."""
    return words if len(words) <= SHOWN else words[: SHOWN - 1] + "…"
