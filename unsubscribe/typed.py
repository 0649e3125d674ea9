"""What people type about themselves on our pages: a name, a form of address, a mail address, a field that is open.

It may be a stranger who holds a forwarded letter, or who signs somebody else up, and it stands in letters. So a text
that names a place to go to is refused at the form (:func:`says_where`), and whatever was stored is taken apart where it
is shown (:func:`apart`): a mail program makes no link of it, and a reader still reads it. Signs that programs or people
take for a dot, an at sign, a colon or a slash count as these. A mail address that is a text (:func:`address`) is
refused on pages, since a letter shows it in *To*; what looks like a name or a tag is not, and cannot be. Pure.
"""

from __future__ import annotations

import re
import unicodedata

from mailer.address import Address, parse
from mailer.errors import AddressError

N_ = str  # marks a text for the catalogue (domain cli)
_JOINER = "\u2060"  # WORD JOINER: takes no room, permits no line break, and ends what a program takes for an address
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
    """Whether it holds an address of the web or of mail, or the beginning of one. ``J.P. de Vries`` does not."""
    seen = "".join(sign for sign in unicodedata.normalize("NFKC", text) if unicodedata.category(sign) != "Cf")
    return _PLACE.search(text) is not None or _PLACE.search(seen) is not None


def apart(text: str) -> str:
    """Return a text that reads the same and has no link: a joiner follows each sign of an address."""
    return _SEAM.sub(lambda sign: sign[0] + _JOINER, text)


def address(text: str) -> Address:
    """One mail address as :func:`mailer.address.parse` takes it, and not a text for somebody to read; ``AddressError``.

    Refused: what must be quoted for more than its dots, a path behind a domain, and ``www.`` or a path in a tag.
    """
    found = parse(text)
    name, _, tag = found.local.partition("+")
    quoted = found.local.startswith('"') and not _PLAIN.fullmatch(found.local[1:-1])
    if quoted or says_where(f"{tag} ") or says_where(name.lower().replace("www.", "")):
        raise AddressError(N_("{text} is not a mail address: expected name@domain").format(text=repr(text[:80])))
    return found


def is_address(text: str) -> bool:
    """Whether :func:`address` takes it."""
    try:
        address(text)
    except AddressError:
        return False
    return True
