"""Translates texts that were already put together in English, such as the words of a fault from a lower layer.

A fault says ``expected="one of button, small"``, made from the message ``one of {names}``. :func:`in_words` finds the
message that a text was made from and puts the values of its placeholders into the translation. Messages are marked
with ``N_`` where they are written. A text that matches no message stays as it is; nothing here raises.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import resources

from templates.words import Domain, primary, words

_PLACE = re.compile(r"\{(\w+)\}")
_LONGEST = 2_000  # a pattern with several placeholders takes the square of a text's length and more
_LETTERS = 3  # a message with fewer letters of its own would match anything


def in_words(text: str, language: str, domain: Domain) -> str:
    """Return ``text`` in ``language``: a message of the domain, filled or not (2,000 characters at most)."""
    if not text:
        return ""
    known = words(language, domain).gettext(text)
    if known != text:
        return known
    if len(text) > _LONGEST:
        return text
    for pattern, translation in _patterns(primary(language), domain):
        match = pattern.fullmatch(text)
        if match:
            return _PLACE.sub(lambda place, found=match: found[place[1]], translation)  # type: ignore[misc]
    return text


@lru_cache(maxsize=8)
def _patterns(language: str, domain: Domain) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return messages with placeholders as patterns, the ones with most text of their own first."""
    file = resources.files("templates") / "translations" / language / "LC_MESSAGES" / f"{domain}.mo"
    if not file.is_file():
        return ()
    from babel.messages.mofile import read_mo

    with file.open("rb") as opened:
        messages = [
            (message.id, message.string)
            for message in read_mo(opened)
            if isinstance(message.id, str) and isinstance(message.string, str) and message.string
        ]
    own = {id_: len(re.sub(r"\W", "", _PLACE.sub("", id_))) for id_, _ in messages if _PLACE.search(id_)}
    found = [(id_, string) for id_, string in messages if own.get(id_, 0) >= _LETTERS]
    found.sort(key=lambda pair: -own[pair[0]])
    return tuple((_pattern(id_), string) for id_, string in found)


def _pattern(message: str) -> re.Pattern[str]:
    parts = _PLACE.split(message)
    names: set[str] = set()
    text = ""
    for at, part in enumerate(parts):
        if at % 2 == 0:
            text += re.escape(part)
        else:
            text += f"(?P={part})" if part in names else f"(?P<{part}>.+?)"
            names.add(part)
    return re.compile(text, re.DOTALL)
