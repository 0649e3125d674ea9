"""Mail addresses: what is one, how it is compared, how it is written on the wire.

Promises: :func:`parse` takes one bare address and nothing else (no display name, no comment: B35,
CVE-2023-27043); the local part stays as given for sending, the domain becomes A-labels (B33); :func:`key_of`
is what addresses are compared and hashed by, lower-case throughout (B36). Raises ``AddressError`` with a
sentence for the person who typed it. Success does not mean that the mailbox exists.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import idna

from mailer.errors import AddressError

N_ = str  # marks a text for the catalogue (domain cli)
_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+"
_DOT_ATOM = re.compile(rf"{_ATEXT}(?:\.{_ATEXT})*")
_QUOTED = re.compile(r'"(?:[\x20\x21\x23-\x5b\x5d-\x7e\u0080-\U0010ffff]|\\[\x20-\x7e])*"')
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x80-\x9f\u2028\u2029]")
_ASCII_DOMAIN = re.compile(r"(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?!\d+$)[a-z0-9-]{2,63}")


@dataclass(frozen=True, slots=True)
class Address:
    """``local`` as given, ``domain`` as lower-case A-labels."""

    local: str
    domain: str

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def key(self) -> str:
        """By what addresses are compared: lower-case."""
        return f"{self.local.lower()}@{self.domain}"

    @property
    def needs_smtputf8(self) -> bool:
        """Whether the local part has characters beyond ASCII (RFC 6531)."""
        return not self.local.isascii()


def parse(text: str) -> Address:
    """One bare address (RFC 5321 section 4.1.2, RFC 6531), spaces around it forgiven; else ``AddressError``."""
    stripped = text.strip(" \t\u00a0")
    if _CONTROL.search(stripped):
        raise AddressError(N_("{text} has a control character or line break in it").format(text=_show(text)))
    local, at, domain = stripped.rpartition("@")
    if not at or not local or not domain:
        raise AddressError(N_("{text} is not a mail address: expected name@domain").format(text=_show(text)))
    if len(local.encode("utf-8")) > 64:
        raise AddressError(N_("{text}: the part before @ is longer than 64 bytes").format(text=_show(text)))
    if not (_DOT_ATOM.fullmatch(local) or _QUOTED.fullmatch(local)):
        words = N_("{text}: the part before @ has a character or a dot that cannot stand there")
        raise AddressError(words.format(text=_show(text)))
    ascii_domain = _a_labels(domain, text)
    if len(local.encode("utf-8")) + 1 + len(ascii_domain) > 254:
        raise AddressError(N_("{text} is longer than 254 characters").format(text=_show(text)))
    return Address(local, ascii_domain)


def key_of(text: str) -> str:
    """The comparison key of an address in text; raises ``AddressError``."""
    return parse(text).key


def mask(text: str) -> str:
    """The address as it may be shown to whoever holds a link: ``e•••@v•••.nl``. Never raises."""
    local, _, domain = text.rpartition("@")
    name, dot, rest = domain.rpartition(".")
    return f"{local[:1]}•••@{name[:1]}•••{dot}{rest}"


def _a_labels(domain: str, text: str) -> str:
    """The domain as lower-case A-labels (RFC 5891 with UTS 46 mapping)."""
    ascii_domain = domain.lower()
    if not ascii_domain.isascii():
        try:
            ascii_domain = idna.encode(domain, uts46=True, std3_rules=True).decode("ascii").lower()
        except (idna.IDNAError, UnicodeError) as error:
            words = N_("{text}: the domain cannot be used in mail ({error})")
            raise AddressError(words.format(text=_show(text), error=error)) from error
    ascii_domain = ascii_domain.removesuffix(".")
    if not _ASCII_DOMAIN.fullmatch(ascii_domain):
        words = N_("{text}: {domain} is not a domain name that mail can be sent to")
        raise AddressError(words.format(text=_show(text), domain=repr(domain)))
    return ascii_domain


def _show(text: str) -> str:
    """The text as it can stand in a message: short, on one line."""
    return repr(text if len(text) <= 80 else text[:77] + "...")
