"""Service letters (details changed, confirm your sign-up, …): English files, translated through the catalogue.

``letters/NAME.md`` (to contacts) and ``letters/staff/NAME.md`` (to staff, domain ``console``) look like a campaign
file with only ``subject`` and ``preheader`` in front. Each of those, and each paragraph, heading and button label of
the body, is one message of its domain. A message and its translation have the same contact tags (a test compares
them). Lines that are only a tag (also as an item of a list), a fence or a divider are no message.

Raises ``FileNotFoundError`` for an unknown letter; an unknown language gives English.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import resources

from templates.words import words

_STRUCTURE = re.compile(r"\s*(?::{3,}.*|\{%[^%]*%\}|[-*]?\s*\{\{[^}]*\}\}|-{3,}|)\s*")
_KEYS = ("subject", "preheader")


@dataclass(frozen=True, slots=True)
class ServiceLetter:
    """A service letter in one language: the values that :class:`mailer.letter.source.LetterSource` needs."""

    name: str
    language: str
    subject: str
    preheader: str
    body: str
    body_line: int


def service_letter(name: str, language: str) -> ServiceLetter:
    """Return the letter ``letters/NAME.md`` in ``language``."""
    return _letter(name, language, letter_source(name), words(language, "letter").gettext)


def staff_letter(name: str, language: str) -> ServiceLetter:
    """Return the mail to staff ``letters/staff/NAME.md`` in ``language``."""
    return _letter(name, language, letter_source(name, "letters/staff"), words(language, "console").gettext)


def _letter(name: str, language: str, source: str, translate: Callable[[str], str]) -> ServiceLetter:
    head, body, line = _parts(source)
    return ServiceLetter(
        name=name,
        language=language,
        subject=translate(head["subject"]),
        preheader=translate(head["preheader"]) if head["preheader"] else "",
        body=_translated(body, translate),
        body_line=line,
    )


def letter_source(name: str, folder: str = "letters") -> str:
    """Return the English source of ``NAME.md`` in one of the folders of letters."""
    if not name.replace("_", "").isalnum():
        raise FileNotFoundError(name)
    return (resources.files("templates") / folder / f"{name}.md").read_text(encoding="utf-8")


def messages(source: str) -> Iterator[tuple[int, str]]:
    """Yield every message of a source with its line, for the catalogue."""
    head, body, first = _parts(source)
    for number, text in enumerate(source.splitlines(), start=1):
        if number >= first:
            break
        key, _, value = text.partition(":")
        if key in _KEYS and value.strip():
            yield number, head[key]
    for offset, chunk, is_message in _chunks(body):
        if is_message:
            yield first + offset, chunk


def _parts(source: str) -> tuple[dict[str, str], str, int]:
    lines = source.split("\n")
    end = lines.index("---", 1)
    head = dict.fromkeys(_KEYS, "")
    for line in lines[1:end]:
        key, _, value = line.partition(":")
        head[key.strip()] = value.strip()
    return head, "\n".join(lines[end + 1 :]), end + 2


def _translated(body: str, translate: Callable[[str], str]) -> str:
    return "\n".join(translate(chunk) if is_message else chunk for _, chunk, is_message in _chunks(body))


def _chunks(body: str) -> Iterator[tuple[int, str, bool]]:
    """Yield lines of structure one by one, and the runs of text between them as they are."""
    run: list[str] = []
    start = 0
    for offset, line in enumerate(body.split("\n")):
        if not _STRUCTURE.fullmatch(line):
            start = start if run else offset
            run.append(line)
            continue
        if run:
            yield start, "\n".join(run), True
            run = []
        yield offset, line, False
    if run:
        yield start, "\n".join(run), True
