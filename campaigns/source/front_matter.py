"""The head of a campaign file: lines of ``key: value`` between two lines of ``---`` (docs/campaign-file.md).

Promises: a value is the text to the end of its line, without spaces around it. It is taken literally: ``:``, ``#``,
``{{``, quotes, a leading zero and ``no`` too. Every fault is found in one go, each with its line. Pure: text in,
values and faults out; nothing raises. A head has :data:`MOST_LINES` lines at most; lines after them are not read.

Not YAML, on purpose: YAML cuts ``subject: … #dialoog``, reads ``language: no`` as False and ``slug: 0123`` as 83.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mailer import similar
from mailer.control_characters import IN_TEXT
from mailer.errors import Fault
from mailer.messages import Message

FENCE = "---"
MOST_LINES = 100
_SHOWN = 60
_KEY = re.compile(r"[A-Za-z_][\w-]*[ \t]*:")


@dataclass(frozen=True, slots=True)
class Head:
    """The values by key with the line of each, the body with its first line (1-based), and the faults."""

    values: Mapping[str, str]
    lines: Mapping[str, int]
    body: str
    body_line: int
    faults: tuple[Fault, ...]


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Return a hint when one of ``known`` looks like ``word``; else nothing."""
    near = similar.nearest(word.lower(), known)
    return Message("Did you mean {word}?", word=near[0]) if near else ""


def split(text: str, file: str, keys: Sequence[str]) -> Head:
    """Return head and body of ``text``; ``keys`` are those that a campaign file may have."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    lines = (text if "\n" in text else text.replace("\r", "\n")).split("\n")
    reader = _Reader(file, keys)
    if lines[0].rstrip() != FENCE:
        found = show(lines[0]) if text.strip() else Message("nothing")
        hint = Message(
            "Begin with ---, and below it slug, subject, from, language and topic, each on a line of its own."
        )
        reader.wrong(1, "---", found, Message("a first line of ---, the head of the file, and another ---"), hint)
        return Head({}, {}, text, 1, tuple(reader.faults))
    end = next((number for number, line in enumerate(lines[1:], 1) if line.rstrip() == FENCE), None)
    if end is None:
        end = next((number for number, line in enumerate(lines[1:], 1) if not _KEY.match(line)), len(lines))
        hint = Message("It seems to belong in line {line}.", line=end + 1)
        expected = Message("a line of --- after the head, then the text of the letter")
        reader.wrong(1, "---", Message("no second ---"), expected, hint)
    if end - 1 > MOST_LINES:
        found = Message("a head of {number} lines", number=end - 1)
        reader.wrong(MOST_LINES + 2, "---", found, Message("{number} lines at most", number=MOST_LINES))
    for number, line in enumerate(lines[1 : min(end, MOST_LINES + 1)], 2):
        reader.take(number, line)
    return Head(reader.values, reader.lines, "\n".join(lines[end + 1 :]), end + 2, tuple(reader.faults))


class _Reader:
    """Takes line by line, and collects values and faults."""

    def __init__(self, file: str, keys: Sequence[str]) -> None:
        self.file, self.keys = file, keys
        self.values: dict[str, str] = {}
        self.lines: dict[str, int] = {}
        self.faults: list[Fault] = []

    def wrong(self, line: int, field: str, found: str, expected: str, hint: str = "") -> None:
        """Note one fault."""
        self.faults.append(Fault(self.file, line, field[:_SHOWN], found, expected, hint))

    def take(self, number: int, line: str) -> None:
        """Take one line of the head."""
        if not line.strip():
            return
        key, colon, value = line.partition(":")
        if not colon or line[0] in " \t#" or not re.fullmatch(r"[A-Za-z_][\w-]*", key.rstrip()):
            hints = dict.fromkeys(" \t", Message("A value ends at the end of its line."))
            hint = (hints | {"#": Message("Comments cannot stand here: delete the line.")}).get(line[0], "")
            self.wrong(number, "---", show(line), Message("key: value, such as subject: News of September"), hint)
            return
        key, value = key.rstrip(), value.strip()
        if key not in self.keys:
            self.wrong(
                number, key, Message("an unknown key"), Message("one of the keys of a campaign file"), self._near(key)
            )
        elif key in self.values:
            self.wrong(
                number,
                key,
                Message("the key a second time"),
                Message("each key once; it stands in line {line} too", line=self.lines[key]),
            )
        elif control := IN_TEXT.search(value):
            hint = Message("It cannot be seen: delete the line and type it again.")
            self.wrong(number, key, f"U+{ord(control[0]):04X}", Message("text without control characters"), hint)
            self.lines[key] = number
        else:
            self.values[key], self.lines[key] = value, number

    def _near(self, key: str) -> str:
        return did_you_mean(key[:_SHOWN], self.keys)


def show(text: str) -> str:
    """Return the text as it can be used in a fault: short, on one line, quoted."""
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "...")
