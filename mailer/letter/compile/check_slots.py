"""Slots without a value in the public version, which *read online* shows. Gives warnings, raises nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mailer.errors import Fault, FaultsError
from mailer.letter.compile.placeholders import Placeholders
from mailer.letter.compile.tree import Element
from mailer.letter.expression_tree import may_be_missing
from mailer.letter.expressions import parse
from mailer.letter.no_recipient import your_address
from mailer.letter.slots import Scan, Tag
from mailer.letter.source import LetterSource
from mailer.messages import Message


def unfilled_online(source: LetterSource, scans: Iterable[tuple[str, Scan]], addresses: set[Tag]) -> Iterator[Fault]:
    """Yield a warning for each slot that has a value for every contact, but not in the public version.

    ``addresses``: the slots that stand in an address.
    """
    if not source.online:
        return
    for field, scan in scans:
        for tag in scan.tags:
            if tag.kind == "slot" and _only_persons_have(tag.source):
                yield Fault(source.file, tag.line, field, tag.raw, *_words(source, tag, addresses), "warning")


def in_addresses(root: Element, placeholders: Placeholders) -> set[Tag]:
    """Return the slots that stand in an address."""
    targets = (element.target for element in root.walk())
    return {placeholders.tag(match[0]) for target in targets for match in placeholders.word.finditer(target)}


def _words(source: LetterSource, tag: Tag, addresses: set[Tag]) -> tuple[str, str]:
    expected = Message("a fallback for readers of the letter online")
    if tag in addresses:
        return expected, Message("Online this address is without it; a link to it alone is left out.")
    hint = Message("Online it says “{words}”. To choose the words: {tag}")
    written = f'{{{{ {tag.source} | default("…") }}}}'
    return expected, hint.format(words=your_address(source.language), tag=written)


def _only_persons_have(expression: str) -> bool:
    try:
        node = parse(expression, None)
    except FaultsError:  # already reported
        return False
    return may_be_missing(node, frozenset()) and not may_be_missing(node)
