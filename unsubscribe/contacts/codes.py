"""Codes of one letter or digit below a head such as *status*: of which program they are, and whom they keep out.

Promises: a column is read by codes only where all its cells are codes of one known alphabet and one of them speaks
against mailing, or where the caller said that it is a status. Letters alone never make people mailed on a guess.
:func:`are_codes` says that nothing but codes stands in a column. Pure.
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
    """Whether all cells are one letter or digit, of any script; false of none."""
    return bool(cells) and all(len(key(cell)) == 1 or (len(cell) == 1 and cell.isalnum()) for cell in cells)


def alphabet(cells: Collection[str], *, said: bool) -> Mapping[str, ForeignStatus]:
    """Return the meaning of each code.

    None where that is not known. ``said``: the caller says that the column is a status.
    """
    used = {key(cell) for cell in cells}
    fitting = [codes for codes in _ALPHABETS if used <= codes.keys()]
    against = [codes for codes in fitting if any(codes[code] != "subscribed" for code in used)]
    return (against or (fitting if said else []) or [{}])[0]
