"""The expressions between ``{{`` and ``}}``: a small, checked subset of Jinja's language, parsed to a tree.

Names (``contact.NAME``, ``contact["a name"]``, ``links.NAME``, loop variables), texts, numbers, lists of these,
comparisons, ``and or not in``, and the filters of this project. Nothing in it can compute, call, loop or grow, so no
expression can run without end during sending (docs/campaign-file.md; E31, E32).

Promises: :func:`parse` gives a tree or raises ``FaultsError`` with one fault that names the text found and the form
expected. Time is linear in the length, which is bounded, and so is the depth. Success does not mean that a contact has
the attribute.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import NoReturn

from mailer import similar
from mailer.errors import Fault, FaultsError
from mailer.letter.expression_tree import Both, Compare, Constant, Filter, Name, Node, Not
from mailer.letter.filters import FILTERS, INTERNAL
from mailer.messages import Message

MAX_LENGTH = 2_000
MAX_DEPTH = 10
LINKS = ("online", "details", "optout")
ROOTS = ("contact", "links")
RESERVED = frozenset(
    {"and", "or", "not", "in", "is", "if", "elif", "else", "endif", "for", "endfor", "loop", "contact", "links"}
    | {"true", "false", "none", "True", "False", "None"}
)


_TOKEN = re.compile(
    r"""\s*(?:(?P<name>[^\W\d]\w*)|(?P<number>\d+(?:\.\d+)?)|(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
    r"""|(?P<sign>==|!=|<=|>=|[<>.,|()\[\]-]))""",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
_NO_ARITHMETIC = Message("Arithmetic is not possible in a letter.")
_STRAIGHT = Message('Use straight quotes: "')
_ABSENT = Message("Attributes are text: write the name alone, or not and the name.")
_MEANT = Message("Did you mean {word}?")
_ONE_OF = Message("one of {names}")
_HINTS = dict.fromkeys("+*/%", _NO_ARITHMETIC) | dict.fromkeys("“”„‘’", _STRAIGHT)
_HINTS |= dict.fromkeys(("true", "false", "none", "True", "False", "None"), _ABSENT)
_HINTS |= {
    "-": Message("Arithmetic is not possible in a letter; leave out a hyphen beside a brace."),
    "~": Message("Write the two contact tags beside each other."),
    "(": Message("Nothing can be called in a letter; a filter is written after |."),
    "=": Message("To compare, write ==."),
    "&": Message("Write and."),
    "!": Message("Write not."),
    "if": Message("Write {% if … %} … {% else %} … {% endif %}."),
    "is": Message("To ask whether there is a value, write the name alone: {% if contact.name %}."),
}


def parse(source: str, loop_names: frozenset[str] | None = frozenset()) -> Node:
    """Return the tree of an expression. ``loop_names``: the variables of the loops around it (``None``: any name).

    Raises ``FaultsError`` with one fault; its line counts from 0 within ``source``.
    """
    return _Parser(source, loop_names).whole()


class _Parser:
    """A recursive-descent parser over the tokens, one method for each level of precedence (loosest first)."""

    def __init__(self, source: str, loop_names: frozenset[str] | None) -> None:
        self.source, self.loop_names = source, loop_names
        self.depth = self.at = 0
        self.tokens: list[tuple[str, str, int]] = []
        if len(source) > MAX_LENGTH:
            self.fault(Message("a tag that is too long"), Message("{number} characters at most", number=MAX_LENGTH), 0)
        position, end = 0, len(source.rstrip())
        while position < end:
            match = _TOKEN.match(source, position)
            if match is None:
                start = position + len(source[position:]) - len(source[position:].lstrip())
                expected = Message("a name, a text in quotes, a number, a comparison or a filter")
                self.fault(repr(source[start]), expected, start, _HINTS.get(source[start], ""))
            self.tokens.append((match.lastgroup or "", match[match.lastgroup or 0], match.start(match.lastgroup or 0)))
            position = match.end()
        self.tokens.append(("end", "", end))

    def fault(self, found: str, expected: str, position: int, hint: str = "") -> NoReturn:
        line = self.source.count("\n", 0, position)
        raise FaultsError([Fault("", line, "tag", found, expected, hint)])

    def unexpected(self, expected: str) -> NoReturn:
        _, text, position = self.tokens[self.at]
        self.fault(repr(text) if text else Message("nothing more"), expected, position, _HINTS.get(text, ""))

    def peek(self, *texts: str) -> bool:
        kind, text, _ = self.tokens[self.at]
        return kind in ("sign", "name") and text in texts

    def accept(self, *texts: str) -> str:
        if not self.peek(*texts):
            return ""
        self.at += 1
        return self.tokens[self.at - 1][1]

    def expect(self, text: str) -> None:
        if not self.accept(text):
            self.unexpected(text)

    def whole(self) -> Node:
        node = self.either()
        if self.tokens[self.at][0] != "end":
            self.unexpected(Message("the end of the tag, a filter after |, or a comparison"))
        return node

    def either(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            expected = Message("{number} levels at most", number=MAX_DEPTH)
            self.fault(Message("brackets in brackets"), expected, self.tokens[self.at][2])
        node = self.all_of()
        while self.accept("or"):
            node = Both("or", node, self.all_of())
        self.depth -= 1
        return node

    def all_of(self) -> Node:
        node = self.negated()
        while self.accept("and"):
            node = Both("and", node, self.negated())
        return node

    def negated(self) -> Node:
        count = 0
        while self.accept("not"):
            count += 1
        if count > MAX_DEPTH:
            self.unexpected(Message("{number} times not at most", number=MAX_DEPTH))
        node = self.comparison()
        for _ in range(count):
            node = Not(node)
        return node

    def comparison(self) -> Node:
        left = self.filtered()
        operator = self.accept(*_COMPARISONS, "in")
        if not operator and self.accept("not"):
            self.expect("in")
            operator = "not in"
        if not operator:
            return left
        node = Compare(operator, left, self.filtered())  # type: ignore[arg-type]
        if self.peek(*_COMPARISONS, "in"):
            self.unexpected(Message("one comparison; join two with and"))
        return node

    def filtered(self) -> Node:
        node = self.primary()
        count = 0
        while self.accept("|"):
            count += 1
            if count > MAX_DEPTH:
                self.unexpected(Message("{number} filters at most", number=MAX_DEPTH))
            node = self.one_filter(node)
        if self.peek("("):
            self.unexpected(Message("a filter after |, a comparison or the end of the tag"))
        return node

    def one_filter(self, inner: Node) -> Node:
        kind, name, position = self.tokens[self.at]
        if kind != "name":
            self.unexpected(Message("the name of a filter: {names}", names=", ".join(FILTERS)))
        rule = FILTERS.get(name) or (INTERNAL.get(name) if self.loop_names is None else None)
        if rule is None:
            found, known = Message("an unknown filter: {name}", name=name), ", ".join(FILTERS)
            self.fault(found, _ONE_OF.format(names=known), position, did_you_mean(name, FILTERS))
        self.at += 1
        arguments: list[Node] = []
        if self.accept("("):
            while not self.accept(")"):
                arguments.append(self.argument())
                if not self.peek(")"):
                    self.expect(",")
        if wrong := rule.check(tuple(part.value if isinstance(part, Constant) else part for part in arguments)):
            self.fault(
                Message("the filter {name} with something else between its brackets", name=name), wrong, position
            )
        return Filter(inner, name, tuple(arguments))

    def argument(self) -> Node:
        if truth := self.accept("true", "True", "false", "False"):
            return Constant(truth.lower() == "true")
        return self.primary()

    def primary(self) -> Node:
        kind, text, position = self.tokens[self.at]
        if kind in ("text", "number") or self.peek("-"):
            return Constant(self.literal())
        if self.accept("["):
            return Constant(self.items("]"))
        if self.accept("("):
            return self.bracketed()
        if kind != "name" or text in RESERVED - set(ROOTS):
            self.unexpected(Message("a name such as contact.name, or a text in quotes"))
        self.at += 1
        return self.name(text, position)

    def bracketed(self) -> Node:
        if self.tokens[self.at][0] in ("text", "number") and self.tokens[self.at + 1][1] == ",":
            return Constant(self.items(")"))
        node = self.either()
        self.expect(")")
        return node

    def items(self, close: str) -> tuple[str | int | Decimal, ...]:
        found: list[str | int | Decimal] = []
        while not self.accept(close):
            found.append(self.literal())
            if not self.peek(close):
                self.expect(",")
        return tuple(found)

    def literal(self) -> str | int | Decimal:
        minus = self.accept("-")
        kind, text, _ = self.tokens[self.at]
        if kind == "text" and not minus:
            self.at += 1
            return _ESCAPE.sub(lambda match: {"n": "\n", "t": "\t"}.get(match[1], match[1]), text[1:-1])
        if kind != "number" or len(text) > 40:
            if minus:
                self.at -= 1
            self.unexpected(Message("a text in quotes or a number"))
        self.at += 1
        return Decimal(minus + text) if "." in text else int(minus + text)

    def name(self, root: str, position: int) -> Node:
        if root not in ROOTS:
            if self.loop_names is None or root in self.loop_names:
                return Name(root)
            known = (*ROOTS, *sorted(self.loop_names))
            hint = did_you_mean(root, known) or _MEANT.format(word=f"contact.{root}")
            self.fault(repr(root), Message("contact.NAME, links.NAME or the variable of a loop"), position, hint)
        attribute = self.attribute(root)
        if root == "links" and attribute not in LINKS:
            expected = _ONE_OF.format(names=", ".join(f"links.{name}" for name in LINKS))
            self.fault(repr(f"links.{attribute}"), expected, position, did_you_mean(attribute, LINKS))
        if self.peek(".", "["):
            self.unexpected(Message("a single name after {root}", root=root))
        return Name(root, attribute)

    def attribute(self, root: str) -> str:
        if self.accept("["):
            found = self.literal()
            self.expect("]")
            if isinstance(found, str) and found:
                return found
            self.at -= 2
            self.unexpected(Message("the name of an attribute, in quotes"))
        dotted = self.accept(".")
        kind, text, _ = self.tokens[self.at]
        if not dotted or kind != "name":
            example = f"{root}.{'online' if root == 'links' else 'name'}"
            self.unexpected(Message("a name after {root}, such as {example}", root=root, example=example))
        self.at += 1
        return text


def did_you_mean(found: str, known: Iterable[str]) -> str:
    """Return a hint with the nearest of ``known`` (names), or ""."""
    near = similar.nearest(found[:80].lower(), known, 0.5)
    return _MEANT.format(word=near[0]) if near else ""
