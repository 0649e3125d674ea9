"""Targets of links, before a tree is written: one normal form for each address, and no link for contacts without one.

A slot that begins an address is the whole of it. A contact's value counts only if it is an address, else the fallback
does (``{{ contact.site | default("www.example.org") }}``). The same holds in each arm of a condition. Without either,
the text or picture stays without a link, and a button is left out. A link to a mailbox or a telephone is treated in the
same way. In the public version this also holds for values that every contact has (``mailto:{{ contact.email }}``).

Promises: HTML and the text part get the same address, for every contact.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from mailer.letter import addresses
from mailer.letter.compile.check_addresses import kind_of_slot
from mailer.letter.compile.checks import is_picture
from mailer.letter.compile.chosen import choice
from mailer.letter.compile.placeholders import Placeholders
from mailer.letter.compile.tree import Element
from mailer.letter.expression_tree import ALWAYS_THERE, Both, Constant, Filter, Name, Node, may_be_missing, unparse
from mailer.letter.expressions import parse
from mailer.letter.slots import Tag

_NOBODY: frozenset[str] = frozenset()


def settle_targets(root: Element, placeholders: Placeholders, *, public: bool) -> None:
    """Change a tree so that each address has its normal form, and each link is shown only with an address."""
    _settle(root, _Settler(placeholders, _NOBODY if public else ALWAYS_THERE))


def _settle(parent: Element, settler: _Settler) -> None:
    children: list[Element] = []
    for child in parent.children:
        link = _link_of(child)
        if link is None:
            _settle(child, settler)
            children.append(child)
            continue
        children += settler.settled(child, link)
    parent.children = children


def _link_of(element: Element) -> Element | None:
    """Return the element itself if it is a link or button, or the link around a paragraph's picture."""
    if is_picture(element):
        return next((child for child in element.children if child.kind == "link"), None)
    is_link = element.kind == "link" or (element.kind == "block" and bool(element.target))
    return element if is_link else None


@dataclass(frozen=True, slots=True)
class _Settler:
    placeholders: Placeholders
    there: frozenset[str]

    def target(self, target: str) -> tuple[str, list[str]]:
        """Return the address in its final form, and the expressions that need a value for it to exist."""
        if self.placeholders.personal(target):
            return target, []
        conditions: list[str] = []
        mark = re.search(r"[?#]", target)
        end = mark.start() if mark else len(target)
        chosen = any(word[1] == "c" for word in self.placeholders.word.finditer(target))  # by the author, so it exists
        settled = target
        for match in self.placeholders.word.finditer(target):
            if match[1] != "s":
                continue
            tag = self.placeholders.tag(match[0])
            node = parse(tag.source, None)
            if name := kind_of_slot(target, match, self.placeholders):
                node = _read(node, name)
                settled = settled.replace(match[0], self.placeholders.put(replace(tag, source=unparse(node))), 1)
                missing = _may_be_empty(node, self.there)
            else:
                missing = not self.there and may_be_missing(node, self.there) and match.start() < end
            if missing and not chosen:
                conditions.append(unparse(node))
        return written(settled, self.placeholders), conditions

    def settled(self, child: Element, link: Element) -> list[Element]:
        """Return the elements that replace one with a link: one for each address that a condition chooses."""
        chosen = choice(link.target, self.placeholders)
        if chosen is None:
            link.target, conditions = self.target(link.target)
            _settle(link, self)
            return self.guarded(child, link, conditions) if conditions else [child]
        found: list[Element] = []
        for word, target in chosen.arms:
            found.append(Element("control", child.line, text=word))
            arm = child.copy()
            own = arm if child is link else next(below for below in arm.children if below.kind == "link")
            own.target = target
            found += self.settled(arm, own) if target else _without(child, link)
        if not chosen.has_else and (rest := _without(child, link)):
            found += [self.control("else", "", child.line), *rest]
        return [*found, Element("control", child.line, text=chosen.end)]

    def guarded(self, child: Element, link: Element, conditions: list[str]) -> list[Element]:
        """Return the element with a condition around it, and the rest for contacts without an address."""
        node = parse(conditions[0], None)
        for source in conditions[1:]:
            node = Both("and", node, parse(source, None))
        rest = _without(child, link)
        middle = [self.control("else", "", child.line), *rest] if rest else []
        return [
            self.control("if", unparse(node), child.line),
            child,
            *middle,
            self.control("endif", "", child.line),
        ]

    def control(self, kind: str, source: str, line: int) -> Element:
        word = self.placeholders.put(Tag(kind, source, "", line, 0, f"{{% {kind} %}}"))  # type: ignore[arg-type]
        return Element("control", line, text=word)


def _without(child: Element, link: Element) -> list[Element]:
    """Return the rest of an element whose link has no address: its text and picture; nothing for a button."""
    without = child.copy()
    if child is link:
        return [] if child.kind == "block" else without.children
    inside = next(below for below in without.children if below.kind == "link")
    parts = [below.children if below is inside else [below] for below in without.children]
    without.children = [one for part in parts for one in part]
    return [without]


def written(target: str, placeholders: Placeholders) -> str:
    """Return a masked address in normal form; an invalid one is only encoded (:mod:`.checks` reports it)."""
    match = placeholders.word.match(target)
    if match:
        return target[: match.end()] + addresses.encoded(target[match.end() :])
    if any(word[1] == "c" for word in placeholders.word.finditer(target)):
        return addresses.encoded(target)
    try:
        return addresses.normal(target)
    except ValueError:
        return addresses.encoded(target)


def _read(node: Node, name: str) -> Node:
    """Return ``node`` with each of its values read as an address, also the author's fallbacks."""
    match node:
        case Filter(inner, "default", arguments) if arguments:
            return Filter(_read(inner, name), "default", (_read(arguments[0], name), *arguments[1:]))
        case Both("or", left, right):
            return Both("or", _read(left, name), _read(right, name))
        case Constant(value):
            read = {"_web": addresses.of_value, "_mail": addresses.mailbox, "_phone": addresses.phone}[name]
            return Constant(read(str(value)))
        case Name("links"):
            return node
        case _:
            return Filter(node, name)


def _may_be_empty(node: Node, there: frozenset[str]) -> bool:
    """Return whether a slot may give no address: an empty fallback is none."""
    match node:
        case Filter(inner, "default", arguments):
            return _may_be_empty(inner, there) and _may_be_empty(arguments[0], there)
        case Constant(value):
            return not value
        case Both("or", left, right):
            return _may_be_empty(left, there) and _may_be_empty(right, there)
        case Filter(Name("contact", "email"), "_mail"):
            return may_be_missing(Name("contact", "email"), there)
        case Name("links"):
            return False
        case _:
            return True
