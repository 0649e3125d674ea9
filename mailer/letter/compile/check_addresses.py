"""Checks of the address of a link or button, and of the slots in it. Yields findings, raises nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from mailer.letter import addresses
from mailer.letter.compile.placeholders import Placeholders
from mailer.letter.expression_tree import Both, Constant, Filter, Name, Node
from mailer.letter.expressions import parse
from mailer.messages import Message

AddressFinding = tuple[Literal["error", "warning"], str, str, str]  # how grave, found, expected, hint
_MEANT = Message("Did you mean {word}?")
_SCHEMELESS = re.compile(r"[\w-]+(\.[\w-]+)+")
_EXAMPLES = {"_web": "https://www.example.org", "_mail": "info@example.org", "_phone": "+31701234567"}


def address_faults(target: str, placeholders: Placeholders) -> Iterator[AddressFinding]:
    """Yield the faults of a masked address."""
    words = list(placeholders.word.finditer(target))
    begins = bool(words) and words[0].start() == 0
    if not begins and not any(match[1] == "c" for match in words):
        yield from _written(target, placeholders)
    for match in words:
        if match[1] == "s" and (kind := kind_of_slot(target, match, placeholders)):
            yield from _fallbacks(placeholders.show(match[0]), parse(placeholders.tag(match[0]).source, None), kind)


def kind_of_slot(target: str, match: re.Match[str], placeholders: Placeholders) -> str:
    """Return the filter for a slot that is a whole address, recipient or number; "" for a part of one."""
    before, after = target[: match.start()], target[match.end() :]
    if not placeholders.word.sub(lambda word: "" if word[1] == "c" else word[0], before).strip():
        return "_web"
    scheme, colon, rest = before.partition(":")
    known = {"mailto": "_mail", "tel": "_phone", "sms": "_phone"}.get(scheme.strip().lower(), "")
    if not known or not colon or "?" in rest:
        return ""
    alone = (not rest or (known == "_mail" and rest.endswith(","))) and (not after or after[0] in "?,;")
    return known if alone else ""


def _written(target: str, placeholders: Placeholders) -> Iterator[AddressFinding]:
    """Yield the faults of the address as the author wrote it, with a sample in place of each slot."""
    mail = target[:7].lower() == "mailto:"
    sample = placeholders.word.sub(
        "someone@example.org" if mail and "@" not in target.partition("?")[0] else "some1", target
    )
    if mail and "," in target.partition("?")[0]:
        people, mark, rest = target.partition("?")
        kept = [one for one in people[7:].split(",") if not placeholders.word.search(one)]
        sample = f"mailto:{','.join(kept) or 'someone@example.org'}{mark}{placeholders.word.sub('some1', rest)}"
    try:
        addresses.normal(sample)
    except ValueError as error:
        shown = placeholders.show(target)
        hint = _MEANT.format(word=f"https://{shown}") if _SCHEMELESS.match(target) else ""
        if target.startswith("//"):
            hint = _MEANT.format(word=f"https:{shown}")
        elif target[:1] in "/.?":
            hint = Message("A letter lies in no folder: write the whole address.")
        yield "error", target, str(error), hint


def _fallbacks(shown: str, node: Node, kind: str) -> Iterator[AddressFinding]:
    """Check that the fallback of a value is an address too; otherwise the link cannot be followed."""
    read = {"_web": addresses.of_value, "_mail": addresses.mailbox, "_phone": addresses.phone}[kind]
    example = f'default("{_EXAMPLES[kind]}")'
    for text in _texts(node):
        if not read(text):
            expected = Message("a fallback that is an address, such as {example}", example=example)
            hint = Message("Contacts without a value get the text without a link, and no button.")
            yield "warning", shown, expected, hint


def _texts(node: Node) -> Iterator[str]:
    """Yield the texts that a slot shows for contacts without a value."""
    match node:
        case Filter(inner, "default", arguments):
            yield from (str(part.value) for part in arguments[:1] if isinstance(part, Constant))
            yield from _texts(inner)
        case Filter(inner) if not isinstance(inner, Name):
            yield from _texts(inner)
        case Both("or", left, right):
            for part in (left, right):
                yield from ((str(part.value),) if isinstance(part, Constant) else _texts(part))
        case _:
            return
