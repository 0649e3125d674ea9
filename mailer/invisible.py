"""Invisible characters: spaces of every width, format characters, fillers. They come along when a text is copied.

Promises: :func:`strip` removes them at both ends of a text, and :func:`first_within` finds one that is left. Pure.
Control characters (other than blanks and line ends) are not among them: those are refused, not removed.
"""

from __future__ import annotations

import re
import unicodedata

# Unicode 15: Zs, Zl, Zp; Cf; Default_Ignorable_Code_Point; the blank of Braille
_Ranges = tuple[tuple[int, int], ...]
_SPACES: _Ranges = (
    *((0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029), (0x202F, 0x202F)),
    *((0x205F, 0x205F), (0x3000, 0x3000)),
)
_FORMAT: _Ranges = (
    *((0xAD, 0xAD), (0x61C, 0x61C), (0x180E, 0x180E), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F)),
    *((0xFEFF, 0xFEFF), (0xFFF9, 0xFFFB), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A)),
    *((0x600, 0x605), (0x6DD, 0x6DD), (0x70F, 0x70F), (0x890, 0x891), (0x8E2, 0x8E2), (0x110BD, 0x110BD)),
    *((0x110CD, 0x110CD), (0x13430, 0x1343F)),
)
_FILLERS: _Ranges = (
    *((0x34F, 0x34F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x2800, 0x2800), (0x3164, 0x3164), (0xFFA0, 0xFFA0)),
    *((0xFFF0, 0xFFF8),),
)
_VARIANTS: _Ranges = (
    *((0x180B, 0x180D), (0x180F, 0x180F), (0xFE00, 0xFE0F), (0xE0001, 0xE0001), (0xE0020, 0xE007F)),
    *((0xE0100, 0xE01EF),),
)


def _signs(ranges: _Ranges) -> str:
    return "".join(chr(sign) for first, last in ranges for sign in range(first, last + 1))


_BLANKS = " \t\r\n\v\f\x1c\x1d\x1e\x1f\x85"
_AROUND_WORDS = _BLANKS + _signs(_SPACES + _FORMAT + _FILLERS)
_AROUND = _AROUND_WORDS + _signs(_VARIANTS)
_WITHIN = re.compile(f"[{re.escape(_signs(_SPACES + _FORMAT + _FILLERS + _VARIANTS))}]")


def strip(text: str) -> str:
    """Return the text without invisible characters at its ends, where it must be exact: an address, a header."""
    return text.strip() if text.isascii() else text.strip(_AROUND)


def strip_words(text: str) -> str:
    """Do the same as :func:`strip` for prose; a variation selector (as in ❤️) stays at the end."""
    return text.strip() if text.isascii() else text.strip(_AROUND_WORDS)


def remove(text: str) -> str:
    """Return the text without any invisible character.

    An ordinary space stays; a space of another width becomes an ordinary space.
    """
    if text.isascii():
        return strip(text)
    return strip(_WITHIN.sub(lambda sign: " " if unicodedata.category(sign[0])[0] == "Z" else "", text))


def first_within(text: str) -> str:
    """Return the first invisible non-ASCII character and its place: ``U+200B ZERO WIDTH SPACE, sign 3``."""
    found = None if text.isascii() else _WITHIN.search(text)
    if found is None:
        return ""
    name = unicodedata.name(found[0], "")
    return f"U+{ord(found[0]):04X}{f' {name}' if name else ''}, sign {found.start() + 1}"
