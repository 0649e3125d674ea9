"""Personalisation of a template with a contact's values: constants are encoded once, slots filled, escaped and encoded.

Promises: a value is escaped for its place and for no other. It cannot leave its attribute, add a header or end the mail
(I10). ``None`` is never printed: a missing value is its fallback, else nothing. :func:`prepare` does all work that does
not depend on the contact. Two calls with equal values give equal bytes (I5). What is filled in has at most
:data:`MOST_BYTES`, counted while it is filled, so that no contact's values exhaust the memory (E32).

Places: HTML text escapes ``& < >``; an attribute also escapes quotes, and is one line. In an address a value is
percent-encoded, but a slot that *begins* an address (``href="{{ … }}"``) is one (:mod:`mailer.letter.addresses`), else
the address becomes ``#``. After ``mailto:`` an ``@`` stays, after ``tel:`` a ``+``. A header is one line
(:mod:`mailer.letter.encode`); plain text is not escaped. A loop stops after 100 items and leaves out blank ones.

Raises ``FaultsError`` from :func:`prepare` for an expression outside the subset, ``InputError`` for a constant with
control characters. The result of :func:`prepare` raises ``InputError`` for too many bytes, and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from itertools import islice
from re import Pattern
from typing import Any, Literal
from urllib.parse import quote

from mailer.errors import InputError
from mailer.letter import addresses
from mailer.letter.compiled import Branch, CompiledTemplate, EscapeContext, Loop, Number, Numbered, Slot, Values
from mailer.letter.encode import clean, one_line, quoted_printable, refuse_controls, unstructured
from mailer.letter.evaluate import Evaluate, compile_expression, names_used
from mailer.letter.expression_tree import Constant, Filter, may_be_missing, unparse
from mailer.letter.expressions import parse
from mailer.letter.filters import as_text
from mailer.letter.no_recipient import your_address

Encoding = Literal["qp", "header", "raw"]
Encode = Callable[[str], bytes]
Escape = Callable[[str], str]
Fill = Callable[[Values], bytes]
FillPieces = Callable[[Values], list[bytes]]
Part = Slot | Branch | Loop | Numbered | Number
Hole = tuple[Part, Fill, list[int]]
"""A part to fill in, its function, and its places in the template."""
MAX_ITEMS = 100
MOST_BYTES = 10_000_000  # of a filled letter: Postfix takes 10,240,000 by default, and few mailboxes take more
SUBJECT_USED = len("Subject: ")
_BEGINS_ADDRESS = re.compile(r"=\s*[\"']\s*\Z")
_AN_ADDRESS = re.compile(r"(?!.{76})https?://[a-z0-9.:-]+(?:/[A-Za-z0-9_.~/@:+-]*)?")
_AS_IT_IS: Mapping[str, Pattern[str]] = {
    EscapeContext.HTML: re.compile(r"(?!\.|From )[ -%'-;?-~]{1,75}"),
    EscapeContext.ATTRIBUTE: re.compile(r"(?!\.| |From )[ !#-%(-;?-~]{0,74}[!#-%(-;?-~]"),
    EscapeContext.PLAIN: re.compile(r"(?!\.|From )[ -<>-~]{1,75}"),
    EscapeContext.URL: re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9_.~-]{0,74}"),
    EscapeContext.LINK: _AN_ADDRESS,
    EscapeContext.PART: re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9_.~-]{0,74}"),
    EscapeContext.MAIL: re.compile(r"[A-Za-z0-9_~+-][A-Za-z0-9_.~@+-]{0,74}"),
    EscapeContext.PHONE: re.compile(r"\+?[0-9]{1,30}"),
    EscapeContext.HEADER: re.compile(r"(?!)"),
    "address": _AN_ADDRESS,
}
_NUMBER = "\0number"  # the key, among the values, of the last number of the list around
_SHOWN = (EscapeContext.HTML, EscapeContext.ATTRIBUTE, EscapeContext.HEADER, EscapeContext.PLAIN)
_NEITHER = "\0"  # the text before a slot, if that is unknown


def prepare(template: CompiledTemplate, language: str, encoding: Encoding) -> Fill:
    """Return the function that fills ``template``: values in, bytes out.

    ``qp``: quoted-printable, begun and ended at the start of a line. ``header``: the folded text of a Subject.
    ``raw``: UTF-8. Filters use ``language``.
    """
    if encoding == "header":
        return _subject(_filler(template, _Maker(language, _utf8, header=True), ""))
    encode = quoted_printable if encoding == "qp" else _utf8
    return _filler(template, _Maker(language, encode, header=False), "")


def prepare_pieces(template: CompiledTemplate, language: str) -> FillPieces:
    """Do as :func:`prepare` for ``qp``, but leave the pieces unjoined: a message is joined once."""
    return _pieces(template, _Maker(language, quoted_printable, header=False), "")


def too_large() -> InputError:
    """Return the error for a letter of more than :data:`MOST_BYTES`."""
    return InputError(f"with the values of this contact the letter is larger than {MOST_BYTES:,} bytes")


def prepare_parts(template: CompiledTemplate, language: str) -> tuple[list[bytes], list[Hole]]:
    """Return the pieces of :func:`prepare_pieces` with empty holes, and the holes in the order of filling."""
    return _parts(template, _Maker(language, quoted_printable, header=False), "")


def render(template: CompiledTemplate, values: Values, language: str) -> str:
    """Return the filled template as text, unencoded: for previews and tests."""
    return prepare(template, language, "raw")(values).decode("utf-8")


def render_public(template: CompiledTemplate, language: str, links: Mapping[str, str] | None = None) -> str:
    """Return the template as its public version: slots show their fallback, conditions on a contact are false.

    A contact's mail address needs no fallback; here it is *your email address*, in the letter's language, and
    nothing within an address. ``links`` are those that are not personal (``online``). A loop over a contact's list is
    left out.
    """
    return render(_for_nobody(template, your_address(language)), {"contact": {}, "links": dict(links or {})}, language)


def _for_nobody(template: CompiledTemplate, address: str) -> CompiledTemplate:
    nodes: list[Any] = []
    for node in template:
        match node:
            case Branch(arms, otherwise):
                kept = tuple((when, _for_nobody(body, address)) for when, body in arms if not is_personal(when))
                rest = _for_nobody(otherwise, address)
                nodes.extend([Branch(kept, rest)] if kept else rest)
            case Loop():
                pass
            case Numbered(start, body):
                nodes.append(Numbered(start, _for_nobody(body, address)))
            case Slot(source, place) if place in _SHOWN and may_be_missing(parse(source, None), frozenset()):
                nodes.append(Slot(unparse(Filter(parse(source, None), "default", (Constant(address),))), place))
            case _:
                nodes.append(node)
    return tuple(nodes)


def is_personal(source: str) -> bool:
    """Return whether an expression names anything of a contact, so that it is false in the public version."""
    return any(not name.startswith("links.") for name in names_used(source))


class _Maker:
    """The settings of all nodes of a template: language, encoding, and whether it is a header."""

    def __init__(self, language: str, encode: Encode, *, header: bool) -> None:
        self.language, self.encode, self.header = language, encode, header

    def constant(self, text: str) -> bytes:
        """Return a constant, encoded and not cleaned: control characters in it are the author's mistake."""
        refuse_controls(text, "the subject" if self.header else "the letter", header=self.header)
        return self.encode(text.replace("\r\n", "\n").replace("\r", "\n"))

    def slot(self, slot: Slot, before: str) -> Fill:
        """Return the function of a slot; ``before`` is the text in front of it."""
        value_of = compile_expression(slot.source, self.language)
        escape = _escape_for(slot.place, before)
        if self.encode is not quoted_printable:
            return partial(_fill_slot, value_of, escape, self.encode, self.language)
        as_it_is = _AS_IT_IS["address" if escape is _whole_address else slot.place]
        return _short(value_of, as_it_is, partial(self.late, escape))

    def late(self, escape: Escape, value: object) -> bytes:
        """Escape the values that :func:`_short` leaves: not text, not short, or in need of escaping."""
        text = escape(as_text(value, self.language))
        return quoted_printable(text) if text else b""


def _fill_slot(value_of: Evaluate, escape: Escape, encode: Encode, language: str, values: Values) -> bytes:
    return encode(escape(as_text(value_of(values), language)))


def _short(value_of: Evaluate, as_it_is: Pattern[str], late: Callable[[object], bytes]) -> Fill:
    """Return the fast path: one match decides whether a value can stand unchanged in quoted-printable, in its place.

    The last result is cached, since some values (the address to read online) are the same for all contacts.
    """
    last: tuple[object, bytes] = (None, b"")
    fits = as_it_is.fullmatch

    def fill(values: Values) -> bytes:
        nonlocal last
        value = value_of(values)
        known, written = last
        if value is known and value is not None:
            return written
        if value.__class__ is str and fits(value) and "  " not in value:
            written = value.encode("ascii") + b"=\r\n"
            last = value, written
            return written
        return late(value)

    return fill


def _filler(template: CompiledTemplate, maker: _Maker, before: str) -> Fill:
    """Return the function of a template, its pieces joined."""
    pieces_of = _pieces(template, maker, before)
    if not any(not isinstance(node, str) for node in template):
        constant = b"".join(pieces_of({}))
        return lambda _values: constant
    return lambda values: b"".join(pieces_of(values))


def _pieces(template: CompiledTemplate, maker: _Maker, before: str) -> FillPieces:
    """Return the function that gives the pieces of a template; ``before`` is the text in front of it."""
    constants, holes = _parts(template, maker, before)
    once = [(places[0], part) for _, part, places in holes]
    again = [(place, places[0]) for _, _, places in holes for place in places[1:]]

    def fill(values: Values) -> list[bytes]:
        pieces, size = constants.copy(), 0
        for place, part in once:
            pieces[place] = piece = part(values)
            size += len(piece)
            if size > MOST_BYTES:
                raise too_large()
        for place, first in again:
            pieces[place] = piece = pieces[first]
            size += len(piece)
        if size > MOST_BYTES:
            raise too_large()
        return pieces

    return fill


def _parts(template: CompiledTemplate, maker: _Maker, before: str) -> tuple[list[bytes], list[Hole]]:
    """Return the constants of a template, and its holes in the order in which they are filled.

    A slot that occurs twice is filled once.
    """
    constants: list[bytes] = []
    holes: dict[object, Hole] = {}
    for node in _merged(template):
        if isinstance(node, str):
            constants.append(maker.constant(node))
            before = (before + node)[-80:]
            continue
        key = (node, bool(_BEGINS_ADDRESS.search(before))) if isinstance(node, Slot) else len(constants)
        if key not in holes:
            holes[key] = node, _hole(node, maker, before), []
        holes[key][2].append(len(constants))
        constants.append(b"")
        before = _NEITHER
    return constants, list(holes.values())


def _merged(template: CompiledTemplate) -> list[Any]:
    """Return the nodes with neighbouring constants merged, and empty ones left out."""
    nodes: list[Any] = []
    for node in template:
        if isinstance(node, str) and nodes and isinstance(nodes[-1], str):
            nodes[-1] += node
        elif node != "":
            nodes.append(node)
    return nodes


def _hole(node: Part, maker: _Maker, before: str) -> Fill:
    match node:
        case Slot():
            return maker.slot(node, before)
        case Branch(arms, otherwise):
            chosen = [(compile_expression(when, maker.language), _filler(body, maker, before)) for when, body in arms]
            return partial(_fill_branch, chosen, _filler(otherwise, maker, before))
        case Loop(variable, over, body, between):
            items = compile_expression(over, maker.language)
            gap = _filler(between, maker, _NEITHER)({}) if between else b""
            return partial(_fill_loop, items, variable, _filler(body, maker, _NEITHER), gap)
        case Numbered(start, body):
            return partial(_fill_numbered, start, _filler(body, maker, before))
        case Number(value):
            return partial(_fill_number, value, maker.encode)


def _fill_branch(arms: list[tuple[Evaluate, Fill]], otherwise: Fill, values: Values) -> bytes:
    for condition, body in arms:
        if condition(values):
            return body(values)
    return otherwise(values)


def _fill_numbered(start: int, body: Fill, values: Values) -> bytes:
    return body({**values, _NUMBER: [start - 1]})


def _fill_number(value: int | None, encode: Encode, values: Values) -> bytes:
    last = values[_NUMBER]
    last[0] = last[0] + 1 if value is None else value
    return encode(str(last[0]))


def _fill_loop(items_of: Evaluate, variable: str, body: Fill, gap: bytes, values: Values) -> bytes:
    items = items_of(values)
    if items is None:
        return b""
    listed = items if isinstance(items, (list, tuple)) else [items]
    there = (item for item in listed if item is not None and str(item).strip())
    rounds, size = [], 0
    for item in islice(there, MAX_ITEMS):
        rounds.append(body({**values, variable: item}))
        size += len(rounds[-1])
        if size > MOST_BYTES:
            raise too_large()
    return gap.join(filter(None, rounds)) if gap else b"".join(rounds)


def _subject(fill: Fill) -> Fill:
    """Return the function of a header's text from UTF-8. Its last result is cached: most subjects are the same."""
    last: tuple[bytes, bytes] = (b"", b"")

    def encoded(values: Values) -> bytes:
        nonlocal last
        text = fill(values)
        known, result = last
        if text != known:
            result = unstructured(one_line(text.decode("utf-8")), SUBJECT_USED)
            last = text, result
        return result

    return encoded


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _escape_for(place: EscapeContext, before: str) -> Escape:
    match place:
        case EscapeContext.HTML:
            return _html
        case EscapeContext.ATTRIBUTE:
            return _attribute
        case EscapeContext.URL:
            return _whole_address if _BEGINS_ADDRESS.search(before) else _inside_address
        case EscapeContext.LINK:
            return _link
        case EscapeContext.PART:
            return _inside_address
        case EscapeContext.MAIL:
            return addresses.after_mailto
        case EscapeContext.PHONE:
            return addresses.after_tel
        case EscapeContext.HEADER:
            return one_line
        case EscapeContext.PLAIN:
            return clean


def _html(value: str) -> str:
    value = clean(value)
    if "&" in value:
        value = value.replace("&", "&amp;")
    if "<" in value:
        value = value.replace("<", "&lt;")
    return value.replace(">", "&gt;") if ">" in value else value


def _attribute(value: str) -> str:
    value = _html(one_line(value))
    if '"' in value:
        value = value.replace('"', "&quot;")
    return value.replace("'", "&#39;") if "'" in value else value


def _inside_address(value: str) -> str:
    return quote(one_line(value).encode("utf-8", "replace"), safe="")


def _link(value: str) -> str:
    return addresses.of_value(value) or "#"


def _whole_address(value: str) -> str:
    return _attribute(addresses.of_value(value) or "#")
