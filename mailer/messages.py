"""Texts that people read, as values: an English message and the values of its places, translated at the door.

Promises: a :class:`Message` is its English text, so that it may be stored, compared and logged like any other text. A
door (the command line, a page) translates it with :func:`in_words` for its own reader. A message that fills a place of
another is translated with it. Nothing here knows a language, and nothing here does I/O.

A next step that a reader of a message may take is an :class:`Advice`: a key such as ``resume``, which each door words
for its own readers, as a command or as a button.

Cutting or formatting a message as a plain text loses the translation: use :meth:`Message.format`, :func:`joined` and
:func:`without_stop`. A text that was made elsewhere (stored by us, written by a library) is recognised with
:func:`recalled`, which takes the few messages that it can be.
The catalogue tool finds the first argument of ``Message("…")``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Self, TypeVar

_PLACE = re.compile(r"\{(\w+)\}")
_LONGEST = 2_000  # characters: a pattern with several places takes the square of a text's length and more
_NO_ADVICE: Mapping[str, str] = MappingProxyType({})
Gettext = Callable[[str], str]
M = TypeVar("M", bound="Message")


class Message(str):
    """One message: ``msgid`` with places such as ``{name}``, and the values of these places (none: the bare msgid)."""

    __slots__ = ("has_stop", "msgid", "params")
    msgid: str
    params: Mapping[str, Any]
    has_stop: bool

    def __new__(cls, msgid: str, /, **params: Any) -> Self:
        """Make a message; without ``params`` braces in ``msgid`` stand for themselves. Raises ``KeyError``."""
        return _made(cls, msgid, params)

    def __str__(self) -> str:
        """Return the message itself, so that ``str(error)`` can still be translated."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Return the parts from which another process makes the same message."""
        return _made, (type(self), self.msgid, dict(self.params), self.has_stop)

    def format(self, *_unused: object, **params: Any) -> Message:
        """Return the message with its places filled, those filled before too. Raises ``KeyError`` for a missing one."""
        return Message(self.msgid, **{**self.params, **params})


class Advice(Message):
    """A next step by its key and its values: ``Advice("resume", slug=…)``. Its bare text is the key, for logs."""

    __slots__ = ()

    def __new__(cls, key: str, /, **params: Any) -> Self:
        """Make an advice; the door's own words have the places."""
        return _made(cls, key, params)


def in_words(text: str, gettext: Gettext, advice: Mapping[str, str] = _NO_ADVICE) -> str:
    """Return a text in the language of ``gettext``; a text that is no message as it is.

    ``advice``: key → the door's words for it, translated already; a key that is not there stands for itself.
    """
    if not isinstance(text, Message) or not text:
        return text
    found = advice.get(text.msgid, text.msgid) if isinstance(text, Advice) else gettext(text.msgid)
    if text.params:
        values = {
            name: in_words(one, gettext, advice) if isinstance(one, str) else one for name, one in text.params.items()
        }
        found = found.format(**values)
    return found if text.has_stop else found.rstrip(".")


def joined(separator: str, parts: Iterable[str]) -> str:
    """Return the texts that are not empty with a separator between them, each still to be translated."""
    kept = {f"part{number}": part for number, part in enumerate(filter(None, parts))}
    return Message(separator.join(f"{{{name}}}" for name in kept), **kept) if kept else ""


def without_stop(text: str) -> str:
    """Return the text without a full stop at its end, so that it can stand within a sentence."""
    return _made(type(text), text.msgid, text.params, has_stop=False) if isinstance(text, Message) else text.rstrip(".")


def recalled(text: str, known: tuple[Message, ...]) -> str:
    """Return the message of ``known`` that a text was made from, filled as it is there; else the text."""
    for message, pattern in _patterns(known):
        match = pattern.fullmatch(text[:_LONGEST])
        if match and len(text) <= _LONGEST:
            return message.format(**match.groupdict())
    return text


@lru_cache(maxsize=8)
def _patterns(known: tuple[Message, ...]) -> list[tuple[Message, re.Pattern[str]]]:
    """Return each message with the pattern of the texts made from it; the one with most text of its own first."""
    found = sorted(known, key=lambda message: -len(_PLACE.sub("", message.msgid)))
    return [(one, re.compile(_PLACE.sub(r"(?P<\1>.+?)", _escaped(one.msgid)), re.DOTALL)) for one in found]


def _escaped(msgid: str) -> str:
    return "".join(part if _PLACE.fullmatch(part) else re.escape(part) for part in re.split(r"(\{\w+\})", msgid))


def _made(kind: type[M], msgid: str, params: Mapping[str, Any], has_stop: bool = True) -> M:
    text = msgid.format(**params) if params else msgid
    made = str.__new__(kind, text if has_stop else text.rstrip("."))
    made.msgid, made.params, made.has_stop = msgid, params, has_stop
    return made
