"""Contact tags in an author's text: finding and checking them, and the only definition of the allowed ones.

``{{ contact.name | default("reader") }}``, ``{% if contact.role %} … {% elif … %} … {% else %} … {% endif %}``, ``{%
for item in contact.items %} … {% endfor %}``. A comment ``{# … #}`` is left out. See docs/campaign-file.md.

Promises: :func:`scan` never raises and finds every fault at once, each with its line. Without faults, the tags are
balanced, every expression compiles, every slot has a value or a fallback, and loops are not nested. So no tag can run
without end while sending. The texts and the ``raw`` of the tags, joined, are the source without its comments. Success
does not mean that contacts have the attributes that are named.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal, Union

from mailer.errors import Fault, FaultsError
from mailer.letter.compiled import EscapeContext
from mailer.letter.evaluate import compile_expression, names_used
from mailer.letter.expression_tree import Name, Node, is_condition, may_be_missing, unparse
from mailer.letter.expressions import RESERVED, did_you_mean, parse
from mailer.messages import Message

__all__ = ["MAX_ITEMS", "MAX_NESTING", "Scan", "Tag", "Text", "compile_expression", "names_used", "scan"]

MAX_ITEMS = 100
MAX_NESTING = 10
MAX_FAULTS = 100
TagKind = Literal[
    "slot", "if", "elif", "else", "endif", "for", "endfor", "between", "numbered", "endnumbered", "number"
]
BEFORE = Message("{tag} before it")
_WORDS = ("if", "elif", "else", "endif", "for", "endfor")
_MARK = re.compile(r"\{\{|\{%|\{#|\}\}|%\}")
_STRING = r""""(?:[^"\\\n]|\\.){0,1000}"|'(?:[^'\\\n]|\\.){0,1000}'"""
_INSIDE = re.compile(rf"""(?:{_STRING}|(?!\{{\{{|\{{%|\{{\#|\}}\}}|%\}}).){{0,2000}}""", re.DOTALL)
_FOR = re.compile(r"\s*([^\W\d]\w*)\s+in\s+(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Text:
    """The text between tags, as it was written. Line and column (1-based) of its first character."""

    text: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag: ``source`` is its expression in normal form ("" for else and ends), ``name`` a loop's variable.

    An author cannot write the last four kinds: compile puts them where a text part needs them (places.py).
    ``place``: the place of a slot, if it does not follow from the text around it.
    """

    kind: TagKind
    source: str
    name: str
    line: int
    column: int
    raw: str
    place: EscapeContext | None = None


@dataclass(frozen=True, slots=True)
class Scan:
    """The result of :func:`scan`. With faults, ``pieces`` are only a best guess."""

    pieces: tuple[Union[Text, Tag], ...]
    faults: tuple[Fault, ...]

    @property
    def tags(self) -> tuple[Tag, ...]:
        """The tags alone."""
        return tuple(piece for piece in self.pieces if isinstance(piece, Tag))


def scan(source: str, *, file: str = "", first_line: int = 1, field: str = "body") -> Scan:
    """Return the texts and tags of ``source`` and all its faults, lines counted from ``first_line``."""
    return _Scanner(source, Fault(file, first_line, field, "", "")).run()


@dataclass(slots=True)
class _Open:
    """An ``if`` or ``for`` that is not closed yet."""

    tag: Tag
    had_else: bool = False


class _Scanner:
    def __init__(self, source: str, where: Fault) -> None:
        self.source, self.where = source, where
        self.pieces: list[Text | Tag] = []
        self.faults: list[Fault] = []
        self.open: list[_Open] = []
        self.line, self.counted, self.newline, self.comments = where.line, 0, -1, True

    def run(self) -> Scan:
        position = 0
        while len(self.faults) < MAX_FAULTS and (mark := _MARK.search(self.source, position)):
            self.text(position, mark.start())
            position = self.tag(mark)
        self.text(position, len(self.source))
        for unclosed in self.open:
            self.fault(
                unclosed.tag.line,
                unclosed.tag.raw,
                Message("{tag} further on", tag=f"{{% end{unclosed.tag.kind} %}}"),
            )
        return Scan(tuple(self.pieces), tuple(sorted(self.faults, key=lambda fault: fault.line)))

    def fault(self, line: int, found: str, expected: str, hint: str = "") -> None:
        shown = found if len(found) <= 80 else found[:77] + "..."
        self.faults.append(replace(self.where, line=line, found=shown, expected=expected, hint=hint))

    def place(self, position: int) -> tuple[int, int]:
        """Return line and column; calls come with rising positions, so that each line is counted once."""
        self.line += self.source.count("\n", self.counted, position)
        self.newline = max(self.newline, self.source.rfind("\n", self.counted, position))
        self.counted = position
        return self.line, position - self.newline

    def text(self, start: int, end: int) -> None:
        if start < end:
            self.pieces.append(Text(self.source[start:end], *self.place(start)))

    def tag(self, mark: re.Match[str]) -> int:
        """Take the tag that begins at ``mark``; return the position to go on from."""
        line, column = self.place(mark.start())
        opening = mark[0]
        if opening in ("}}", "%}"):
            self.fault(line, opening, BEFORE.format(tag="{{" if opening == "}}" else "{%"))
            return mark.end()
        if opening == "{#":
            end = self.source.find("#}", mark.end()) if self.comments else -1
            self.comments = end >= 0
            return end + 2 if end >= 0 else self.literal(mark)
        inside = _INSIDE.match(self.source, mark.end())
        end = inside.end() if inside else mark.end()
        closing = "}}" if opening == "{{" else "%}"
        if not self.source.startswith(closing, end):
            shown = self.source[mark.start() : mark.start() + 40].split("\n")[0]
            self.fault(line, shown, Message("{tag} where the tag ends", tag=closing))
            return mark.end()
        raw, body = self.source[mark.start() : end + 2], self.source[mark.end() : end]
        tag = Tag("slot", "", "", line, column, raw)
        if body[:1] == "-" or body[-1:] == "-":
            self.fault(line, raw, Message("a tag without a hyphen beside its braces"))
            body = body.strip("-")
        try:
            self.pieces.append(self.slot(tag, body) if opening == "{{" else self.statement(tag, body))
        except FaultsError as error:
            for fault in error.faults:
                self.fault(line + fault.line, fault.found, fault.expected, fault.hint)
        return end + 2

    def literal(self, mark: re.Match[str]) -> int:
        self.text(mark.start(), mark.end())
        return mark.end()

    def expression(self, body: str) -> Node:
        return parse(body, frozenset(item.tag.name for item in self.open if item.tag.kind == "for"))

    def slot(self, tag: Tag, body: str) -> Tag:
        node = self.expression(body)
        if is_condition(node):
            hint = Message("A condition stands in {% if … %}.")
            self.fault(tag.line, tag.raw, Message("something that can be printed"), hint)
        elif may_be_missing(node):
            hint = Message("Write {tag}", tag=f'{{{{ {unparse(node)} | default("…") }}}}')
            self.fault(tag.line, tag.raw, Message("a fallback for contacts that have no value"), hint)
        return replace(tag, source=unparse(node))

    def statement(self, tag: Tag, body: str) -> Tag:
        stripped = body.strip()
        word = re.split(r"[^\w]", stripped, maxsplit=1)[0]
        rest = stripped[len(word) :]
        if word not in _WORDS:
            self.fault(
                tag.line, tag.raw, Message("one of {names}", names=", ".join(_WORDS)), did_you_mean(word, _WORDS)
            )
            return tag
        # Line numbers inside the expression count from the tag's first line.
        rest = "\n" * body[: body.index(word)].count("\n") + rest
        if word in ("else", "endif", "endfor") and rest.strip():
            self.fault(tag.line, tag.raw, Message("{tag} with nothing else in it", tag=f"{{% {word} %}}"))
        match word:
            case "if":
                self.push(replace(tag, kind="if"))
                return replace(tag, kind="if", source=unparse(self.expression(rest)))
            case "for":
                return self.loop(tag, rest)
            case "elif" | "else":
                self.arm(tag, word)
                source = unparse(self.expression(rest)) if word == "elif" else ""
                return replace(tag, kind=word, source=source)
            case _:
                self.pop(tag, word)
                return replace(tag, kind=word)  # type: ignore[arg-type]

    def push(self, tag: Tag) -> None:
        if len(self.open) >= MAX_NESTING:
            self.fault(tag.line, tag.raw, Message("{number} levels of if and for at most", number=MAX_NESTING))
        self.open.append(_Open(tag))

    def loop(self, tag: Tag, rest: str) -> Tag:
        match = _FOR.fullmatch(rest)
        name = match[1] if match else ""
        nested = any(item.tag.kind == "for" for item in self.open)
        self.push(replace(tag, kind="for", name=name))
        if match is None or name in RESERVED:
            self.fault(tag.line, tag.raw, "{% for NAME in contact.LIST %}")
            return replace(tag, kind="for", name=name)
        if nested:
            self.fault(tag.line, tag.raw, Message("no loop within a loop"))
        node = parse(match[2], frozenset())
        if not isinstance(node, Name) or node.root != "contact":
            hint = Message("Only a contact's own list can be gone through.")
            self.fault(tag.line, tag.raw, "{% for NAME in contact.LIST %}", hint)
        return replace(tag, kind="for", name=name, source=unparse(node))

    def arm(self, tag: Tag, word: str) -> None:
        if not self.open or self.open[-1].tag.kind != "if":
            hint = Message("A loop has no else: put an if around it.") if self.open else ""
            self.fault(tag.line, tag.raw, BEFORE.format(tag="{% if … %}"), hint)
            return
        if self.open[-1].had_else:
            self.fault(tag.line, tag.raw, Message("{% else %} once, and last"))
        self.open[-1].had_else |= word == "else"

    def pop(self, tag: Tag, word: str) -> None:
        kind = word.removeprefix("end")
        if self.open and self.open[-1].tag.kind == kind:
            self.open.pop()
            return
        if any(item.tag.kind == kind for item in self.open):
            while self.open[-1].tag.kind != kind:
                unclosed = self.open.pop().tag
                expected = Message("first {tag}, and then {other}", tag=f"{{% end{unclosed.kind} %}}", other=tag.raw)
                self.fault(unclosed.line, unclosed.raw, expected)
            self.open.pop()
            return
        self.fault(tag.line, tag.raw, BEFORE.format(tag=f"{{% {kind} … %}}"))
