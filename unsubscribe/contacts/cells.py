"""A cell that holds an address as mail programs write one: ``Jan <jan@x.example>``, ``mailto:jan@x.example``.

Promises: :func:`read` returns the address and the name before it; a bare address costs nothing extra. A cell with more
than one address is refused, as it is unclear which one is meant. Pure.

Raises ``AddressError``.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from mailer import invisible
from mailer.address import HIDDEN, Address, parse
from mailer.errors import AddressError
from mailer.messages import Message

LONGEST = 1_000  # characters of such a cell
_SEVERAL = Message("{text} holds more than one address: expected one in each row")
_ANGLE = re.compile(r"([^<>]*)<([^<>]*)>[\s,;.]*")
_MAILTO = re.compile(r"mailto:([^?]*)(?:\?.*)?", re.IGNORECASE | re.DOTALL)
_FOUND = re.compile(r"[^\s<>,;:()\[\]\"'?&=]+@[^\s<>,;:()\[\]\"'?&=]+")


def read(text: str) -> tuple[Address, str]:
    """Return the one address of a cell, and the name before it (empty: none)."""
    if "@" not in text:
        return parse(text), ""  # raises for the usual fault, without further tries
    try:
        address, name = parse(text), ""
    except AddressError:
        found = _wrapped(invisible.strip(text)) if len(text) <= LONGEST else None
        if found is None:
            raise
        text, name = found
        address = parse(text)
    _refuse_hidden(text)
    return address, name


def holds_address(text: str) -> bool:
    """Return whether :func:`read` accepts the text."""
    try:
        read(text)
    except AddressError:
        return False
    return True


def _wrapped(text: str) -> tuple[str, str] | None:
    """Return the address without the signs around it, and the name; None where there are no such signs."""
    if len({found.strip(".").casefold().removeprefix("mailto:") for found in _FOUND.findall(text)}) > 1:
        raise AddressError(_SEVERAL.format(text=repr(text[:80])))
    angle = _ANGLE.fullmatch(text)
    name = _name(angle[1]) if angle else ""
    inner = angle[2].strip() if angle else text
    link = _MAILTO.fullmatch(inner)
    if not angle and not link:
        return None
    return (unquote(link[1]).strip() if link else inner), name


def _name(text: str) -> str:
    """Return the words before the address, without the quotation marks around them; empty where they are an address."""
    words = " ".join(invisible.strip_words(text).strip("\"'„“”«» ").replace('\\"', '"').split())
    return "" if "@" in words else words


def _refuse_hidden(typed: str) -> None:
    """Refuse an address with an invisible character, also within its domain, where ``parse`` ignores it."""
    sign = "" if typed.isascii() else invisible.first_within(invisible.strip(typed))
    if sign:
        raise AddressError(HIDDEN.format(text=repr(typed[:80]), sign=sign))
