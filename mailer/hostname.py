"""Host names in settings, in the form that DNS, SMTP and TLS accept: lower case, A-labels (RFC 5890).

Raises ``ValueError`` with a sentence. An underscore is accepted in a name that is only looked up (container networks
use it), and refused in a name that is sent to other servers.
"""

from __future__ import annotations

import re
from ipaddress import ip_address

import idna

from mailer.messages import Message

_LABELS = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*")
_LITERAL = re.compile(r"\[(?:(?P<four>[0-9.]+)|ipv6:(?P<six>[0-9a-f:.]+))\]")
_NO_NAME = Message("{host} is not the name of a machine, such as mail.example.org")
_SHOWN = 80


def looked_up(text: str) -> str:
    """Return a host name, or an address without brackets, to connect to."""
    try:
        return str(ip_address(text))
    except ValueError:
        return _name(text)


def said(text: str) -> str:
    """Return the client's name for EHLO (RFC 5321 section 4.1.3): a host name, or an address in brackets."""
    literal = _LITERAL.fullmatch(text.lower())
    try:
        address = ip_address(literal["four"] or literal["six"] if literal else text)
    except ValueError:
        name = _name(text)
        if "_" in name:
            raise ValueError(
                Message("{host} has an underscore, which mail servers refuse", host=_shown(text))
            ) from None
        return name
    form = f"[{address}]" if address.version == 4 else f"[IPv6:{address}]"
    if literal is None:
        raise ValueError(Message("an address stands in brackets here: {form}", form=form))
    return form


def a_labels(text: str) -> str:
    """Return a name in lower case and A-labels (RFC 5891 with UTS 46). Raises ``ValueError`` if it has no such form."""
    try:
        return (text if text.isascii() else idna.encode(text, uts46=True).decode("ascii")).lower()
    except (idna.IDNAError, UnicodeError):
        raise ValueError(_NO_NAME.format(host=_shown(text))) from None


def _name(text: str) -> str:
    name = a_labels(text).removesuffix(".")
    if len(name) > 253 or not _LABELS.fullmatch(name) or re.fullmatch(r"[0-9.]+", name):
        raise ValueError(_NO_NAME.format(host=_shown(text)))
    return name


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")
