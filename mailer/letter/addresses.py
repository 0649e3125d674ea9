"""Addresses in links: which ones are allowed, their normal form, and a contact's value as an address.

Promises: an address has one normal form, the same in HTML and in the text part. Scheme and host are in lower case, the
host as A-labels (RFC 5891), the rest percent-encoded (RFC 3986); parts already encoded stay as they are. A value
becomes an address only if it is one: ``www.example.org`` gets ``https://``, ``els@example.org`` gets ``mailto:``, and
nothing else is guessed. No value gives a scheme outside :data:`SCHEMES`, a name before the host
(``https://bank.nl@…``), a further recipient or a field of a mail. Only :func:`normal` raises: ``ValueError`` with a
sentence.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from mailer.address import is_address, parse
from mailer.errors import InputError
from mailer.hostname import a_labels
from mailer.letter.encode import one_line
from mailer.messages import Message

SCHEMES = ("https", "http", "mailto", "tel", "sms", "geo")
BEGINS_WITH = Message("an address that begins with https://, http://, mailto: or tel:")
MAIL_FIELDS = ("subject", "body", "cc", "bcc", "to")
_LOCAL = "!$'*+-_.~"
_KEPT = "%/:?#[]@!$&'()*+,;=~-._"
_SCHEME = re.compile(rf"({'|'.join(SCHEMES)}):(.*)", re.IGNORECASE | re.DOTALL)
_WEB = re.compile(r"//([^/?#\\]*)(.*)", re.DOTALL)
_LONE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HOST = re.compile(r"\[[0-9a-f:.]+\]|[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?\.?")
_NO_SCHEME = re.compile(r"(?:[^\W_](?:[\w-]*[^\W_])?\.)+[^\W\d_]{2,}(?::[0-9]{1,5})?(?:[/?#].*)?", re.DOTALL)
_AS_IT_IS = re.compile(r"https?://[a-z0-9-]+(?:\.[a-z0-9-]+)+(?:/[A-Za-z0-9_.~/@:+-]*)?")
_TRUNK = re.compile(r"(?<=\d)\s*\(0\)\s*")  # +31 (0)73: the 0 is not dialled after +31
_LOOKS = re.compile(r"[\s().\u2010-\u2015/-]+")
_NUMBER = re.compile(r"\+?[0-9*#]{3,20}")


def normal(target: str) -> str:
    """Return the normal form of an address with a scheme. Raises ``ValueError`` that names the expected form."""
    match = _SCHEME.fullmatch(target.strip())
    if match is None:
        raise ValueError(BEGINS_WITH)
    scheme, rest = match[1].lower(), match[2]
    if scheme in ("http", "https"):
        return f"{scheme}:{_web(rest)}"
    if scheme == "mailto":
        return f"mailto:{_mail(rest)}"
    if not rest.strip():
        raise ValueError(Message("a number after {scheme}:", scheme=scheme))
    return f"{scheme}:{encoded(''.join(rest.split()))}"


def encoded(text: str) -> str:
    """Return a piece of an address, percent-encoded where needed; parts already encoded stay."""
    return quote(_LONE_PERCENT.sub("%25", text).encode("utf-8", "replace"), safe=_KEPT)


def _web(rest: str) -> str:
    match = _WEB.fullmatch(rest)
    if match is None or not match[1]:
        raise ValueError(BEGINS_WITH)
    authority, path = match[1], match[2]
    if "@" in authority:
        raise ValueError(Message("an address without a name before @: readers are told that such a link is a trick"))
    bare = re.sub(r":[0-9]*\Z", "", authority)
    port = authority[len(bare) + 1 :]
    host = ascii_host(unquote(bare))
    if not host or int(port or "0") > 65_535:
        raise ValueError(Message("a host name that can exist, such as https://www.example.org"))
    return f"//{host}{f':{port}' if port else ''}{encoded(path)}"


def ascii_host(host: str) -> str:
    """Return a host in lower case and A-labels (RFC 5891 with UTS 46), or "" if there can be no such host."""
    try:
        host = a_labels(host)
    except ValueError:
        return ""
    return host if _HOST.fullmatch(host) and ".." not in host else ""


def _mail(rest: str) -> str:
    """Return the part after ``mailto:`` in normal form (RFC 6068): recipients, possibly none, and fields."""
    people, mark, fields = rest.partition("?")
    names = [field.partition("=")[0].lower() for field in fields.split("&") if field]
    if (unknown := [name for name in names if name not in MAIL_FIELDS]) or (mark and not names):
        text = Message("{names} after the question mark, not {found}")
        raise ValueError(text.format(names=", ".join(MAIL_FIELDS), found=unknown[0] if unknown else "?"))
    if not people.strip(" ,") and not names:
        raise ValueError(Message("a mail address after mailto:"))
    written = [_recipient(one.strip()) for one in people.split(",") if one.strip()]
    return ",".join(written) + mark + encoded(fields).replace("+", "%2B")


def _recipient(one: str) -> str:
    local, at, domain = one.replace("%40", "@").rpartition("@")
    host = ascii_host(domain)
    if not at or not local or not host or "@" in local.strip('"'):
        raise ValueError(Message("mail addresses after mailto:, a comma between two, not {found}", found=one[:60]))
    return f"{encoded(local).replace('?', '%3F')}@{host}"


def of_value(value: str) -> str:
    """Return a contact's value as an address, or "": one with a scheme, a bare host or page, or a mail address."""
    if len(value) <= 2_000 and _AS_IT_IS.fullmatch(value):
        return value
    text = one_line(value)
    if not text or len(text) > 2_000:
        return ""
    if not _SCHEME.match(text):
        if _NO_SCHEME.fullmatch(text):
            text = f"https://{text}"
        elif is_address(text):
            return f"mailto:{after_mailto(text)}"
        else:
            return ""
    try:
        return normal(text)
    except ValueError:
        return ""


def mailbox(value: str) -> str:
    """Return a value as a mail address, if it is exactly one; else ""."""
    text = one_line(value)
    text = text[7:] if text[:7].lower() == "mailto:" else text
    try:
        return str(parse(text))
    except InputError:
        return ""


def after_mailto(value: str) -> str:
    """Return a value encoded for the recipients after ``mailto:``; it cannot add a recipient."""
    text = one_line(value)
    local, at, domain = (mailbox(text) or text).rpartition("@")
    return quote(local.encode("utf-8", "replace"), safe=_LOCAL + "@") + at + quote(domain.encode("utf-8", "replace"))


def phone(value: str) -> str:
    """Return a value as a telephone number, without spaces and punctuation; else ""."""
    text = one_line(value)
    text = text[4:].strip() if text[:4].lower() == "tel:" else text
    number = _LOOKS.sub("", _TRUNK.sub(" ", text) if text.startswith(("+", "00")) else text)
    return number if _NUMBER.fullmatch(number) else ""


def after_tel(value: str) -> str:
    """Return a value encoded for use after ``tel:``."""
    return quote((phone(value) or one_line(value)).encode("utf-8", "replace"), safe="+*")
