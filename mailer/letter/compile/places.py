"""From masked text to a template: each word becomes a slot that knows its place, a branch or a loop.

The place of a slot follows from the position of its word in the finished HTML, also within Outlook's conditional
comments. It is between tags, in an attribute, or in an attribute that is an address. In a style sheet none is allowed.
In plain text nothing shows where an address begins, so the writer of an address calls :func:`in_address`.

Raises :class:`Misplaced`, the last resort behind the checks that look at the tree.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from mailer.letter.compile.placeholders import Placeholders
from mailer.letter.compiled import Branch, CompiledTemplate, EscapeContext, Loop, Number, Numbered, Slot, TemplateNode
from mailer.letter.slots import Tag

_MARKUP = re.compile(
    r"""(?P<comment><!--\[if[^\]]*\]>(?:<!-->)?|<!--<!\[endif\]-->|<!\[endif\]-->)"""
    r"""|(?P<style><style\b.*?</style>)"""
    r"""|(?P<tag></?[a-zA-Z](?:[^<>"']|"[^"]*"|'[^']*')*>)""",
    re.DOTALL | re.IGNORECASE,
)
_ATTRIBUTE = re.compile(r"""([\w:-]+)\s*=\s*("[^"]*"|'[^']*')""")
_ADDRESSES = frozenset({"href", "src", "background", "action", "cite"})


@dataclass(frozen=True, slots=True)
class _Placed:
    tag: Tag
    place: EscapeContext


_Piece = str | _Placed


class Misplaced(ValueError):
    """A tag where no value is allowed, or without its counterpart; ``line`` is that of the file, 0 if unknown."""

    def __init__(self, words: str, tag: Tag | None) -> None:
        super().__init__(words)
        self.shown, self.line = (tag.raw, tag.line) if tag else ("", 0)


def html_template(html: str, placeholders: Placeholders) -> CompiledTemplate:
    """Return the template of finished HTML. Raises ``Misplaced`` on a contact tag where no value is allowed."""
    return _template(list(_html_pieces(html, placeholders)))


def flat_template(text: str, placeholders: Placeholders, place: EscapeContext) -> CompiledTemplate:
    """Return the template of a text that is all one place: a header or plain text."""
    return _template(list(_placed(text, placeholders, place)))


def _html_pieces(html: str, placeholders: Placeholders) -> Iterator[_Piece]:
    position = 0
    for match in _MARKUP.finditer(html):
        yield from _placed(html[position : match.start()], placeholders, EscapeContext.HTML)
        if match["tag"]:
            yield from _in_tag(match[0], placeholders)
        elif placeholders.word.search(match[0]):
            raise Misplaced("a contact tag in a style sheet or comment", _first(match[0], placeholders))
        else:
            yield match[0]
        position = match.end()
    yield from _placed(html[position:], placeholders, EscapeContext.HTML)


def _in_tag(tag: str, placeholders: Placeholders) -> Iterator[_Piece]:
    position = 0
    for match in _ATTRIBUTE.finditer(tag):
        if placeholders.word.search(match[2]):
            yield tag[position : match.start(2)]
            if match[1].lower() in _ADDRESSES:
                yield from _in_address(match[2], placeholders)
            else:
                yield from _placed(match[2], placeholders, EscapeContext.ATTRIBUTE)
            position = match.end()
    rest = tag[position:]
    if placeholders.word.search(rest):
        raise Misplaced("a contact tag outside quotes", _first(rest, placeholders))
    yield rest


def _first(text: str, placeholders: Placeholders) -> Tag | None:
    return next((piece for piece in placeholders.split(text) if isinstance(piece, Tag)), None)


def _in_address(quoted: str, placeholders: Placeholders) -> Iterator[_Piece]:
    """Yield the pieces of an attribute's value, with its quotes."""
    yield quoted[0]
    yield from _with_places(quoted[1:-1], placeholders, EscapeContext.URL)
    yield quoted[-1]


def in_address(target: str, placeholders: Placeholders) -> str:
    """Return an address for the text part: its slots as new words, which know their places."""
    pieces = _with_places(target, placeholders, EscapeContext.LINK)
    return "".join(
        piece if isinstance(piece, str) else placeholders.put(replace(piece.tag, place=piece.place)) for piece in pieces
    )


def _with_places(target: str, placeholders: Placeholders, whole: EscapeContext) -> Iterator[_Piece]:
    """Yield the pieces of an address; a slot's place follows from the text before it, in each arm of a condition."""
    before, branches = "", list[tuple[str, str]]()  # per open condition: text before, and behind its longest arm
    for piece in placeholders.split(target):
        if isinstance(piece, str):
            before += piece
        elif piece.kind == "slot":
            yield _Placed(piece, _address_place(before, whole))
            before += "\0"
            continue
        elif piece.kind in ("if", "for"):
            branches.append((before, before))
        elif branches:
            start, longest = branches.pop()
            longest = max(longest, before, key=len)
            if piece.kind in ("elif", "else"):
                branches.append((start, longest))
            before = start if piece.kind in ("elif", "else") else longest
        yield _Placed(piece, whole) if isinstance(piece, Tag) else piece


def _address_place(before: str, whole: EscapeContext) -> EscapeContext:
    if not before.strip():
        return whole
    scheme, colon, rest = before.partition(":")
    if not colon or "?" in rest:
        return EscapeContext.PART
    return {"mailto": EscapeContext.MAIL, "tel": EscapeContext.PHONE, "sms": EscapeContext.PHONE}.get(
        scheme.lower(), EscapeContext.PART
    )


def _placed(text: str, placeholders: Placeholders, place: EscapeContext) -> Iterator[_Piece]:
    for piece in placeholders.split(text):
        yield _Placed(piece, piece.place or place) if isinstance(piece, Tag) else piece


def _template(pieces: Sequence[_Piece]) -> CompiledTemplate:
    template, position = _run(pieces, 0)
    if position != len(pieces):
        raise _unbalanced(pieces, position)
    return template


def _run(pieces: Sequence[_Piece], position: int) -> tuple[CompiledTemplate, int]:
    """Return the nodes from ``position`` up to the tag that ends this run, and the position of that tag."""
    nodes: list[TemplateNode] = []
    while position < len(pieces):
        piece = pieces[position]
        if isinstance(piece, str):
            begun = position
            while position < len(pieces) and isinstance(pieces[position], str):
                position += 1
            if text := "".join(str(part) for part in pieces[begun:position]):
                nodes.append(text)
        elif piece.tag.kind == "slot":
            nodes.append(Slot(piece.tag.source, piece.place))
            position += 1
        elif piece.tag.kind == "if":
            branch, position = _branch(pieces, position)
            nodes.append(branch)
        elif piece.tag.kind == "for":
            body, end = _run(pieces, position + 1)
            between: CompiledTemplate = ()
            if _expect(pieces, end, "endfor", "between") == "between":
                between, end = _run(pieces, end + 1)
                _expect(pieces, end, "endfor")
            nodes.append(Loop(piece.tag.name, piece.tag.source, body, between))
            position = end + 1
        elif piece.tag.kind == "numbered":
            body, end = _run(pieces, position + 1)
            _expect(pieces, end, "endnumbered")
            nodes.append(Numbered(int(piece.tag.source), body))
            position = end + 1
        elif piece.tag.kind == "number":
            nodes.append(Number(int(piece.tag.source) if piece.tag.source else None))
            position += 1
        else:
            break
    return tuple(nodes), position


def _branch(pieces: Sequence[_Piece], position: int) -> tuple[Branch, int]:
    arms: list[tuple[str, CompiledTemplate]] = []
    otherwise: CompiledTemplate = ()
    kind = "if"
    while kind != "endif":
        piece = pieces[position]
        assert isinstance(piece, _Placed)  # noqa: S101 - _expect said so
        body, position = _run(pieces, position + 1)
        if kind == "else":
            otherwise = body
        else:
            arms.append((piece.tag.source, body))
        kind = _expect(pieces, position, "elif", "else", "endif")
    return Branch(tuple(arms), otherwise), position + 1


def _expect(pieces: Sequence[_Piece], position: int, *kinds: str) -> str:
    piece = pieces[position] if position < len(pieces) else ""
    if isinstance(piece, str) or piece.tag.kind not in kinds:
        raise _unbalanced(pieces, position)
    return piece.tag.kind


def _unbalanced(pieces: Sequence[_Piece], position: int) -> Misplaced:
    """Return the error. It names the author's nearest tag at or before ``position``: a layout's have no line."""
    found = (piece.tag for piece in reversed(pieces[: position + 1]) if isinstance(piece, _Placed))
    return Misplaced("contact tags out of balance", next((tag for tag in found if tag.line), None))
