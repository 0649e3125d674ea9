"""Changes of a body's tree before it is written. Lists and lines that conditions tear apart are joined. Links of one
contact are left out of the public version, and elements that a condition may empty get one around them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mailer.letter.compile.placeholders import Placeholders
from mailer.letter.compile.presence import ConditionalGroup, condition, groups, presence
from mailer.letter.compile.tree import Element
from mailer.letter.slots import Tag

_LISTS = ("bullet_list", "ordered_list")
_LEAVES = frozenset({"paragraph", "heading", "table"})
_AROUND = _LEAVES | {"list_item", "blockquote", "block", *_LISTS}


def gather_lists(element: Element, placeholders: Placeholders) -> None:
    """Join lists with tags on lines of their own between, around or within them into one list.

    So a loop around an item gives one list, and an item under a condition leaves the items around it in their list.
    Numbered lists belong together if their numbers go on, or if there is no empty line between them.
    """
    element.children = _gathered(element.children, placeholders)
    for child in element.children:
        gather_lists(child, placeholders)


def _gathered(children: Sequence[Element], placeholders: Placeholders) -> list[Element]:
    found: list[Element] = []
    run: list[ConditionalGroup] = []
    for group in groups(children, placeholders):
        if run and not _together(run[-1], group, placeholders):
            found += _one_list(run)
            run = []
        if _kind(group, placeholders):
            run.append(group)
        else:
            found += _flat(
                [ConditionalGroup(group.tags, tuple(_within(arm, group, placeholders) for arm in group.arms))]
            )
    return found + _one_list(run)


def _within(arm: Sequence[Element], group: ConditionalGroup, placeholders: Placeholders) -> Sequence[Element]:
    """Gather the elements behind a tag too; an element alone stays as it is."""
    return _gathered(arm, placeholders) if group.tags else arm


def jumps(numbered: Element, placeholders: Placeholders) -> dict[int, int]:
    """Return the items of a numbered list, by ``id``, whose number is not the next one under any condition.

    If all numbers are equal, the list is counted and has no such items.
    """
    found: dict[int, int] = {}
    written = [int(item.name) for item in _items(groups(numbered.children, placeholders), placeholders)]
    if len(set(written)) > 1:
        _jumps(groups(numbered.children, placeholders), {written[0]}, placeholders, found)
    return found


def for_nobody(element: Element, placeholders: Placeholders) -> None:
    """Leave out a contact's own links: to change details and to opt out. *Read online* is the page itself."""
    kept: list[Element] = []
    for child in element.children:
        if child.kind == "link" and placeholders.personal(child.target):
            for_nobody(child, placeholders)
            kept += child.children
        elif (child.kind == "block" and placeholders.personal(child.target)) or (
            child.kind == "slot" and placeholders.personal(child.text)
        ):
            continue
        else:
            for_nobody(child, placeholders)
            kept.append(child)
    element.children = kept


def hide_empty(element: Element, placeholders: Placeholders, *, leaves: bool) -> None:
    """Put a condition around elements that may be empty: paragraphs, headings, tables, and lists, items and so on.

    With ``leaves``, only around the first three and buttons: a text part needs no more.
    """
    children: list[Element] = []
    for child in element.children:
        if child.name != "button":  # its only line is hidden with it
            hide_empty(child, placeholders, leaves=leaves)
        may_be_empty = child.kind in (_LEAVES if leaves else _AROUND) or child.name == "button"
        shown = presence(child, placeholders) if may_be_empty else None
        source = condition(shown) if shown else ""
        if not source:
            children.append(child)
            continue
        child.sure = True
        before, after = (placeholders.put(Tag(kind, source, "", 0, 0, "")) for kind in ("if", "endif"))
        children += [Element("control", child.line, text=before), child, Element("control", child.line, text=after)]
    element.children = children


def _kind(group: ConditionalGroup, placeholders: Placeholders) -> str:
    """Return the kind of list that a group is made of, if it is lists and tags and nothing else."""
    if not group.tags:
        child = group.arms[0][0]
        return child.kind if child.kind in _LISTS else ""
    kinds = {_kind(below, placeholders) for arm in group.arms for below in groups(arm, placeholders)}
    return kinds.pop() if len(kinds) == 1 else ""


def _together(above: ConditionalGroup, below: ConditionalGroup, placeholders: Placeholders) -> bool:
    kind = _kind(below, placeholders)
    if not kind or kind != _kind(above, placeholders) or not (above.tags or below.tags):
        return False
    first = next(element for element in _flat([below]) if element.kind == kind)
    if kind == "bullet_list" or first.close:
        return True
    last = [int(item.name) for item in _items([above], placeholders)][-1]
    return int(first.name) in (last, last + 1) and int(first.name) != 1


def _one_list(run: Sequence[ConditionalGroup]) -> list[Element]:
    elements = _flat(run)
    if not any(group.tags for group in run):
        return elements
    first = next(element for element in elements if element.kind in _LISTS)
    inside = [below for each in elements for below in (each.children if each.kind in _LISTS else [each])]
    return [Element(first.kind, elements[0].line, inside, name=first.name, close=elements[0].close)]


def _flat(run: Iterable[ConditionalGroup]) -> list[Element]:
    found: list[Element] = []
    for group in run:
        if not group.tags:
            found += group.arms[0]
        for tag, arm in zip(group.tags, group.arms, strict=bool(group.tags)):
            found += [tag, *arm]
    return found


def _items(run: Iterable[ConditionalGroup], placeholders: Placeholders) -> list[Element]:
    """Return the items in some groups, in order."""
    found: list[Element] = []
    for element in _flat(run):
        if element.kind in _LISTS:
            found += _items(groups(element.children, placeholders), placeholders)
        elif element.kind == "list_item":
            found.append(element)
    return found


def _jumps(
    run: Sequence[ConditionalGroup], following: set[int], placeholders: Placeholders, found: dict[int, int]
) -> set[int]:
    """Return the numbers that may come next after a run, ``following`` are those that may begin it."""
    for group in run:
        if group.tags:
            ends = following
            for arm in group.arms:  # an arm may repeat the numbers of the one before it, or go on
                ends = ends | _jumps(groups(arm, placeholders), ends, placeholders, found)
            following = ends
            continue
        number = int(group.arms[0][0].name)
        if number not in following:
            found[id(group.arms[0][0])] = number
        following = {number + 1}
    return following
