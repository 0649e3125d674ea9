"""Errors while a connection is made, in sentences that name the setting to change. Pure: values in, words out.

The sentences are English message ids (domain ``cli``) with their placeholders filled, no full stop at the end. The
caller translates them into the reader's language.
"""

from __future__ import annotations

import os
import socket
import ssl

from mailer.messages import Message
from mailer.settings import SMTPS, Relay
from mailer.transport.replies import clean

_CLEAR_PORTS = (25, 587)
_NOT_TLS = ("WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")

_NO_CONNECTION = Message("no connection within {seconds} seconds")
_NO_GREETING = Message("no greeting within {seconds} seconds")
_NO_GREETING_465 = Message("no greeting within {seconds} seconds; port 465 speaks TLS at once: set tls=implicit")
_NO_GREETING_ELSE = Message("no greeting within {seconds} seconds; if this port speaks TLS at once, set tls=implicit")
_NO_TLS = Message("no answer to TLS within {seconds} seconds")
_NO_TLS_ELSE = Message(
    "no answer to TLS within {seconds} seconds; if this port does not speak TLS at once, set tls=starttls"
)
_NO_ANSWER = Message("no answer to {command} within {seconds} seconds")
_CLOSED = Message("the server closed the connection before a greeting")
_CLOSED_465 = Message(
    "the server closed the connection before a greeting; port 465 speaks TLS at once: set tls=implicit"
)
_CLOSED_ELSE = Message(
    "the server closed the connection before a greeting; if this port speaks TLS at once, set tls=implicit"
)
_CLOSED_TLS = Message("the server closed the connection instead of answering to TLS")
_CLOSED_TLS_ELSE = Message(
    "the server closed the connection instead of answering to TLS; if this port does not speak TLS at once, "
    "set tls=starttls"
)
_CLOSED_AT = Message("the server closed the connection instead of answering {command}")
_TLS_AT_ONCE = Message("this port speaks TLS at once; set tls=implicit")
_PLAIN = Message("this port does not speak TLS at once; use tls=starttls")
_OTHER = Message("this port speaks {protocol}, not SMTP")
_NO_SMTP = Message("an answer that is no SMTP: {words}")
_UNFIT = Message(
    "its answers do not fit what was asked ({words}), so the connection was ended: tell those who run it, or what "
    "stands between it and us"
)
_NOBODY = Message("no connection: nothing takes mail at this address and port (connection refused)")
_NO_NAME = Message("no connection: this name has no address in DNS ({why})")
_NO_WAY = Message("no connection: {why}")
_UNSAFE = Message("no safe connection: {words}")
KNOWN = (
    _NO_CONNECTION,
    _NO_GREETING,
    _NO_GREETING_465,
    _NO_GREETING_ELSE,
    _NO_TLS,
    _NO_TLS_ELSE,
    _NO_ANSWER,
    _CLOSED,
    _CLOSED_465,
    _CLOSED_ELSE,
    _CLOSED_TLS,
    _CLOSED_TLS_ELSE,
    _CLOSED_AT,
    _TLS_AT_ONCE,
    _PLAIN,
    _OTHER,
    _NO_SMTP,
    _UNFIT,
    _NOBODY,
    _NO_NAME,
    _NO_WAY,
    _UNSAFE,
)  # all sentences of this module, for those that are read from the database
_OTHERS = ((b"HTTP/", "HTTP"), (b"<", "HTTP"), (b"SSH-", "SSH"), (b"+OK", "POP3"), (b"* OK", "IMAP"), (b"RFB ", "VNC"))


def silence(relay: Relay, stage: str, seconds: float) -> str:
    """Return the sentence for ``seconds`` of silence at a stage."""
    if stage == "connect":
        text: Message = _NO_CONNECTION
    elif stage == "greeting":
        text = _by_port(relay, _NO_GREETING, _NO_GREETING_465, _NO_GREETING_ELSE)
    elif stage == "tls":
        text = _NO_TLS_ELSE if _doubtful(relay) else _NO_TLS
    else:
        text = _NO_ANSWER
    return text.format(seconds=f"{seconds:g}", command=stage.upper())


def unreachable(error: Exception) -> str:
    """Return the sentence for a connection that the system could not make; another error in its own words."""
    if isinstance(error, ConnectionRefusedError):
        return _NOBODY
    if isinstance(error, socket.gaierror):
        return _NO_NAME.format(why=error.strerror)
    if isinstance(error, OSError) and error.errno:
        return _NO_WAY.format(why=os.strerror(error.errno))
    return str(error) or type(error).__name__


def closed(relay: Relay, stage: str) -> str:
    """Return the sentence for a server that ended the connection where an answer was due."""
    if stage in ("connect", "greeting"):
        text = _by_port(relay, _CLOSED, _CLOSED_465, _CLOSED_ELSE)
    elif stage == "tls":
        text = _CLOSED_TLS_ELSE if _doubtful(relay) else _CLOSED_TLS
    else:
        text = _CLOSED_AT
    return text.format(command=stage.upper())


def foreign(first: bytes) -> str:
    """Return the sentence for first bytes that cannot begin an SMTP reply, with their protocol if known; else ""."""
    if first[:1].isdigit() or not first:
        return ""
    if first[:1] in (b"\x14", b"\x15", b"\x16") and first[1:2] in (b"\x03", b""):
        return _TLS_AT_ONCE
    protocol = next((name for start, name in _OTHERS if first.startswith(start)), "")
    return _OTHER.format(protocol=protocol) if protocol else no_smtp(first)


def no_smtp(said: bytes) -> str:
    """Return the sentence for an answer that is no SMTP, with its beginning."""
    shown = clean(said.split(b"\n")[0][:200]) or repr(said[:20])[2:-1]
    return _NO_SMTP.format(words=shown)


def unfit(said: str) -> str:
    """Return the sentence for an answer without a question, or one that SMTP does not have."""
    return _UNFIT.format(words=" ".join(said.split())[:200] or "…")


def unsafe(relay: Relay, error: ssl.SSLError) -> str:
    """Return the sentence for failed TLS: a certificate, a version, or a port that speaks another protocol."""
    if relay.tls == "implicit" and getattr(error, "reason", "") in _NOT_TLS:
        return _PLAIN
    words = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else str(error)
    return _UNSAFE.format(words=words)


def _by_port(relay: Relay, plain: Message, at_465: Message, elsewhere: Message) -> Message:
    if relay.tls == "implicit" or relay.port in _CLEAR_PORTS:
        return plain
    return at_465 if relay.port == SMTPS else elsewhere


def _doubtful(relay: Relay) -> bool:
    return relay.tls == "implicit" and relay.port != SMTPS
