"""Presence of a body's parts: always shown, never, or under a condition; so that hidden parts leave no trace.

:func:`presence` gives ``None`` for a part that is always shown, else the conditions (expressions of the checked subset)
of which one must be true. No conditions mean that it is never shown. A slot whose fallback is empty counts as a
condition on its value.

Where conditions become too long to be one expression, a part counts as always shown: it may leave an empty line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mailer.errors import FaultsError
from mailer.letter.compile.placeholders import Placeholders
from mailer.letter.compile.tree import Element
from mailer.letter.slots import Tag, compile_expression

Presence = tuple[str, ...] | None
MOST = 8  # conditions that are combined at most
_NO_FALLBACK = re.compile(r'([\w.]+) \| default\("\s*"\)')
_NOTHING = frozenset({"softbreak", "hardbreak", "comment", "definition", "html_inline"})
_SOLID = frozenset({"image", "hr", "fence", "code_inline", "th", "td", "tr", "stray_fence"})


@dataclass(frozen=True, slots=True)
class ConditionalGroup:
    """An element, or a run from ``if`` to ``endif`` or ``for`` to ``endfor``: its tags, and the parts behind each."""

    tags: tuple[Element, ...]
    arms: tuple[Sequence[Element], ...]


def groups(children: Sequence[Element], placeholders: Placeholders) -> list[ConditionalGroup]:
    """Return the elements in order, those between tags as one group."""
    found: list[ConditionalGroup] = []
    position = 0
    while position < len(children):
        first = children[position]
        position += 1
        if first.kind != "control":
            found.append(ConditionalGroup((), ([first],)))
            continue
        tags, arms, depth = [first], [list[Element]()], 1
        while position < len(children) and depth:
            child = children[position]
            kind = placeholders.tag(child.text).kind if child.kind == "control" else ""
            depth += (kind in ("if", "for")) - (kind in ("endif", "endfor"))
            if depth == 0 or (depth == 1 and kind in ("elif", "else")):
                tags.append(child)
                arms.append([])
            else:
                arms[-1].append(child)
            position += 1
        found.append(ConditionalGroup(tuple(tags), tuple(arms)))
    return found


def presence(element: Element, placeholders: Placeholders) -> Presence:
    """Return the conditions under which a part of an element is shown."""
    if element.sure or element.kind in _SOLID:
        return None
    if element.kind == "list_item" and not element.children:
        return None  # an empty item that the author wrote
    if element.kind in _NOTHING:
        return ()
    if element.kind == "slot":
        empty = _NO_FALLBACK.fullmatch(placeholders.tag(element.text).source)
        return (empty[1],) if empty else None
    if element.kind == "text":
        return None if element.text.strip() else ()
    if element.kind == "table":
        return of_run([row for part in element.children[1:] for row in part.children], placeholders) or None
    return of_run(element.children, placeholders)


def of_run(children: Sequence[Element], placeholders: Placeholders) -> Presence:
    """Return the conditions under which a part of one of several elements is shown."""
    return any_of(of_group(group, placeholders) for group in groups(children, placeholders))


def of_group(group: ConditionalGroup, placeholders: Placeholders) -> Presence:
    """Return the conditions under which a part of a group is shown."""
    if not group.tags:
        return presence(group.arms[0][0], placeholders)
    arms = [of_run(arm, placeholders) for arm in group.arms]
    tags = [placeholders.tag(tag.text) for tag in group.tags]
    if tags[0].kind == "for":
        return (tags[0].source,) if arms[0] != () else ()
    found: list[str] = []
    before: list[str] = []  # conditions of arms that show nothing, or not always
    for number, (tag, arm) in enumerate(zip(tags, arms, strict=True)):
        parts = [f"({tag.source})"] if tag.source else []
        parts += [f"not ({source})" for source in before]
        parts += [f"({' or '.join(arm)})"] if arm else []
        if arm != () and tag.kind != "endif":
            found.append(" and ".join(parts) if len(parts) > 1 or not tag.source else tag.source)
        if arm is not None and tag.source:
            before.append(tag.source)
        if tag.kind == "else" and all(each is None for each in arms[: number + 1]):
            return None
    return tuple(found)


def any_of(several: Iterable[Presence]) -> Presence:
    """Return the conditions under which one of several is shown."""
    found: dict[str, None] = {}
    for each in several:
        if each is None:
            return None
        found |= dict.fromkeys(each)
    return tuple(found) if len(found) <= MOST else None


def condition(conditions: Sequence[str]) -> str:
    """Return one expression for several, of which one must be true; "" if it would be too long."""
    source = conditions[0] if len(conditions) == 1 else " or ".join(f"({each})" for each in conditions)
    try:
        compile_expression(source, "en")
    except FaultsError:
        return ""
    return source


def when(shown: Presence, then: str, otherwise: str, placeholders: Placeholders) -> str:
    """Return the words of a condition around two texts; only one text where the choice is already known."""
    source = condition(shown) if shown else ""
    if shown == () or then == otherwise:
        return otherwise
    if not source:
        return then
    words = [
        placeholders.put(Tag(kind, source if kind == "if" else "", "", 0, 0, "")) for kind in ("if", "else", "endif")
    ]
    return f"{words[0]}{then}{words[1]}{otherwise}{words[2]}"
