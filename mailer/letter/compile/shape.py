"""Changes of a body's tree before it is written: lists that a loop fills, and what nobody in particular gets to see."""

from __future__ import annotations

from mailer.letter.compile.mask import Masker
from mailer.letter.compile.tree import Element
from mailer.letter.slots import Tag

_LISTS = ("bullet_list", "ordered_list")


def gather_lists(element: Element, masker: Masker) -> None:
    """Put a list around a loop that has one inside, so that its items make one list and not a list each.

    ``{% for x in contact.y %}`` / ``- {{ x }}`` / ``{% endfor %}`` becomes a list with a loop in it, and with an ``if``
    around it, so that there is no empty list.
    """
    children = element.children
    position = 0
    while position < len(children):
        loop = children[position]
        if (
            position + 2 < len(children)
            and _kind(loop, masker) == "for"
            and children[position + 1].kind in _LISTS
            and _kind(children[position + 2], masker) == "endfor"
        ):
            children[position : position + 3] = _gathered(children[position : position + 3], masker)
        position += 1
    for child in children:
        gather_lists(child, masker)


def for_nobody(element: Element, masker: Masker) -> None:
    """Leave out what is one reader's own: links to change details and to opt out. *Read online* is the page itself."""
    kept: list[Element] = []
    for child in element.children:
        if child.kind == "link" and masker.personal(child.target):
            for_nobody(child, masker)
            kept += child.children
        elif (child.kind == "block" and masker.personal(child.target)) or (
            child.kind == "slot" and masker.personal(child.text)
        ):
            continue
        else:
            for_nobody(child, masker)
            kept.append(child)
    element.children = kept


def _kind(element: Element, masker: Masker) -> str:
    return masker.tag(element.text).kind if element.kind == "control" else ""


def _gathered(found: list[Element], masker: Masker) -> list[Element]:
    loop, items, end = found
    tag = masker.tag(loop.text)
    before = masker.put(Tag("if", tag.source, "", tag.line, tag.column, tag.raw))
    after = masker.put(Tag("endif", "", "", tag.line, tag.column, tag.raw))
    items.children = [loop, *items.children, end]
    return [Element("control", loop.line, text=before), items, Element("control", end.line, text=after)]
