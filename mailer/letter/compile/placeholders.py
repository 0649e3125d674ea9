"""Contact tags as words without spaces, so that Markdown, jinja2 and premailer leave them alone.

:class:`Placeholders` belong to one compilation. The words are letters and digits only, made from the text itself, and
occur nowhere in it. Equal sources give equal words, so a snapshot's hash does not change.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from mailer.letter.slots import Scan, Tag, Text

PERSONAL = frozenset({"links.details", "links.optout"})


@dataclass(frozen=True, slots=True)
class Masked:
    """A text with words for tags; ``lines[i]`` is the line of the file for its line ``i``."""

    text: str
    lines: tuple[int, ...]

    def line(self, index: int) -> int:
        """Return the line of the file for line ``index`` (0-based); beyond the end, the last known one."""
        return self.lines[min(index, len(self.lines) - 1)] if self.lines else 0


class Placeholders:
    """Gives each tag a word, and finds the tag of a word."""

    def __init__(self, *sources: str) -> None:
        self._nonce = self.unused("xq", "\0".join(sources))
        self.tags: list[Tag] = []
        self.word = re.compile(rf"{self._nonce}([sc])(\d+)x")
        self.control = rf"{self._nonce}c\d+x"
        self.control_line = re.compile(rf"(?:[ \t]*{self.control})+[ \t]*")

    @staticmethod
    def unused(start: str, text: str) -> str:
        """Return a prefix for words that does not occur in ``text``; equal texts give equal prefixes."""
        nonce = start + hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:8]
        while nonce in text:
            nonce = start + hashlib.sha256(nonce.encode()).hexdigest()[:8]
        return nonce

    def mask(self, scanned: Scan) -> Masked:
        """Return the scanned text with a word for each tag."""
        parts: list[str] = []
        lines: list[int] = []
        for piece in scanned.pieces:
            text = piece.text if isinstance(piece, Text) else self.put(piece)
            if not lines:
                lines.append(piece.line)
            lines += [piece.line + count for count in range(1, text.count("\n") + 1)]
            parts.append(text)
        return Masked("".join(parts), tuple(lines))

    def put(self, tag: Tag) -> str:
        """Return a new word for a tag."""
        self.tags.append(tag)
        return f"{self._nonce}{'s' if tag.kind == 'slot' else 'c'}{len(self.tags) - 1}x"

    def slot(self, source: str) -> str:
        """Return a new word for a slot that a layout puts in."""
        return self.put(Tag("slot", source, "", 0, 0, f"{{{{ {source} }}}}"))

    def tag(self, word: str) -> Tag:
        """Return the tag of a word."""
        match = self.word.fullmatch(word)
        if not match:
            raise KeyError(word)
        return self.tags[int(match[2])]

    def split(self, text: str) -> Iterator[str | Tag]:
        """Yield the texts and tags of a masked text, in order, without empty texts."""
        position = 0
        for match in self.word.finditer(text):
            if position < match.start():
                yield text[position : match.start()]
            yield self.tags[int(match[2])]
            position = match.end()
        if position < len(text):
            yield text[position:]

    def show(self, text: str) -> str:
        """Return a masked text as its author wrote it, for messages."""
        return self.word.sub(lambda match: self.tags[int(match[2])].raw, text)

    def personal(self, text: str) -> bool:
        """Return whether a masked text holds a slot for a contact's own link."""
        return any(isinstance(piece, Tag) and piece.source in PERSONAL for piece in self.split(text))
