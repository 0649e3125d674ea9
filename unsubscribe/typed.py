"""What people type about themselves on our pages: a name, a form of address, a field that the organisation opened.

It may be a stranger who holds a forwarded letter, or who signs somebody else up, and it stands in letters. So a text
that names a place to go to is refused at the form (:func:`says_where`), and whatever was stored is taken apart where it
is shown (:func:`apart`): a mail program makes no link of it, and a reader still reads it. Pure.
"""

from __future__ import annotations

import re

_JOINER = "\u2060"  # WORD JOINER: takes no room, permits no line break, and ends what a program takes for an address
_PLACE = re.compile(
    r"://|@|\uff20|\bwww\s*[.\u3002\uff0e]|\b(?:https?|mailto|tel|ftp|javascript|data)\s*:"
    r"|[^\W_][.\u3002\uff0e][^\W\d_]{2,}\s*[/:?#\\]",
    re.IGNORECASE,
)
_SEAM = re.compile(
    r"(?<=\S)[.\u3002\uff0e](?=[^\W_]{2})|[@\uff20](?=[^\s\u2060])|(?<=\w):(?=[^\s\u2060])|(?<=/)/(?=[^\s\u2060])"
)


def says_where(text: str) -> bool:
    """Whether it holds an address of the web or of mail, or the beginning of one. ``J.P. de Vries`` does not."""
    return _PLACE.search(text) is not None


def apart(text: str) -> str:
    """The same to read, but nothing in it is a link: a joiner behind each sign that holds an address together."""
    return _SEAM.sub(lambda sign: sign[0] + _JOINER, text)
