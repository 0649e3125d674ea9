"""The commands that carry one message, and whether a relay can carry it at all. Pure.

Promises: no address can add a command (B75). Content is stuffed exactly once and ends in one CRLF (B57). An extension
that the relay did not offer is not used. A message that needs one is refused here in words of RFC 3463 (B34, B28,
RFC 1870).
"""

from __future__ import annotations

import re

from mailer.control_characters import IN_ASCII
from mailer.outcome.results import Replied
from mailer.transport.base import OutgoingMessage
from mailer.transport.limits import Offers

_STRAY = re.compile(rb"\r(?!\n)|(?<!\r)\n")


def refusal(message: OutgoingMessage, offers: Offers) -> Replied | None:
    """Return why this message cannot go over this relay, or None. The reply is our own (stage ``local``)."""
    both = message.sender + message.recipient
    if IN_ASCII.search(both) or not message.recipient:
        return Replied("local", 553, "5.1.3 the address cannot be written in SMTP")
    if not both.isascii() and not (message.smtputf8 and offers.smtputf8):
        return Replied("local", 553, "5.6.7 the address needs SMTPUTF8, which the mail server does not offer")
    if not (message.ready or offers.eightbit or message.content.isascii()):
        return Replied("local", 554, "5.6.3 the letter has 8-bit bytes, which the mail server does not take")
    if offers.size and len(message.content) > offers.size:
        size = f"{len(message.content)} bytes; the mail server takes {offers.size}"
        return Replied("local", 552, f"5.3.4 the letter is too big: {size}")
    return None


def commands(message: OutgoingMessage, offers: Offers) -> tuple[bytes, bytes, bytes]:
    """Return MAIL, RCPT and DATA, each with its CRLF (RFC 5321 section 4.1.1, RFC 1870, 6152, 6531)."""
    options = f" SIZE={len(message.content)}" if offers.sized else ""
    if offers.eightbit and not (message.ready or message.content.isascii()):
        options += " BODY=8BITMIME"
    if offers.smtputf8 and message.smtputf8:
        options += " SMTPUTF8"
    mail = f"MAIL FROM:<{message.sender}>{options}\r\n".encode()
    return mail, f"RCPT TO:<{message.recipient}>\r\n".encode(), b"DATA\r\n"


def plain_group(message: OutgoingMessage, offers: Offers) -> bytes | None:
    """Return the three of :func:`commands` as one, in a third of the time, where :func:`refusal` finds no fault.

    Returns None, which says nothing about the message, unless it is ``ready`` and both addresses are printable ASCII.
    """
    _, sender, recipient, content, smtputf8, ready = message
    both = sender + recipient
    if not (ready and recipient and both.isascii() and both.isprintable()) or smtputf8:
        return None
    if not offers.sized and not offers.size:
        return f"MAIL FROM:<{sender}>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n".encode("ascii")
    size = len(content)
    if offers.size and size > offers.size:
        return None
    option = f" SIZE={size}" if offers.sized else ""
    return f"MAIL FROM:<{sender}>{option}\r\nRCPT TO:<{recipient}>\r\nDATA\r\n".encode("ascii")


def wire(message: OutgoingMessage) -> bytes:
    """Return the content as it goes before ``.CRLF``. A guard only: our letters have nothing to stuff and end in CRLF.

    Anything that could end the session's data too early is mended in a slower way. Stray CR and LF become CRLF (B22,
    B76), and dots at the start of a line are doubled (RFC 5321 section 4.5.2). There is one scan, since each costs
    fifteen microseconds a letter, and none for a message that is ``ready``. A stray CR without a dot after a line feed
    is for :mod:`mailer.letter` to refuse, before signing.
    """
    content = message.content
    if message.ready:
        return content
    if not content.startswith(b".") and b"\n." not in content and content.endswith(b"\r\n"):
        return content
    content = _STRAY.sub(b"\r\n", content)
    if not content.endswith(b"\r\n"):
        content += b"\r\n"
    if content.startswith(b"."):
        content = b"." + content
    return content.replace(b"\r\n.", b"\r\n..")
