"""Codes of one letter or digit below a head such as *status*: their program, and which contacts they keep out.

Promises: a column is read by codes only where all its cells are codes of one known alphabet. Also, one code must forbid
mailing, or the caller must have set it as a status. So no contact is mailed on a guess from letters alone.
:func:`are_codes` tells whether a column has only codes. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from unsubscribe.contacts.foreign import ForeignStatus, key

_ALPHABETS: tuple[Mapping[str, ForeignStatus], ...] = (
    {  # The Newsletter Plugin
        "c": "subscribed",
        "s": "unconfirmed",
        "n": "unconfirmed",
        "u": "unsubscribed",
        "b": "undeliverable",
        "p": "complaint",
    },
    {"a": "subscribed", "e": "undeliverable", "o": "unsubscribed", "f": "unconfirmed"},  # Emma; f: forwarded to
    {"y": "subscribed", "n": "unsubscribed"},
    {"j": "subscribed", "n": "unsubscribed"},
    {"o": "subscribed", "n": "unsubscribed"},
    {"t": "subscribed", "f": "unsubscribed"},
)


def are_codes(cells: Collection[str]) -> bool:
    """Return whether each cell is one letter or digit, of any script; False without cells."""
    return bool(cells) and all(len(key(cell)) == 1 or (len(cell) == 1 and cell.isalnum()) for cell in cells)


def alphabet(cells: Collection[str], *, said: bool) -> Mapping[str, ForeignStatus]:
    """Return the meaning of each code.

    Empty where the alphabet is not known. ``said``: the caller set the column as a status.
    """
    used = {key(cell) for cell in cells}
    fitting = [codes for codes in _ALPHABETS if used <= codes.keys()]
    against = [codes for codes in fitting if any(codes[code] != "subscribed" for code in used)]
    return (against or (fitting if said else []) or [{}])[0]
