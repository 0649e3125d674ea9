"""Texts that people type about themselves on our pages: name, form of address, mail address, opened fields.

A stranger may type them, with a forwarded letter or by signing up another person, and letters show them. So the form
refuses a text that contains a web or mail address (:func:`says_where`). Where a stored text is shown, joiners break up
its addresses (:func:`apart`): a mail program makes no link of it, and it stays readable. Characters that programs or
people take for a dot, an at sign, a colon or a slash count as these. A mail address that is a message in disguise
(:func:`address`) is refused on pages, since a letter shows it in *To*. An address that looks like a name or a tag is
not refused, and cannot be. Pure.
"""

from __future__ import annotations

import re
import unicodedata

from mailer.address import Address, parse
from mailer.errors import AddressError
from mailer.messages import Message

_JOINER = "\u2060"  # WORD JOINER: no width, no line break; ends a text that programs take for an address
_ONE_DOT = "\u2024\u3002\ufe52\uff0e\uff61"  # UTS 46 and NFKC read a dot
_DOT = rf"[.{_ONE_DOT}\u0589\u06d4\u0701\u0702\ua4f8\ua60e]"  # the rest looks like one (UTS 39)
_AT = r"[@\ufe6b\uff20]"
_COLON = r"[:\u02d0\u0703\u0704\u05c3\u2236\ua789\ufe13\ufe55\uff1a]"
_SLASH = r"[/\u2044\u2215\u2571\u29f8\uff0f]"
_PLACE = re.compile(
    rf"{_COLON}{_SLASH}{_SLASH}|{_AT}|\bwww\s*{_DOT}|\b(?:https?|mailto|tel|ftp|javascript|data)\s*{_COLON}"
    rf"|[^\W_]{_DOT}[^\W\d_]{{2,}}\s*(?:{_COLON}|{_SLASH}|[?#\\])",
    re.IGNORECASE,
)
_SEAM = re.compile(
    rf"(?<=\S){_DOT}(?=[^\W_]{{2}})|{_AT}(?=[^\s\u2060])|(?<=\w){_COLON}(?=[^\s\u2060])"
    rf"|(?<={_SLASH}){_SLASH}(?=[^\s\u2060])"
)
_PLAIN = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]*")


def says_where(text: str) -> bool:
    """Return whether a text contains a web or mail address, or the beginning of one. ``J.P. de Vries`` does not."""
    seen = "".join(sign for sign in unicodedata.normalize("NFKC", text) if unicodedata.category(sign) != "Cf")
    return _PLACE.search(text) is not None or _PLACE.search(seen) is not None


def apart(text: str) -> str:
    """Return a text that reads the same and forms no link: a joiner follows each address character."""
    return _SEAM.sub(lambda sign: sign[0] + _JOINER, text)


def address(text: str) -> Address:
    """Parse one mail address with :func:`mailer.address.parse`; ``AddressError`` also for a message in disguise.

    Refused: a local part that needs quotes for more than its dots, a path after a domain, ``www.`` or a path in a tag.
    """
    found = parse(text)
    name, _, tag = found.local.partition("+")
    quoted = found.local.startswith('"') and not _PLAIN.fullmatch(found.local[1:-1])
    if quoted or says_where(f"{tag} ") or says_where(name.lower().replace("www.", "")):
        raise AddressError(Message("{text} is not a mail address: expected name@domain", text=repr(text[:80])))
    return found


def is_address(text: str) -> bool:
    """Return whether :func:`address` accepts the text."""
    try:
        address(text)
    except AddressError:
        return False
    return True
