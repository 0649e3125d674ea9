"""The parts of a compiled letter (constant text, slots, branches and loops), and the letter that consists of them.

A compiled template holds text that is already right for its place (HTML constants are HTML) but not yet encoded for the
wire. :mod:`mailer.letter.personalise` encodes the constants once and fills slots per contact. Everything here is data
that converts to JSON and back without loss. A snapshot is kept for years, and a retry after a restart must send the
same bytes (I5).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, Union

from mailer.errors import Fault

FORMAT = 1


class EscapeContext(StrEnum):
    """The place of a slot; its value is escaped for that place and for no other."""

    HTML = "html"  # between tags
    ATTRIBUTE = "attribute"  # inside a quoted attribute that is no address
    URL = "url"  # an address in an attribute: whole where the slot begins it, else a part
    LINK = "link"  # an address in text/plain: whole, not escaped for HTML
    PART = "part"  # a part of an address, anywhere: percent-encoded
    MAIL = "mail"  # among the recipients after mailto:, where @ stays
    PHONE = "phone"  # the number after tel: or sms:, where + stays and blanks go
    HEADER = "header"  # subject: encoded-words (RFC 2047)
    PLAIN = "plain"  # text/plain


@dataclass(frozen=True, slots=True)
class Slot:
    """A value to be filled in: ``source`` is the expression between the braces, of the checked subset."""

    source: str
    place: EscapeContext


@dataclass(frozen=True, slots=True)
class Branch:
    """if / elif / else: the first arm whose condition is true; conditions are expressions of the subset."""

    arms: tuple[tuple[str, CompiledTemplate], ...]
    otherwise: CompiledTemplate = ()


@dataclass(frozen=True, slots=True)
class Loop:
    """for NAME in LIST: LIST is an expression that gives a contact's own list, 100 items at most.

    ``between`` stands between two rounds that are not empty.
    """

    name: str
    over: str
    body: CompiledTemplate
    between: CompiledTemplate = ()


@dataclass(frozen=True, slots=True)
class Numbered:
    """A list whose items are numbered as they are shown, beginning with ``start``."""

    start: int
    body: CompiledTemplate


@dataclass(frozen=True, slots=True)
class Number:
    """The next number of the list around it; with ``value``, that number, from which the list counts on."""

    value: int | None = None


TemplateNode = Union[str, Slot, Branch, Loop, Numbered, Number]
CompiledTemplate = tuple[TemplateNode, ...]


@dataclass(frozen=True, slots=True)
class Image:
    """A picture from a file beside the campaign file; ``sha256`` in hex is its permanent name."""

    sha256: str
    media_type: str
    data: bytes = field(repr=False)

    @property
    def file_name(self) -> str:
        """The name of the file in ``/m/``: hash and extension."""
        ending = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp"}[self.media_type]
        return f"{self.sha256}.{ending}"


@dataclass(frozen=True, slots=True)
class Letter:
    """A compiled letter: with a contact's values and a stamp, it determines the bytes of a message."""

    language: str
    from_name: str
    from_address: str
    reply_to: str
    subject: CompiledTemplate
    html: CompiledTemplate
    text: CompiledTemplate
    headers: tuple[tuple[str, str], ...] = ()  # constant further headers (List-Id, Feedback-ID, …), unencoded
    list_unsubscribe: bool = True  # service letters have none

    def to_bytes(self) -> bytes:
        """Return canonical JSON; equal letters give equal bytes, so that a hash names a letter."""
        fields = asdict(self) | {name: _dump(getattr(self, name)) for name in ("subject", "html", "text")}
        return json.dumps(
            {"format": FORMAT} | fields, ensure_ascii=False, sort_keys=True, separators=(",", ":")
        ).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Letter:
        """Return the letter that :meth:`to_bytes` wrote. Raises ``ValueError`` on a format of another version."""
        fields: dict[str, Any] = json.loads(data)
        if fields.pop("format") != FORMAT:
            raise ValueError("this letter was compiled by another version of the format")
        fields |= {name: _load(fields[name]) for name in ("subject", "html", "text")}
        fields["headers"] = tuple((name, value) for name, value in fields["headers"])
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class Compiled:
    """The result of compile: the letter, its public version, its images, and warnings."""

    letter: Letter
    public_html: str
    public_text: str
    images: tuple[Image, ...] = ()
    warnings: tuple[Fault, ...] = ()


class MessageMeta(NamedTuple):
    """The data of one message beside the contact's values. ``message_id`` is without angle brackets."""

    address: str
    date: datetime
    message_id: str
    name: str = ""
    unsubscribe_url: str = ""
    unsubscribe_mailto: str = ""


class LetterLinks(NamedTuple):
    """The links of a mailing's letters: ``optout`` and ``details`` begin addresses, which a contact's token ends.

    ``online``: the whole address of the letter itself, the same for all; "" if the letter has none.
    """

    online: str
    optout: str
    details: str


Values = Mapping[str, Any]  # {"contact": {name: text | list of text | None}, "links": {"online", "details", "optout"}}


def _dump(template: CompiledTemplate) -> list[Any]:
    return [_dump_node(node) for node in template]


def _dump_node(node: TemplateNode) -> Any:
    match node:
        case str():
            return node
        case Slot(source, place):
            return {"slot": source, "place": place.value}
        case Branch(arms, otherwise):
            return {"if": [[condition, _dump(body)] for condition, body in arms], "else": _dump(otherwise)}
        case Loop(name, over, body, between):
            return {"for": name, "in": over, "do": _dump(body)} | ({"between": _dump(between)} if between else {})
        case Numbered(start, body):
            return {"from": start, "do": _dump(body)}
        case Number(value):
            return {"number": value}


def _load(nodes: Sequence[Any]) -> CompiledTemplate:
    return tuple(_load_node(node) for node in nodes)


def _load_node(node: Any) -> TemplateNode:
    if isinstance(node, str):
        return node
    if "slot" in node:
        return Slot(node["slot"], EscapeContext(node["place"]))
    if "if" in node:
        return Branch(tuple((condition, _load(body)) for condition, body in node["if"]), _load(node["else"]))
    if "number" in node:
        return Number(node["number"])
    if "from" in node:
        return Numbered(node["from"], _load(node["do"]))
    return Loop(node["for"], node["in"], _load(node["do"]), _load(node.get("between", [])))
