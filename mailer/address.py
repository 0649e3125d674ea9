"""Mail addresses: their syntax, the form in which they are compared, and the form that is sent over SMTP.

Promises: :func:`parse` accepts one bare address and nothing else (no display name, no comment: B35, CVE-2023-27043).
It returns the canonical form, so that one mailbox is stored, compared and mailed in one spelling. The local part loses
quotes and backslashes that it does not need (RFC 5321 section 4.1.2: they are no part of the name). It is in Unicode
NFC (RFC 6532 section 3.1) and keeps its case; the domain becomes A-labels (B33). Invisible characters are removed at
the ends and refused within, as are second forms of a letter (RFC 8264 section 9.17). :func:`key_of` returns the
lower-case key by which addresses are compared and hashed (B36). :attr:`Address.mailbox` is coarser, for limits only.

Raises ``AddressError`` with a sentence for the person that typed it. Success does not mean that the mailbox exists.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import idna

from mailer import invisible
from mailer.control_characters import IN_LINE
from mailer.errors import AddressError
from mailer.messages import Message

HIDDEN = Message("{text} has a sign in it that cannot be seen: {sign}; type the address again")
_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+"
_DOT_ATOM = re.compile(rf"{_ATEXT}(?:\.{_ATEXT})*")
_QUOTED = re.compile(r'"(?:[\x20\x21\x23-\x5b\x5d-\x7e\u0080-\U0010ffff]|\\[\x20-\x7e])*"')
_ESCAPED = re.compile(r"\\(.)")
_MUST_BE_ESCAPED = re.compile(r'(["\\])')
# RFC 8264 section 9: no spaces (Z), no controls, format signs, private use or unassigned (C), nothing to be ignored
_NOT_SEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp"})
_IGNORED = re.compile(r"[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\ufe00-\ufe0f\U000e0000-\U000e0fff]")
_LONGEST_ENDING = 10
_WITHIN_A_NAME = re.compile(r"\+.*|\.")
_SAME_PROVIDER = {  # pairs of domains in which the same local part is the same mailbox
    "googlemail.com": "gmail.com",
    "mac.com": "icloud.com",
    "me.com": "icloud.com",
    "pm.me": "proton.me",
    "protonmail.com": "proton.me",
    "ya.ru": "yandex.ru",
    "yandex.com": "yandex.ru",
}
_ASCII_DOMAIN = re.compile(r"(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?!\d+$)[a-z0-9-]{2,63}")


@dataclass(frozen=True, slots=True)
class Address:
    """``local`` in its canonical form, ``domain`` as lower-case A-labels."""

    local: str
    domain: str

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def key(self) -> str:
        """The lower-case key by which addresses are compared."""
        local = self.local.lower()
        return f"{local if local.isascii() else unicodedata.normalize('NFC', local)}@{self.domain}"

    @property
    def mailbox(self) -> str:
        """The key by which letters to a mailbox are counted: without dots, and without ``+`` and its tag (RFC 5233).

        Many providers ignore both. Domains that one provider gives to the same mailbox count as one. ``-`` and the text
        after it are part of the name, since many people have a hyphen in theirs. Where a provider does otherwise, two
        people share a limit, and nothing else.
        """
        local, _, domain = self.key.rpartition("@")
        return f"{_WITHIN_A_NAME.sub('', local) or local}@{_SAME_PROVIDER.get(domain, domain)}"

    @property
    def needs_smtputf8(self) -> bool:
        """Return whether the local part has characters beyond ASCII (RFC 6531)."""
        return not self.local.isascii()


def parse(text: str) -> Address:
    """Parse one bare address (RFC 5321 section 4.1.2, RFC 6531), also with spaces around it; else ``AddressError``."""
    stripped = text.strip(" \t") if text.isascii() else invisible.strip(text)
    if IN_LINE.search(stripped):
        raise AddressError(Message("{text} has a control character or line break in it", text=_show(text)))
    given, at, domain = stripped.rpartition("@")
    if not at or not given or not domain:
        raise AddressError(Message("{text} is not a mail address: expected name@domain", text=_show(text)))
    local = _canonical(given)
    if len(local.encode("utf-8", "replace")) > 64:
        raise AddressError(Message("{text}: the part before @ is longer than 64 bytes", text=_show(text)))
    if hidden := invisible.first_within(given):
        raise AddressError(HIDDEN.format(text=_show(text), sign=hidden))
    if not local or not (local.isascii() or _can_be_seen(local)):
        words = Message("{text}: the part before @ has a character or a dot that cannot stand there")
        raise AddressError(words.format(text=_show(text)))
    ascii_domain = _a_labels(domain, text)
    if len(local.encode("utf-8")) + 1 + len(ascii_domain) > 254:
        raise AddressError(Message("{text} is longer than 254 characters", text=_show(text)))
    return Address(local, ascii_domain)


def _canonical(local: str) -> str:
    """Return the local part in its canonical spelling; empty when it is not a valid local part."""
    local = local if local.isascii() else unicodedata.normalize("NFC", local)
    if _DOT_ATOM.fullmatch(local):
        return local
    if not _QUOTED.fullmatch(local):
        return ""
    name = _ESCAPED.sub(r"\1", local[1:-1])
    return name if _DOT_ATOM.fullmatch(name) else '"' + _MUST_BE_ESCAPED.sub(r"\\\1", name) + '"'


def _can_be_seen(local: str) -> bool:
    """Return whether all non-ASCII characters are visible, and each is in its first form (NFKC)."""
    beyond = {unicodedata.category(sign) for sign in local if not sign.isascii()}
    return not beyond & _NOT_SEEN and not _IGNORED.search(local) and unicodedata.normalize("NFKC", local) == local


def key_of(text: str) -> str:
    """Return the comparison key of an address in text; raises ``AddressError``."""
    return parse(text).key


def is_address(text: str) -> bool:
    """Return whether :func:`parse` accepts the text."""
    try:
        parse(text)
    except AddressError:
        return False
    return True


def mailbox_of(text: str) -> str:
    """Return :attr:`Address.mailbox` of a stored address; for text that is not a valid address, the lower-case text."""
    try:
        return parse(text).mailbox
    except AddressError:
        return text.lower()


def mask(text: str) -> str:
    """Return the address as it may be shown to any holder of a link: ``e•••@v•••.nl``. Never raises.

    A long last label is not shown, since a stranger may have typed a message in it.
    """
    local, _, domain = text.rpartition("@")
    name, dot, rest = domain.rpartition(".")
    return f"{local[:1]}•••@{name[:1]}•••{dot}{rest if len(rest) <= _LONGEST_ENDING else '•••'}"


def _a_labels(domain: str, text: str) -> str:
    """Return the domain as lower-case A-labels (RFC 5891 with UTS 46 mapping)."""
    ascii_domain = domain.lower()
    if not ascii_domain.isascii():
        try:
            ascii_domain = idna.encode(domain, uts46=True, std3_rules=True).decode("ascii").lower()
        except (idna.IDNAError, UnicodeError) as error:
            words = Message("{text}: the domain cannot be used in mail ({error})")
            raise AddressError(words.format(text=_show(text), error=error)) from error
    ascii_domain = ascii_domain.removesuffix(".")
    if not _ASCII_DOMAIN.fullmatch(ascii_domain) or ("xn--" in ascii_domain and not _can_be_decoded(ascii_domain)):
        words = Message("{text}: {domain} is not a domain name that mail can be sent to")
        raise AddressError(words.format(text=_show(text), domain=repr(domain)))
    return ascii_domain


def _can_be_decoded(domain: str) -> bool:
    """Return whether each A-label decodes to visible characters."""
    try:
        labels = [label[4:].encode().decode("punycode") for label in domain.split(".") if label.startswith("xn--")]
    except UnicodeError:
        return False
    return all(unicodedata.category(sign) not in ("Cc", "Cs", "Zs", "Zl", "Zp") for sign in "".join(labels))


def _show(text: str) -> str:
    """Return the text in a form fit for an error message: short, on one line."""
    return repr(text if len(text) <= 80 else text[:77] + "...")
