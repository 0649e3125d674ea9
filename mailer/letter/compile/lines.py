"""Lines of a paragraph that may be empty: each vanishes with its break, and a word with the blank before it.

A line ends where the author put a break, outside conditions. A part that may be empty is a slot whose fallback is
empty, or a condition that shows nothing. Promises: each line is looked at once; a paragraph that is always whole stays
as it is.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailer.letter.compile.placeholders import Placeholders
from mailer.letter.compile.presence import ConditionalGroup, Presence, any_of, condition, groups, of_group, of_run
from mailer.letter.compile.tree import Element
from mailer.letter.personalise import is_personal
from mailer.letter.slots import Tag

_BREAKS = ("softbreak", "hardbreak")
_INLINE = frozenset({"paragraph", "heading", "th", "td", "strong", "em", "link"})
_BLANK = " \t"
_CLOSE = tuple(",.;:!?)")  # signs with no blank before them


def hide_lines(element: Element, placeholders: Placeholders) -> None:
    """Put a condition around each line that may be empty, with its break; and around such words with their blank."""
    if element.kind in _INLINE:
        element.children = _lines(element.children, placeholders)
    for child in element.children:
        hide_lines(child, placeholders)


def settle_choices(element: Element, placeholders: Placeholders) -> None:
    """Replace a choice within a line, in the public version, by the content behind its *else*.

    There all conditions on a contact are false, also those that :func:`hide_lines` would write for a choice.
    """
    if element.kind in _INLINE:
        element.children = _settled(element.children, placeholders)
    for child in element.children:
        settle_choices(child, placeholders)


def _settled(children: Sequence[Element], placeholders: Placeholders) -> list[Element]:
    found: list[Element] = []
    for group in groups(children, placeholders):
        tags = [placeholders.tag(tag.text) for tag in group.tags]
        if len(tags) > 2 and tags[-2].kind == "else" and all(is_personal(tag.source) for tag in tags[:-2]):
            otherwise = _settled(group.arms[-2], placeholders)
            found += otherwise if of_run(otherwise, placeholders) is None else flat(group)
        else:
            found += flat(group)
    return found


def _lines(children: Sequence[Element], placeholders: Placeholders) -> list[Element]:
    lines: list[tuple[list[Element], list[ConditionalGroup]]] = [
        ([], [])
    ]  # the break before a line, and the groups on it
    for group in groups(children, placeholders):
        if not group.tags and group.arms[0][0].kind in _BREAKS:
            lines.append(([group.arms[0][0]], []))
        else:
            lines[-1][1].append(group)
    found: list[Element] = []
    above: Presence = ()
    for number, (before, line) in enumerate(lines):
        shown = any_of(of_group(group, placeholders) for group in line)
        inside = _words(line, placeholders)
        lead = before if above is None or number == 0 else _under(above, before, placeholders)
        if shown == ():
            found += inside
        else:
            found += [*lead, *inside] if shown is None else _under(shown, [*lead, *inside], placeholders)
        above = any_of((above, shown))
    return found


def _under(shown: Presence, inside: list[Element], placeholders: Placeholders) -> list[Element]:
    """Return elements under a condition; without it if it would be too long, none if it is never true."""
    if shown == ():
        return []
    source = condition(shown) if shown else ""
    if not source or not inside:
        return inside
    line = inside[0].line
    first, last = (
        Element("control", line, text=placeholders.put(Tag(kind, source, "", 0, 0, ""))) for kind in ("if", "endif")
    )
    return [first, *inside, last]


def _words(line: Sequence[ConditionalGroup], placeholders: Placeholders) -> list[Element]:
    """Return the line, each part that may be empty together with the blank that separates it."""
    found: list[Element] = []
    begins = True  # nothing so far is always shown
    for number, group in enumerate(line):
        shown = of_group(group, placeholders)
        inside = flat(group)
        after = line[number + 1].arms[0][0] if number + 1 < len(line) and not line[number + 1].tags else None
        text = after.text if after and after.kind == "text" else ""
        if not shown or (after and not text):
            found += inside
        elif begins and text[:1] in tuple(_BLANK) and after:
            after.text = text[1:]
            blank = Element("text", after.line, text=" ")
            found += _under(shown, [*inside, blank], placeholders)
        elif found and found[-1].kind == "text" and found[-1].text.endswith(tuple(_BLANK)) and _ends(text):
            found[-1].text = found[-1].text[:-1]
            blank = Element("text", found[-1].line, text=" ")
            found += _under(shown, [blank, *inside], placeholders)
        else:
            found += inside
        begins = begins and shown is not None
    return found


def _ends(text: str) -> bool:
    return not text or text.startswith((*_BLANK, *_CLOSE))


def flat(group: ConditionalGroup) -> list[Element]:
    """Return the elements of a group, with its tags."""
    if not group.tags:
        return list(group.arms[0])
    return [each for tag, arm in zip(group.tags, group.arms, strict=True) for each in (tag, *arm)]
